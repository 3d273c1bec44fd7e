//! Pure: every whole record of a segment, also behind damage, and the holes between.

use super::record::{Content, decode};
use super::segment::{HEADER, Header, frame_from};
use crate::MessageId;
use crate::log::Recovered;

/// What lies in a segment, in the order of its bytes.
pub(crate) enum Found<'a> {
    /// A whole header, which names the highest id before the segment.
    Header(MessageId),
    /// A stretch, from and to, in which no record is whole.
    Hole(usize, usize),
    /// A whole record, as bytes and as what they say.
    Post(&'a [u8], Recovered),
    /// Ids up to here may have been given out.
    Mark(MessageId),
    /// Messages up to here were lost before a salvage.
    Lost(MessageId),
    /// Ids up to here may have been given out before their records were durable.
    Reserved(MessageId),
}

/// Tells all that lies in a segment, and returns where the last whole record ends.
pub(crate) fn walk(bytes: &[u8], number: u64, tell: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut end = 0;
    if let Ok(header) = Header::decode(bytes) {
        tell(Found::Header(header.highest));
        end = HEADER;
    }
    while let Some(frame) = frame_from(bytes, number, end) {
        if frame.at > end {
            tell(Found::Hole(end, frame.at));
        }
        end = frame.content.end;
        let content = bytes.get(frame.content).unwrap_or_default();
        tell(match decode(content) {
            Ok(Content::Post(record)) => Found::Post(content, record),
            Ok(Content::Mark(highest)) => Found::Mark(highest),
            Ok(Content::Lost(id)) => Found::Lost(id),
            Ok(Content::Reserved(id)) => Found::Reserved(id),
            Err(_) => Found::Hole(frame.at, end),
        });
    }
    end
}
