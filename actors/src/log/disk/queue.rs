//! What the buses hand the thread that writes: here records get their ids, in the order in which they are written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::content::Note;
use super::group::Group;
use crate::log::{
    Done, Feed, Incarnation, LogError, LogState, Proposal, Record, Sequencer, Ticket, Timeline,
};
use crate::model::{BusName, MessageId};

/// Records on their way to the writer. While it writes and syncs one group, the next one gathers here.
///
/// The lock is held for as long as a record is numbered and copied, never during a write or sync.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// A copy of what the sequencer has given out, for readers.
    issued: AtomicU64,
    timeline: Timeline,
}

/// Bytes with which a group is written although more may be at hand.
const LARGE: usize = 256 << 10;

struct State {
    sequencer: Sequencer,
    gathering: Group,
    /// The gathering group is to be written.
    wanted: bool,
    /// The writer is to look whether its segment is to be ended.
    roll: bool,
    /// What proposals meet.
    open: LogState,
}

/// What the writer is to do next.
pub(crate) enum Next {
    /// Write what it was given, and see to what is due.
    Write,
    /// Look whether its segment is to be ended.
    Roll,
    /// End: nothing more comes.
    End,
}

impl Queue {
    /// A queue that gives out ids above `highest`.
    pub(crate) fn new(highest: MessageId, timeline: Timeline) -> Self {
        let state = State {
            sequencer: Sequencer::after(highest),
            gathering: Group::new(),
            wanted: false,
            roll: false,
            open: LogState::Open,
        };
        let issued = AtomicU64::new(highest.as_u64());
        Self { state: Mutex::new(state), wake: Condvar::new(), issued, timeline }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a proposal: numbers it, copies it and does not wait. [`Queue::flush`] has it written, or a group that is
    /// large.
    pub(crate) fn push(&self, proposal: Proposal, ticket: Ticket, feed: &Feed) -> Result<(), LogError> {
        let mut state = self.state();
        state.check()?;
        let count = proposal.ids().ok_or(LogError::TooLong)?;
        let first = state.sequencer.take(count, self.timeline.wall()).ok_or(LogError::NoMoreIds)?;
        self.issued.store(state.sequencer.highest().as_u64(), Ordering::Release);
        // What fails from here on leaves ids that nobody has.
        let record = Arc::new(Record::new(first, proposal).map_err(|_| LogError::NoMoreIds)?);
        state.gathering.push(record, ticket, feed).map_err(|_| LogError::TooLong)?;
        if state.gathering.len() >= LARGE {
            self.write(&mut state);
        }
        Ok(())
    }

    /// Takes the note that a bus was closed, and has it written.
    pub(crate) fn retire(&self, bus: &BusName, done: Done) -> Result<Incarnation, LogError> {
        let mut state = self.state();
        state.check()?;
        let next = Incarnation(state.sequencer.highest());
        let note = Note::Retired { bus: bus.clone(), next };
        state.gathering.push_retired(&note, done).map_err(|_| LogError::TooLong)?;
        self.write(&mut state);
        Ok(next)
    }

    /// Has the writer take what there is, as soon as it can.
    pub(crate) fn flush(&self) {
        let mut state = self.state();
        if !state.gathering.is_empty() {
            self.write(&mut state);
        }
    }

    fn write(&self, state: &mut State) {
        if !state.wanted {
            state.wanted = true;
            self.wake.notify_one();
        }
    }

    /// Has the writer look whether its segment is to be ended.
    pub(crate) fn roll(&self) {
        self.state().roll = true;
        self.wake.notify_one();
    }

    /// The highest id that was given out.
    pub(crate) fn issued(&self) -> MessageId {
        MessageId::from_u64(self.issued.load(Ordering::Acquire))
    }

    /// What the next proposal meets.
    pub(crate) fn log_state(&self) -> LogState {
        self.state().open
    }

    /// The log takes proposals, or what it needs for that is not there for now. Returns what was known before.
    pub(crate) fn set_room(&self, now: LogState) -> LogState {
        let mut state = self.state();
        let before = state.open;
        if before.takes_proposals() {
            state.open = now;
        }
        before
    }

    /// The writer ends when all is written.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        if state.open != LogState::Failed {
            state.open = LogState::Closed;
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Takes nothing any more, and refuses what was not given to the writer.
    pub(crate) fn fail(&self) {
        let mut late = {
            let mut state = self.state();
            // Before anybody is told: whoever posts then is refused at once.
            state.open = LogState::Failed;
            std::mem::replace(&mut state.gathering, Group::new())
        };
        self.wake.notify_one();
        // It has failed already: a panic of whoever is told changes nothing, and is in the process's log.
        _ = late.settle(Err(LogError::Failed));
    }

    /// Waits for records, or for something that is due `within` this time, and takes what is there.
    pub(crate) fn gather(&self, group: &mut Group, within: Option<Duration>) -> Next {
        let mut state = self.state();
        let mut waited = false;
        loop {
            match state.open {
                LogState::Failed => return Next::End,
                LogState::Closed if state.gathering.is_empty() => return Next::End,
                _ => {}
            }
            if state.wanted || state.open == LogState::Closed {
                state.wanted = false;
                std::mem::swap(&mut state.gathering, group);
                return Next::Write;
            }
            if std::mem::take(&mut state.roll) {
                return Next::Roll;
            }
            state = match within {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(rest) if waited || rest.is_zero() => return Next::Write,
                Some(rest) => {
                    waited = true;
                    self.wake.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl State {
    fn check(&self) -> Result<(), LogError> {
        match self.open {
            LogState::Open | LogState::Full | LogState::Starved => Ok(()),
            LogState::Failed => Err(LogError::Failed),
            LogState::Closed => Err(LogError::Closed),
        }
    }
}
