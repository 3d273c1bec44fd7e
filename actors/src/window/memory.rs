//! Counts the bytes that windows hold, so that their sum has a bound (I-5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an entry costs beside its text: the entry itself, its places in two windows, allocator overhead. Bytes.
pub(crate) const ENTRY_OVERHEAD: usize = 160;
/// What a channel costs: its place in the directory and, once it is read, its actor with its mailbox. Bytes.
pub(crate) const CHANNEL_OVERHEAD: usize = 1024;

/// The sum of what is held, against its bound. Bytes.
#[derive(Debug)]
pub(crate) struct MemoryGauge {
    held: AtomicUsize,
    limit: AtomicUsize,
}

impl MemoryGauge {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit: AtomicUsize::new(limit) })
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets another bound. What is held beyond it stays, and nothing is added until there is room again.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// This much, if it fits: never more than the bound is held by what was asked for here.
    pub(crate) fn try_hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let limit = self.limit();
        let fits = |held: usize| held.checked_add(bytes).filter(|held| *held <= limit);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Held { gauge: Arc::clone(self), bytes })
    }

    /// This much, whether it fits or not: for what was admitted before, or comes back from a log.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Held { gauge: Arc::clone(self), bytes }
    }
}

/// A share of the memory, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    gauge: Arc<MemoryGauge>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let held = self.gauge.held.fetch_sub(self.bytes, Ordering::Relaxed);
        debug_assert!(held >= self.bytes, "no more is given back than was held");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_5_what_is_dropped_makes_room() {
        let gauge = MemoryGauge::new(100);
        let held = gauge.try_hold(80).unwrap();
        assert!(gauge.try_hold(21).is_none());
        drop(gauge.try_hold(20).unwrap());
        gauge.set_limit(50);
        assert!(gauge.try_hold(0).is_none() && gauge.held() == 80, "what is held beyond a new bound stays");
        drop(held);
        assert_eq!(gauge.held(), 0);
    }
}
