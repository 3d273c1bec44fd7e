//! A log that holds back what it has taken, until it is told to let it go.

use std::sync::{Arc, Mutex};

use backplane_actors::log::{
    Commit, Done, Extent, Feed, Incarnation, Kept, Log, LogError, LogHealth, MemoryLog, Outcome, Proposal,
    Proposed, RecoveryError, Ticket,
};
use backplane_actors::{BusName, Clock, Epoch, MessageId};

/// Without a disk, and late.
pub(super) struct HeldLog {
    log: MemoryLog,
    held: Arc<Held>,
}

/// What it holds back; nothing, once it is late no more.
pub(super) struct Held(Mutex<Option<Vec<(Commit, Feed)>>>);

impl HeldLog {
    pub(super) fn new() -> (Self, Arc<Held>) {
        let held = Arc::new(Held(Mutex::new(Some(Vec::new()))));
        (Self { log: MemoryLog::default(), held: Arc::clone(&held) }, held)
    }
}

impl Held {
    /// How many POSTs.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap().as_ref().map_or(0, Vec::len)
    }

    /// Lets all of it go, and holds back nothing more.
    pub(super) fn let_go(&self) {
        for (commit, feed) in self.0.lock().unwrap().take().unwrap() {
            feed.tell(Outcome::Committed(vec![commit]));
        }
    }
}

impl Log for HeldLog {
    fn recover(
        &mut self,
        clock: &Arc<dyn Clock>,
        epoch: Epoch,
        visit: &mut dyn FnMut(Kept),
    ) -> Result<Extent, RecoveryError> {
        self.log.recover(clock, epoch, visit)
    }

    fn propose(&self, proposal: Proposal, ticket: Ticket, feed: &Feed) -> Result<Proposed, LogError> {
        let mut held = self.held.0.lock().unwrap();
        let record = match self.log.propose(proposal, ticket, feed)? {
            Proposed::Committed(record) => record,
            pending @ Proposed::Pending => return Ok(pending),
        };
        let commit = Commit { record, ticket: Some(ticket) };
        match &mut *held {
            Some(held) => held.push((commit, feed.clone())),
            // Behind those that were let go: the bus may not have heard of them yet (I-1).
            None => feed.tell(Outcome::Committed(vec![commit])),
        }
        Ok(Proposed::Pending)
    }

    fn flush(&self) {}

    fn issued(&self) -> MessageId {
        self.log.issued()
    }

    fn retire(&self, bus: &BusName, done: Done) -> Result<Incarnation, LogError> {
        self.log.retire(bus, done)
    }

    fn health(&self) -> LogHealth {
        self.log.health()
    }

    fn close(&self) {
        self.log.close();
    }
}
