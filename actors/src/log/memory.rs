//! The log that promises nothing beyond the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Done, Extent, Feed, Incarnation, Kept, Log, LogError, LogHealth, LogState, Proposal, Proposed, Record,
    RecoveryError, Runs, Sequencer, Ticket, Timeline,
};
use crate::clock::Clock;
use crate::model::{BusName, Epoch, MessageId};

/// Keeps nothing: messages live in the windows alone and end with the process.
#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
    /// A copy of what the sequencer has given out, for readers.
    issued: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// `None` before the log was recovered and after it was closed.
    open: Option<(Sequencer, Timeline)>,
}

impl MemoryLog {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for MemoryLog {
    fn recover(
        &mut self,
        clock: &Arc<dyn Clock>,
        epoch: Epoch,
        _visit: &mut dyn FnMut(Kept),
    ) -> Result<Extent, RecoveryError> {
        let timeline = Timeline::fresh(Arc::clone(clock));
        // Ids of an earlier process stand for messages that are lost.
        let born = MessageId::first_at(timeline.wall());
        self.issued.store(born.as_u64(), Ordering::Release);
        self.state().open = Some((Sequencer::after(born), timeline.clone()));
        Ok(Extent {
            highest: born,
            lost: born,
            lost_sticky: born,
            runs: Runs::new(Vec::new(), epoch, born),
            timeline,
        })
    }

    fn propose(&self, proposal: Proposal, _ticket: Ticket, _feed: &Feed) -> Result<Proposed, LogError> {
        let mut state = self.state();
        let (sequencer, timeline) = state.open.as_mut().ok_or(LogError::Closed)?;
        let count = proposal.ids().ok_or(LogError::TooLong)?;
        let first = sequencer.take(count, timeline.wall()).ok_or(LogError::NoMoreIds)?;
        let record = Record::new(first, proposal).map_err(|_| LogError::NoMoreIds)?;
        self.issued.store(record.last().as_u64(), Ordering::Release);
        Ok(Proposed::Committed(Arc::new(record)))
    }

    fn flush(&self) {}

    fn issued(&self) -> MessageId {
        MessageId::from_u64(self.issued.load(Ordering::Acquire))
    }

    fn retire(&self, _bus: &BusName, done: Done) -> Result<Incarnation, LogError> {
        if self.state().open.is_none() {
            return Err(LogError::Closed);
        }
        done(Ok(()));
        Ok(Incarnation(self.issued()))
    }

    fn health(&self) -> LogHealth {
        LogHealth::in_memory(if self.state().open.is_some() { LogState::Open } else { LogState::Closed })
    }

    fn close(&self) {
        self.state().open = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::contract;

    #[test]
    fn the_memory_log_keeps_the_contract() {
        contract::check(MemoryLog::default);
    }
}
