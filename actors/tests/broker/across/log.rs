//! A log that does what a test says, when it says so, and numbers when it is proposed to or, by itself, when it commits.

use std::sync::{Arc, Mutex, MutexGuard};

use backplane_actors::log::{
    Commit, Done, Extent, Feed, Incarnation, Kept, Log, LogError, LogHealth, LogState, MemoryLog, Outcome,
    Proposal, Proposed, Record, RecoveryError, Sequencer, Ticket,
};
use backplane_actors::{BusName, Clock, Epoch, MessageId, Timestamp};

/// When a proposal gets its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// When it is proposed: what is proposed later is committed later, over all buses.
    Proposals,
    /// When it is committed: each bus in its own order.
    Commits,
}

/// All clones are one log.
#[derive(Clone)]
pub(crate) struct Steered {
    numbers: Numbers,
    state: Arc<Mutex<State>>,
}

struct State {
    pending: Vec<Pending>,
    sequencer: Sequencer,
}

struct Pending {
    proposal: Proposal,
    first: Option<MessageId>,
    ticket: Ticket,
    feed: Feed,
}

impl Steered {
    pub(crate) fn new(numbers: Numbers) -> Self {
        let state = State { pending: Vec::new(), sequencer: Sequencer::after(MessageId::ZERO) };
        Self { numbers, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn pending(&self) -> usize {
        self.state().pending.len()
    }

    /// Commits a proposal that may be the next, the n-th of those if there are several. Tells whether there was one.
    pub(crate) fn commit(&self, n: usize) -> bool {
        let mut state = self.state();
        // The oldest of its bus, and of all where they are numbered already.
        let is_first = |place: &usize| match self.numbers {
            Numbers::Proposals => *place == 0,
            Numbers::Commits => {
                let bus = &state.pending[*place].proposal.bus;
                !state.pending[..*place].iter().any(|before| before.proposal.bus == *bus)
            }
        };
        let next: Vec<usize> = (0..state.pending.len()).filter(is_first).collect();
        let Some(place) = next.get(n % next.len().max(1)) else { return false };
        let Pending { proposal, first, ticket, feed } = state.pending.remove(*place);
        let first = first.unwrap_or_else(|| state.number(&proposal));
        let record = Arc::new(Record::new(first, proposal).unwrap());
        drop(state);
        feed.tell(Outcome::Committed(vec![Commit { record, ticket: Some(ticket) }]));
        true
    }

    /// Refuses the n-th proposal, if there are any.
    pub(crate) fn refuse(&self, n: usize, error: LogError) {
        let mut state = self.state();
        if state.pending.is_empty() {
            return;
        }
        let place = n % state.pending.len();
        let Pending { ticket, feed, .. } = state.pending.remove(place);
        drop(state);
        feed.tell(Outcome::Refused { tickets: vec![ticket], error });
    }
}

impl State {
    fn number(&mut self, proposal: &Proposal) -> MessageId {
        self.sequencer.take(proposal.ids().unwrap(), Timestamp::EPOCH).unwrap()
    }
}

impl Log for Steered {
    fn recover(
        &mut self,
        clock: &Arc<dyn Clock>,
        epoch: Epoch,
        visit: &mut dyn FnMut(Kept),
    ) -> Result<Extent, RecoveryError> {
        let extent = MemoryLog::default().recover(clock, epoch, visit)?;
        self.state().sequencer = Sequencer::after(extent.highest);
        Ok(extent)
    }

    fn propose(&self, proposal: Proposal, ticket: Ticket, feed: &Feed) -> Result<Proposed, LogError> {
        let mut state = self.state();
        let first = (self.numbers == Numbers::Proposals).then(|| state.number(&proposal));
        state.pending.push(Pending { proposal, first, ticket, feed: feed.clone() });
        Ok(Proposed::Pending)
    }

    fn flush(&self) {}

    fn issued(&self) -> MessageId {
        self.state().sequencer.highest()
    }

    fn retire(&self, bus: &BusName, done: Done) -> Result<Incarnation, LogError> {
        let state = self.state();
        assert!(state.pending.iter().all(|pending| pending.proposal.bus != *bus), "nothing of it is pending");
        let next = Incarnation(state.sequencer.highest());
        drop(state);
        done(Ok(()));
        Ok(next)
    }

    fn health(&self) -> LogHealth {
        LogHealth::in_memory(LogState::Open)
    }

    fn close(&self) {
        while self.commit(0) {}
    }
}
