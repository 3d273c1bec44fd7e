//! A message of version 1.x: checked once at the door (I-7), then only copied.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::bare::{check_bare, object};
use super::envelope::{AcceptAll, Envelope, EnvelopeCheck};
use super::members::Members;
use super::promise::{Expire, Field, Promise, PromiseRule, Traits, Wish};
use super::refusal::{MessageError, MessageLimits};
use super::said::{Places, Said, decoded};

/// A 1.x message, checked, holding its JSON text exactly as posted: numbers keep every digit (MSG-3), members
/// their order, unknown fields stay (MSG-4), and so does the white space inside.
///
/// - `source` is an absolute URL with a host: `scheme://host…` of any scheme but `javascript`, `vbscript` and `data`
///   (MSG-1), without spaces or control characters.
/// - `type` is any string of Unicode characters, the empty one included (MSG-2).
/// - `payload` is any JSON value, `null` included.
/// - `sticky` is `true` or `false`, also as a text (MSG-5); `expire` is a time (MSG-6): see [`MessageLimits::promises`].
/// - None of `source`, `type`, `payload`, `sticky`, `expire` comes twice, however it is spelled.
/// - Or the object is a Magic Envelope (MSG-7) around such a message; see [`Envelope`].
///
/// - All of it is JSON that every reader's parser takes ([`PayloadRule::IJson`](super::PayloadRule::IJson)), unless the limits
///   say otherwise. Escapes and digits stay as they are.
///
/// `Debug` shows the length only (I-8).
///
/// ```
/// use backplane_actors::{Message, MessageLimits};
/// let text = r#"{"source": "http://client.com", "type": "test", "payload": 1.50}"#;
/// let message = Message::parse(text, &MessageLimits::default())?;
/// assert_eq!(message.as_str(), text);
/// # Ok::<(), backplane_actors::MessageError>(())
/// ```
#[derive(Clone)]
pub struct Message {
    text: Arc<str>,
    /// In a window its end is the one that it has.
    wish: Wish,
    said: Said,
}

/// What a message of version 2.0 is made of: its source is known, and its payload comes as JSON.
#[derive(Debug, Clone, Copy)]
pub struct MessageParts<'a> {
    /// An absolute URL with a host (MSG-1).
    pub source: &'a str,
    /// Its type (MSG-2), which is a text and not JSON.
    pub kind: &'a str,
    /// Its payload, as the JSON text of one value (MSG-3).
    pub payload: &'a RawValue,
    /// Whether it is sticky (MSG-5), if that was said.
    pub sticky: Option<bool>,
    /// When it ends (MSG-6), if that was said.
    pub expire: Option<Expire>,
}

impl Message {
    /// A text that the code itself chose.
    pub(crate) fn trusted(json: &'static str) -> Self {
        Self::recovered(json)
    }

    /// Checks one message; envelopes are unwrapped and checked, but their signatures are not.
    ///
    /// White space around the object is not part of the message.
    ///
    /// # Errors
    ///
    /// [`MessageError`] says which rule the text breaks.
    pub fn parse(json: &str, limits: &MessageLimits) -> Result<Self, MessageError> {
        let (text, members) = object(json, limits)?;
        Ok(Self::checked(text, check(text, &members, limits, &AcceptAll)?))
    }

    /// Builds a message inside the program.
    ///
    /// # Errors
    ///
    /// [`MessageError::Payload`] if the payload has no JSON form (a map with keys that are no strings, say), else as
    /// [`Message::parse`].
    ///
    /// ```
    /// use backplane_actors::{Message, MessageLimits};
    /// let message = Message::new("http://client.com", "test", &[1, 2], &MessageLimits::default())?;
    /// assert_eq!(message.as_str(), r#"{"source":"http://client.com","type":"test","payload":[1,2]}"#);
    /// # Ok::<(), backplane_actors::MessageError>(())
    /// ```
    pub fn new(
        source: &str,
        kind: &str,
        payload: &impl Serialize,
        limits: &MessageLimits,
    ) -> Result<Self, MessageError> {
        #[derive(Serialize)]
        struct Parts<'a, P> {
            source: &'a str,
            r#type: &'a str,
            payload: &'a P,
        }
        let parts = Parts { source, r#type: kind, payload };
        let json = serde_json::to_string(&parts).map_err(|_| MessageError::Payload)?;
        Self::parse(&json, limits)
    }

    /// Makes a message of parts. It is one as version 1.x posts it: what was said stands in its text, what was not does not. The
    /// payload stays as it is, white space inside included.
    ///
    /// # Errors
    ///
    /// As [`Message::parse`]. Places in [`MessageError::NotIJson`] are those of the text that is made.
    ///
    /// ```
    /// use backplane_actors::{Message, MessageLimits, MessageParts};
    /// let payload: &serde_json::value::RawValue = serde_json::from_str("[1.50]")?;
    /// let parts = MessageParts { source: "http://client.com", kind: "test", payload, sticky: Some(true), expire: None };
    /// let message = Message::of_parts(&parts, &MessageLimits::default())?;
    /// assert_eq!(message.as_str(), r#"{"source":"http://client.com","type":"test","payload":[1.50],"sticky":true}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_parts(parts: &MessageParts<'_>, limits: &MessageLimits) -> Result<Self, MessageError> {
        #[derive(Serialize)]
        struct Text<'a> {
            source: &'a str,
            r#type: &'a str,
            payload: &'a RawValue,
            #[serde(skip_serializing_if = "Option::is_none")]
            sticky: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expire: Option<String>,
        }
        let MessageParts { source, kind, payload, sticky, expire } = *parts;
        let expire = expire.map(|expire| expire.to_string());
        let text = Text { source, r#type: kind, payload, sticky, expire };
        let json = serde_json::to_string(&text).map_err(|_| MessageError::Payload)?;
        Self::parse(&json, &MessageLimits { promises: PromiseRule::Dated, ..*limits })
    }

    /// A text that was checked when it was posted and comes back from a log.
    pub(crate) fn recovered(text: &str) -> Self {
        Self { text: text.into(), wish: Wish::default(), said: Said::unseen(false) }
    }

    /// The same, with what was known of it.
    pub(crate) fn with_traits(self, traits: Traits) -> Self {
        let (wish, is_envelope) = Wish::kept(traits, &self.text);
        Self { wish, said: Said::unseen(is_envelope), ..self }
    }

    /// For a text that [`check`] has accepted.
    pub(super) fn checked(text: &str, (wish, said): (Wish, Said)) -> Self {
        Self { text: text.into(), wish, said }
    }

    /// The same as it is kept: what was promised about it, and the end that it has.
    pub(crate) fn kept(self, promise: Promise, expire: Expire) -> Self {
        let traits = Traits::new(promise, self.wish.traits.sticky(), self.wish.traits.expire());
        Self { wish: Wish { expire: Some(expire), traits, ..self.wish }, ..self }
    }

    pub(crate) const fn traits(&self) -> Traits {
        self.wish.traits
    }

    /// What its poster asks for beyond what the bus does anyway.
    #[must_use]
    pub const fn promise(&self) -> Promise {
        self.wish.traits.promise()
    }

    /// When it ends by a wall clock: as its poster asks; once it is in a window, as it is kept. `None` where that is left to the bus.
    #[must_use]
    pub const fn expire(&self) -> Option<Expire> {
        self.wish.expire
    }

    /// Where its text says whether it is sticky.
    #[must_use]
    pub fn sticky_field(&self) -> Field {
        self.wish.sticky_field()
    }

    /// Where its text says when it ends.
    #[must_use]
    pub fn expire_field(&self) -> Field {
        self.wish.expire_field()
    }

    /// The URL of its source (MSG-1). Like [`Message::kind`] and the JSON of the three fields it is what the message says, without
    /// parsing; of an envelope what the message inside says (MSG-7).
    #[must_use]
    pub fn source(&self) -> Cow<'_, str> {
        decoded(self.source_json())
    }

    /// Its type (MSG-2).
    #[must_use]
    pub fn kind(&self) -> Cow<'_, str> {
        decoded(self.type_json())
    }

    /// Its source as the JSON text that was posted.
    #[must_use]
    pub fn source_json(&self) -> &str {
        self.said.source_json(&self.text)
    }

    /// Its type as the JSON text that was posted.
    #[must_use]
    pub fn type_json(&self) -> &str {
        self.said.type_json(&self.text)
    }

    /// Its payload as the JSON text that was posted (MSG-3).
    #[must_use]
    pub fn payload_json(&self) -> &str {
        self.said.payload_json(&self.text)
    }

    /// What it takes beside itself at most, in bytes: its text, and what is inside of an envelope.
    pub(crate) fn room(&self) -> usize {
        self.text.len().saturating_add(self.said.room(&self.text))
    }

    /// The JSON text, as posted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The JSON text, as posted, as UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

// What it asks for stands in its text.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Message {}

impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.text.len())
    }
}

/// Whether these members of an object of this text are those of a message, bare or in an envelope; what it asks for, and where it
/// says what it says.
pub(super) fn check(
    text: &str,
    members: &Members<'_>,
    limits: &MessageLimits,
    envelopes: &dyn EnvelopeCheck,
) -> Result<(Wish, Said), MessageError> {
    if members.is_envelope() {
        let envelope = Envelope::open(members, limits)?;
        envelopes.envelope(&envelope)?;
        return Ok((envelope.wish().in_envelope(), Said::inside(envelope.into_inside())));
    }
    let wish = check_bare(text, members, limits)?;
    envelopes.bare()?;
    Ok((wish, Said::bare(Places::of(members, text))))
}

#[cfg(test)]
pub(super) mod tests;
