//! Pure: a bus at work. What it is, and what is on its way to it.

use std::sync::Arc;
use std::time::Duration;

use super::admission::{Admission, Circumstances, Decision};
use super::state::{BusState, Sizes};
use crate::channel::{Directory, Home, Read};
use crate::context::Counters;
use crate::log::{Incarnation, Record, Ticket};
use crate::model::{ChannelName, Moment, Posting};
use crate::window::{Lost, Slice};

/// The state of a bus and the POSTs that wait for its log. It is driven by the Bus actor alone.
pub(crate) struct Ledger<H> {
    state: BusState<H>,
    admission: Admission,
}

impl<H: Home> Ledger<H> {
    pub(crate) fn new(state: BusState<H>) -> Self {
        Self { state, admission: Admission::default() }
    }

    /// What readers see of it without asking for it.
    pub(crate) const fn directory(&self) -> &Arc<Directory<H>> {
        self.state.directory()
    }

    pub(crate) const fn incarnation(&self) -> Incarnation {
        self.state.incarnation()
    }

    /// Decides about a POST. What is to be proposed is pending from now on.
    pub(crate) fn post(&mut self, posting: Posting, about: &Circumstances<'_>) -> Decision {
        let decision = self.admission.decide(posting, &mut self.state, about);
        self.note_pending();
        decision
    }

    /// Has readers of several buses know from where on something is pending (I-9): before it is proposed, and again once it is
    /// applied or refused.
    fn note_pending(&self) {
        let directory = self.state.directory();
        // What is committed is committed in the order of the proposals, so the next one is above all that is shown.
        let above = self.admission.pending_above().map(|above| above.max(directory.visible_up_to()));
        directory.note_pending(above);
    }

    /// A record is committed, ours if it comes with a ticket.
    pub(crate) fn committed(
        &mut self,
        record: &Record,
        ticket: Option<Ticket>,
        sizes: Sizes,
        counters: &Counters,
    ) {
        let admitted = ticket.map(|ticket| self.admission.commit(ticket)).unwrap_or_default();
        let pinned = self.admission.is_pending(&record.channel);
        self.state.apply(record, sizes, pinned, admitted, counters);
        self.admission.exists(&record.channel);
        self.note_pending();
    }

    /// A proposal is refused, and leaves nothing.
    pub(crate) fn refused(&mut self, ticket: Ticket) {
        if let Some((channel, false)) = self.admission.refuse(ticket) {
            self.state.directory().unpin(&channel);
        }
        self.note_pending();
    }

    /// This may have existed and is gone.
    pub(crate) fn lost(&mut self, lost: Lost, at: Moment, sizes: Sizes) {
        self.state.lose(lost, at, sizes);
    }

    /// Whether POSTs wait for the log.
    pub(crate) fn has_pending(&self) -> bool {
        !self.admission.is_empty()
    }

    /// Whether POSTs have waited for the log for so long.
    pub(crate) fn stalled(&self, now: Moment, patience: Duration) -> Vec<Ticket> {
        self.admission.stalled(now, patience).collect()
    }

    /// Drops what is over.
    pub(crate) fn expire(&mut self, now: Moment) {
        self.state.expire(now);
    }

    pub(crate) fn read(&mut self, read: Read, now: Moment, sizes: Sizes) -> Slice {
        self.state.read(read, now, sizes)
    }

    /// Makes a channel anew whose actor is gone.
    pub(crate) fn revive(&self, channel: &ChannelName, sizes: Sizes, counters: &Counters) {
        self.state.revive(channel, sizes, counters);
    }
}

#[cfg(test)]
mod tests;
