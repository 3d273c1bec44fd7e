//! The thread that writes, and what the buses hand it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Durability;
use super::writer::{Group, Writer};
use crate::log::{LogError, Notify, Record};

/// Records on their way to the writer. While it writes and syncs one group, the next one gathers here.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

/// Bytes with which a group is written although more may be at hand.
const LARGE: usize = 256 << 10;

struct State {
    gathering: Group,
    /// The gathering group is to be written.
    wanted: bool,
    closing: bool,
    failed: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let state = State { gathering: Group::new(), wanted: false, closing: false, failed: false };
        Self { state: Mutex::new(state), wake: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record; copies it and does not wait. [`Queue::flush`] has it written, or a group that is large.
    pub(crate) fn push(&self, record: &Record, notify: &Notify) -> Result<(), LogError> {
        let mut state = self.state();
        if state.closing {
            return Err(LogError::Closed);
        }
        if state.failed {
            return Err(LogError::Failed);
        }
        state.gathering.push(record, notify).map_err(|_| LogError::Full)?;
        if state.gathering.len() >= LARGE {
            self.write(&mut state);
        }
        Ok(())
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

    /// The writer ends when all is written.
    pub(crate) fn close(&self) {
        self.state().closing = true;
        self.wake.notify_one();
    }

    /// Writes until [`Queue::close`].
    pub(crate) fn run(&self, mut writer: Writer, durability: Durability) {
        let mut group = Group::new();
        let mut due = None;
        while self.gather(&mut group, due) {
            let written =
                catch_unwind(AssertUnwindSafe(|| work(&mut writer, &mut group, durability, &mut due)));
            let outcome = written.unwrap_or(Err(LogError::Failed));
            if outcome == Err(LogError::Failed) {
                // Before anybody is told: whoever posts then is refused at once.
                self.state().failed = true;
            }
            group.settle(outcome);
            if outcome == Err(LogError::Failed) {
                let mut late = std::mem::replace(&mut self.state().gathering, Group::new());
                return late.settle(outcome);
            }
        }
        // A failure is in the log of the process already; the next start will see to the rest.
        _ = writer.close();
    }

    /// Waits for records, or for the time to sync, and takes what is there. Nothing more comes: `false`.
    fn gather(&self, group: &mut Group, due: Option<Instant>) -> bool {
        let mut state = self.state();
        loop {
            if state.wanted || state.closing {
                state.wanted = false;
                std::mem::swap(&mut state.gathering, group);
                return !group.is_empty();
            }
            let Some(due) = due else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let rest = due.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return true;
            }
            state = self.wake.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Writes a group, and syncs when it is time to.
fn work(
    writer: &mut Writer,
    group: &mut Group,
    durability: Durability,
    due: &mut Option<Instant>,
) -> Result<(), LogError> {
    let written = match durability {
        _ if group.is_empty() => Ok(()),
        Durability::Sync => writer.write(group),
        Durability::Interval(_) => writer.reserve(group).and_then(|()| writer.write(group)),
    };
    if written == Err(LogError::Failed) {
        return written;
    }
    // Also when there was no room: what was told durable before goes to the disk in its time.
    match durability {
        Durability::Sync => writer.sync()?,
        Durability::Interval(every) => {
            let now = Instant::now();
            if due.is_some_and(|due| due <= now) {
                writer.sync()?;
            }
            *due = if writer.is_dirty() { due.filter(|due| *due > now).or(Some(now + every)) } else { None };
        }
    }
    written
}
