//! The thread that writes: takes groups from the queue, has them written and synced in time, and tells so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::Durability;
use super::group::{Group, Panicked};
use super::queue::{Next, Queue};
use super::writer::Writer;
use crate::clock::Clock;
use crate::log::{LogError, LogState};

/// Writes until the queue is closed. Whatever happens, everything that was taken is answered: after a failure or a
/// panic as [`LogError::Failed`].
pub(crate) fn run(queue: &Queue, writer: Writer, durability: Durability, clock: Arc<dyn Clock>) {
    if !writer.is_announced() {
        // The start met it.
        _ = tell_room(queue, Err(LogError::Full));
    }
    let mut work = Work { queue, writer, durability, clock, due: None };
    let mut group = Group::new();
    let ended = catch_unwind(AssertUnwindSafe(|| work.all(&mut group)));
    if !matches!(ended, Ok(Ok(()))) {
        if ended.is_err() {
            tracing::error!("the log's writer had a panic; nothing is accepted until a restart");
        }
        queue.fail();
        // It has failed already: a panic of whoever is told changes nothing.
        _ = group.settle(Err(LogError::Failed));
    }
}

struct Work<'a> {
    queue: &'a Queue,
    writer: Writer,
    durability: Durability,
    clock: Arc<dyn Clock>,
    /// When what is written is to be synced, as an uptime.
    due: Option<Duration>,
}

/// The log takes nothing any more.
struct Failed;

impl From<Panicked> for Failed {
    fn from(_: Panicked) -> Self {
        Self
    }
}

impl Work<'_> {
    fn all(&mut self, group: &mut Group) -> Result<(), Failed> {
        loop {
            let within = self.due.map(|due| due.saturating_sub(self.clock.uptime()));
            match self.queue.gather(group, within) {
                Next::Write => {
                    // That nothing was to be written says nothing about room.
                    let tries = !group.is_empty();
                    let outcome = self.write(group);
                    tell_room(self.queue, outcome.map(|()| tries))?;
                    group.settle(outcome)?;
                }
                Next::Roll => {
                    let outcome = self.writer.roll();
                    tell_room(self.queue, outcome)?;
                }
                Next::End if self.queue.log_state() == LogState::Failed => return Err(Failed),
                // A failure is in the log of the process already; the next start will see to the rest.
                Next::End => return self.writer.close(self.queue.issued()).or(Ok(())),
            }
        }
    }

    /// Writes a group, and syncs when it is time to.
    fn write(&mut self, group: &mut Group) -> Result<(), LogError> {
        let written = match self.durability {
            _ if group.is_empty() => Ok(()),
            Durability::Sync => self.writer.write(group),
            Durability::Interval(_) => self.writer.reserve(group).and_then(|()| self.writer.write(group)),
        };
        if written == Err(LogError::Failed) {
            return written;
        }
        // Also when there was no room: what was told before goes to the disk in its time.
        match self.durability {
            Durability::Interval(every) if !group.is_urgent() => {
                let now = self.clock.uptime();
                if self.due.is_some_and(|due| due <= now) {
                    self.writer.sync()?;
                }
                let next = || self.due.filter(|due| *due > now).or(Some(now.saturating_add(every)));
                self.due = if self.writer.is_dirty() { next() } else { None };
            }
            _ => {
                self.writer.sync()?;
                self.due = None;
            }
        }
        written
    }
}

/// That there is no room, or no file descriptor, is told once when it begins and once when it ends: when something was
/// written.
fn tell_room(queue: &Queue, written: Result<bool, LogError>) -> Result<(), Failed> {
    let now = match written {
        Err(LogError::Failed) => return Err(Failed),
        Err(LogError::Starved) => LogState::Starved,
        Err(_) => LogState::Full,
        Ok(true) => LogState::Open,
        Ok(false) => return Ok(()),
    };
    let before = queue.set_room(now);
    match (before, now) {
        _ if before == now || !before.takes_proposals() => {}
        (_, LogState::Full) => tracing::warn!("the log has no room; POSTs are refused until there is some"),
        (_, LogState::Starved) => {
            tracing::warn!(
                "no file descriptors are left for the log; POSTs are refused until there are some"
            );
        }
        (LogState::Starved, _) => tracing::info!("there are file descriptors for the log again"),
        _ => tracing::info!("the log has room again"),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
