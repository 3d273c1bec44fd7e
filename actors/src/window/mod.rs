//! Pure: the most recent messages of a channel or a bus (RET-1), what was promised beside them (RET-9), and what was lost.
//!
//! | module | what lives there |
//! |---|---|
//! | `entry` | a message as windows hold it |
//! | `lost` | what is gone, told apart for readers of all and of sticky messages |
//! | `memory` | what buses hold, given back when it is dropped |
//! | `page` | what a reader gets |
//! | `pool` | what all buses hold, whose it is, and what may be added |
//! | `promised` | the messages about which something was promised |
//! | `shares` | the rule by which a bound is shared |
//! | `table` | things by small numbers |

mod entry;
mod lost;
mod memory;
mod page;
mod pool;
mod promised;
mod shares;
mod table;

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

pub use entry::Entry;
pub(crate) use lost::Lost;
pub use lost::Which;
pub(crate) use memory::{Admitted, Bytes, Held, Holdings, Memory, OneChannel, OneKey};
pub(crate) use page::{Origin, Slice};
pub use page::{Page, Resume};
pub(crate) use pool::{Bounds, Own, Refusal, What};

use self::promised::{Promised, place};
use crate::model::{MessageId, Moment};

/// Whose window it is, and so which promises it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A channel's: it keeps every promise. What would be too much is refused before it is posted.
    Channel,
    /// A bus's: it keeps as many as it holds recent messages, the latest; nobody is refused because of others' channels.
    Bus,
}

/// A bounded run of entries with rising ids, and beside it those of the older ones that were promised and are not over.
///
/// The run loses its oldest entry first, to age or to a newer one, so it always is a contiguous end of all that was ever pushed.
/// One that was promised and is over is not shown any more, and keeps its place in the run until it comes to the front: which messages
/// a run holds depends on nothing but what was pushed. Of whatever is gone the highest id is remembered, and of sticky ones
/// that of theirs: it says whether a reader missed something. It may lie among the entries or above them.
#[derive(Debug)]
pub(crate) struct Window {
    run: VecDeque<Arc<Entry>>,
    /// Most windows have none.
    promised: Option<Box<Promised>>,
    capacity: NonZeroUsize,
    lost: Lost,
    of: Of,
}

impl Window {
    /// An empty window of at most `capacity` recent entries. What `lost` says may have existed before and is gone.
    pub(crate) const fn new(of: Of, capacity: NonZeroUsize, lost: Lost) -> Self {
        Self { run: VecDeque::new(), promised: None, capacity, lost, of }
    }

    /// Notes what may have existed before and is gone. Entries below it are those that were saved: they stay, and whoever
    /// comes from below is told of a gap.
    pub(crate) fn lose(&mut self, lost: Lost) {
        self.lost = self.lost.and(lost);
    }

    /// Adds an entry, whose id must be above all before it. When the run is full its oldest leaves it.
    pub(crate) fn push(&mut self, entry: Arc<Entry>) {
        debug_assert!(entry.id() > self.newest_entry(), "I-1: ids rise within a window");
        while self.run.len() >= self.capacity.get() {
            self.leave();
        }
        if entry.is_promised() {
            self.promised.get_or_insert_default().note(&entry);
        }
        self.run.push_back(entry);
        self.bound_promised();
    }

    /// Holds at most `capacity` recent entries from now on; the oldest leave.
    pub(crate) fn resize(&mut self, capacity: NonZeroUsize) {
        self.capacity = capacity;
        while self.run.len() > capacity.get() {
            self.leave();
        }
        self.bound_promised();
    }

    /// The oldest of the run leaves it. A promised one that is not over is kept beside it.
    fn leave(&mut self) {
        let Some(oldest) = self.run.pop_front() else { return };
        match &mut self.promised {
            Some(promised) if oldest.is_promised() && promised.has(&oldest) => {
                promised.beside.push_back(oldest);
            }
            _ => self.lost.note(&oldest),
        }
    }

    fn bound_promised(&mut self) {
        let Some(promised) = &mut self.promised else { return };
        while self.of == Of::Bus
            && promised.len() > self.capacity.get()
            && let Some(oldest) = promised.evict()
        {
            self.lost.note(&oldest);
        }
    }

    /// Drops what has reached its end.
    ///
    /// One that is not promised and ends before an older one (the bus was given a shorter retention between them) stays as long as
    /// the older one does.
    pub(crate) fn expire(&mut self, now: Moment) {
        if let Some(promised) = &mut self.promised {
            while let Some(over) = promised.over(now, &self.run) {
                self.lost.note(&over);
            }
        }
        while self.has_unpromised()
            && let Some(oldest) = self.run.front()
            && (oldest.is_promised() || oldest.until() <= now)
        {
            // A promised one must not keep what is behind it.
            self.leave();
        }
        if self.run.is_empty() {
            // A burst must not be remembered for ever: a million quiet channels would each keep room for it.
            self.run = VecDeque::new();
        }
        self.promised.take_if(|promised| promised.len() == 0);
    }

    /// Whether the run has any that is not promised, or is over.
    fn has_unpromised(&self) -> bool {
        let promised = self.promised.as_ref().map_or(0, |promised| promised.len() - promised.beside.len());
        self.run.len() > promised
    }

    /// Whether an entry is shown: what was promised and is over may still have a place.
    fn shows(&self, entry: &Entry) -> bool {
        !entry.is_promised() || self.promised.as_ref().is_some_and(|promised| promised.has(entry))
    }

    /// Empties the window, whose channel's life is over. What `lost` says is gone.
    pub(crate) fn begin(&mut self, lost: Lost) {
        (self.run, self.promised) = (VecDeque::new(), None);
        self.lose(lost);
    }

    /// The id of the newest entry or lost one.
    pub(crate) fn newest(&self) -> MessageId {
        self.newest_entry().max(self.lost.of(Which::All))
    }

    fn newest_entry(&self) -> MessageId {
        let newest = self.run.back().or_else(|| self.promised.as_ref()?.beside.back());
        newest.map_or(MessageId::ZERO, |entry| entry.id())
    }

    /// What was here and is gone.
    pub(crate) const fn lost(&self) -> Lost {
        self.lost
    }

    /// The entries, oldest first, those included that only keep their place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.promised.iter().flat_map(|promised| &promised.beside).chain(&self.run)
    }

    fn len(&self) -> usize {
        self.run.len() + self.promised.as_ref().map_or(0, |promised| promised.beside.len())
    }

    /// How many entries there are up to this id.
    fn up_to(&self, id: MessageId) -> usize {
        let in_part = |part: &VecDeque<Arc<Entry>>| part.partition_point(|entry| entry.id() <= id);
        in_part(&self.run) + self.promised.as_ref().map_or(0, |promised| in_part(&promised.beside))
    }

    fn has(&self, id: MessageId) -> bool {
        let is_in = |part: &VecDeque<Arc<Entry>>| {
            place(part, id).ok().and_then(|at| part.get(at)).is_some_and(|entry| self.shows(entry))
        };
        is_in(&self.run) || self.promised.as_ref().is_some_and(|promised| is_in(&promised.beside))
    }

    /// What a reader gets that has seen everything up to its position (RET-2 to RET-6), at most so many entries.
    pub(crate) fn since(&self, origin: Origin, which: Which, most: usize) -> Slice {
        let gap_below_lost = |id| if id < self.lost.of(which) { Resume::Gap } else { Resume::Complete };
        let (skip, resume) = match origin {
            Origin::Whole(resume) => (0, resume),
            Origin::Doubtful(id, resume) => (self.up_to(id), resume.max(gap_below_lost(id))),
            Origin::Newer(id) => (self.up_to(id), gap_below_lost(id)),
            // Also a position that this window gave out, though it shows no message there.
            Origin::After(id) if self.has(id) || id == self.lost.of(Which::All) => {
                (self.up_to(id), gap_below_lost(id))
            }
            Origin::After(id) => (0, gap_below_lost(id)),
        };
        let above = self.iter().skip(skip).filter(|entry| which.wants(entry) && self.shows(entry));
        // Of sticky ones nobody knows how many there are.
        let room = if which == Which::All { (self.len() - skip).min(most) } else { 0 };
        let mut entries = Vec::with_capacity(room);
        // One more tells whether there is more.
        entries.extend(above.take(most.saturating_add(1)).cloned());
        let more = entries.len() > most;
        entries.truncate(most);
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
