//! What was begun and does not fit into a piece. Pure.

use actix_web::web::Bytes;
use backplane_actors::Delivered;
use memchr::memchr2;

use super::piece::{PIECE, cut};
use crate::protocol::shown::{Shown, Shows};

/// What is to be said before anything else.
pub(super) enum Rest {
    Nothing,
    /// Of a short text.
    Text(Bytes),
    /// Of a frame that is longer than a piece. What nobody takes is not made.
    Frame(Box<LongFrame>),
}

impl Rest {
    /// The next piece of it.
    pub(super) fn part(&mut self) -> Option<Bytes> {
        let (part, is_over) = match self {
            Self::Nothing => return None,
            Self::Text(text) => (cut(text), text.is_empty()),
            Self::Frame(frame) => (frame.part(PIECE), frame.is_over()),
        };
        if is_over {
            *self = Self::Nothing;
        }
        Some(part)
    }
}

/// A message between two texts: all of it is made while it is taken, from what the windows hold.
pub(super) struct LongFrame {
    message: Delivered,
    shows: Shows,
    before: Bytes,
    after: Bytes,
    /// Bytes that were made.
    at: usize,
}

impl LongFrame {
    pub(super) fn new(message: &Delivered, shows: &Shows, before: Bytes, after: Bytes) -> Self {
        Self { message: message.clone(), shows: shows.clone(), before, after, at: 0 }
    }

    /// The next bytes, so many of them at most. None when all are made.
    fn part(&mut self, most: usize) -> Bytes {
        let shown = shown(&self.message, &self.shows);
        let part = part(&self.before, &shown.parts(), &self.after, self.at, most);
        self.at += part.len();
        part.into()
    }

    fn is_over(&self) -> bool {
        self.at >= self.before.len() + shown(&self.message, &self.shows).len() + self.after.len()
    }
}

/// A message on its way, as it is shown.
pub(super) fn shown<'m>(message: &'m Delivered, shows: &Shows) -> Shown<'m> {
    Shown::of(message.bus(), message.entry(), shows)
}

/// So many bytes at most of these texts, on one line where they are JSON, from a place on.
fn part(before: &[u8], json: &[&[u8]], after: &[u8], at: usize, most: usize) -> Vec<u8> {
    let mut part = Vec::with_capacity(most.min(json.iter().map(|text| text.len()).sum()));
    let mut skipped = at;
    let json = json.iter().map(|text| (*text, true));
    for (text, is_json) in [(before, false)].into_iter().chain(json).chain([(after, false)]) {
        let rest = text.get(skipped..).unwrap_or_default();
        skipped = skipped.saturating_sub(text.len());
        let taken = rest.get(..most.saturating_sub(part.len())).unwrap_or(rest);
        if is_json {
            put_line(&mut part, taken);
        } else {
            part.extend_from_slice(taken);
        }
    }
    part
}

/// The JSON text on one line: between its tokens there may be line ends, within them there are none.
pub(super) fn put_line(line: &mut Vec<u8>, json: &[u8]) {
    let mut rest = json;
    while let Some(at) = memchr2(b'\r', b'\n', rest) {
        line.extend_from_slice(rest.get(..at).unwrap_or_default());
        line.push(b' ');
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    line.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

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
                let (one, other) = json.as_bytes().split_at(json.len() / 2);
                let part = part(before, &[one, other], after, made.len(), most);
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
