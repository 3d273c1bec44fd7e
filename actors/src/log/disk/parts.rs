//! What reading, writing and expiry hand each other.

use super::file::StoredFile;
use super::keep::Keep;
use crate::model::MessageId;

/// How large segments become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of a segment; more when one POST needs more.
    pub(crate) segment: u64,
    /// Bytes of all segments and of what is kept of those that are gone.
    pub(crate) max: Option<u64>,
}

impl Limits {
    /// Segments so short that one can go before the bound is reached.
    pub(crate) fn of(segment: u64, max: Option<u64>) -> Self {
        Self { segment: max.map_or(segment, |max| segment.min(max / 4)), max }
    }
}

/// A segment that is complete.
pub(crate) struct Sealed {
    pub(crate) number: u64,
    /// The highest id in it and before it.
    pub(crate) last: MessageId,
    pub(crate) keep: Keep,
    /// Bytes that were written.
    pub(crate) used: u64,
    /// Bytes that it takes, room that was taken beforehand included.
    pub(crate) length: u64,
    /// The file and its end, while there may be zeros behind it that take room.
    pub(crate) tail: Option<(Box<dyn StoredFile>, u64)>,
}

/// The segment that is written.
pub(crate) struct Active {
    pub(crate) number: u64,
    /// It is of the format without kept files: the next group begins another segment.
    pub(crate) is_old: bool,
    pub(crate) file: Box<dyn StoredFile>,
    /// Where the next group goes.
    pub(crate) at: u64,
    /// Durable up to here.
    pub(crate) synced: u64,
    pub(crate) keep: Keep,
}
