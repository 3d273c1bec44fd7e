//! Pure: what a segment file looks like, byte by byte, and how to tell a torn end from damage.
//!
//! ```text
//! segment = header, frames, zeros
//! header  = magic (8) version (4) number (8) highest (8) zeros (32) crc (4)
//! frame   = magic (4) length (4) crc of the content (4) synced (8) crc of the frame's head (4) content
//! ```
//!
//! Numbers are little-endian. `highest` is the highest id before the segment: ids never fall, even when all
//! records have expired and the clock has stepped back (I-1). `synced` says up to which byte the segment was
//! durable when the frame was written. The checksum of a frame's head covers the segment's number and the
//! frame's place, so that bytes that ended up elsewhere are not taken for a frame.
//!
//! **Torn or damaged.** Where the frames break off, a crash may have torn what was never acknowledged, or
//! acknowledged bytes may have gone bad. If any whole frame further on says that the place was durable before
//! it was written, it is damage. A frame's magic has a byte that no text has, so what clients post is
//! never taken for a frame.

use std::ops::Range;

use crate::MessageId;

/// Bytes of a header.
pub(crate) const HEADER: usize = 64;
/// Bytes of a frame before its content.
pub(crate) const FRAME: usize = 24;
/// The format's version.
pub(crate) const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"bplog\xff\r\n";
const FRAME_MAGIC: [u8; 4] = [0xff, b'b', 0xfe, b'p'];
/// Digits in the name of a segment's file.
const DIGITS: usize = 16;
const SUFFIX: &str = ".log";

/// What a segment starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) number: u64,
    /// The highest id before this segment.
    pub(crate) highest: MessageId,
}

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHeader {
    /// It is not there or not whole.
    Missing,
    /// It is of another version.
    Version(u32),
}

/// The name of a segment's file.
pub(crate) fn name(number: u64) -> String {
    format!("{number:0DIGITS$}{SUFFIX}")
}

/// The number of the segment with this name, if it is one.
pub(crate) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX).filter(|digits| digits.len() == DIGITS)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

impl Header {
    pub(crate) fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &VERSION.to_le_bytes());
        put(&mut bytes, 12, &self.number.to_le_bytes());
        put(&mut bytes, 20, &self.highest.as_u64().to_le_bytes());
        let crc = crc32fast::hash(bytes.get(..60).unwrap_or_default());
        put(&mut bytes, 60, &crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NoHeader> {
        let head = bytes.get(..HEADER).ok_or(NoHeader::Missing)?;
        if head.get(..8) != Some(&MAGIC) {
            return Err(NoHeader::Missing);
        }
        let number = |at| u64_at(head, at).ok_or(NoHeader::Missing);
        match u32_at(head, 8) {
            Some(VERSION) => {}
            None | Some(0) => return Err(NoHeader::Missing),
            Some(other) => return Err(NoHeader::Version(other)),
        }
        if u32_at(head, 60) != head.get(..60).map(crc32fast::hash) {
            return Err(NoHeader::Missing);
        }
        Ok(Self { number: number(12)?, highest: MessageId::from_u64(number(20)?) })
    }
}

/// Adds a frame with this content; its place is not known yet.
pub(crate) fn push_frame<E>(
    group: &mut Vec<u8>,
    content: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), Option<E>> {
    let start = group.len();
    group.resize(start + FRAME, 0);
    let written = content(group).map_err(Some).and_then(|()| {
        let (head, content) = group.split_at_mut_checked(start + FRAME).ok_or(None)?;
        let head = head.get_mut(start..).ok_or(None)?;
        let length = u32::try_from(content.len()).map_err(|_| None)?;
        put(head, 0, &FRAME_MAGIC);
        put(head, 4, &length.to_le_bytes());
        put(head, 8, &crc32fast::hash(content).to_le_bytes());
        Ok(())
    });
    if written.is_err() {
        group.truncate(start);
    }
    written
}

/// Gives the frames of a group their places from `offset` on, in a segment that is durable up to `synced`.
pub(crate) fn place(group: &mut [u8], segment: u64, offset: u64, synced: u64) {
    let (mut rest, mut offset) = (group, offset);
    while let Some(length) = u32_at(rest, 4) {
        put(rest, 12, &synced.to_le_bytes());
        let crc = head_crc(rest, segment, offset);
        put(rest, 20, &crc.to_le_bytes());
        let whole = FRAME.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let Some((_, after)) = rest.split_at_mut_checked(whole) else { return };
        rest = after;
        offset = offset.saturating_add(u64::try_from(whole).unwrap_or(u64::MAX));
    }
}

fn head_crc(head: &[u8], segment: u64, offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(head.get(..20).unwrap_or_default());
    hasher.finalize()
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) at: usize,
    pub(crate) content: Range<usize>,
    /// Up to which byte the segment was durable when the frame was written.
    pub(crate) synced: u64,
}

/// How the frames of a segment end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing but zeros follows.
    Clean(usize),
    /// What follows is no frame, and nothing says that it was ever durable.
    Torn(usize),
    /// What follows was durable and is not as it was written.
    Damaged(usize),
}

/// The whole frame at a place, if there is one.
pub(crate) fn frame_at(bytes: &[u8], segment: u64, at: usize) -> Option<Frame> {
    let rest = bytes.get(at..)?;
    let head = rest.get(..FRAME)?;
    if head.get(..4) != Some(&FRAME_MAGIC)
        || u32_at(head, 20)? != head_crc(head, segment, u64::try_from(at).ok()?)
    {
        return None;
    }
    let content = FRAME..FRAME.checked_add(usize::try_from(u32_at(head, 4)?).ok()?)?;
    if u32_at(head, 8)? != crc32fast::hash(rest.get(content.clone())?) {
        return None;
    }
    let content = at.checked_add(content.start)?..at.checked_add(content.end)?;
    Some(Frame { at, content, synced: u64_at(head, 12)? })
}

/// The first whole frame at or after a place.
pub(crate) fn frame_from(bytes: &[u8], segment: u64, mut at: usize) -> Option<Frame> {
    loop {
        let rest = bytes.get(at..)?;
        let found = rest.windows(FRAME_MAGIC.len()).position(|four| four == FRAME_MAGIC)?;
        at = at.checked_add(found)?;
        if let Some(frame) = frame_at(bytes, segment, at) {
            return Some(frame);
        }
        at = at.checked_add(1)?;
    }
}

/// What to make of a place where no whole frame is.
pub(crate) fn judge(bytes: &[u8], segment: u64, at: usize) -> End {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.iter().all(|byte| *byte == 0) {
        return End::Clean(at);
    }
    let mut next = at;
    while let Some(frame) = frame_from(bytes, segment, next) {
        if usize::try_from(frame.synced).unwrap_or(usize::MAX) > at {
            return End::Damaged(at);
        }
        next = frame.content.end;
    }
    End::Torn(at)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    let place = at.checked_add(value.len()).and_then(|end| bytes.get_mut(at..end));
    if let Some(place) = place {
        place.copy_from_slice(value);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
