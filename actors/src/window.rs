//! Pure: the most recent messages of a channel or a bus (RET-1), and what was lost before them.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::{Entry, MessageId, Page, Resume, Since, Timestamp};

/// A bounded run of entries with rising ids.
///
/// It loses its oldest entry first, to age or to a newer one. So it always is a contiguous end of all
/// that was ever pushed, and one id, the highest lost, says whether a reader missed something. That id
/// lies among the entries or above them only after a salvage of a damaged log ([`Window::lose`]).
#[derive(Debug)]
pub struct Window {
    entries: VecDeque<Arc<Entry>>,
    capacity: NonZeroUsize,
    lost: MessageId,
}

impl Window {
    /// An empty window of at most `capacity` entries. Messages up to and including `lost` may have
    /// existed before and are gone.
    #[must_use]
    pub const fn new(capacity: NonZeroUsize, lost: MessageId) -> Self {
        Self { entries: VecDeque::new(), capacity, lost }
    }

    /// Notes that messages up to and including `id` may have existed before and are gone. Entries below
    /// it are those that were saved: they stay, and whoever comes from below `id` is told of a gap.
    pub fn lose(&mut self, id: MessageId) {
        self.lost = self.lost.max(id);
    }

    /// Adds an entry, whose id must be above all before it; evicts the oldest when the window is full.
    pub fn push(&mut self, entry: Arc<Entry>) {
        debug_assert!(entry.id() > self.newest());
        while self.entries.len() >= self.capacity.get() {
            self.lose_oldest();
        }
        self.entries.push_back(entry);
    }

    /// Drops what has reached its end. What was dropped stays so, even if the clock steps back.
    ///
    /// An entry that ends before an older one (the clock stepped back between them) stays as long as
    /// the older one does.
    pub fn expire(&mut self, now: Timestamp) {
        while self.entries.front().is_some_and(|oldest| oldest.until() <= now) {
            self.lose_oldest();
        }
    }

    fn lose_oldest(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.lose(oldest.id());
        }
    }

    /// The id of the newest entry or lost one.
    #[must_use]
    pub fn newest(&self) -> MessageId {
        self.entries.back().map_or(self.lost, |entry| entry.id().max(self.lost))
    }

    /// The highest id that was here and is gone.
    #[must_use]
    pub const fn lost(&self) -> MessageId {
        self.lost
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }

    /// What a reader gets that has seen everything up to `since` (RET-2 to RET-4).
    #[must_use]
    pub fn since(&self, since: Since) -> Page {
        let (skip, resume) = match since {
            Since::Start => (0, Resume::Complete),
            Since::Unknown => (0, Resume::Reset),
            Since::After(id) => {
                let skip = match self.entries.binary_search_by_key(&id, |entry| entry.id()) {
                    Ok(at) => at.saturating_add(1),
                    // A position that this window gave out, though it shows no message there.
                    Err(at) if id == self.lost => at,
                    Err(_) => 0,
                };
                (skip, if id < self.lost { Resume::Gap } else { Resume::Complete })
            }
        };
        let entries = self.entries.iter().skip(skip).cloned().collect();
        Page { entries, next: self.newest(), resume }
    }
}

#[cfg(test)]
mod tests;
