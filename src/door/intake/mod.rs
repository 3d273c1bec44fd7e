//! What of the bytes that have come is handed on, and when. Pure.
//!
//! What reads a connection takes apart whatever it is given and keeps all requests that it finds, also while it cannot
//! answer them. So it is given pieces that end where a head ends, one in each of its turns, and none while an answer waits
//! to be written or a request is being answered. What comes meanwhile stays with the kernel, but for one piece: it
//! shows whether the client is still there.

use bytes::{Buf as _, BytesMut};
use memchr::{memchr_iter, memrchr};

/// Most bytes of a piece, but for bodies whose length is known.
pub(super) const PIECE: usize = 2 * 1024;
/// Most bytes that are handed on in one turn while a body is read whose length is known.
const BODY_TURN: u64 = 32 * 1024;
/// In a body of unknown length a piece goes on for so many bytes before it looks for an end: blank lines may stand anywhere
/// in it, and a turn for each would be dear.
const UNKNOWN: usize = 256;

/// What the next bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// A head, or the rest of one.
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// A body that ends when it ends.
    Unknown,
}

/// Where in a line something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    /// After a carriage return at the start.
    Return,
    Middle,
}

/// The place right after the first blank line that ends after `from`.
fn blank_line(bytes: &[u8], mut at: At, from: usize) -> Option<usize> {
    let mut begin = 0;
    for end in memchr_iter(b'\n', bytes) {
        let line = bytes.get(begin..end).unwrap_or_default();
        let is_blank = match at {
            At::Start => line.is_empty() || line == b"\r",
            At::Return => line.is_empty(),
            At::Middle => false,
        };
        if is_blank && end >= from {
            return Some(end + 1);
        }
        (begin, at) = (end + 1, At::Start);
    }
    None
}

/// Where the end of these bytes stands, if their beginning stood at `at`.
fn after(bytes: &[u8], at: At) -> At {
    let (at, rest) = match memrchr(b'\n', bytes) {
        Some(end) => (At::Start, bytes.get(end + 1..).unwrap_or_default()),
        None => (at, bytes),
    };
    match (at, rest) {
        (at, b"") => at,
        (At::Start, b"\r") => At::Return,
        _ => At::Middle,
    }
}

/// The bytes of one connection on their way in.
#[derive(Debug)]
pub(super) struct Intake {
    /// Read, and not handed on. At most [`PIECE`].
    held: BytesMut,
    expected: Expected,
    at: At,
    /// What may still be handed on in this turn.
    left: u64,
    /// Bytes of a head that were handed on, and no request came of them yet.
    head: usize,
}

impl Default for Intake {
    fn default() -> Self {
        Self { held: BytesMut::new(), expected: Expected::Head, at: At::Middle, left: 0, head: 0 }
    }
}

impl Intake {
    /// Another turn of what reads.
    pub(super) fn turn(&mut self) {
        self.left = BODY_TURN;
    }

    /// A request was found, with so many bytes of body; `None`: nobody knows.
    pub(super) fn opened(&mut self, body: Option<u64>) {
        self.expected = match body {
            Some(0) => Expected::Head,
            Some(bytes) => Expected::Body(bytes),
            None => Expected::Unknown,
        };
        self.at = At::Middle;
        self.head = 0;
    }

    /// The open request is answered. Whether the next one has begun to come.
    pub(super) fn closed(&mut self) -> bool {
        let next_has_begun = self.expected == Expected::Head && !self.held.is_empty();
        self.expected = Expected::Head;
        self.at = At::Middle;
        self.head = 0;
        next_has_begun
    }

    /// Whether what comes next is of a body, as far as that is known.
    pub(super) fn is_in_body(&self) -> bool {
        self.expected != Expected::Head
    }

    /// Most bytes that may be handed on now: 0 in a turn that has had its part.
    pub(super) fn most(&self) -> usize {
        match self.expected {
            _ if self.left == 0 => 0,
            Expected::Body(bytes) => usize::try_from(bytes.min(self.left)).unwrap_or(usize::MAX),
            Expected::Head | Expected::Unknown => PIECE,
        }
    }

    /// How many of these bytes may go on: what is behind must be held back.
    pub(super) fn cut(&self, bytes: &[u8]) -> usize {
        let end = match self.expected {
            Expected::Head => blank_line(bytes, self.at, 0),
            Expected::Unknown => blank_line(bytes, self.at, UNKNOWN),
            Expected::Body(_) => None,
        };
        end.unwrap_or(bytes.len()).min(self.most())
    }

    /// These bytes were handed on.
    pub(super) fn handed(&mut self, bytes: &[u8]) {
        if let Expected::Body(left) = &mut self.expected {
            let count = bytes.len().try_into().unwrap_or(u64::MAX);
            *left = left.saturating_sub(count);
            self.left = self.left.saturating_sub(count);
            if *left == 0 {
                self.expected = Expected::Head;
                // The next head is for another turn, like every other one.
                self.left = 0;
            }
        } else {
            self.at = after(bytes, self.at);
            self.left = 0;
            self.head = self.head.saturating_add(bytes.len());
        }
    }

    /// Bytes of a head that has not come to its end.
    pub(super) fn head(&self) -> usize {
        self.head
    }

    /// Keeps bytes for later.
    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        debug_assert!(self.held.len() <= PIECE, "what is held is at most a piece");
    }

    /// How many more bytes may be held.
    pub(super) fn room(&self) -> usize {
        PIECE.saturating_sub(self.held.len())
    }

    /// Bytes that wait.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// The first bytes of those that wait have gone on.
    pub(super) fn release(&mut self, bytes: usize) {
        self.held.advance(bytes);
        if self.held.is_empty() {
            // Most connections never hold anything: what did must not keep the memory.
            self.held = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests;
