//! Counts the bytes that windows hold, so that their sum has a bound (I-5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an entry costs beside its text: the entry itself, its places in two windows, allocator overhead. Bytes.
pub(crate) const ENTRY_OVERHEAD: usize = 160;
/// What a channel costs while it has an actor: the actor, its mailbox, its place in the directory. Bytes.
pub(crate) const CHANNEL_OVERHEAD: usize = 1024;

/// The sum of what is held, against its bound. Bytes.
#[derive(Debug)]
pub(crate) struct MemoryGauge {
    held: AtomicUsize,
    limit: usize,
}

impl MemoryGauge {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit })
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether this much more fits. Posts of several buses may pass at once: the bound can be overrun
    /// by one POST per bus, never by more.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.held().saturating_add(bytes) <= self.limit
    }

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
        self.gauge.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_5_what_is_dropped_makes_room() {
        let gauge = MemoryGauge::new(100);
        let held = gauge.hold(80);
        assert!(gauge.has_room(20));
        assert!(!gauge.has_room(21));
        drop(held);
        assert_eq!(gauge.held(), 0);
    }
}
