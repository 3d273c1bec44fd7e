//! What reading, writing and expiry hand each other.

use std::time::{Duration, Instant};

use super::file::StoredFile;
use crate::Timestamp;

/// Until when a segment's records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) until: Timestamp,
    /// The longest time that any of them is kept: a bound that a clock which jumped ahead cannot stretch.
    pub(crate) longest: Duration,
}

impl Keep {
    pub(crate) const NOTHING: Self = Self { until: Timestamp::EPOCH, longest: Duration::ZERO };

    pub(crate) fn record(accepted: Timestamp, kept_until: Timestamp) -> Self {
        let longest = kept_until.as_millis().saturating_sub(accepted.as_millis());
        Self { until: kept_until, longest: Duration::from_millis(longest) }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { until: self.until.max(other.until), longest: self.longest.max(other.longest) }
    }
}

/// A segment that is complete.
pub(crate) struct Sealed {
    pub(crate) number: u64,
    pub(crate) keep: Keep,
    pub(crate) since: Instant,
    /// The file and its end, while there may be zeros behind it that take room.
    pub(crate) tail: Option<(Box<dyn StoredFile>, u64)>,
}

/// The segment that is written.
pub(crate) struct Active {
    pub(crate) number: u64,
    pub(crate) file: Box<dyn StoredFile>,
    /// Where the next group goes.
    pub(crate) at: u64,
    /// Durable up to here.
    pub(crate) synced: u64,
    pub(crate) keep: Keep,
}
