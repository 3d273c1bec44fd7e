//! Frames and facts as server-sent events (HTML, section 9.2). Pure.

use std::time::Duration;

use actix_web::web::Bytes;
use backplane_actors::{Entry, MessageId};
use memchr::{memchr, memchr2};

/// Says that the stream is there. Readers see nothing of it.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": \n\n");

const MESSAGE: &[u8] = b"event: message\nid: ";
const DATA: &[u8] = b"\ndata: {\"message\":";
const CHANNEL: &[u8] = b",\"channel_name\":\"";
const ID: &[u8] = b"\",\"id\":\"";
const PREV: &[u8] = b"\",\"prev\":\"";
const END: &[u8] = b"\"}\n\n";

/// A frame whose reader then stands at `position`.
pub(super) fn frame(entry: &Entry, prev: MessageId, position: &str) -> Bytes {
    let message = entry.message().as_bytes();
    let (channel, id, prev) = (entry.channel().as_str().as_bytes(), entry.id().text(), prev.text());
    let before = [MESSAGE, position.as_bytes(), DATA];
    let after = [CHANNEL, channel, ID, id.as_bytes(), PREV, prev.as_bytes(), END];
    let length = before.iter().chain(&after).map(|part| part.len()).sum::<usize>() + message.len();
    let mut text = Vec::with_capacity(length);
    text.extend(before.into_iter().flatten());
    put_line(&mut text, message);
    text.extend(after.into_iter().flatten());
    text.into()
}

/// The JSON text on one line: between its tokens there may be line ends, within them there are none.
fn put_line(line: &mut Vec<u8>, json: &[u8]) {
    let mut rest = json;
    while let Some(at) = memchr2(b'\r', b'\n', rest) {
        line.extend_from_slice(rest.get(..at).unwrap_or_default());
        line.push(b' ');
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    line.extend_from_slice(rest);
}

/// A frame's text in two parts, between which its position can be made longer.
pub(super) fn around_suffix(frame: &Bytes) -> (Bytes, Bytes) {
    let line = frame.get(MESSAGE.len()..).and_then(|rest| memchr(b'\n', rest)).unwrap_or_default();
    let at = (MESSAGE.len() + line).min(frame.len());
    (frame.slice(..at), frame.slice(at..))
}

/// A fact, whose reader then stands at `position`, and comes back after `retry` whatever ends the stream.
pub(super) fn fact(json: &str, position: Option<&str>, retry: Option<Duration>) -> Bytes {
    let mut text = String::with_capacity(json.len() + 96);
    text.push_str("event: backplane\n");
    if let Some(position) = position {
        text.extend(["id: ", position, "\n"]);
    }
    if let Some(retry) = retry {
        text.extend(["retry: ", &retry.as_millis().to_string(), "\n"]);
    }
    text.extend(["data: ", json, "\n\n"]);
    text.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn push_sse_2_facts_are_events_of_their_own() {
        assert_eq!(fact("{}", Some("p"), None), "event: backplane\nid: p\ndata: {}\n\n");
        let retry = Some(Duration::from_millis(1500));
        assert_eq!(fact("{}", None, retry), "event: backplane\nretry: 1500\ndata: {}\n\n");
    }

    #[test]
    fn a_position_can_be_made_longer() {
        let text = Bytes::from_static(b"event: message\nid: p\ndata: x\n\n");
        let (before, after) = around_suffix(&text);
        assert_eq!((&before[..], &after[..]), (&b"event: message\nid: p"[..], &b"\ndata: x\n\n"[..]));
    }

    proptest! {
        /// However a poster breaks its lines: one line of the same JSON.
        #[test]
        fn push_sse_3_a_message_is_one_line(breaks in prop::collection::vec("[ \t\r\n]{0,3}", 9)) {
            let tokens = ["{", "\"a\\n\"", ":", "[", "1", ",", "null", "]", "}"];
            let json: String = tokens.iter().zip(&breaks).flat_map(|(token, space)| [*token, space]).collect();
            let mut line = Vec::new();
            put_line(&mut line, json.as_bytes());
            prop_assert_eq!(line.len(), json.len());
            prop_assert!(!line.contains(&b'\r') && !line.contains(&b'\n'));
            let (one, other): (Value, Value) =
                (serde_json::from_slice(&line).unwrap(), serde_json::from_str(&json).unwrap());
            prop_assert_eq!(one, other);
        }
    }
}
