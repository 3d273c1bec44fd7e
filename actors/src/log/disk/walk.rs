//! Pure: the one place that reads frames. [`Frames`] goes from one whole frame to the next, [`walk`] over damage too.

use super::content::{Content, Unreadable, decode};
use super::segment::{FRAME, HEADER, Header, frame_at, frame_from};
use crate::model::MessageId;

/// A whole frame.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    /// Where it begins.
    pub(crate) at: usize,
    /// Up to which byte the segment was durable when it was written.
    pub(crate) synced: u64,
    /// What it holds, as bytes.
    pub(crate) bytes: &'a [u8],
    /// What it holds.
    pub(crate) content: Result<Content, Unreadable>,
}

/// The whole frames of a segment that follow one another.
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    segment: u64,
    at: usize,
}

impl<'a> Frames<'a> {
    /// Those of this segment, from a place on.
    pub(crate) const fn of(bytes: &'a [u8], segment: u64, at: usize) -> Self {
        Self { bytes, segment, at }
    }

    /// Where the next frame may begin.
    pub(crate) const fn end(&self) -> usize {
        self.at
    }

    /// Goes on at the next whole frame behind the place where they break off, and tells what was left out.
    fn skip_hole(&mut self) -> Option<(usize, usize)> {
        let from = self.at;
        self.at = frame_from(self.bytes, self.segment, from)?.at;
        Some((from, self.at))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Whole<'a>;

    fn next(&mut self) -> Option<Whole<'a>> {
        let frame = frame_at(self.bytes, self.segment, self.at)?;
        self.at = frame.end;
        let (bytes, content) = (frame.content, decode(frame.content));
        Some(Whole { at: frame.at, synced: frame.synced, bytes, content })
    }
}

/// What lies in a segment, in the order of its bytes.
pub(crate) enum Found<'a> {
    /// A whole header, which names the highest id before the segment.
    Header(MessageId),
    /// A stretch, from and to, in which nothing is whole.
    Hole(usize, usize),
    /// A whole frame, known or of a newer program.
    Frame(&'a Whole<'a>),
}

/// Tells all that lies in a segment, and returns where the last whole frame ends.
pub(crate) fn walk(bytes: &[u8], number: u64, tell: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut begin = 0;
    if let Ok(header) = Header::decode(bytes) {
        tell(Found::Header(header.highest));
        begin = HEADER;
    }
    let mut frames = Frames::of(bytes, number, begin);
    loop {
        for frame in frames.by_ref() {
            tell(match frame.content {
                Err(Unreadable::Malformed) => Found::Hole(frame.at, frame.at + FRAME + frame.bytes.len()),
                _ => Found::Frame(&frame),
            });
        }
        match frames.skip_hole() {
            Some((from, to)) => tell(Found::Hole(from, to)),
            None => return frames.end(),
        }
    }
}
