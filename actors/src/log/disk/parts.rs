//! What reading, writing and expiry hand each other.

use std::time::Duration;

use super::file::StoredFile;
use crate::log::Record;
use crate::model::{Moment, Timestamp};

/// How large segments become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of a segment; more when one POST needs more.
    pub(crate) segment: u64,
    /// Bytes of all segments.
    pub(crate) max: Option<u64>,
}

impl Limits {
    /// Segments so short that one can go before the bound is reached.
    pub(crate) fn of(segment: u64, max: Option<u64>) -> Self {
        Self { segment: max.map_or(segment, |max| segment.min(max / 4)), max }
    }
}

/// Until when a segment's records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keep {
    /// The last moment at which any of them is needed.
    pub(crate) until: Moment,
    /// The longest time that any of them is kept.
    longest: Duration,
    /// When the first one was accepted, in the log's time and as a wall clock showed it. `None` without records.
    first: Option<(Moment, Timestamp)>,
}

/// The least time between two segments that are ended by time: each takes room, and several syncs.
const ROLL_MIN: Duration = Duration::from_secs(10);

impl Keep {
    /// No records.
    pub(crate) const NOTHING: Self = Self { until: Moment::ZERO, longest: Duration::ZERO, first: None };

    /// A record.
    pub(crate) fn record(record: &Record) -> Self {
        let until = record.kept_until();
        Self { until, longest: until.since(record.at), first: Some((record.at, record.accepted)) }
    }

    /// Both; `other` comes later.
    pub(crate) fn and(self, other: Self) -> Self {
        let (until, longest) = (self.until.max(other.until), self.longest.max(other.longest));
        Self { until, longest, first: self.first.or(other.first) }
    }

    /// No records.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.first.is_none()
    }

    /// When the first one was accepted, as a wall clock showed it.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.first.map(|(_, accepted)| accepted)
    }

    /// Nothing of it is needed any more.
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.until <= now
    }

    /// A segment that is still written is to be ended, so that what is over can be removed: it has been written for as
    /// long as any of its records is kept, or all of them are over.
    pub(crate) fn is_ripe(&self, now: Moment) -> bool {
        self.first.is_some_and(|(first, _)| {
            let age = now.since(first);
            age >= ROLL_MIN && (self.is_over(now) || age >= self.longest)
        })
    }
}

/// A segment that is complete.
pub(crate) struct Sealed {
    pub(crate) number: u64,
    pub(crate) keep: Keep,
    /// Bytes that it takes, room that was taken beforehand included.
    pub(crate) length: u64,
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
