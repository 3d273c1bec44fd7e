//! Pure: what a channel has promised (RET-9), known without asking whoever has its window.

use std::sync::Arc;

use crate::model::{MessageId, Moment};
use crate::window::{Entry, Which};

/// The promised messages of a channel's life that are not over.
#[derive(Debug)]
pub(super) struct Promises {
    /// In the order of ids. No more than a window holds, but for those that a log brought back.
    kept: Vec<Arc<Entry>>,
    /// When the last of them ends.
    until: Moment,
    /// The highest sticky one that is over.
    over: MessageId,
}

impl Promises {
    /// Those among new messages. `None`: there are none, as mostly.
    pub(super) fn of(entries: &[Arc<Entry>]) -> Option<Box<Self>> {
        let mut promises = None;
        Self::add(&mut promises, entries);
        promises
    }

    /// Adds those among new messages.
    pub(super) fn add(to: &mut Option<Box<Self>>, entries: &[Arc<Entry>]) {
        for entry in entries.iter().filter(|entry| entry.is_promised()) {
            let promises = to.get_or_insert_with(|| {
                Box::new(Self { kept: Vec::new(), until: Moment::ZERO, over: MessageId::ZERO })
            });
            debug_assert!(promises.kept.last().is_none_or(|last| last.id() < entry.id()), "I-1: ids rise");
            promises.until = promises.until.max(entry.until());
            promises.kept.push(Arc::clone(entry));
        }
    }

    /// Lets go of those that are over.
    pub(super) fn expire(&mut self, now: Moment) {
        for over in self.kept.extract_if(.., |entry| entry.until() <= now) {
            if Which::Sticky.wants(&over) {
                self.over = self.over.max(over.id());
            }
        }
    }

    /// Those that are not known to be over, in the order of their ids.
    pub(super) fn kept(&self) -> &[Arc<Entry>] {
        &self.kept
    }

    /// When the last of them ends.
    pub(super) const fn until(&self) -> Moment {
        self.until
    }

    /// When the next of them ends.
    pub(super) fn next_end(&self) -> Option<Moment> {
        self.kept.iter().map(|entry| entry.until()).min()
    }

    /// The highest sticky one that is known to be over.
    pub(super) const fn over(&self) -> MessageId {
        self.over
    }

    /// The last sticky one.
    pub(super) fn last_sticky(&self) -> MessageId {
        let last = self.kept.iter().rev().find(|entry| Which::Sticky.wants(entry));
        last.map_or(self.over, |last| last.id().max(self.over))
    }
}
