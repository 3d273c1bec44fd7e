use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::model::message::tests::any_json;
use crate::model::{Message, MessageError, MessageLimits, MessageParts, PayloadRule, Traits};
use serde_json::value::RawValue;

const LIMITS: MessageLimits = MessageLimits {
    messages: 1,
    message: 1 << 20,
    depth: 64,
    payload: PayloadRule::Any,
    promises: super::super::PromiseRule::Free,
};

/// A name as JSON, with one of its letters spelled as an escape if so.
fn spelled(name: &str, escaped: Option<prop::sample::Index>) -> String {
    let at = escaped.map(|escaped| escaped.index(name.len()));
    let letter = |(n, letter): (usize, char)| {
        if at == Some(n) { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() }
    };
    format!("\"{}\"", name.chars().enumerate().map(letter).collect::<String>())
}

/// A text with every character as an escape, if so.
fn string(text: &str, is_escaped: bool) -> String {
    if !is_escaped {
        return serde_json::to_string(text).unwrap();
    }
    let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{}\"", units.concat())
}

/// The text of a message: its members in this order, spelled like this, with this white space around everything.
fn message(
    values: (&str, String, &Value),
    (order, escapes, escaped_values, space, sticky): (
        Vec<usize>,
        Vec<Option<prop::sample::Index>>,
        bool,
        &str,
        bool,
    ),
) -> String {
    let (source, kind, payload) = values;
    // The same names further in mean nothing.
    let nested = r#"{"source":"x","type":[{"payload":1}],"source":2}"#;
    let mut members = vec![
        ("source", string(source, escaped_values)),
        ("type", kind),
        ("payload", serde_json::to_string(payload).unwrap()),
        ("more", nested.to_owned()),
        ("data", format!("[{nested}]")),
    ];
    if sticky {
        members.push(("sticky", "true".to_owned()));
        members.push(("expire", "\"2030-01-31T23:59:59Z\"".to_owned()));
    }
    let count = members.len();
    let listed: Vec<String> = order
        .into_iter()
        .filter(|place| *place < count)
        .map(|place| {
            let (name, value) = &members[place];
            format!("{space}{}{space}:{space}{value}{space}", spelled(name, escapes[place]))
        })
        .collect();
    format!("{{{}}}", listed.join(","))
}

fn envelope(inside: &str, space: &str) -> String {
    let data = URL_SAFE_NO_PAD.encode(format!("{space}{inside}{space}"));
    format!(
        r#"{{{space}"sigs":[{{"value":"AA"}}],"d\u0061ta":"{data}","data_type":"application/json","encoding":"base64url","alg":"x"}}"#
    )
}

prop_compose! {
    fn shape()(
        order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(),
        escapes in prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), 7),
        escaped_values: bool,
        space in prop::sample::select(vec!["", " ", "\n\t "]),
        sticky: bool,
    ) -> (Vec<usize>, Vec<Option<prop::sample::Index>>, bool, &'static str, bool) {
        (order, escapes, escaped_values, space, sticky)
    }
}

fn check(message: &Message, source: &str, kind: &str, payload: &Value) -> Result<(), TestCaseError> {
    let value = |json: &str| serde_json::from_str::<Value>(json).unwrap();
    prop_assert_eq!(message.source(), source);
    prop_assert_eq!(message.kind(), kind);
    prop_assert_eq!(value(message.source_json()), Value::from(source));
    prop_assert_eq!(value(message.type_json()), Value::from(kind));
    prop_assert_eq!(message.payload_json(), serde_json::to_string(payload).unwrap(), "as posted");
    Ok(())
}

proptest! {
    /// Whatever the order of the members, their spelling and the space between them, in an envelope or not, at the door or back from
    /// a log of this program or of an older one.
    #[test]
    fn msg_1_to_3_what_a_message_says_is_found_where_it_stands(
        kind: String, payload in any_json(), shape in shape(), is_envelope: bool,
    ) {
        let source = "http://client.com/a?b";
        let space = shape.3;
        let bare = message((source, string(&kind, shape.2), &payload), shape);
        let text = if is_envelope { envelope(&bare, space) } else { bare };
        let posted = Message::parse(&text, &LIMITS).unwrap();
        check(&posted, source, &kind, &payload)?;
        check(&posted.clone(), source, &kind, &payload)?;
        let back = Message::recovered(&text).with_traits(posted.traits());
        prop_assert_eq!(back.room(), posted.room(), "it takes as much before anybody has looked");
        check(&back, source, &kind, &payload)?;
        prop_assert_eq!(back.room(), posted.room());
        check(&Message::recovered(&text).with_traits(Traits::default()), source, &kind, &payload)?;
        prop_assert_eq!(posted.as_str(), text, "who reads 1.x gets it as posted");
    }

    /// A message of parts is one that 1.x could have posted, and says what the parts say.
    #[test]
    fn v2_post_a_message_of_parts_says_what_they_say(
        kind: String, payload in any_json(), sticky: Option<bool>, dated: bool,
    ) {
        let json = serde_json::to_string(&payload).unwrap();
        let raw: &RawValue = serde_json::from_str(&json).unwrap();
        let expire = dated.then(|| "2030-01-31T23:59:59Z".parse().unwrap());
        let parts = MessageParts { source: "http://client.com", kind: &kind, payload: raw, sticky, expire };
        let message = Message::of_parts(&parts, &LIMITS).unwrap();
        check(&message, "http://client.com", &kind, &payload)?;
        prop_assert_eq!(message.promise().sticky, sticky == Some(true));
        prop_assert_eq!((message.promise().dated, message.expire()), (dated, expire));
        let object: Value = serde_json::from_str(message.as_str()).unwrap();
        prop_assert_eq!(object.get("sticky").cloned(), sticky.map(Value::from));
        prop_assert_eq!(object.get("expire").cloned(), expire.map(|end| Value::from(end.to_string())));
        prop_assert_eq!(object.as_object().unwrap().len(), 3 + usize::from(sticky.is_some()) + usize::from(dated));
        prop_assert_eq!(&Message::parse(message.as_str(), &LIMITS).unwrap(), &message);
    }

    #[test]
    fn any_text_that_a_log_holds_can_be_asked(text: String, bits in 0u8..64) {
        let message = Message::recovered(&text);
        let message = match Traits::from_bits(bits) {
            Some(traits) => message.with_traits(traits),
            None => message,
        };
        let _ = (message.source(), message.kind(), message.payload_json());
    }
}

#[test]
fn parts_are_judged_as_messages_are() {
    let payload: &RawValue = serde_json::from_str("[[1]]").unwrap();
    let parts = MessageParts { source: "http://client.com", kind: "", payload, sticky: None, expire: None };
    let length = Message::of_parts(&parts, &LIMITS).unwrap().as_str().len();
    let limits = MessageLimits { message: length - 1, ..LIMITS };
    assert_eq!(Message::of_parts(&parts, &limits), Err(MessageError::TooLarge { max: length - 1, length }));
    let limits = MessageLimits { depth: 2, ..LIMITS };
    assert_eq!(Message::of_parts(&parts, &limits), Err(MessageError::TooDeep { max: 2 }));
    let wrong = MessageParts { source: "client.com", ..parts };
    assert_eq!(Message::of_parts(&wrong, &LIMITS), Err(MessageError::Source));
    let half: &RawValue = serde_json::from_str(r#""\ud800""#).unwrap();
    let half = MessageParts { payload: half, ..parts };
    assert!(matches!(
        Message::of_parts(&half, &MessageLimits::default()),
        Err(MessageError::NotIJson { .. })
    ));
}

#[test]
fn i_5_what_an_envelope_has_inside_is_counted() {
    let bare = r#"{"source":"http://a.b","type":"t","payload":"0123456789"}"#;
    let text = envelope(bare, "");
    let (bare, posted) = (Message::parse(bare, &LIMITS).unwrap(), Message::parse(&text, &LIMITS).unwrap());
    assert_eq!(bare.room(), bare.as_str().len());
    assert!(posted.room() >= text.len() + bare.as_str().len() + size_of::<Inside>(), "{}", posted.room());
}

#[test]
fn a_text_that_nobody_has_checked_says_nothing() {
    let message = Message::recovered("{}");
    assert_eq!(
        (message.source_json(), message.type_json(), message.payload_json()),
        ("null", "null", "null")
    );
    assert_eq!((message.source(), message.kind()), ("".into(), "".into()));
}

/// Two million messages have it: it should not be more.
#[test]
fn where_a_message_says_things_takes_little() {
    assert_eq!((size_of::<Said>(), size_of::<Message>()), (32, 64));
}
