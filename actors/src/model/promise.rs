//! What a poster asks for a message beyond what its bus does anyway: to be sticky (MSG-5), or to end at a time (MSG-6).

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use super::json::Text;
use super::members::Members;
use super::refusal::MessageError;
use super::said::range_of;
use super::time::Timestamp;

/// What a poster was promised about one message beyond the default retention (RET-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Promise {
    /// It was posted as sticky (MSG-5).
    pub sticky: bool,
    /// It came with an end of its own (MSG-6).
    pub dated: bool,
}

impl Promise {
    /// Whether anything was promised.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.sticky || self.dated
    }
}

/// Which of the two fields must be what they are meant to be. Whatever the rule, one that is counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PromiseRule {
    /// Neither: versions 1.0 and 1.1 do not know them, and what is no promise is a field like others (MSG-4).
    #[default]
    Free,
    /// `sticky`: from 1.2 on.
    Sticky,
    /// Both: from 1.3 on.
    Dated,
}

/// When a message ends by a wall clock, to the second: from 1970-01-01T00:00:01Z to 2106-02-07T06:28:15Z.
///
/// ```
/// use backplane_actors::Expire;
/// let end: Expire = "2030-01-31T23:59:59Z".parse()?;
/// assert_eq!(end.to_string(), "2030-01-31T23:59:59Z");
/// assert!("2030-01-31T23:59:59.5Z".parse::<Expire>().is_err());
/// # Ok::<(), backplane_actors::NotAnEnd>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Expire(NonZeroU32);

/// A text is no end of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an end is written YYYY-MM-DDTHH:MM:SSZ, in UTC and without a fraction")]
pub struct NotAnEnd;

impl Expire {
    /// The first second at or after this point, the last one there is for those beyond.
    #[must_use]
    pub fn at(point: Timestamp) -> Self {
        let second = u32::try_from(point.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        Self(NonZeroU32::new(second).unwrap_or(NonZeroU32::MIN))
    }

    /// The point.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millis(u64::from(self.0.get()).saturating_mul(1000))
    }
}

impl FromStr for Expire {
    type Err = NotAnEnd;

    fn from_str(text: &str) -> Result<Self, NotAnEnd> {
        const LENGTH: usize = "YYYY-MM-DDTHH:MM:SSZ".len();
        if text.len() != LENGTH {
            return Err(NotAnEnd);
        }
        let time = humantime::parse_rfc3339(text).map_err(|_| NotAnEnd)?;
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| NotAnEnd)?;
        Ok(Self::at(Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))))
    }
}

impl fmt::Display for Expire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_secs(self.0.get().into());
        humantime::format_rfc3339_seconds(time).fmt(f)
    }
}

/// How a message's own text has one of the two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Another way than it is shown by the versions that show it, or nobody has looked.
    Other,
    /// Not at all.
    Absent,
    /// As it is shown.
    Shown,
}

/// What is known of a message's wish without looking at its text, in a byte: that is what a log keeps of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traits(u8);

const STICKY: u8 = 1;
const DATED: u8 = 2;
/// Where the forms of the two fields stand, in two bits each.
const STICKY_FORM: u32 = 2;
const EXPIRE_FORM: u32 = 4;
const ABSENT: u8 = 1;
const SHOWN: u8 = 2;
const FORM: u8 = 3;

impl Traits {
    pub(crate) const fn new(promise: Promise, sticky: Form, expire: Form) -> Self {
        const fn form(form: Form) -> u8 {
            match form {
                Form::Other => 0,
                Form::Absent => ABSENT,
                Form::Shown => SHOWN,
            }
        }
        let bits = if promise.sticky { STICKY } else { 0 } | if promise.dated { DATED } else { 0 };
        Self(bits | form(sticky) << STICKY_FORM | form(expire) << EXPIRE_FORM)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// Of a byte that a log has kept. `None`: a newer program wrote it.
    pub(crate) const fn from_bits(bits: u8) -> Option<Self> {
        let known = bits & !(STICKY | DATED | FORM << STICKY_FORM | FORM << EXPIRE_FORM) == 0;
        let sticky = bits >> STICKY_FORM & FORM;
        let expire = bits >> EXPIRE_FORM & FORM;
        if known && sticky <= SHOWN && expire <= SHOWN { Some(Self(bits)) } else { None }
    }

    pub(crate) const fn promise(self) -> Promise {
        Promise { sticky: self.0 & STICKY != 0, dated: self.0 & DATED != 0 }
    }

    pub(crate) const fn sticky(self) -> Form {
        self.form(STICKY_FORM)
    }

    pub(crate) const fn expire(self) -> Form {
        self.form(EXPIRE_FORM)
    }

    /// Whether they may be those of an envelope of this text: what else is kept so are the few bare messages that show both fields.
    fn may_be_of_an_envelope(self, text: &str) -> bool {
        let shows_both = self.sticky() == Form::Shown && self.expire() == Form::Shown;
        // A name can be spelled with escapes.
        shows_both && (text.contains("sigs") || text.contains('\\'))
    }

    const fn form(self, place: u32) -> Form {
        match self.0 >> place & FORM {
            ABSENT => Form::Absent,
            SHOWN => Form::Shown,
            _ => Form::Other,
        }
    }
}

/// Where a message's own text says something that some versions of the protocol always show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Nowhere.
    Absent,
    /// Where it says it, and in the form in which it is shown; or in an envelope, which is delivered as it is (MSG-7).
    Shown,
    /// In another form: the bytes of the text that are the value.
    Other(Range<usize>),
}

/// Where a message's text has the two fields, where that is not known without looking: found once, so that no read parses (I-7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    sticky: Field,
    expire: Field,
}

impl Places {
    fn of(members: &Members<'_>, text: &str, (sticky, expire): (Form, Form)) -> Self {
        let field = |form, value: Option<&str>| match (form, value) {
            (Form::Other, Some(value)) => Field::Other(range_of(value, text)),
            (Form::Absent, _) | (Form::Other, None) => Field::Absent,
            (Form::Shown, _) => Field::Shown,
        };
        Self { sticky: field(sticky, members.sticky), expire: field(expire, members.expire) }
    }
}

/// What the fields of a bare message ask for, and how they are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wish {
    pub(super) traits: Traits,
    pub(super) expire: Option<Expire>,
    /// Most messages have nothing to find.
    pub(super) places: Option<Box<Places>>,
}

impl Wish {
    /// The same of a text in which nothing has to change to show it: envelopes are delivered as they are (MSG-7).
    pub(super) fn in_envelope(&self) -> Self {
        let traits = Traits::new(self.traits.promise(), Form::Shown, Form::Shown);
        Self { traits, expire: self.expire, places: None }
    }

    /// Reads the two fields of a message of this text.
    pub(super) fn of(members: &Members<'_>, text: &str, rule: PromiseRule) -> Result<Self, MessageError> {
        let (sticky, sticky_form) = match members.sticky.map(sticky_of) {
            None => (false, Form::Absent),
            Some(Some(sticky)) => sticky,
            Some(None) if rule == PromiseRule::Free => (false, Form::Other),
            Some(None) => return Err(MessageError::Sticky),
        };
        let (expire, expire_form) = match members.expire.map(expire_of) {
            None => (None, Form::Absent),
            Some(Some((expire, form))) => (Some(expire), form),
            Some(None) if rule == PromiseRule::Dated => return Err(MessageError::Expire),
            Some(None) => (None, Form::Other),
        };
        let is_plain = sticky_form != Form::Other && expire_form != Form::Other;
        let look = || Box::new(Places::of(members, text, (sticky_form, expire_form)));
        let promise = Promise { sticky, dated: expire.is_some() };
        let traits = Traits::new(promise, sticky_form, expire_form);
        Ok(Self { traits, expire, places: (!is_plain).then(look) })
    }

    /// Of a message that a log has kept, with what it kept of this. Where that does not say how the fields are written, the text is
    /// looked at: what was promised stays as it was. Also tells whether it is an envelope.
    pub(super) fn kept(traits: Traits, text: &str) -> (Self, bool) {
        let is_plain = traits.sticky() != Form::Other && traits.expire() != Form::Other;
        let look = |members: Members<'_>| {
            let found = Self::of(&members, text, PromiseRule::Free).ok()?.traits;
            Some(Box::new(Places::of(&members, text, (found.sticky(), found.expire()))))
        };
        let is_looked_at = !is_plain || traits.may_be_of_an_envelope(text);
        let members = if is_looked_at { serde_json::from_str::<Members<'_>>(text).ok() } else { None };
        let is_envelope = members.as_ref().is_some_and(Members::is_envelope);
        let places = members.filter(|members| !is_plain && !members.is_envelope()).and_then(look);
        (Self { traits, expire: None, places }, is_envelope)
    }

    pub(super) fn sticky_field(&self) -> Field {
        self.field(self.traits.sticky(), |places| &places.sticky)
    }

    pub(super) fn expire_field(&self) -> Field {
        self.field(self.traits.expire(), |places| &places.expire)
    }

    fn field(&self, form: Form, place: impl Fn(&Places) -> &Field) -> Field {
        match form {
            Form::Absent => Field::Absent,
            Form::Shown => Field::Shown,
            // An envelope has no places.
            Form::Other => self.places.as_ref().map_or(Field::Shown, |places| place(places).clone()),
        }
    }
}

/// Whether this JSON value makes a message sticky; old software writes a text (MSG-5).
fn sticky_of(value: &str) -> Option<(bool, Form)> {
    match value {
        "true" => Some((true, Form::Shown)),
        "false" => Some((false, Form::Shown)),
        _ => match Text::of(value) {
            Text::Is(text) if text == "true" => Some((true, Form::Other)),
            Text::Is(text) if text == "false" => Some((false, Form::Other)),
            _ => None,
        },
    }
}

fn expire_of(value: &str) -> Option<(Expire, Form)> {
    let Text::Is(text) = Text::of(value) else { return None };
    let expire: Expire = text.parse().ok()?;
    // Escapes and texts that mean another second, such as a 60th, are shown in the form that others have.
    let is_plain = value.get(1..value.len().saturating_sub(1)) == Some(expire.to_string().as_str());
    Some((expire, if is_plain { Form::Shown } else { Form::Other }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Message, MessageLimits};

    #[test]
    fn msg_6_an_end_is_a_second_of_utc() {
        let end: Expire = "2012-10-01T09:08:07Z".parse().unwrap();
        assert_eq!(end.timestamp().as_millis(), 1_349_082_487_000);
        for bad in [
            "",
            "2012-10-01",
            "2012-10-01T09:08:07",
            "2012-10-01T09:08:07z",
            "2012-10-01 09:08:07Z",
            "2012-10-01T09:08:07.5Z",
            "2012-10-01T09:08:07+00:00",
            "2012-13-01T09:08:07Z",
            "2012-10-32T09:08:07Z",
            "2012-10-01T24:08:07Z",
            "+012-10-01T09:08:07Z",
        ] {
            assert_eq!(bad.parse::<Expire>(), Err(NotAnEnd), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn msg_6_ends_are_written_as_they_are_read(second in 1..u32::MAX) {
            let point = Timestamp::from_millis(u64::from(second) * 1000);
            let end = Expire::at(point);
            prop_assert_eq!(end.timestamp(), point);
            prop_assert_eq!(end.to_string().parse(), Ok(end));
            prop_assert_eq!(Expire::at(Timestamp::from_millis(point.as_millis() - 999)), end, "never sooner");
        }

        #[test]
        fn what_a_log_keeps_of_a_wish_is_read_as_it_was(bits in any::<u8>()) {
            if let Some(traits) = Traits::from_bits(bits) {
                prop_assert_eq!(traits.bits(), bits);
                prop_assert_eq!(Traits::new(traits.promise(), traits.sticky(), traits.expire()), traits);
            }
        }
    }

    proptest! {
        /// What is known of a message that comes back from a log is what was known when it was posted.
        #[test]
        fn msg_5_msg_6_a_wish_comes_back_with_its_text(
            sticky in prop::option::of(prop::sample::select(vec!["true", "false", "\"true\"", "[\"a\"]", "0"])),
            expire in prop::option::of(prop::sample::select(vec![
                "\"2012-10-01T09:08:07Z\"", "\"2012\\u002d10-01T09:08:07Z\"", "\"soon\"", "7",
            ])),
            name in prop::sample::select(vec!["sticky", "st\\u0069cky"]),
        ) {
            let sticky = sticky.map(|value| format!(",\"{name}\":{value}")).unwrap_or_default();
            let expire = expire.map(|value| format!(",\"expire\": {value} ")).unwrap_or_default();
            let text = format!(r#"{{"source":"http://a.b"{expire},"type":""{sticky},"payload":0}}"#);
            let posted = Message::parse(&text, &MessageLimits::default()).unwrap();
            let kept = Message::recovered(&text).with_traits(posted.traits());
            prop_assert_eq!(kept.traits(), posted.traits());
            prop_assert_eq!(kept.sticky_field(), posted.sticky_field());
            prop_assert_eq!(kept.expire_field(), posted.expire_field());
            // As a program kept it that knew of no promises: none is made now, and what is shown is right all the same.
            let old = Message::recovered(&text).with_traits(Traits::default());
            prop_assert_eq!(old.promise(), Promise::default());
            prop_assert_eq!(old.sticky_field(), posted.sticky_field());
            prop_assert_eq!(old.expire_field(), posted.expire_field());
        }
    }

    /// What an envelope shows is signed, and stays as it is.
    #[test]
    fn msg_7_nothing_is_looked_for_in_an_envelope() {
        let text = r#"{"data":"e30","data_type":"application/json","encoding":"base64url","alg":"x","sigs":[{"value":""}]}"#;
        let old = Message::recovered(text).with_traits(Traits::default());
        assert_eq!((old.sticky_field(), old.expire_field()), (Field::Shown, Field::Shown));
    }

    #[test]
    fn bits_that_are_not_known_are_a_newer_programs() {
        assert!(Traits::from_bits(0).is_some() && Traits::from_bits(0b10_10_11).is_some());
        for bits in [1 << 6, 1 << 7, FORM << STICKY_FORM, FORM << EXPIRE_FORM] {
            assert!(Traits::from_bits(bits).is_none(), "{bits:b}");
        }
    }
}
