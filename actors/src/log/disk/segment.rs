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
//!
//! **Another version.** The version fixes what headers and the heads of frames look like, and what the files of a log
//! are. What frames hold may grow within a version: a whole frame with a content that is not known was written by a newer
//! program, and is no damage. Version 2 has no kept files (`kept`): a program that knows no other would lose what is in
//! them without a word, so there is none beside a log whose last segment is of version 2.

use super::bytes::{Malformed, Reader, TooLong, filled};
use crate::model::MessageId;

/// Bytes of a header.
pub(crate) const HEADER: usize = 64;
/// Bytes of a frame before its content.
pub(crate) const FRAME: usize = 24;
/// [`HEADER`] as a place in a file.
pub(crate) const HEADER_LENGTH: u64 = 64;
/// [`FRAME`] as a length in a file.
pub(crate) const FRAME_LENGTH: u64 = 24;
/// Bytes that the checksum of a header covers.
const HEADER_CHECKED: usize = HEADER - 4;
/// Bytes that the checksum of a frame's head covers.
const FRAME_CHECKED: usize = FRAME - 4;
/// The format's version.
pub(crate) const VERSION: u32 = 3;
/// The one before, without kept files. It is read, and not written any more.
pub(crate) const OLD_VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"bplog\xff\r\n";
const FRAME_MAGIC: [u8; 4] = [0xff, b'b', 0xfe, b'p'];
/// Digits in the name of a segment's file.
const DIGITS: usize = 16;
const SUFFIX: &str = ".log";

/// What a segment starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Of the format.
    pub(crate) version: u32,
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

/// The bytes of a group are no frames: they must not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl Header {
    /// Of a segment that is written now.
    pub(crate) const fn new(number: u64, highest: MessageId) -> Self {
        Self { version: VERSION, number, highest }
    }

    /// Whether a program wrote it that knows no kept files.
    pub(crate) const fn is_old(&self) -> bool {
        self.version == OLD_VERSION
    }

    pub(crate) fn encode(self) -> [u8; HEADER] {
        let (number, highest) = (self.number.to_le_bytes(), self.highest.as_u64().to_le_bytes());
        let fields = MAGIC.into_iter().chain(self.version.to_le_bytes()).chain(number).chain(highest);
        let checked: [u8; HEADER_CHECKED] = filled(fields);
        filled(checked.into_iter().chain(crc32fast::hash(&checked).to_le_bytes()))
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NoHeader> {
        let missing = |_: Malformed| NoHeader::Missing;
        let mut whole = Reader(bytes);
        let checked: [u8; HEADER_CHECKED] = whole.array().map_err(missing)?;
        let crc = whole.u32().map_err(missing)?;
        let mut fields = Reader(&checked);
        if fields.array() != Ok(MAGIC) {
            return Err(NoHeader::Missing);
        }
        let version = match fields.u32().map_err(missing)? {
            known @ (VERSION | OLD_VERSION) => known,
            0 => return Err(NoHeader::Missing),
            other => return Err(NoHeader::Version(other)),
        };
        if crc != crc32fast::hash(&checked) {
            return Err(NoHeader::Missing);
        }
        let number = fields.u64().map_err(missing)?;
        Ok(Self { version, number, highest: MessageId::from_u64(fields.u64().map_err(missing)?) })
    }
}

/// What stands before a frame's content.
struct Head {
    length: u32,
    content_crc: u32,
    synced: u64,
}

impl Head {
    fn encode(&self, segment: u64, offset: u64) -> [u8; FRAME] {
        let (length, crc) = (self.length.to_le_bytes(), self.content_crc.to_le_bytes());
        let fields = FRAME_MAGIC.into_iter().chain(length).chain(crc).chain(self.synced.to_le_bytes());
        let checked: [u8; FRAME_CHECKED] = filled(fields);
        filled(checked.into_iter().chain(head_crc(&checked, segment, offset).to_le_bytes()))
    }

    fn decode(head: &[u8; FRAME], segment: u64, offset: u64) -> Result<Self, Malformed> {
        let mut whole = Reader(head);
        let checked: [u8; FRAME_CHECKED] = whole.array()?;
        if whole.u32()? != head_crc(&checked, segment, offset) {
            return Err(Malformed);
        }
        let mut fields = Reader(&checked);
        if fields.array() != Ok(FRAME_MAGIC) {
            return Err(Malformed);
        }
        Ok(Self { length: fields.u32()?, content_crc: fields.u32()?, synced: fields.u64()? })
    }
}

fn head_crc(checked: &[u8; FRAME_CHECKED], segment: u64, offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(checked);
    hasher.finalize()
}

/// Segment and offset of frames that have no place yet.
const NOWHERE: (u64, u64) = (0, 0);

/// Adds a frame with this content; its place is not known yet. After an error nothing is added.
pub(crate) fn push_frame(
    group: &mut Vec<u8>,
    content: impl FnOnce(&mut Vec<u8>) -> Result<(), TooLong>,
) -> Result<(), TooLong> {
    let start = group.len();
    group.resize(start + FRAME, 0);
    let written = content(group).and_then(|()| {
        let (head, content) =
            group.get_mut(start..).and_then(|frame| frame.split_first_chunk_mut::<FRAME>()).ok_or(TooLong)?;
        let length = u32::try_from(content.len()).map_err(|_| TooLong)?;
        *head =
            Head { length, content_crc: crc32fast::hash(content), synced: 0 }.encode(NOWHERE.0, NOWHERE.1);
        Ok(())
    });
    if written.is_err() {
        group.truncate(start);
    }
    written
}

/// Gives the frames of a group their places from `offset` on, in a segment that is durable up to `synced`.
///
/// # Errors
///
/// The group does not consist of frames that have no place yet, from its first byte to its last.
pub(crate) fn place(group: &mut [u8], segment: u64, offset: u64, synced: u64) -> Result<(), Broken> {
    debug_assert!(synced <= offset, "what is durable was written");
    let (mut rest, mut offset) = (group, offset);
    while !rest.is_empty() {
        let (head, after) = rest.split_first_chunk_mut::<FRAME>().ok_or(Broken)?;
        let fields = Head::decode(head, NOWHERE.0, NOWHERE.1).map_err(|_| Broken)?;
        let length = usize::try_from(fields.length).map_err(|_| Broken)?;
        *head = Head { synced, ..fields }.encode(segment, offset);
        (_, rest) = after.split_at_mut_checked(length).ok_or(Broken)?;
        let whole = u64::from(fields.length).checked_add(FRAME_LENGTH).ok_or(Broken)?;
        offset = offset.checked_add(whole).ok_or(Broken)?;
    }
    Ok(())
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) at: usize,
    pub(crate) content: &'a [u8],
    /// Where the next one may begin.
    pub(crate) end: usize,
    /// Up to which byte the segment was durable when the frame was written.
    pub(crate) synced: u64,
}

/// The whole frame at a place, if there is one.
pub(crate) fn frame_at(bytes: &[u8], segment: u64, at: usize) -> Option<Frame<'_>> {
    let (head, rest) = bytes.get(at..)?.split_first_chunk::<FRAME>()?;
    let Head { length, content_crc, synced } = Head::decode(head, segment, u64::try_from(at).ok()?).ok()?;
    let content = rest.get(..usize::try_from(length).ok()?)?;
    if content_crc != crc32fast::hash(content) {
        return None;
    }
    let end = at.checked_add(FRAME)?.checked_add(content.len())?;
    Some(Frame { at, content, end, synced })
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

/// The first whole frame at or after a place.
pub(crate) fn frame_from(bytes: &[u8], segment: u64, mut at: usize) -> Option<Frame<'_>> {
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
        // A place beyond what this machine can address is behind it as well.
        if usize::try_from(frame.synced).map_or(true, |synced| synced > at) {
            return End::Damaged(at);
        }
        next = frame.end;
    }
    End::Torn(at)
}

#[cfg(test)]
mod tests;
