use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Batch, BatchError, BatchErrorKind, Message, MessageError, SIGNATURES_MAX};

const INSIDE: &str = r#"{"source":"http://client.com","type":"t","payload":1.0}"#;

fn envelope(inside: &str) -> Value {
    json!({
        "data": UNPADDED.encode(inside),
        "data_type": "application/json",
        "encoding": "base64url",
        "alg": "RSA-SHA256",
        "sigs": [{"value": "c2ln", "key_id": "k"}],
    })
}

fn changed(name: &str, value: Value) -> Value {
    let mut envelope = envelope(INSIDE);
    envelope[name] = value;
    envelope
}

fn parse(value: &Value) -> Result<Message, MessageError> {
    Message::parse(&value.to_string(), &MessageLimits::default())
}

fn refused(value: &Value) -> EnvelopeError {
    match parse(value) {
        Err(MessageError::Envelope(error)) => error,
        other => panic!("{value}: {other:?}"),
    }
}

/// Hands the envelope to a look.
struct Look<F>(F);

impl<F: Fn(&Envelope<'_>)> EnvelopeCheck for Look<F> {
    fn envelope(&self, envelope: &Envelope<'_>) -> Result<(), EnvelopeRefusal> {
        self.0(envelope);
        Ok(())
    }
    fn bare(&self) -> Result<(), EnvelopeRefusal> {
        panic!("not an envelope")
    }
}

fn look(value: &Value, look: impl Fn(&Envelope<'_>)) {
    let body = format!("[{value}]");
    Batch::parse(body.as_bytes(), &MessageLimits::default(), &Look(look)).unwrap();
}

#[test]
fn msg_7_envelopes_are_delivered_as_posted() {
    let text = envelope(INSIDE).to_string().replace("\"sigs\"", " \"more\":1.0,\"more\":2, \"\\u0073igs\"");
    let message = Message::parse(&text, &MessageLimits::default()).unwrap();
    assert_eq!(message.as_str(), text);
}

#[test]
fn msg_7_unwrapping_shows_what_is_inside() {
    look(&envelope(INSIDE), |envelope| {
        assert_eq!(envelope.message(), INSIDE);
        assert_eq!(envelope.alg(), "RSA-SHA256");
        let signatures: Vec<_> = envelope.signatures().collect();
        assert_eq!(signatures.len(), 1);
        assert_eq!((signatures[0].key_id(), signatures[0].value()), (Some("k"), b"sig".as_slice()));
        assert_eq!(format!("{envelope:?}"), "Envelope(55 bytes, 1 signatures)");
    });
    for (sig, key_id) in [
        (json!({"value": "c2ln"}), None),
        (json!({"value": "c2ln", "key_id": ""}), None),
        (json!({"value": "c2ln", "keyhash": "h", "x": 1}), Some("h")),
        (json!({"value": "c2ln", "keyhash": "h", "key_id": "k"}), Some("k")),
    ] {
        look(&changed("sigs", json!([sig])), |envelope| {
            assert_eq!(envelope.signatures().next().unwrap().key_id(), key_id);
        });
    }
}

#[test]
fn draft_5_white_space_and_padding_are_tolerated() {
    for data in [PADDED.encode(format!("{INSIDE} ")), UNPADDED.encode(format!("{INSIDE} "))] {
        let spaced: String = data.chars().flat_map(|letter| [letter, '\n', '\u{b}', ' ']).collect();
        look(&changed("data", json!(spaced)), |envelope| {
            assert!(envelope.signing_input().starts_with(format!("{data}.").as_bytes()));
        });
    }
    assert!(parse(&changed("data_type", json!("Application/JSON ; charset=utf-8"))).is_ok());
    assert!(parse(&changed("alg", json!("HMAC-SHA256"))).is_ok());
}

#[test]
fn draft_3_2_the_base_string_joins_the_four_parts() {
    let strings = |value: &Value| {
        let texts = std::cell::RefCell::new(Vec::new());
        look(value, |envelope| {
            let inputs = envelope.signing_inputs();
            assert_eq!(inputs.first(), Some(&envelope.signing_input()));
            *texts.borrow_mut() = inputs.into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
        });
        texts.into_inner()
    };
    let bare = "YXBwbGljYXRpb24vanNvbg.YmFzZTY0dXJs.UlNBLVNIQTI1Ng";
    let padded = "YXBwbGljYXRpb24vanNvbg==.YmFzZTY0dXJs.UlNBLVNIQTI1Ng==";
    let data = UNPADDED.encode(INSIDE);
    assert_eq!(strings(&envelope(INSIDE)), [format!("{data}.{bare}"), format!("{data}.{padded}")]);
    let with_padding = PADDED.encode(INSIDE);
    assert_ne!(data, with_padding);
    assert_eq!(
        strings(&changed("data", json!(with_padding))),
        [format!("{with_padding}.{bare}"), format!("{with_padding}.{padded}"), format!("{data}.{bare}")]
    );
}

#[test]
fn fields_beside_those_of_a_message_are_refused() {
    for name in ["source", "type", "payload"] {
        assert_eq!(refused(&changed(name, Value::Null)), EnvelopeError::Mixed);
    }
}

#[test]
fn envelope_fields_are_required_strings_that_come_once() {
    for name in ["data_type", "encoding", "alg"] {
        let mut without = envelope(INSIDE);
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(refused(&without), EnvelopeError::Missing(name));
    }
    for name in ["data", "data_type", "encoding", "alg"] {
        assert_eq!(refused(&changed(name, json!(1))), EnvelopeError::NotAString(name));
        let twice = envelope(INSIDE).to_string().replacen('{', &format!("{{\"{name}\":\"\","), 1);
        let error = Message::parse(&twice, &MessageLimits::default()).unwrap_err();
        assert_eq!(error, MessageError::Envelope(EnvelopeError::Duplicate(name)));
    }
    for name in ["data", "sigs"] {
        let mut without = envelope(INSIDE);
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(parse(&without), Err(MessageError::Missing("source")));
    }
    assert_eq!(refused(&changed("encoding", json!("base64"))), EnvelopeError::Encoding);
    for wrong in ["", "application/atom+xml", "application/jsonp", "text/json"] {
        assert_eq!(refused(&changed("data_type", json!(wrong))), EnvelopeError::DataType);
    }
}

#[test]
fn data_is_checked_like_a_message() {
    for wrong in ["*", "YQ+/", "Y", "é"] {
        assert_eq!(refused(&changed("data", json!(wrong))), EnvelopeError::Data, "{wrong}");
    }
    assert_eq!(refused(&changed("data", json!("e_8"))), EnvelopeError::NotUtf8 { at: 1 });
    assert_eq!(refused(&envelope(&envelope(INSIDE).to_string())), EnvelopeError::Nested);
    let inside = |error| EnvelopeError::Inside(Box::new(error));
    let deep = INSIDE.replace("1.0", &format!("{}{}", "[".repeat(32), "]".repeat(32)));
    for (text, error) in [
        ("[]", MessageError::NotAnObject),
        ("{", MessageError::Syntax { line: 1, column: 1 }),
        ("{}", MessageError::Missing("source")),
        (&INSIDE.replace("http:", ""), MessageError::Source),
        (&INSIDE.replace("1.0", "1,\"payload\":2"), MessageError::Duplicate("payload")),
        (&deep, MessageError::TooDeep { max: 32 }),
    ] {
        assert_eq!(refused(&envelope(text)), inside(error), "{text}");
    }
}

#[test]
fn i_5_signatures_are_bounded_and_checked() {
    let one = json!({"value": "c2ln"});
    assert!(parse(&changed("sigs", json!(vec![one.clone(); SIGNATURES_MAX]))).is_ok());
    for wrong in [json!([]), json!(vec![one; SIGNATURES_MAX + 1]), json!({}), json!("x"), Value::Null] {
        assert_eq!(refused(&changed("sigs", wrong)), EnvelopeError::Signatures { max: SIGNATURES_MAX });
    }
    let long = "A".repeat(1366);
    assert!(parse(&changed("sigs", json!([{"value": long[..1364]}]))).is_ok());
    for wrong in [
        json!(1),
        json!({}),
        json!({"value": 1}),
        json!({"value": ""}),
        json!({"value": "?"}),
        json!({"value": long + "AA"}),
        json!({"value": "c2ln", "key_id": 1}),
    ] {
        let sigs = json!([{"value": "c2ln"}, wrong]);
        let error = refused(&changed("sigs", sigs));
        assert!(matches!(error, EnvelopeError::Signature { at: 1, .. }), "{error}");
    }
    let twice = envelope(INSIDE).to_string().replace(r#""key_id":"#, r#""v\u0061lue":"#);
    assert!(Message::parse(&twice, &MessageLimits::default()).is_err());
}

#[test]
fn msg_7_a_refused_envelope_has_its_own_kind() {
    struct Never;
    impl EnvelopeCheck for Never {
        fn envelope(&self, _: &Envelope<'_>) -> Result<(), EnvelopeRefusal> {
            Err(EnvelopeRefusal::Unverified)
        }
        fn bare(&self) -> Result<(), EnvelopeRefusal> {
            Ok(())
        }
    }
    let body = format!("[{INSIDE},{}]", envelope(INSIDE));
    let error = Batch::parse(body.as_bytes(), &MessageLimits::default(), &Never).unwrap_err();
    assert_eq!(error.kind(), BatchErrorKind::Refused);
    assert!(matches!(error, BatchError::Message { index: 1, .. }));
}

proptest! {
    #[test]
    fn any_field_values_are_judged(
        data: String, data_type in "application/json|.*", encoding in "base64url|.*", value: String, key_id: Option<String>
    ) {
        let _ = parse(&json!({
            "data": data, "data_type": data_type, "encoding": encoding, "alg": "x", "sigs": [{"value": value, "key_id": key_id}]
        }));
    }

    #[test]
    fn any_inside_is_judged(inside: Vec<u8>) {
        let _ = parse(&changed("data", json!(UNPADDED.encode(inside))));
    }
}
