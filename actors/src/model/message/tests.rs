use proptest::prelude::*;
use serde_json::Value;

use super::super::{PayloadRule, PromiseRule};
use super::*;

const LIMITS: MessageLimits = MessageLimits {
    messages: 10,
    message: 1000,
    depth: 4,
    payload: PayloadRule::Any,
    promises: PromiseRule::Free,
};

fn parse(json: &str) -> Result<Message, MessageError> {
    Message::parse(json, &LIMITS)
}

fn with(rest: &str) -> String {
    format!(r#"{{"source":"http://client.com","type":"t","payload":null{rest}}}"#)
}

#[test]
fn msg_3_and_msg_4_the_text_stays_as_posted() {
    let text = "{ \"zeta\" :[1.0,1e400, 0.10000000000000000000001],\"type\":\"\",\n\"\\u0061\":\"\\ud800\\u0000\",\
                \"payload\":{\"b\":1,\"a\":2,\"b\":3},\"source\":\"http:\\/\\/client.com\", \"zeta\":null }";
    let message = parse(&format!("\n {text}\t ")).unwrap();
    assert_eq!(message.as_str(), text);
    assert_eq!(message.as_bytes(), text.as_bytes());
    assert_eq!(message.as_str(), text);
    assert_eq!(format!("{message:?}"), format!("Message({} bytes)", text.len()));
}

#[test]
fn required_fields_are_required() {
    for (name, json) in [
        ("source", r#"{"type":"t","payload":1}"#),
        ("type", r#"{"source":"http://a.b","payload":1}"#),
        ("payload", r#"{"source":"http://a.b","type":"t"}"#),
        ("source", "{}"),
        ("source", r#"{"data":"x"}"#),
    ] {
        assert_eq!(parse(json), Err(MessageError::Missing(name)), "{json}");
    }
}

#[test]
fn fields_have_their_types() {
    for (json, error) in [
        (r#"{"source":1,"type":"t","payload":1}"#, MessageError::NotAString("source")),
        (r#"{"source":null,"type":"t","payload":1}"#, MessageError::NotAString("source")),
        (r#"{"source":"client.com","type":"t","payload":1}"#, MessageError::Source),
        (r#"{"source":"http://client.com\n","type":"t","payload":1}"#, MessageError::Source),
        (r#"{"source":"http://a.b","type":["t"],"payload":1}"#, MessageError::NotAString("type")),
        (r#"{"source":"http://a.b","type":"\udc00","payload":1}"#, MessageError::NotAString("type")),
    ] {
        assert_eq!(parse(json), Err(error), "{json}");
    }
}

#[test]
fn predefined_fields_come_once_however_spelled() {
    for (name, rest) in [
        ("source", r#","source":"http://client.com""#),
        ("source", r#","sou\u0072ce":"http://client.com""#),
        ("type", r#","t\u0079pe":1"#),
        ("payload", r#","payload":null"#),
        ("sticky", r#","sticky":true,"sticky":true"#),
        ("expire", r#","expire":"","e\u0078pire":"""#),
    ] {
        assert_eq!(parse(&with(rest)), Err(MessageError::Duplicate(name)), "{rest}");
    }
    for rest in [r#","x":1,"x":2"#, r#","data":1,"data":2"#, r#","sigs":1,"alg":2"#, r#","\ud800":1,"":2"#] {
        assert!(parse(&with(rest)).is_ok(), "{rest}");
    }
}

#[test]
fn other_json_and_no_json() {
    for json in ["null", "1", r#""secret""#, "[]", "[{}]"] {
        assert_eq!(parse(json), Err(MessageError::NotAnObject), "{json}");
    }
    for json in ["", "{", "{]", "{} {}", r#"{"a":secret}"#, "{\"a\nb\":1}", "{\"a\":\"\t\"}", r#"{"a":01}"#] {
        let error = parse(json).unwrap_err();
        assert!(matches!(error, MessageError::Syntax { .. }), "{json}: {error}");
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(parse("{\n\"a\":!}"), Err(MessageError::Syntax { line: 2, column: 5 }));
}

#[test]
fn i_5_bounds_are_exact() {
    let fill = with(&format!(r#","x":"{}""#, "y".repeat(LIMITS.message - with(r#","x":"""#).len())));
    assert_eq!(fill.len(), LIMITS.message);
    assert!(parse(&format!(" {fill} ")).is_ok());
    let over = fill.replacen('y', "yy", 1);
    assert_eq!(parse(&over), Err(MessageError::TooLarge { max: 1000, length: 1001 }));
}

#[test]
fn built_messages_obey_the_same_rules() {
    let build = |source: &str, payload: &Value| Message::new(source, "t\"\u{1}", payload, &LIMITS);
    let message = build("http://client.com", &serde_json::json!({"a": [1]})).unwrap();
    assert_eq!(message.as_str(), r#"{"source":"http://client.com","type":"t\"\u0001","payload":{"a":[1]}}"#);
    assert_eq!(build("client.com", &Value::Null), Err(MessageError::Source));
    let long = Value::String("x".repeat(LIMITS.message));
    assert!(matches!(build("http://client.com", &long), Err(MessageError::TooLarge { max: 1000, .. })));
    let unwritable = std::collections::BTreeMap::from([([1], 1)]);
    assert_eq!(Message::new("http://client.com", "t", &unwritable, &LIMITS), Err(MessageError::Payload));
}

pub(in crate::model) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_judged(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn json_like_text_is_judged_and_accepted_ones_are_json(
        text in r#"\{("(source|type|payload|data|sigs)":("http://a"|\[\]|\{\}|1|"\\u00[0-9a-f]{2}"|[\[{"]),?){0,6}\}?"#
    ) {
        if let Ok(message) = parse(&text) {
            prop_assert_eq!(message.as_str(), &text);
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn depth_is_the_limit_and_no_less(lists: Vec<bool>) {
        let open: String = lists.iter().map(|list| if *list { "[" } else { "{\"[\":" }).collect();
        let close: String = lists.iter().rev().map(|list| if *list { "]" } else { "}" }).collect();
        let json = with(&format!(",\"x\":{open}1{close}"));
        let limits = MessageLimits { depth: 12, ..MessageLimits::default() };
        let expected = if lists.len() < 12 { Ok(()) } else { Err(MessageError::TooDeep { max: 12 }) };
        prop_assert_eq!(Message::parse(&json, &limits).map(|_| ()), expected);
    }

    #[test]
    fn any_payload_goes_through_unchanged(payload in any_json(), spaced: bool) {
        let value = serde_json::json!({"payload": payload, "source": "https://a.b/c", "type": "t", "more": payload});
        let text = if spaced { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let message = Message::parse(&text, &MessageLimits::default()).unwrap();
        prop_assert_eq!(message.as_str(), &text);
        let again: Value = serde_json::from_str(message.as_str()).unwrap();
        prop_assert_eq!(again, serde_json::from_str::<Value>(&text).unwrap());
    }
}
