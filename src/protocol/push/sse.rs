//! Frames and facts as server-sent events (HTML, section 9.2). Pure.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use backplane_actors::{Entry, MessageId};
use memchr::{memchr, memchr2};

/// Says that the stream is there. Readers see nothing of it.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": \n\n");

const MESSAGE: &str = "event: message\nid: ";
const DATA: &str = "\ndata: {\"message\":";
const CHANNEL: &str = ",\"channel_name\":\"";
const ID: &str = "\",\"id\":\"";
const PREV: &str = "\",\"prev\":\"";
const END: &str = "\"}\n\n";

/// A frame whose reader then stands at `position`.
pub(super) fn frame(entry: &Entry, prev: MessageId, position: &str) -> Bytes {
    let message = entry.message().as_bytes();
    let (before, after) = (before(position), after(entry, prev));
    let mut text = Vec::with_capacity(before.len() + message.len() + after.len());
    text.extend_from_slice(before.as_bytes());
    put_line(&mut text, message);
    text.extend_from_slice(after.as_bytes());
    text.into()
}

fn before(position: &str) -> String {
    [MESSAGE, position, DATA].concat()
}

fn after(entry: &Entry, prev: MessageId) -> String {
    let (id, prev) = (entry.id().text(), prev.text());
    [CHANNEL, entry.channel().as_str(), ID, id.as_str(), PREV, prev.as_str(), END].concat()
}

/// The same frame for a reader who might not take all of it: its text is made while it is taken, from what the windows hold.
pub(super) struct LongFrame {
    entry: Arc<Entry>,
    before: String,
    after: String,
    /// Bytes that were made.
    at: usize,
}

impl LongFrame {
    pub(super) fn new(entry: &Arc<Entry>, prev: MessageId, position: &str) -> Self {
        Self { before: before(position), after: after(entry, prev), entry: Arc::clone(entry), at: 0 }
    }

    /// The next bytes, so many of them at most. None when all are made.
    pub(super) fn part(&mut self, most: usize) -> Bytes {
        let texts = [self.before.as_bytes(), self.entry.message().as_bytes(), self.after.as_bytes()];
        let part = part(texts, self.at, most);
        self.at += part.len();
        part.into()
    }

    pub(super) fn is_over(&self) -> bool {
        self.at >= self.before.len() + self.entry.message().as_bytes().len() + self.after.len()
    }
}

/// So many bytes at most of these texts, on one line where they are JSON, from a place on.
fn part(texts: [&[u8]; 3], at: usize, most: usize) -> Vec<u8> {
    let [_, json, _] = texts.map(<[u8]>::len);
    let mut part = Vec::with_capacity(most.min(json));
    let mut skipped = at;
    for (n, text) in texts.into_iter().enumerate() {
        let rest = text.get(skipped..).unwrap_or_default();
        skipped = skipped.saturating_sub(text.len());
        let taken = rest.get(..most.saturating_sub(part.len())).unwrap_or(rest);
        if n == 1 {
            put_line(&mut part, taken);
        } else {
            part.extend_from_slice(taken);
        }
    }
    part
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
        /// In whatever parts it is taken, it is the same text.
        #[test]
        fn i_6_a_long_text_is_the_same_in_parts(json in "[ \r\na-z]{0,40}", most in 1_usize..30) {
            let (before, after) = (&b"id: \n"[..], &b"}\n\n"[..]);
            let mut whole = before.to_vec();
            put_line(&mut whole, json.as_bytes());
            whole.extend_from_slice(after);
            let mut made = Vec::new();
            while made.len() < whole.len() {
                let part = part([before, json.as_bytes(), after], made.len(), most);
                prop_assert!(!part.is_empty() && part.len() <= most);
                made.extend(part);
            }
            prop_assert_eq!(made, whole);
        }

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
