//! What the server says, in the frames in which it goes. Pure.
//!
//! A server's frames have no mask, so the same bytes are good for all who read the same.

use actix_web::web::Bytes;
use backplane_actors::{ChannelName, Delivered, Posted};
use serde::Serialize;

use super::hear::Violation;
use crate::error::ApiError;
use crate::protocol::posting;
use crate::protocol::push::facts::Reason;
use crate::protocol::push::rest::{LongFrame, Rest, shown};
use crate::protocol::shown::{Shown, Shows};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Asks whether the client is there.
pub(super) const ARE_YOU_THERE: Bytes = Bytes::from_static(&[PING, 0]);

/// A frame of these parts.
fn framed(kind: u8, parts: &[&[u8]]) -> Bytes {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut frame = head(kind, length);
    frame.reserve_exact(length);
    frame.extend(parts.iter().copied().flatten());
    frame.into()
}

/// The beginning of a frame.
fn head(kind: u8, length: usize) -> Vec<u8> {
    let mut frame = vec![kind];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..126), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend(u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    frame
}

/// A fact.
pub(super) fn fact(json: &str) -> Bytes {
    framed(TEXT, &[json.as_bytes()])
}

/// A message, whose reader then stands at `cursor`.
pub(super) fn message(message: &Delivered, shows: &Shows, cursor: &str) -> Bytes {
    let json = shown(message, shows);
    let (mut frame, after) = around(message, shows, &json, cursor);
    frame.reserve_exact(json.len() + after.len());
    frame.extend(json.parts().into_iter().flatten());
    frame.extend_from_slice(after.as_bytes());
    frame.into()
}

/// The same for a reader who might not take all of it.
pub(super) fn long_message(message: &Delivered, shows: &Shows, cursor: &str) -> Rest {
    let (before, after) = around(message, shows, &shown(message, shows), cursor);
    Rest::Frame(Box::new(LongFrame::new(message, shows, before.into(), after.into())))
}

/// What stands before a message and behind it.
fn around(message: &Delivered, shows: &Shows, json: &Shown<'_>, cursor: &str) -> (Vec<u8>, String) {
    const MESSAGE: &[u8] = b"{\"message\":";
    let (id, prev) = (message.id().text(), message.prev().text());
    // What version 2.0 shows names its channel itself.
    let [begin, channel, end] = match shows {
        Shows::AsPosted | Shows::Sticky | Shows::StickyAndExpire => {
            [",\"channel_name\":\"", message.entry().channel().as_str(), "\""]
        }
        Shows::Object(_) => [""; 3],
    };
    let after = [
        begin,
        channel,
        end,
        ",\"id\":\"",
        id.as_str(),
        "\",\"prev\":\"",
        prev.as_str(),
        "\",\"cursor\":\"",
        cursor,
        "\"}",
    ]
    .concat();
    let mut before = head(TEXT, MESSAGE.len() + json.len() + after.len());
    before.extend_from_slice(MESSAGE);
    (before, after)
}

/// Nothing more of these channels comes.
pub(super) fn unsubscribed(channels: &[ChannelName], cursor: &str) -> Bytes {
    #[derive(Serialize)]
    struct Said<'s> {
        unsubscribed: Vec<&'s str>,
        cursor: &'s str,
    }
    said(&Said { unsubscribed: channels.iter().map(ChannelName::as_str).collect(), cursor })
}

/// What was published is visible to all.
pub(super) fn published(reference: &str, posted: Posted) -> Bytes {
    let reference = serde_json::to_vec(reference).unwrap_or_default();
    framed(TEXT, &[b"{\"published\":", &reference, b",\"ids\":", &posting::ids(posted), b"}"])
}

/// What was asked for is not done.
pub(super) fn refused(reference: Option<&str>, error: &ApiError) -> Bytes {
    #[derive(Serialize)]
    struct Said<'s> {
        refused: Option<&'s str>,
        error: &'s str,
        error_description: &'s str,
        status: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry: Option<u64>,
    }
    said(&Said {
        refused: reference,
        error: error.code().as_str(),
        error_description: error.description(),
        status: error.code().status().as_u16(),
        retry: error.wait().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
    })
}

fn said(said: &impl Serialize) -> Bytes {
    framed(TEXT, &[&serde_json::to_vec(said).unwrap_or_default()])
}

/// What a client wants to hear back.
pub(super) fn pong(body: &[u8]) -> Bytes {
    framed(PONG, &[body])
}

/// The last frame.
fn close(code: u16, reason: &str) -> Bytes {
    framed(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()])
}

/// The last frame for a client that has said its own, with the code that it gave.
pub(super) fn farewell(code: Option<u16>) -> Bytes {
    code.map_or(framed(CLOSE, &[]), |code| close(code, ""))
}

/// The last frame, and the fact before it.
pub(super) fn end(reason: Reason, fact_of_it: &str) -> Bytes {
    let code = match reason {
        Reason::Drain => 1001,
        Reason::Forbidden => 1008,
        Reason::Failed => 1011,
        Reason::Closed => 4000,
        Reason::Full => 1013,
        Reason::Idle => 4001,
        Reason::Expired => 4002,
        Reason::Revoked => 4003,
    };
    [fact(fact_of_it), close(code, reason.as_str())].concat().into()
}

/// The last frame for a client that breaks the rules.
pub(super) fn broken(violation: Violation) -> Bytes {
    let (code, reason) = match violation {
        Violation::Protocol => (1002, "this is not WebSocket as RFC 6455 has it"),
        Violation::Binary => (1003, "texts are understood here, and no other messages"),
        Violation::Characters => (1007, "a text is UTF-8"),
        Violation::TooLarge => (1009, "a text may have as many bytes as a POST"),
        Violation::TooSlow => (1008, "a text must arrive within limits.body_timeout"),
    };
    close(code, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    /// What a frame says, with its kind.
    fn read(frame: &Bytes) -> (u8, &str) {
        let skip = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        (frame[0], std::str::from_utf8(&frame[skip..]).unwrap())
    }

    #[test]
    fn push_ws_8_frames_say_how_long_they_are() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let frame = framed(TEXT, &[&vec![b'x'; length]]);
            let told = match frame[1] {
                126 => usize::from(u16::from_be_bytes(frame[2..4].try_into().unwrap())),
                127 => usize::try_from(u64::from_be_bytes(frame[2..10].try_into().unwrap())).unwrap(),
                length => usize::from(length),
            };
            assert_eq!((told, read(&frame).1.len()), (length, length));
            let shortest = match length {
                0..126 => 2,
                126..65_536 => 4,
                _ => 10,
            };
            assert_eq!(frame.len(), length + shortest, "the shortest form");
        }
    }

    #[test]
    fn push_ws_9_answers_name_what_they_answer() {
        let error = ApiError::new(ErrorCode::Forbidden, "a \"reason\"");
        assert_eq!(
            read(&refused(Some("r\"1"), &error)),
            (
                TEXT,
                r#"{"refused":"r\"1","error":"forbidden","error_description":"a \"reason\"","status":403}"#
            )
        );
        let error = ApiError::new(ErrorCode::Busy, "so");
        assert_eq!(
            read(&refused(None, &error)).1,
            r#"{"refused":null,"error":"busy","error_description":"so","status":503,"retry":10000}"#
        );
        let channels = ["b".parse().unwrap(), "a".parse().unwrap()];
        assert_eq!(read(&unsubscribed(&channels, "p")).1, r#"{"unsubscribed":["b","a"],"cursor":"p"}"#);
    }

    #[test]
    fn push_ws_10_the_last_frame_has_a_code_and_fits() {
        assert_eq!(farewell(None), Bytes::from_static(&[CLOSE, 0]));
        assert_eq!(farewell(Some(1000)), Bytes::from_static(&[CLOSE, 2, 0x03, 0xe8]));
        for violation in [
            Violation::Protocol,
            Violation::Binary,
            Violation::Characters,
            Violation::TooLarge,
            Violation::TooSlow,
        ] {
            assert!(broken(violation).len() <= 127);
        }
        let all = end(Reason::Drain, "{}");
        assert_eq!(all, Bytes::from_static(b"\x81\x02{}\x88\x07\x03\xe9drain"));
    }
}
