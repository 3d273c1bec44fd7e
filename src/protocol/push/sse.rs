//! Frames and facts as server-sent events (HTML, section 9.2). Pure.

use std::time::Duration;

use actix_web::web::Bytes;
use backplane_actors::Delivered;
use memchr::memchr;

use super::rest::{LongFrame, Rest, put_line, shown};
use crate::protocol::shown::Shows;

/// Says that the stream is there. Readers see nothing of it.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": \n\n");

const MESSAGE: &str = "event: message\nid: ";
const DATA: &str = "\ndata: {\"message\":";
const CHANNEL: &str = ",\"channel_name\":\"";
const ID: &str = "\",\"id\":\"";
/// The id of an object that names its channel itself.
const OBJECT_ID: &str = ",\"id\":\"";
const PREV: &str = "\",\"prev\":\"";
const END: &str = "\"}\n\n";

/// A frame whose reader then stands at `position`.
pub(super) fn frame(message: &Delivered, shows: &Shows, position: &str) -> Bytes {
    let json = shown(message, shows);
    let (before, after) = (before(position), after(message, shows));
    let mut text = Vec::with_capacity(before.len() + json.len() + after.len());
    text.extend_from_slice(before.as_bytes());
    for part in json.parts() {
        put_line(&mut text, part);
    }
    text.extend_from_slice(after.as_bytes());
    text.into()
}

fn before(position: &str) -> String {
    [MESSAGE, position, DATA].concat()
}

fn after(message: &Delivered, shows: &Shows) -> String {
    let (id, prev) = (message.id().text(), message.prev().text());
    let (id, prev) = (id.as_str(), prev.as_str());
    match shows {
        Shows::AsPosted | Shows::Sticky | Shows::StickyAndExpire => {
            [CHANNEL, message.entry().channel().as_str(), ID, id, PREV, prev, END].concat()
        }
        Shows::Object(_) => [OBJECT_ID, id, PREV, prev, END].concat(),
    }
}

/// The same frame for a reader who might not take all of it.
pub(super) fn long_frame(message: &Delivered, shows: &Shows, position: &str) -> Rest {
    let (before, after) = (before(position).into(), after(message, shows).into());
    Rest::Frame(Box::new(LongFrame::new(message, shows, before, after)))
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
}
