//! What a log says of itself, kept where asking for it never waits for the disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::log::{LogHealth, LogState, SyncTimes};
use crate::model::Timestamp;

/// The latest numbers. The lock is only held while numbers are copied.
#[derive(Debug, Default)]
pub(crate) struct Gauges(Mutex<Numbers>);

/// Bytes and ages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    /// Bytes of the segment that is written, room that is taken beforehand included.
    pub(crate) active: u64,
    /// When its oldest record was accepted.
    pub(crate) active_oldest: Option<Timestamp>,
    /// Bytes of all other files: segments that are complete, the one that comes next, and what is kept of those that are
    /// gone.
    pub(crate) others: u64,
    /// How many segments these are.
    pub(crate) files: u64,
    /// When the oldest record in them was accepted.
    pub(crate) others_oldest: Option<Timestamp>,
    /// Room on the disk, as far as the system says.
    pub(crate) free: Option<u64>,
    /// How long syncs took.
    pub(crate) syncs: SyncTimes,
}

impl Gauges {
    /// Changes some of the numbers.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Numbers)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The numbers.
    pub(crate) fn get(&self) -> Numbers {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sync took so long.
    pub(crate) fn synced(&self, took: Duration) {
        self.set(|numbers| numbers.syncs.add(took));
    }

    /// All of it, for operators.
    pub(crate) fn health(&self, state: LogState) -> LogHealth {
        let numbers = self.get();
        LogHealth {
            state,
            bytes: Some(numbers.active.saturating_add(numbers.others)),
            segments: Some(numbers.files.saturating_add(1)),
            free: numbers.free,
            oldest: numbers.others_oldest.or(numbers.active_oldest),
            syncs: Some(numbers.syncs),
        }
    }
}
