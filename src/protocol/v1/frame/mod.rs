//! The frames of a retrieval (1.0 section 4.3) as a body that is written while it is read (I-6).
//!
//! A page holds references to messages that the windows have anyway. Its bytes are made piece by piece, when
//! the connection has room for the next one: a reader that does not read costs references and the buffer of
//! its connection, however long its answer. Frames are copied, never parsed (I-7).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use backplane_actors::{Entry, Page};

use super::padding::{self, Callback};
use crate::http::Lease;
use crate::service::Holder;

const MESSAGE: &[u8] = b"{\"message\":";
const CHANNEL: &[u8] = b",\"channel_name\":\"";
const ID: &[u8] = b"\",\"id\":\"";
const END: &[u8] = b"\"}";
/// Characters of an id.
const ID_LENGTH: usize = 13;
/// Most bytes of a piece. Frames are written across pieces; no message has to fit into one.
const PIECE: usize = 32 * 1024;
/// Pieces that a connection has taken before it asks for no more: the one it writes, and the one before.
const PIECES_AHEAD: usize = 2;

/// A page as a JSON array of frames, padded (V1-PAD-1) if there is a callback.
///
/// Channel names and ids consist of characters that neither JSON nor a script has to escape.
pub(super) struct Frames {
    callback: Option<Callback>,
    entries: IntoIter<Arc<Entry>>,
    place: Place,
    /// Bytes to come.
    left: usize,
    /// Bytes that references take.
    references: usize,
    _lease: Option<Lease<Holder>>,
}

/// What is written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What comes before the array, and its bracket.
    Start,
    /// The start of the first entry's frame, with a comma before it unless it is the first of all; without
    /// another entry the end of the array.
    Frame { comma: bool },
    /// The first entry's message, from this byte on, and the end of its frame.
    Message(usize),
    /// Nothing more.
    End,
}

impl Frames {
    /// All messages of the page, as an argument of the callback's if there is one.
    pub(super) fn new(page: Page, callback: Option<Callback>) -> Self {
        let frames = page.entries.iter().map(|entry| frame_length(entry, callback.is_some()));
        let commas = page.entries.len().saturating_sub(1);
        let around = callback
            .as_ref()
            .map_or(0, |callback| callback.as_str().len() + padding::OPEN.len() + padding::CLOSE.len());
        Self {
            left: frames.sum::<usize>() + commas + around + "[]".len(),
            references: page.entries.capacity() * size_of::<Arc<Entry>>(),
            callback,
            entries: page.entries.into_iter(),
            place: Place::Start,
            _lease: None,
        }
    }

    /// Bytes that the answer holds until it is read, besides the messages themselves, which count as the
    /// windows'. An answer without messages is written at once and holds nothing.
    pub(super) fn cost(&self) -> usize {
        if self.entries.as_slice().is_empty() {
            return 0;
        }
        self.left.min(PIECES_AHEAD * PIECE) + self.references + size_of::<Self>()
    }

    /// Keeps what was granted for [`Frames::cost`] until the body is dropped.
    pub(super) fn with_lease(self, lease: Lease<Holder>) -> Self {
        Self { _lease: Some(lease), ..self }
    }

    /// Bytes to come.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next bytes, at most [`PIECE`] of them; `None` at the end.
    fn piece(&mut self) -> Option<Bytes> {
        if self.place == Place::End {
            return None;
        }
        let mut piece = Piece::of(self.left.min(PIECE));
        while self.step(&mut piece) {}
        debug_assert!(!piece.bytes.is_empty() && piece.bytes.len() <= self.left, "the length was announced");
        self.left = self.left.saturating_sub(piece.bytes.len());
        // Nothing instead of an end would be asked for again, for ever.
        (!piece.bytes.is_empty()).then(|| Bytes::from(piece.bytes))
    }

    /// Writes what comes at the place, and goes to the next. `false` when the piece is full, or all is written.
    fn step(&mut self, piece: &mut Piece) -> bool {
        match self.place {
            Place::Start => {
                let (name, open) = match &self.callback {
                    Some(callback) => (callback.as_str(), padding::OPEN),
                    None => ("", ""),
                };
                self.go(Place::Frame { comma: false }, piece.put(&[name.as_bytes(), open.as_bytes(), b"["]))
            }
            Place::Frame { comma } => {
                if self.entries.as_slice().is_empty() {
                    let end = if self.callback.is_some() { padding::CLOSE } else { "" };
                    self.go(Place::End, piece.put(&[b"]", end.as_bytes()]));
                    return false;
                }
                let separator = if comma { &b","[..] } else { &b""[..] };
                self.go(Place::Message(0), piece.put(&[separator, MESSAGE]))
            }
            Place::Message(from) => self.message(from, piece),
            Place::End => false,
        }
    }

    fn message(&mut self, from: usize, piece: &mut Piece) -> bool {
        let Some(entry) = self.entries.as_slice().first() else { return self.go(Place::End, true) };
        let rest = entry.message().as_bytes().get(from..).unwrap_or_default();
        let written = if self.callback.is_some() { piece.put_escaped(rest) } else { piece.put_part(rest) };
        let id = entry.id().text();
        let end = [CHANNEL, entry.channel().as_str().as_bytes(), ID, id.as_bytes(), END];
        if written < rest.len() || !piece.put(&end) {
            self.place = Place::Message(from + written);
            return false;
        }
        // What is written is let go of: the windows may have dropped it meanwhile.
        drop(self.entries.next());
        self.go(Place::Frame { comma: true }, true)
    }

    /// Goes on if what was to be written was; else there is no room for it in this piece.
    fn go(&mut self, next: Place, written: bool) -> bool {
        if written {
            self.place = next;
        }
        written
    }
}

/// Bytes of the entry's frame.
fn frame_length(entry: &Entry, escaped: bool) -> usize {
    let message = entry.message().as_bytes();
    let growth = if escaped { padding::growth(message) } else { 0 };
    let texts = message.len() + growth + entry.channel().as_str().len() + ID_LENGTH;
    texts + MESSAGE.len() + CHANNEL.len() + ID.len() + END.len()
}

impl MessageBody for Frames {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.try_into().unwrap_or(u64::MAX))
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.piece().map(Ok))
    }

    /// The empty answer to a poll, by far the most common, needs no object of its own.
    fn try_into_bytes(mut self) -> Result<Bytes, Self> {
        if self.entries.as_slice().is_empty() { Ok(self.piece().unwrap_or_default()) } else { Err(self) }
    }
}

/// Bytes on their way, of which only so many are made.
struct Piece {
    bytes: Vec<u8>,
    most: usize,
}

impl Piece {
    fn of(most: usize) -> Self {
        Self { bytes: Vec::with_capacity(most), most }
    }

    fn room(&self) -> usize {
        self.most.saturating_sub(self.bytes.len())
    }

    /// All of these or, without the room, none. They must be shorter than a piece.
    fn put(&mut self, parts: &[&[u8]]) -> bool {
        let fits = parts.iter().map(|part| part.len()).sum::<usize>() <= self.room();
        if fits {
            for part in parts {
                self.bytes.extend_from_slice(part);
            }
        }
        fits
    }

    /// As many of these as there is room for; how many.
    fn put_part(&mut self, bytes: &[u8]) -> usize {
        let part = bytes.get(..self.room()).unwrap_or(bytes);
        self.bytes.extend_from_slice(part);
        part.len()
    }

    /// The same for a script; how many bytes of `json` are written, as themselves or escaped.
    fn put_escaped(&mut self, json: &[u8]) -> usize {
        let mut written = 0;
        while let Some(rest) = json.get(written..).filter(|rest| !rest.is_empty()) {
            // A separator that begins in the last byte of the room belongs to what follows.
            let near = rest.get(..self.room() + padding::SEPARATOR - 1).unwrap_or(rest);
            let Some((at, escape)) = padding::separator(near) else {
                written += self.put_part(rest);
                break;
            };
            written += self.put_part(rest.get(..at).unwrap_or_default());
            if !self.put(&[escape]) {
                break;
            }
            written += padding::SEPARATOR;
        }
        written
    }
}

#[cfg(test)]
mod tests;
