//! Pure: a bus at work. What it is, and what is on its way to it.

use std::sync::Arc;
use std::time::Duration;

use super::admission::{Admission, Circumstances, Decision};
use super::state::{BusState, Sizes};
use crate::channel::{Directory, Home};
use crate::context::Counters;
use crate::log::{Record, Ticket};
use crate::model::{ChannelName, MessageId, Moment, Posting};
use crate::window::{Origin, Slice};

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

    /// Decides about a POST. What is to be proposed is pending from now on.
    pub(crate) fn post(&mut self, posting: Posting, about: &Circumstances<'_>) -> Decision {
        self.admission.decide(posting, &mut self.state, about)
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
    }

    /// A proposal is refused, and leaves nothing.
    pub(crate) fn refused(&mut self, ticket: Ticket) {
        if let Some((channel, false)) = self.admission.refuse(ticket) {
            self.state.directory().unpin(&channel);
        }
    }

    /// Messages up to here may have existed and are gone.
    pub(crate) fn lost(&mut self, id: MessageId, at: Moment, sizes: Sizes) {
        self.state.lose(id, at, sizes);
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

    pub(crate) fn read(&mut self, origin: Origin, most: usize, now: Moment, sizes: Sizes) -> Slice {
        self.state.read(origin, most, now, sizes)
    }

    /// Makes a channel anew whose actor is gone.
    pub(crate) fn revive(&self, channel: &ChannelName, sizes: Sizes, counters: &Counters) {
        self.state.revive(channel, sizes, counters);
    }
}

#[cfg(test)]
mod tests;
