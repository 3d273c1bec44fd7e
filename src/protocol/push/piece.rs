//! Texts on their way to a connection. Pure.
//!
//! What is said to all is made once and shared; it is copied only where several texts can go together, and cut where a reader
//! might not take it: a connection's buffer is what a slow one costs (I-6).

use actix_web::web::{Bytes, BytesMut};

/// Most bytes that are handed to a connection at once.
pub(super) const PIECE: usize = 16 * 1024;

/// Some texts, as one.
#[derive(Debug, Default)]
pub(super) struct Piece {
    first: Bytes,
    joined: BytesMut,
    /// What comes after a whole piece.
    rest: Bytes,
}

impl Piece {
    /// Whether there is room for more.
    pub(super) fn has_room(&self) -> bool {
        self.rest.is_empty() && self.len() < PIECE
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    /// Adds a text. To be asked for room before; a text that is longer than the room is cut.
    pub(super) fn put(&mut self, text: Bytes) {
        debug_assert!(self.has_room(), "texts are put into a piece in order");
        self.put_some(text);
    }

    fn put_some(&mut self, mut text: Bytes) {
        let room = PIECE.saturating_sub(self.len());
        if text.len() > room {
            self.rest = text.split_off(room);
        }
        if self.is_empty() {
            self.first = text;
            return;
        }
        if self.joined.is_empty() {
            self.joined.reserve(PIECE.min(2 * (self.first.len() + text.len())));
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&text);
    }

    /// Adds texts that are one: what is too long is cut at the same place as if they were.
    pub(super) fn put_all<const N: usize>(&mut self, texts: [Bytes; N]) {
        for text in texts {
            if self.rest.is_empty() {
                self.put_some(text);
            } else {
                self.rest = [&self.rest[..], &text[..]].concat().into();
            }
        }
    }

    /// The piece, and what comes after it.
    pub(super) fn into_parts(self) -> (Bytes, Bytes) {
        let piece = if self.joined.is_empty() { self.first } else { self.joined.freeze() };
        (piece, self.rest)
    }
}

/// The next piece of a text that is longer than one.
pub(super) fn cut(rest: &mut Bytes) -> Bytes {
    rest.split_to(rest.len().min(PIECE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_alone_is_not_copied() {
        let text = Bytes::from(vec![b'x'; 3 * PIECE]);
        let mut piece = Piece::default();
        piece.put(text.clone());
        let (first, mut rest) = piece.into_parts();
        assert_eq!((first.as_ptr(), first.len(), rest.len()), (text.as_ptr(), PIECE, 2 * PIECE));
        assert_eq!((cut(&mut rest).len(), rest.len()), (PIECE, PIECE));
    }

    proptest! {
        /// Whatever is put in comes out in order, in pieces of bounded length.
        #[test]
        fn i_6_texts_come_out_as_they_went_in(lengths in prop::collection::vec(1_usize..2 * PIECE, 1..20)) {
            let texts: Vec<Bytes> = lengths
                .iter()
                .enumerate()
                .map(|(n, length)| Bytes::from(vec![u8::try_from(n).unwrap(); *length]))
                .collect();
            let (mut out, mut left) = (Vec::new(), texts.iter().cloned().peekable());
            while left.peek().is_some() {
                let mut piece = Piece::default();
                while piece.has_room() && let Some(text) = left.next() {
                    piece.put(text);
                }
                let (first, mut rest) = piece.into_parts();
                prop_assert!(!first.is_empty() && first.len() <= PIECE);
                out.extend_from_slice(&first);
                while !rest.is_empty() {
                    let part = cut(&mut rest);
                    prop_assert!(part.len() <= PIECE);
                    out.extend_from_slice(&part);
                }
            }
            prop_assert_eq!(out, texts.concat());
        }
    }
}
