use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{AcceptAll, Envelope, EnvelopeRefusal, PayloadRule, PromiseRule};

const GOOD: &str = r#"{"source":"http://client.com","type":"t","payload":[ 1.0 ]}"#;
const LIMITS: MessageLimits = MessageLimits {
    messages: 3,
    message: 200,
    depth: 4,
    payload: PayloadRule::IJson,
    promises: PromiseRule::Free,
};

fn parse(body: impl AsRef<[u8]>) -> Result<Batch, BatchError> {
    Batch::parse(body.as_ref(), &LIMITS, &AcceptAll)
}

#[test]
fn v1_post_1_an_empty_array_is_a_batch() {
    for body in ["[]", " [ \n ] "] {
        assert!(parse(body).unwrap().is_empty());
    }
}

#[test]
fn msg_3_messages_keep_order_and_text() {
    let other = GOOD.replace("1.0", "\"]},{\\\"\"").replace("\"t\"", " \"\\u0074\"");
    let batch = parse(format!("[{GOOD} ,\n{other}]")).unwrap();
    assert_eq!(batch.len(), 2);
    let texts: Vec<_> = batch.iter().map(Message::as_str).collect();
    assert_eq!(texts, [GOOD, &other]);
    let owned: Vec<_> = batch.clone().into_iter().collect();
    assert_eq!(owned.iter().map(Message::as_str).collect::<Vec<_>>(), texts);
    let single = Message::parse(GOOD, &LIMITS).unwrap();
    assert_eq!(Batch::single(single.clone()), Batch::from(vec![single]));
}

#[test]
fn bodies_that_are_no_array_of_json() {
    assert_eq!(parse(b"[\"\xff\"]"), Err(BatchError::NotUtf8 { at: 2 }));
    assert_eq!(parse("\u{feff}[]"), Err(BatchError::ByteOrderMark));
    for body in ["{}", GOOD, "null", "1", "\"secret\""] {
        assert_eq!(parse(body), Err(BatchError::NotAnArray), "{body}");
    }
    for body in
        ["", "[", "[]]", "[] []", "[,]", "[}", "[nul]", "nul", &format!("[{GOOD},]"), &format!("[{GOOD}")]
    {
        assert!(matches!(parse(body), Err(BatchError::Syntax { .. })), "{body}");
    }
    let wrong = "[\n {\"payload\": secret}]";
    let error = parse(wrong).unwrap_err();
    assert_eq!(error, BatchError::Syntax { line: 2, column: 14 });
    assert_eq!(error.to_string(), "the body must be one JSON array; something is wrong at line 2, column 14");
}

#[test]
fn errors_say_which_message() {
    for (second, error) in [
        ("1".to_owned(), MessageError::NotAnObject),
        (format!("[{GOOD}]"), MessageError::NotAnObject),
        ("{}".to_owned(), MessageError::Missing("source")),
        (GOOD.replace("1.0", "[[{}]]"), MessageError::TooDeep { max: 4 }),
        (
            GOOD.replace("1.0", &format!("\"{}\"", "x".repeat(200))),
            MessageError::TooLarge { max: 200, length: 258 },
        ),
    ] {
        let expected = BatchError::Message { index: 1, error };
        assert_eq!(parse(format!("[{GOOD},{second}]")), Err(expected), "{second}");
    }
    assert_eq!(
        parse(format!("[{GOOD},{{}}]")).unwrap_err().to_string(),
        "message 1 (counted from 0): `source` is missing: a message has `source`, `type` and `payload`, a Magic Envelope \
         `data` and `sigs`"
    );
}

#[test]
fn i_5_the_number_of_messages_is_bounded() {
    let body = |count| format!("[{}]", vec![GOOD; count].join(","));
    assert_eq!(parse(body(3)).unwrap().len(), 3);
    let error = parse(body(4)).unwrap_err();
    assert_eq!(error, BatchError::TooManyMessages { max: 3 });
    assert_eq!(error.kind(), BatchErrorKind::TooManyMessages);
}

#[test]
fn kinds_tell_apart_what_is_answered_apart() {
    let long = GOOD.replace("1.0", &format!("\"{}\"", "x".repeat(200)));
    assert_eq!(parse(format!("[{long}]")).unwrap_err().kind(), BatchErrorKind::MessageTooLarge);
    assert_eq!(parse("[1]").unwrap_err().kind(), BatchErrorKind::Invalid);
}

struct NoBare;

impl EnvelopeCheck for NoBare {
    fn envelope(&self, _: &Envelope<'_>) -> Result<(), EnvelopeRefusal> {
        Ok(())
    }
    fn bare(&self) -> Result<(), EnvelopeRefusal> {
        Err(EnvelopeRefusal::Bare)
    }
}

#[test]
fn msg_7_a_bus_can_refuse_bare_messages() {
    let error = Batch::parse(format!("[{GOOD}]").as_bytes(), &LIMITS, &NoBare).unwrap_err();
    assert_eq!(error.kind(), BatchErrorKind::Refused);
    assert!(Batch::parse(b"[]", &LIMITS, &NoBare).is_ok());
}

#[test]
fn i_8_no_error_repeats_what_was_posted() {
    for body in [
        r#"["secret"]"#,
        r#"[{"secret":1}]"#,
        r#"[{"source":"secret","type":"t","payload":1}]"#,
        r#"[{"source":"http://a.b","type":{"secret":"secret"},"payload":1}]"#,
        r#"[{"source":"http://a.b","type":"t","payload":"secret","payload":"secret"}]"#,
        r#"[{"source":"http://a.b","type":"t","payload":secret}]"#,
        r#"[{"data":"secret!","sigs":[{"value":"c2ln"}],"data_type":"application/json","encoding":"base64url","alg":"secret"}]"#,
        r#"[{"data":"e30","sigs":[{"value":"secret!"}],"data_type":"secret","encoding":"secret","alg":"secret"}]"#,
        "\"secret\"",
    ] {
        let error = parse(body).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{body}: {error:?}");
    }
}

fn message(payload: &Value) -> Value {
    json!({"source": "http://client.com", "type": "t", "payload": payload})
}

proptest! {
    #[test]
    fn any_bytes_are_judged(body: Vec<u8>) {
        let _ = parse(body);
    }

    #[test]
    fn any_damage_is_judged(at in 0..400_usize, byte: u8, cut in 0..400_usize) {
        let mut body = format!("[{GOOD},{GOOD},{GOOD}]").into_bytes();
        if let Some(place) = body.get_mut(at) {
            *place = byte;
        }
        body.truncate(cut);
        if let Ok(batch) = parse(&body) {
            let values: Vec<Value> = serde_json::from_slice(&body).unwrap();
            let ours: Vec<Value> = batch.iter().map(|m| serde_json::from_str(m.as_str()).unwrap()).collect();
            prop_assert_eq!(values, ours);
        }
    }

    #[test]
    fn batches_of_messages_keep_their_order(
        payloads in prop::collection::vec(crate::model::message::tests::any_json(), 0..8), pretty: bool
    ) {
        let values: Vec<Value> = payloads.iter().map(message).collect();
        let body = if pretty { serde_json::to_vec_pretty(&values) } else { serde_json::to_vec(&values) }.unwrap();
        let batch = Batch::parse(&body, &MessageLimits::default(), &AcceptAll).unwrap();
        let text = String::from_utf8(body).unwrap();
        let mut rest = text.as_str();
        for posted in &batch {
            let at = rest.find(posted.as_str());
            prop_assert!(at.is_some());
            rest = &rest[at.unwrap() + posted.as_str().len()..];
        }
        let expected: Vec<Value> = serde_json::from_str(&text).unwrap();
        let ours: Vec<Value> = batch.iter().map(|m| serde_json::from_str(m.as_str()).unwrap()).collect();
        prop_assert_eq!(expected, ours);
    }

    #[test]
    fn a_batch_with_one_bad_message_is_refused_whole(bad in 0..3_usize, field in 0..3_usize, instead in 0..3_usize) {
        let mut values = vec![message(&Value::Null); 3];
        let object = values[bad].as_object_mut().unwrap();
        let name = ["source", "type", "payload"][field];
        match (instead, name) {
            (0, _) | (_, "payload") => { object.remove(name); }
            (1, _) => { object.insert(name.to_owned(), json!(1)); }
            _ => { object.insert(name.to_owned(), json!({})); }
        }
        match parse(serde_json::to_vec(&values).unwrap()) {
            Err(BatchError::Message { index, .. }) => prop_assert_eq!(index, bad),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
