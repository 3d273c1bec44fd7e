//! What of the bytes that have come is handed on, and when. Pure.
//!
//! What reads a connection takes apart whatever it is given and keeps all requests that it finds, also while it cannot
//! answer them. So it is given pieces, each with few requests in it, one in each of its turns, and none while an answer waits
//! to be written or a request is being answered. What comes meanwhile stays with the kernel, but for one piece: it
//! shows whether the client is still there.

use bytes::{Buf as _, BytesMut};
use memchr::memchr_iter;

/// Most bytes of a piece while heads are expected.
pub(super) const PIECE: usize = 2 * 1024;
/// Most bytes that are handed on in one turn while a body is read whose length is known: no request is in them.
const BODY_TURN: u64 = 32 * 1024;
/// Most ends of heads in a piece.
///
/// Not one, so that a head and its body, which mostly come together, need one turn. Not many, because each may be a
/// request that is kept.
const HEADS: usize = 4;

/// How far a piece of these bytes goes: before its fifth blank line.
///
/// A blank line in a body counts as well, which only makes the piece shorter.
pub(super) fn piece(bytes: &[u8]) -> usize {
    let bytes = bytes.get(..PIECE).unwrap_or(bytes);
    blank_lines(bytes).nth(HEADS - 1).unwrap_or(bytes.len())
}

/// The places right after blank lines: where heads end.
fn blank_lines(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let before = |at: usize| at.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    memchr_iter(b'\n', bytes).filter_map(move |at| {
        let blank = match before(at) {
            Some(b'\n') => true,
            Some(b'\r') => at.checked_sub(1).and_then(before) == Some(b'\n'),
            _ => false,
        };
        blank.then_some(at + 1)
    })
}

/// The bytes of one connection on their way in.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// Read, and not handed on. At most [`PIECE`].
    held: BytesMut,
    /// How many bytes of the open request's body have yet to be handed on, as far as its head says so.
    body: u64,
    /// How many bytes stood after the first blank line of the last piece, and after the last.
    after: (u64, u64),
    /// Bytes behind the open request were handed on: the next one has begun.
    beyond: bool,
    /// What may still be handed on in this turn.
    left: u64,
    /// Bytes of a head that were handed on, and no request came of them yet.
    head: usize,
}

impl Intake {
    /// Another turn of what reads.
    pub(super) fn turn(&mut self) {
        self.left = self.body.clamp(1, BODY_TURN);
    }

    /// A request was found, with so many bytes of body; `None`: nobody knows.
    pub(super) fn opened(&mut self, body: Option<u64>) {
        // Where two heads lie in one piece, some of the body may be counted as handed on that is not. Then it comes in
        // smaller pieces, no more.
        let (after_first, after_last) = self.after;
        self.body = body.unwrap_or(0).saturating_sub(after_first);
        self.beyond = body.is_some_and(|body| after_last > body);
        self.head = 0;
    }

    /// The open request is answered. Whether the next one has begun to come.
    pub(super) fn closed(&mut self) -> bool {
        self.body = 0;
        self.head = 0;
        std::mem::take(&mut self.beyond) || !self.held.is_empty()
    }

    /// Most bytes that may be handed on now: 0 in a turn that has had its part.
    pub(super) fn most(&self) -> usize {
        if self.left == 0 {
            0
        } else if self.body > 0 {
            usize::try_from(self.body.min(self.left)).unwrap_or(usize::MAX)
        } else {
            PIECE
        }
    }

    /// How many of these bytes may go on: what is behind must be held back.
    pub(super) fn cut(&self, bytes: &[u8]) -> usize {
        if self.body > 0 { bytes.len().min(self.most()) } else { piece(bytes) }
    }

    /// These bytes were handed on.
    pub(super) fn handed(&mut self, bytes: &[u8]) {
        let count = bytes.len().try_into().unwrap_or(u64::MAX);
        if self.body > 0 {
            self.body = self.body.saturating_sub(count);
            self.left = self.left.saturating_sub(count);
        } else {
            let behind = |at: Option<usize>| {
                let at = at.unwrap_or(bytes.len());
                (bytes.len() - at).try_into().unwrap_or(u64::MAX)
            };
            self.after = (behind(blank_lines(bytes).next()), behind(blank_lines(bytes).last()));
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
