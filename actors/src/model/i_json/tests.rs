use proptest::prelude::*;
use serde_json::{Number, Value};

use super::super::{AcceptAll, Batch, BatchError, Message, MessageError, MessageLimits, PromiseRule};
use super::*;

const IJSON: MessageLimits = MessageLimits {
    messages: 100,
    message: 100_000,
    depth: 32,
    payload: PayloadRule::IJson,
    promises: PromiseRule::Free,
};
const ANY: MessageLimits = MessageLimits { payload: PayloadRule::Any, ..IJSON };

fn message(payload: &str) -> String {
    format!(r#"{{"source":"http://a.b","type":"t","payload":{payload}}}"#)
}

/// What is wrong with a message of this payload, which is JSON, and where in the payload.
fn wrong(payload: &str) -> Option<(usize, NotIJson)> {
    let text = message(payload);
    assert!(Message::parse(&text, &ANY).is_ok(), "{payload}");
    match Message::parse(&text, &IJSON) {
        Ok(message) => {
            assert_eq!(message.as_str(), text);
            None
        }
        Err(MessageError::NotIJson { at, fault }) => Some((at + 1 - message("").len(), fault)),
        Err(error) => panic!("{payload}: {error}"),
    }
}

#[test]
fn half_characters_are_found_wherever_they_are() {
    for (payload, at) in [
        (r#""\ud800""#, 1),
        (r#""\udc00""#, 1),
        (r#""\uDfFf\uDBFF""#, 1),
        (r#""a\ud83d\ud83d\ude00""#, 2),
        (r#""\ud83d\ude00\ude00""#, 13),
        (r#""\ud83d\n""#, 1),
        (r#""\ud83dude00""#, 1),
        (r#""\ud83d\\ude00""#, 1),
        (r#""\\\ud83d""#, 3),
        (r#"[1,{"a":[true,"\ud800"]}]"#, 15),
        (r#"{"\udead":null}"#, 2),
    ] {
        assert_eq!(wrong(payload), Some((at, NotIJson::HalfCharacter)), "{payload}");
    }
    for payload in [
        r#""\ud83d\ude00""#,
        r#""\\ud800""#,
        r#""\\\\ud800 ud800""#,
        r#""\ue000\ud7ff\u0000\/""#,
        r#""\uffff""#,
    ] {
        assert_eq!(wrong(payload), None, "{payload}");
    }
}

#[test]
fn numbers_are_those_of_a_double() {
    let nines = |count| "9".repeat(count);
    for (payload, fault) in [
        ("1e400", NotIJson::Range),
        ("-1E+309", NotIJson::Range),
        ("1e99999999999999999999", NotIJson::Range),
        ("1.7976931348623159e308", NotIJson::Range),
        ("0.1e310", NotIJson::Range),
        (&*nines(309), NotIJson::Range),
        (&format!("{}.0", nines(309)), NotIJson::Range),
        (&nines(1001), NotIJson::Digits),
        (&format!("-0.{}", nines(1000)), NotIJson::Digits),
        (&format!("1e{}1", "0".repeat(999)), NotIJson::Digits),
    ] {
        assert_eq!(wrong(payload), Some((0, fault)), "{payload}");
        assert_eq!(wrong(&format!("[0,{payload}]")), Some((3, fault)), "{payload}");
    }
    for payload in [
        "-0",
        "-0.0",
        "1e308",
        "-1.7976931348623157e308",
        // Too small for a double is zero, for every parser.
        "1E-400",
        "4.9e-9999999999",
        "0e400",
        "0.00e99999999999999999999",
        // More digits than a double keeps are the reader's affair.
        "123456789012345678901234567890.12345678901234567890",
        &nines(308),
        &format!("1{}", "0".repeat(308)),
        &format!("-0.{}", nines(999)),
        &format!("{}e-2", nines(310)),
        r#""1e400""#,
    ] {
        assert_eq!(wrong(payload), None, "{payload}");
    }
}

#[test]
fn all_of_a_message_is_looked_at_and_its_grammar_first() {
    let parse = |text: &str| Message::parse(text, &IJSON).map(drop);
    for text in [
        r#"{"source":"http://a.b","type":"t","payload":1,"x":1e400}"#,
        r#"{"source":"http://a.b","type":"t","payload":1,"\ud800":1}"#,
        r#"{"source":"http://a.b","type":"\ud800","payload":1}"#,
    ] {
        assert!(matches!(parse(text), Err(MessageError::NotIJson { .. })), "{text}");
    }
    let broken = r#"{"source":"http://a.b","type":"t","payload":["\ud800",1e400}"#;
    assert!(matches!(parse(broken), Err(MessageError::Syntax { .. })));
}

#[test]
fn the_error_says_which_message_which_byte_and_what_is_allowed() {
    let body = format!("[{}, {}]", message("1e308"), message(r#"["ä", 1e400]"#));
    let error = Batch::parse(body.as_bytes(), &IJSON, &AcceptAll).unwrap_err();
    assert!(matches!(error, BatchError::Message { index: 1, error: MessageError::NotIJson { at: 51, .. } }));
    assert_eq!(
        error.to_string(),
        "message 1 (counted from 0): what begins at its byte 51 (counted from 0) is a number beyond the range of a double, \
         which ends at 1.8e308 on both sides"
    );
    assert!(Batch::parse(body.as_bytes(), &ANY, &AcceptAll).is_ok());
}

/// Words of a string, some of which are halves of characters.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        r"\\u[dD][89a-fA-F][0-9a-f]{2}",
        r"\\u[dD][89abAB][0-9a-f]{2}\\u[dD][c-fC-F][0-9a-f]{2}",
        r"\\u[0-9a-f]{4}",
        Just(r"\\".to_owned()),
        Just(r#"\""#.to_owned()),
        "[ud89a-f0-9é\u{1f600}]{1,3}",
    ];
    prop::collection::vec(word, 0..6).prop_map(|words| words.concat())
}

/// Numbers around the bounds.
fn numbers() -> impl Strategy<Value = String> {
    let digits = |from: usize, to: usize| {
        (from..to, "[1-9][0-9]{0,9}")
            .prop_map(|(length, some)| some.repeat(length).chars().take(length).collect())
    };
    let whole = prop_oneof![Just("0".to_owned()), digits(1, 20), digits(300, 320), digits(990, 1010)];
    let fraction = prop_oneof![Just(String::new()), digits(1, 20), digits(300, 1000)];
    let exponent = prop_oneof![Just(String::new()), "[eE][+-]?[0-9]{1,3}", "[eE][+-]?30[0-9]"];
    (any::<bool>(), whole, fraction, exponent).prop_map(|(minus, whole, fraction, exponent)| {
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{whole}{point}{fraction}{exponent}", if minus { "-" } else { "" })
    })
}

proptest! {
    /// The model: a parser that knows only whole characters.
    #[test]
    fn strings_are_taken_that_serde_json_reads(words in words(), name: bool) {
        let string = format!("\"{words}\"");
        let is_unicode = serde_json::from_str::<String>(&string).is_ok();
        let payload = if name { format!("{{{string}:0}}") } else { format!("[{string}]") };
        let expected = (!is_unicode).then_some(NotIJson::HalfCharacter);
        prop_assert_eq!(wrong(&payload).map(|(_, fault)| fault), expected, "{}", payload);
    }

    /// The model: the value itself, and its digits counted.
    #[test]
    fn numbers_are_taken_that_a_double_holds(number in numbers()) {
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        let value: f64 = number.parse().unwrap();
        let expected = if digits > 1000 {
            Some(NotIJson::Digits)
        } else {
            value.is_infinite().then_some(NotIJson::Range)
        };
        prop_assert_eq!(wrong(&number).map(|(_, fault)| fault), expected, "{}", number);
        if expected.is_none() {
            prop_assert!(serde_json::from_str::<Number>(&number).is_ok());
        }
    }

    /// What is taken can be read by a strict parser, whatever it is made of.
    #[test]
    fn what_is_taken_is_read_by_strict_parsers(
        parts in prop::collection::vec((words(), numbers()), 0..4)
    ) {
        let members = parts.iter().map(|(name, number)| format!(r#""{name}":[{number},"{name}"]"#));
        let text = message(&format!("{{{}}}", members.collect::<Vec<_>>().join(",")));
        if Message::parse(&text, &IJSON).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }
        prop_assert!(Message::parse(&text, &ANY).is_ok());
    }
}
