//! A message as a version of the protocol shows it. Pure.
//!
//! What was posted is never changed. Versions 1.x show it as it is, with fields that later ones always have: mostly they are put behind
//! the others. Version 2.0 shows objects of its own, of the same texts. Nothing is parsed for either (I-7).

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use backplane_actors::{BusName, Entry, Field, MessageId};

/// What readers are shown of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shows {
    /// What was posted: versions 1.0 and 1.1.
    AsPosted,
    /// And `sticky`: version 1.2.
    Sticky,
    /// And `sticky` and `expire`: version 1.3.
    StickyAndExpire,
    /// What version 2.0 knows of it.
    Object(Object),
}

/// A message as version 2.0 has it (V2-GET-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// What the URLs of messages begin with, up to the id.
    pub(crate) urls: Arc<str>,
    /// That is what everybody is told, so that what is made for one is good for all.
    pub(crate) is_usual: bool,
    /// With the payload: for privileged access alone (V2-ACC-2).
    pub(crate) payload: bool,
}

impl Object {
    /// Where a message is found.
    pub(crate) fn url(&self, id: MessageId) -> String {
        [&self.urls, id.text().as_str()].concat()
    }
}

/// Most parts of a message.
const PARTS: usize = 7;

/// The JSON text of a message as it is shown: in parts, each of which ends between two tokens.
pub(crate) struct Shown<'e> {
    parts: [Cow<'e, str>; PARTS],
}

/// What stands in the place of some bytes.
struct Edit {
    place: Range<usize>,
    with: Cow<'static, str>,
}

impl<'e> Shown<'e> {
    /// Of a message of this bus.
    pub(crate) fn of(bus: &BusName, entry: &'e Entry, shows: &Shows) -> Self {
        match shows {
            Shows::AsPosted => Self::edited(entry, [None, None]),
            Shows::Sticky => Self::edited(entry, [sticky(entry), None]),
            Shows::StickyAndExpire => Self::edited(entry, [sticky(entry), expire(entry)]),
            Shows::Object(object) => Self::object(bus, entry, object),
        }
    }

    fn edited(entry: &'e Entry, mut edits: [Option<Edit>; 2]) -> Self {
        let text = entry.message().as_str();
        // Of two fields that the text does not have, either may be the first.
        edits.sort_by_key(|edit| edit.as_ref().map_or(usize::MAX, |edit| edit.place.start));
        let end = text.len();
        let [one, two] = edits.map(|edit| edit.unwrap_or(Edit { place: end..end, with: "".into() }));
        let between = |from: usize, to: usize| Cow::Borrowed(text.get(from..to).unwrap_or_default());
        let parts = [
            between(0, one.place.start),
            one.with,
            between(one.place.end, two.place.start),
            two.with,
            between(two.place.end, end),
            Cow::Borrowed(""),
            Cow::Borrowed(""),
        ];
        Self { parts }
    }

    /// Names of buses and channels, ids and ends consist of characters that JSON leaves as they are.
    fn object(bus: &BusName, entry: &'e Entry, object: &Object) -> Self {
        let message = entry.message();
        let begin = ["{\"messageURL\":\"", &object.url(entry.id()), "\",\"source\":"].concat();
        let sticky = if message.promise().sticky { "true" } else { "false" };
        // What a window holds has an end.
        let expire = message.expire().map(|end| end.to_string()).unwrap_or_default();
        let channel = entry.channel().as_str();
        let payload = if object.payload { ",\"payload\":" } else { "" };
        let middle = [
            ",\"bus\":\"",
            bus.as_str(),
            "\",\"channel\":\"",
            channel,
            "\",\"sticky\":",
            sticky,
            ",\"expire\":\"",
            &expire,
            "\"",
            payload,
        ];
        let parts = [
            Cow::Owned(begin),
            Cow::Borrowed(message.source_json()),
            Cow::Borrowed(",\"type\":"),
            Cow::Borrowed(message.type_json()),
            Cow::Owned(middle.concat()),
            Cow::Borrowed(if object.payload { message.payload_json() } else { "" }),
            Cow::Borrowed("}"),
        ];
        Self { parts }
    }

    /// Bytes of all parts.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        self.parts.concat()
    }

    /// The parts, in order; some may be empty.
    pub(crate) fn parts(&self) -> [&[u8]; PARTS] {
        self.parts.each_ref().map(|part| part.as_bytes())
    }
}

/// A message is an object with members: before its last brace there is room for one more.
fn at_the_end(entry: &Entry) -> Range<usize> {
    let end = entry.message().as_bytes().len().saturating_sub(1);
    end..end
}

fn sticky(entry: &Entry) -> Option<Edit> {
    let message = entry.message();
    match (message.sticky_field(), message.promise().sticky) {
        (Field::Shown, _) => None,
        (Field::Absent, true) => Some(Edit { place: at_the_end(entry), with: ",\"sticky\":true".into() }),
        (Field::Absent, false) => Some(Edit { place: at_the_end(entry), with: ",\"sticky\":false".into() }),
        (Field::Other(place), true) => Some(Edit { place, with: "true".into() }),
        (Field::Other(place), false) => Some(Edit { place, with: "false".into() }),
    }
}

fn expire(entry: &Entry) -> Option<Edit> {
    let message = entry.message();
    // What a window holds has an end.
    let end = message.expire()?;
    match message.expire_field() {
        Field::Shown => None,
        Field::Absent => {
            Some(Edit { place: at_the_end(entry), with: format!(",\"expire\":\"{end}\"").into() })
        }
        Field::Other(place) => Some(Edit { place, with: format!("\"{end}\"").into() }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use backplane_actors::{AcceptAll, Batch, Broker, BusSettings, MessageLimits, Poster, Posting, Since};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// A message of this text, as a window has it.
    fn entry(json: &str) -> Arc<Entry> {
        actix_web::rt::System::new().block_on(async {
            let bus = bus();
            let broker = Broker::builder().bus(bus.clone(), BusSettings::default()).start().unwrap();
            let body = format!("[{json}]");
            let messages = Batch::parse(body.as_bytes(), &MessageLimits::default(), &AcceptAll).unwrap();
            let channel = "channel".parse().unwrap();
            let posting = Posting { poster: Poster::nobody(), channel, messages, key: None };
            broker.post(&bus, posting).await.unwrap();
            let page = broker.read_bus(&bus, Since::Start).await.unwrap();
            broker.shutdown().await;
            Arc::clone(page.entries.first().unwrap())
        })
    }

    fn bus() -> BusName {
        "customer.com".parse().unwrap()
    }

    fn shown(entry: &Entry, shows: &Shows) -> String {
        let json = Shown::of(&bus(), entry, shows);
        let text = json.parts().concat();
        assert_eq!(json.len(), text.len());
        String::from_utf8(text).unwrap()
    }

    /// Values of the two fields, some of them none of theirs.
    fn members() -> impl Strategy<Value = Vec<String>> {
        let sticky = prop::sample::select(vec![
            "true",
            "false",
            "\"true\"",
            "\"f\\u0061lse\"",
            "null",
            "[1,\"}\"]",
            "0",
        ]);
        let expire = prop::sample::select(vec!["2", "null", "\"soon\"", "{\"a\":1}", "\"2000-01-01\""]);
        let sticky =
            prop::option::of(sticky).prop_map(|value| value.map(|value| format!("\"sticky\":{value}")));
        let expire = prop::option::of(expire)
            .prop_map(|value| value.map(|value| format!("\"exp\\u0069re\" : {value}")));
        let others =
            ["\"source\":\"http://a.b\"", "\"type\":\"\"", "\"payload\":\"{}\"", "\"mine\":{\"sticky\":7}"];
        (sticky, expire).prop_flat_map(move |(sticky, expire)| {
            let all: Vec<_> =
                others.iter().map(|other| (*other).to_owned()).chain(sticky).chain(expire).collect();
            Just(all).prop_shuffle()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever was posted is shown with it; and as it was posted, to the byte, where nothing has to be beside it.
        #[test]
        fn msg_5_msg_6_a_message_is_shown_with_both_fields_and_otherwise_as_it_was_posted(
            members in members(), space in "[ \n]{0,2}",
        ) {
            let posted = format!("{{{}{space}}}", members.join(&format!(",{space}")));
            let entry = entry(&posted);
            prop_assert_eq!(shown(&entry, &Shows::AsPosted), posted.as_str());
            let mut expected: Value = serde_json::from_str(&posted).unwrap();
            expected["sticky"] = entry.message().promise().sticky.into();
            let text = shown(&entry, &Shows::Sticky);
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &expected, "{}", text);
            expected["expire"] = entry.message().expire().unwrap().to_string().into();
            let text = shown(&entry, &Shows::StickyAndExpire);
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &expected, "{}", text);
            let object = |payload| Shows::Object(Object { urls: "https://h/v2/message/".into(), is_usual: true, payload });
            let mut whole: Value = serde_json::from_str(&shown(&entry, &object(true))).unwrap();
            let url = format!("https://h/v2/message/{}", entry.id());
            for (field, value) in [
                ("messageURL", Value::from(url)),
                ("source", expected["source"].clone()),
                ("type", expected["type"].clone()),
                ("bus", "customer.com".into()),
                ("channel", "channel".into()),
                ("sticky", expected["sticky"].clone()),
                ("expire", expected["expire"].clone()),
            ] {
                prop_assert_eq!(&whole[field], &value, "V2-GET-2: {}", field);
            }
            prop_assert_eq!(&whole["payload"], &expected["payload"]);
            prop_assert_eq!(whole.as_object().unwrap().len(), 8);
            whole.as_object_mut().unwrap().remove("payload");
            let header: Value = serde_json::from_str(&shown(&entry, &object(false))).unwrap();
            prop_assert_eq!(header, whole, "V2-ACC-2: without the payload, and otherwise the same");
            // Each field once: readers may differ about which of two counts.
            for (name, spelled) in [("sticky", "\"sticky\":"), ("expire", "\"exp")] {
                let of_others = usize::from(name == "sticky");
                prop_assert_eq!(text.matches(spelled).count(), 1 + of_others, "{}", text);
            }
        }
    }

    #[test]
    fn what_has_the_fields_as_they_are_shown_is_not_touched() {
        let json = r#"{"source":"http://a.b","type":"","payload":0 , "sticky" : true}"#;
        assert_eq!(shown(&entry(json), &Shows::Sticky), json);
    }
}
