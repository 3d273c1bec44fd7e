//! Of texts as clients send them, and as they must not.

use backplane_actors::{MessageId, Position};
use proptest::prelude::*;

use super::*;
use crate::protocol::push::text_of;

fn parse(text: &str) -> Result<Ask, Misheard> {
    Ask::parse(&Bytes::copy_from_slice(text.as_bytes()), 3)
}

fn error(text: &str) -> ApiError {
    parse(text).expect_err(text).error
}

#[test]
fn push_ws_4_channels_are_subscribed_to_from_positions() {
    let position = Position { id: MessageId::from_u64(5), epoch: None };
    let at = text_of(position);
    let text = format!(r#" {{"subscribe": {{"b": null, "a": "{at}", "c": "yesterday"}}}} "#);
    let Ok(Ask::Subscribe(channels)) = parse(&text) else { panic!("{text}") };
    let channels: Vec<_> = channels.iter().map(|(name, since)| (name.as_str(), *since)).collect();
    assert_eq!(channels, [("b", Since::Start), ("a", Since::After(position)), ("c", Since::Unknown)]);
    let Ok(Ask::Unsubscribe(channels)) = parse(r#"{"unsubscribe": ["b", "a"]}"#) else { panic!() };
    assert_eq!(channels.iter().map(ChannelName::as_str).collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn push_ws_5_what_is_published_is_what_a_post_has() {
    let text = r#"{"ref":"r\u0031","messages": [ 1, {"a":"é"} ] ,"publish":"c","key":"k"}"#;
    let Ok(Ask::Publish(publish)) = parse(text) else { panic!() };
    assert_eq!((publish.reference.as_str(), publish.channel.as_str()), ("r1", "c"));
    assert_eq!(publish.messages, r#"[ 1, {"a":"é"} ]"#);
    assert_eq!(publish.key.as_deref(), Some("k"));
    let Ok(Ask::Publish(publish)) = parse(r#"{"publish":"c","messages":[],"ref":""}"#) else { panic!() };
    assert_eq!(publish.key, None);
}

#[test]
fn push_ws_6_what_is_none_of_these_is_told_so() {
    for text in [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "\"subscribe\"",
        r#"{"subscribe": null}"#,
        r#"{"subscribe": {}}"#,
        r#"{"subscribe": ["a"]}"#,
        r#"{"subscribe": {"a": 1}}"#,
        r#"{"subscribe": {"a": null, "a": null}}"#,
        r#"{"subscribe": {"a": null}, "subscribe": {"b": null}}"#,
        r#"{"subscribe": {"a": null}, "unsubscribe": ["a"]}"#,
        r#"{"subscribe": {"a": null}, "ref": "a"}"#,
        r#"{"subscribe": {"a": null}} {}"#,
        r#"{"subscribe": {"a":null,"b":null,"c":null,"d":null}}"#,
        r#"{"unsubscribe": []}"#,
        r#"{"unsubscribe": "a"}"#,
        r#"{"unsubscribe": {"a": null}}"#,
        r#"{"unsubscribe": ["a", "a"]}"#,
        r#"{"unsubscribe": ["a", "b", "c", "d"]}"#,
        r#"{"publish": "a", "messages": []}"#,
        r#"{"publish": "a", "ref": "a"}"#,
        r#"{"messages": [], "ref": "a"}"#,
        r#"{"publish": "a", "messages": [], "ref": 1}"#,
        r#"{"publish": "a", "messages": [], "ref": "a", "secret": 1}"#,
    ] {
        let error = error(text);
        assert_eq!(error.code(), ErrorCode::InvalidRequest, "{text}");
        assert!(!error.description().contains("secret"), "{error}");
    }
    let long = "é".repeat(REF_MAX);
    assert!(parse(&format!(r#"{{"publish":"a","messages":[],"ref":"{long}"}}"#)).is_ok());
    let longer = error(&format!(r#"{{"publish":"a","messages":[],"ref":"{long}é"}}"#));
    assert_eq!(longer.description(), "the member ref has at most 64 characters");
    assert_eq!(error(r#"{"subscribe": {"a.b": null}}"#).code(), ErrorCode::InvalidChannelName);
    let misheard = parse(r#"{"publish":"a.b","messages":[],"ref":"r"}"#).unwrap_err();
    assert_eq!(misheard.reference.as_deref(), Some("r"));
    assert_eq!(misheard.error.code(), ErrorCode::InvalidChannelName);
}

proptest! {
    /// Any text is understood, or it is said what is wrong with it, and no part of it comes back.
    #[test]
    fn push_ws_7_any_text_gives_an_answer(
        noise in "\\PC{0,40}",
        parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"subscribe\"", "\"unsubscribe\"", "\"publish\"", "\"messages\"",
            "\"ref\"", "\"key\"", "\"a\"", "null", "1", "\"\\ud800\"", " ",
        ]), 0..24),
    ) {
        for text in [noise, parts.concat()] {
            if let Err(Misheard { error, .. }) = parse(&text) {
                prop_assert!(!error.code().is_temporary());
            }
        }
    }
}
