//! A bus as a log knows it.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use super::PATIENCE;
use crate::log::{Commit, Feed, Log, LogError, Outcome, Proposal, Proposed, Record, Ticket};
use crate::model::MessageId;

/// What one bus was told, in order.
pub(crate) struct Bus {
    pub(crate) feed: Feed,
    told: Receiver<Outcome>,
    next: u64,
    pending: Vec<(Ticket, Proposal)>,
    pub(crate) committed: Vec<Arc<Record>>,
}

impl Bus {
    pub(crate) fn new() -> Self {
        let (sender, told) = channel();
        let sender = Mutex::new(sender);
        // Who has gone is told nothing.
        let feed = Feed::new(move |outcome| _ = sender.lock().unwrap().send(outcome));
        Self { feed, told, next: 0, pending: Vec::new(), committed: Vec::new() }
    }

    /// Proposes, and checks what is committed at once.
    pub(crate) fn propose(&mut self, log: &impl Log, proposal: Proposal) -> Result<(), LogError> {
        self.next += 1;
        let ticket = Ticket(self.next);
        match log.propose(proposal.clone(), ticket, &self.feed)? {
            Proposed::Committed(record) => {
                assert!(self.pending.is_empty(), "what was proposed before is committed before");
                assert_eq!(**record, proposal);
                self.committed.push(record);
            }
            Proposed::Pending => self.pending.push((ticket, proposal)),
        }
        Ok(())
    }

    fn take(&mut self, outcome: Outcome) {
        let Outcome::Committed(commits) = outcome else { panic!("{outcome:?}") };
        for Commit { record, ticket } in commits {
            let (expected, proposal) = self.pending.remove(0);
            assert_eq!(ticket, Some(expected), "in the order of the proposals, each once");
            assert_eq!(**record, proposal, "whole, and as it was proposed");
            assert!(self.committed.last().is_none_or(|last| last.last() < record.first()), "ids rise");
            self.committed.push(record);
        }
    }

    /// Waits until all is answered.
    pub(crate) fn settle(&mut self) {
        while !self.pending.is_empty() {
            let outcome = self.told.recv_timeout(PATIENCE).expect("everything is answered");
            self.take(outcome);
        }
    }

    /// The log is closed: what is not answered now never is.
    pub(crate) fn end(&mut self) {
        while let Ok(outcome) = self.told.try_recv() {
            self.take(outcome);
        }
        assert!(self.pending.is_empty(), "closing leaves nothing pending");
    }

    /// What it was told next, and has not looked at.
    pub(crate) fn told(&self) -> Outcome {
        self.told.recv_timeout(PATIENCE).expect("something is told")
    }

    /// Whether it was told anything that it has not looked at.
    pub(crate) fn is_silent(&self) -> bool {
        self.told.try_recv().is_err()
    }

    /// Proposes, flushes and waits.
    pub(crate) fn post(&mut self, log: &impl Log, proposal: Proposal) -> MessageId {
        self.propose(log, proposal).unwrap();
        log.flush();
        self.settle();
        self.committed.last().unwrap().last()
    }
}
