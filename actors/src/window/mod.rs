//! Pure: the most recent messages of a channel or a bus (RET-1), and what was lost before them.
//!
//! | module | what lives there |
//! |---|---|
//! | `entry` | a message as windows hold it |
//! | `memory` | what buses hold, given back when it is dropped |
//! | `page` | what a reader gets |
//! | `pool` | what all buses hold, whose it is, and what may be added |
//! | `shares` | the rule by which a bound is shared |
//! | `table` | things by small numbers |

mod entry;
mod memory;
mod page;
mod pool;
mod shares;
mod table;

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

pub use entry::Entry;
pub(crate) use memory::{Admitted, Bytes, Held, Holdings, Memory, OneChannel, OneKey};
pub(crate) use page::{Origin, Slice};
pub use page::{Page, Resume};
pub(crate) use pool::{Bounds, Refusal, What};

use crate::model::{MessageId, Moment};

/// A bounded run of entries with rising ids.
///
/// It loses its oldest entry first, to age or to a newer one. So it always is a contiguous end of all
/// that was ever pushed, and one id, the highest lost, says whether a reader missed something. That id
/// lies among the entries or above them only after a salvage of a damaged log ([`Window::lose`]).
#[derive(Debug)]
pub(crate) struct Window {
    entries: VecDeque<Arc<Entry>>,
    capacity: NonZeroUsize,
    lost: MessageId,
}

impl Window {
    /// An empty window of at most `capacity` entries. Messages up to and including `lost` may have
    /// existed before and are gone.
    pub(crate) const fn new(capacity: NonZeroUsize, lost: MessageId) -> Self {
        Self { entries: VecDeque::new(), capacity, lost }
    }

    /// Notes that messages up to and including `id` may have existed before and are gone. Entries below
    /// it are those that were saved: they stay, and whoever comes from below `id` is told of a gap.
    pub(crate) fn lose(&mut self, id: MessageId) {
        self.lost = self.lost.max(id);
    }

    /// Adds an entry, whose id must be above all before it; evicts the oldest when the window is full.
    pub(crate) fn push(&mut self, entry: Arc<Entry>) {
        debug_assert!(entry.id() > self.newest(), "I-1: ids rise within a window");
        while self.entries.len() >= self.capacity.get() {
            self.lose_oldest();
        }
        self.entries.push_back(entry);
    }

    /// Holds at most `capacity` entries from now on; the oldest go.
    pub(crate) fn resize(&mut self, capacity: NonZeroUsize) {
        self.capacity = capacity;
        while self.entries.len() > capacity.get() {
            self.lose_oldest();
        }
    }

    /// Drops what has reached its end.
    ///
    /// An entry that ends before an older one (the bus was given a shorter retention between them) stays as long as
    /// the older one does.
    pub(crate) fn expire(&mut self, now: Moment) {
        while self.entries.front().is_some_and(|oldest| oldest.until() <= now) {
            self.lose_oldest();
        }
        if self.entries.is_empty() {
            // A burst must not be remembered for ever: a million quiet channels would each keep room for it.
            self.entries = VecDeque::new();
        }
    }

    fn lose_oldest(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.lose(oldest.id());
        }
    }

    /// Empties the window, whose channel's life is over. Messages up to `lost` are gone.
    pub(crate) fn begin(&mut self, lost: MessageId) {
        self.entries = VecDeque::new();
        self.lose(lost);
    }

    /// The id of the newest entry or lost one.
    pub(crate) fn newest(&self) -> MessageId {
        self.entries.back().map_or(self.lost, |entry| entry.id().max(self.lost))
    }

    /// The highest id that was here and is gone.
    pub(crate) const fn lost(&self) -> MessageId {
        self.lost
    }

    /// The entries, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }

    /// What a reader gets that has seen everything up to its position (RET-2 to RET-4), at most so many entries.
    pub(crate) fn since(&self, origin: Origin, most: usize) -> Slice {
        let gap_below_lost = |id| if id < self.lost { Resume::Gap } else { Resume::Complete };
        let (skip, resume) = match origin {
            Origin::Whole(resume) => (0, resume),
            Origin::Newer(id) => (self.entries.partition_point(|entry| entry.id() <= id), gap_below_lost(id)),
            Origin::After(id) => {
                let skip = match self.entries.binary_search_by_key(&id, |entry| entry.id()) {
                    Ok(at) => at.saturating_add(1),
                    // A position that this window gave out, though it shows no message there.
                    Err(at) if id == self.lost => at,
                    Err(_) => 0,
                };
                (skip, gap_below_lost(id))
            }
        };
        let entries: Vec<_> = self.entries.iter().skip(skip).take(most).cloned().collect();
        let more = self.entries.len() - skip > entries.len();
        let next = match entries.last() {
            Some(last) if more => last.id(),
            _ => self.newest(),
        };
        Slice { entries, next, resume, more }
    }
}

#[cfg(test)]
pub(crate) use self::memory::Weight;
#[cfg(test)]
mod tests;
