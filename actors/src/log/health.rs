//! What a log says of itself, for metrics and probes.

use std::time::Duration;

use crate::model::Timestamp;

/// Whether a log takes proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// It does.
    Open,
    /// The last attempt found no room; later ones are tried.
    Full,
    /// The last attempt found no file descriptor for the next file; later ones are tried.
    Starved,
    /// A write or sync failed: nothing is taken until a restart.
    Failed,
    /// It was closed.
    Closed,
}

impl LogState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Open, Self::Full, Self::Starved, Self::Failed, Self::Closed];

    /// Whether proposals are tried.
    pub(crate) const fn takes_proposals(self) -> bool {
        matches!(self, Self::Open | Self::Full | Self::Starved)
    }

    /// The word for it in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Full => "full",
            Self::Starved => "starved",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }
}

/// How long the syncs of a log took since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncTimes {
    /// How many there were that took at most [`SyncTimes::BOUNDS`] each; the last place counts those that took longer.
    pub counts: [u64; 12],
    /// All of them together.
    pub total: Duration,
}

impl SyncTimes {
    /// The upper bounds of the counts, in microseconds.
    pub const BOUNDS: [u32; 11] =
        [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000];

    /// Counts one more.
    pub(crate) fn add(&mut self, took: Duration) {
        let place = Self::BOUNDS.iter().position(|most| took.as_micros() <= u128::from(*most));
        let [.., over] = &mut self.counts;
        match place {
            Some(place) => *self.counts.get_mut(place).unwrap_or(&mut 0) += 1,
            None => *over += 1,
        }
        self.total = self.total.saturating_add(took);
    }
}

/// What a log says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHealth {
    /// Whether it takes proposals.
    pub state: LogState,
    /// What it takes on its disk now. `None` for a log that is not on a disk, as in the fields below.
    pub bytes: Option<u64>,
    /// Its segment files. What is kept of those that are gone is in `bytes` alone.
    pub segments: Option<u64>,
    /// Room that is left on its disk, as the system says. Bytes.
    pub free: Option<u64>,
    /// When the oldest record that it still keeps was accepted.
    pub oldest: Option<Timestamp>,
    /// How long its syncs took.
    pub syncs: Option<SyncTimes>,
}

impl LogHealth {
    /// A log that is not on a disk.
    #[must_use]
    pub const fn in_memory(state: LogState) -> Self {
        Self { state, bytes: None, segments: None, free: None, oldest: None, syncs: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_counted_by_how_long_they_took() {
        let mut times = SyncTimes::default();
        for micros in [1, 100, 101, 6_000_000] {
            times.add(Duration::from_micros(micros));
        }
        assert_eq!(times.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(times.total, Duration::from_micros(6_000_202));
    }
}
