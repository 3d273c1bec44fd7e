//! Records that are written together, and who is told what became of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::bytes::TooLong;
use super::content::{Note, Stamp, encode};
use super::keep::Keep;
use super::segment::push_frame;
use crate::log::{Commit, Done, Feed, LogError, Outcome, Record, Ticket};
use crate::model::MessageId;

/// Records that are written together.
pub(crate) struct Group {
    /// Frames that have no place yet.
    pub(super) bytes: Vec<u8>,
    /// The last id, and when it was accepted. `None` without records.
    pub(super) last: Option<(MessageId, Stamp)>,
    pub(super) keep: Keep,
    /// By [`Feed::id`]: buses of the same name may follow one another.
    feeds: HashMap<u64, (Feed, Vec<Commit>), RandomState>,
    done: Vec<Done>,
}

/// Whoever was told had a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

impl Group {
    pub(crate) fn new() -> Self {
        let (bytes, feeds, done) = (Vec::new(), HashMap::default(), Vec::new());
        Self { bytes, last: None, keep: Keep::NOTHING, feeds, done }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that it takes in a file.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Somebody waits for it to be on the disk, and not only with the system.
    pub(crate) fn is_urgent(&self) -> bool {
        !self.done.is_empty()
    }

    /// Adds a record. After an error nothing of it is left.
    pub(crate) fn push(&mut self, record: Arc<Record>, ticket: Ticket, feed: &Feed) -> Result<(), TooLong> {
        push_frame(&mut self.bytes, |into| encode(&record, into))?;
        self.follow(&record);
        let commit = Commit { record, ticket: Some(ticket) };
        match self.feeds.entry(feed.id()) {
            Entry::Occupied(told) => told.into_mut().1.push(commit),
            Entry::Vacant(told) => _ = told.insert((feed.clone(), vec![commit])),
        }
        Ok(())
    }

    fn follow(&mut self, record: &Record) {
        debug_assert!(self.last.is_none_or(|(last, _)| record.first() > last), "ids rise within a group");
        self.last = Some((record.last(), Stamp { moment: record.at, wall: record.accepted }));
        self.keep.add(record);
    }

    /// Adds the note that a bus was closed.
    pub(crate) fn push_retired(&mut self, note: &Note, done: Done) -> Result<(), TooLong> {
        push_frame(&mut self.bytes, |into| note.encode(into))?;
        self.keep.retires = true;
        self.done.push(done);
        Ok(())
    }

    /// Adds a frame that another log has kept: of a record, or of something that this program does not know.
    pub(crate) fn push_kept(&mut self, content: &[u8], record: Option<&Record>) -> Result<(), TooLong> {
        push_frame(&mut self.bytes, |into| {
            into.extend_from_slice(content);
            Ok(())
        })?;
        if let Some(record) = record {
            self.follow(record);
        }
        Ok(())
    }

    /// Tells each bus what became of its records, and empties the group. Nobody's panic keeps it from the others.
    pub(crate) fn settle(&mut self, outcome: Result<(), LogError>) -> Result<(), Panicked> {
        let mut panicked = false;
        for (_, (feed, commits)) in self.feeds.drain() {
            let outcome = match outcome {
                Ok(()) => Outcome::Committed(commits),
                Err(error) => {
                    let tickets = commits.into_iter().filter_map(|commit| commit.ticket).collect();
                    Outcome::Refused { tickets, error }
                }
            };
            panicked |= catch_unwind(AssertUnwindSafe(|| feed.tell(outcome))).is_err();
        }
        for done in self.done.drain(..) {
            panicked |= catch_unwind(AssertUnwindSafe(|| done(outcome))).is_err();
        }
        self.bytes.clear();
        // A burst must not be remembered for ever.
        self.bytes.shrink_to(1 << 20);
        (self.last, self.keep) = (None, Keep::NOTHING);
        if panicked { Err(Panicked) } else { Ok(()) }
    }
}
