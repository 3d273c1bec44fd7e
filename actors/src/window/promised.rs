//! The messages of a window about which something was promised (RET-9).

use std::collections::VecDeque;
use std::sync::Arc;

use super::Entry;
use crate::model::{MessageId, Moment};

/// Those that a window holds.
#[derive(Debug, Default)]
pub(super) struct Promised {
    /// Those that are not in the run of recent messages any more: all have ids below that.
    pub(super) beside: VecDeque<Arc<Entry>>,
    /// The ends of all of them, in order. Mostly they come in that order.
    ends: VecDeque<(Moment, MessageId)>,
}

impl Promised {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn note(&mut self, entry: &Entry) {
        let end = (entry.until(), entry.id());
        match self.ends.binary_search(&end) {
            Ok(_) => debug_assert!(false, "I-1: each message comes once"),
            Err(at) => self.ends.insert(at, end),
        }
    }

    /// Whether it is not over, as far as anybody has looked.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.ends.binary_search(&(entry.until(), entry.id())).is_ok()
    }

    /// Takes the oldest of those beside the run out.
    pub(super) fn evict(&mut self) -> Option<Arc<Entry>> {
        let oldest = self.beside.pop_front()?;
        let at = self.ends.binary_search(&(oldest.until(), oldest.id()));
        debug_assert!(at.is_ok(), "what is beside the run is not over");
        if let Ok(at) = at {
            self.ends.remove(at);
        }
        Some(oldest)
    }

    /// The next one that is over, if it is beside the run or in it.
    pub(super) fn over(&mut self, now: Moment, run: &VecDeque<Arc<Entry>>) -> Option<Arc<Entry>> {
        let (_, id) = self.ends.pop_front_if(|(until, _)| *until <= now)?;
        if let Ok(at) = place(&self.beside, id) {
            return self.beside.remove(at);
        }
        let over = place(run, id).ok().and_then(|at| run.get(at)).cloned();
        debug_assert!(over.is_some(), "each end is an entry's");
        over
    }
}

/// Where a message is among those of rising ids, or would be.
pub(super) fn place(entries: &VecDeque<Arc<Entry>>, id: MessageId) -> Result<usize, usize> {
    entries.binary_search_by_key(&id, |entry| entry.id())
}
