//! The messages of a retrieval as a body that is written while it is read (I-6): the frames of 1.x (1.0 section 4.3), or the objects of
//! version 2.0 (V2-GET-2).
//!
//! A page holds references to messages that the windows have anyway. Its bytes are made piece by piece, when
//! the connection has room for the next one: a reader that does not read costs references and the buffer of
//! its connection, however long its answer. Frames are copied, never parsed (I-7).

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use backplane_actors::{BusName, Entry};

use super::padding::{self, Callback};
use super::shown::{Shown, Shows};
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

/// The buses of messages.
pub(crate) enum Buses {
    /// All of them are of this one.
    One(BusName),
    /// One for each.
    Each(IntoIter<BusName>),
}

impl Buses {
    /// That of the first message that is left.
    fn first(&self) -> Option<&BusName> {
        match self {
            Self::One(bus) => Some(bus),
            Self::Each(buses) => buses.as_slice().first(),
        }
    }

    fn skip(&mut self) {
        if let Self::Each(buses) = self {
            buses.next();
        }
    }
}

/// What stands around messages.
struct Around {
    /// Before all of them.
    open: Cow<'static, str>,
    /// Behind them.
    close: Cow<'static, str>,
    /// They are framed: version 2.0 has its messages as they are shown.
    framed: bool,
}

/// Messages as a JSON array, padded (V1-PAD-1) if there is a callback.
///
/// Channel names and ids consist of characters that neither JSON nor a script has to escape.
pub(crate) struct List {
    around: Around,
    /// It is a script.
    escaped: bool,
    shows: Shows,
    buses: Buses,
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
    /// What stands before all messages, from this byte on.
    Start(usize),
    /// The start of the first entry's frame, with a comma before it unless it is the first of all; without
    /// another entry what stands behind them.
    Frame { comma: bool },
    /// The first entry's message, from this byte on, and the end of its frame.
    Message(usize),
    /// What stands behind all messages, from this byte on.
    Close(usize),
    /// Nothing more.
    End,
}

impl List {
    /// Frames of messages, as an argument of the callback's if there is one.
    pub(crate) fn frames(
        (bus, entries): (&BusName, Vec<Arc<Entry>>),
        shows: Shows,
        callback: Option<&Callback>,
    ) -> Self {
        let around = Around { open: "[".into(), close: "]".into(), framed: true };
        Self::new((Buses::One(bus.clone()), entries), shows, around, callback)
    }

    /// Messages as they are shown, with JSON around them, as an argument of the callback's if there is one.
    pub(crate) fn objects(
        messages: (Buses, Vec<Arc<Entry>>),
        shows: Shows,
        (open, close): (String, String),
        callback: Option<&Callback>,
    ) -> Self {
        let around = Around { open: open.into(), close: close.into(), framed: false };
        Self::new(messages, shows, around, callback)
    }

    fn new(
        (buses, entries): (Buses, Vec<Arc<Entry>>),
        shows: Shows,
        mut around: Around,
        callback: Option<&Callback>,
    ) -> Self {
        let escaped = callback.is_some();
        if let Some(callback) = callback {
            around.open = [callback.as_str(), padding::OPEN, &around.open].concat().into();
            around.close = [&around.close, padding::CLOSE].concat().into();
        }
        let each = if let Buses::Each(buses) = &buses { buses.as_slice() } else { &[] };
        debug_assert!(each.is_empty() || each.len() == entries.len(), "each message has a bus");
        let references = size_of_val(&entries[..]) + size_of_val(each);
        let mut list = Self {
            left: entries.len().saturating_sub(1) + around.open.len() + around.close.len(),
            references,
            around,
            escaped,
            shows,
            buses,
            entries: entries.into_iter(),
            place: Place::Start(0),
            _lease: None,
        };
        list.left += list.length();
        list
    }

    /// Bytes of all messages.
    fn length(&self) -> usize {
        let entries = self.entries.as_slice().iter();
        match &self.buses {
            Buses::One(bus) => entries.map(|entry| self.length_of(bus, entry)).sum(),
            Buses::Each(buses) => {
                buses.as_slice().iter().zip(entries).map(|(bus, entry)| self.length_of(bus, entry)).sum()
            }
        }
    }

    fn length_of(&self, bus: &BusName, entry: &Entry) -> usize {
        let shown = Shown::of(bus, entry, &self.shows);
        let growth = if self.escaped { shown.parts().into_iter().map(padding::growth).sum() } else { 0 };
        let texts = shown.len() + growth;
        if !self.around.framed {
            return texts;
        }
        let names = entry.channel().as_str().len() + ID_LENGTH;
        texts + names + MESSAGE.len() + CHANNEL.len() + ID.len() + END.len()
    }

    /// Bytes that the answer holds until it is read, besides the messages themselves, which count as the
    /// windows'. An answer without messages is written at once and holds nothing.
    pub(crate) fn cost(&self) -> usize {
        if self.entries.as_slice().is_empty() {
            return 0;
        }
        self.left.min(PIECES_AHEAD * PIECE) + self.references + size_of::<Self>()
    }

    /// Keeps what was granted for [`List::cost`] until the body is dropped.
    pub(crate) fn with_lease(self, lease: Lease<Holder>) -> Self {
        Self { _lease: Some(lease), ..self }
    }

    /// Bytes to come.
    pub(crate) fn left(&self) -> usize {
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
            Place::Start(from) => {
                let rest = self.around.open.as_bytes().get(from..).unwrap_or_default();
                let written = piece.put_part(rest);
                let is_written = written == rest.len();
                self.place =
                    if is_written { Place::Frame { comma: false } } else { Place::Start(from + written) };
                is_written
            }
            Place::Frame { comma } => {
                if self.entries.as_slice().is_empty() {
                    return self.go(Place::Close(0), true);
                }
                let separator = if comma { &b","[..] } else { &b""[..] };
                let begin = if self.around.framed { MESSAGE } else { b"" };
                self.go(Place::Message(0), piece.put(&[separator, begin]))
            }
            Place::Close(from) => {
                let rest = self.around.close.as_bytes().get(from..).unwrap_or_default();
                let written = piece.put_part(rest);
                self.place = if written == rest.len() { Place::End } else { Place::Close(from + written) };
                false
            }
            Place::Message(from) => self.message(from, piece),
            Place::End => false,
        }
    }

    fn message(&mut self, from: usize, piece: &mut Piece) -> bool {
        let first = self.buses.first().zip(self.entries.as_slice().first());
        let Some((bus, entry)) = first else { return self.go(Place::Close(0), true) };
        let shown = Shown::of(bus, entry, &self.shows);
        let (mut skipped, mut written) = (from, 0);
        for part in shown.parts() {
            let rest = part.get(skipped..).unwrap_or_default();
            skipped = skipped.saturating_sub(part.len());
            let some = if self.escaped { piece.put_escaped(rest) } else { piece.put_part(rest) };
            written += some;
            if some < rest.len() {
                break;
            }
        }
        let is_written = from + written >= shown.len();
        let id = entry.id().text();
        let end = [CHANNEL, entry.channel().as_str().as_bytes(), ID, id.as_bytes(), END];
        let end = if self.around.framed { &end[..] } else { &[] };
        if !is_written || !piece.put(end) {
            self.place = Place::Message(from + written);
            return false;
        }
        // What is written is let go of: the windows may have dropped it meanwhile.
        drop(self.entries.next());
        self.buses.skip();
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

impl MessageBody for List {
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
