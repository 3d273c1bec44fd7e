//! What happens beside the writing: the next segment is prepared, and segments that nobody needs any more go.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::{Folder, StoredFile, reserve};
use super::parts::Sealed;
use super::queue::Queue;
use super::segment::name;
use crate::log::Timeline;

/// How often segments are looked through for those that have expired.
const EVERY: Duration = Duration::from_secs(1);

/// A segment that holds nothing yet, not even a header.
pub(crate) struct Spare {
    pub(crate) number: u64,
    pub(crate) file: Box<dyn StoredFile>,
}

/// Shared by the writer and the thread that runs [`Keeper::run`].
pub(crate) struct Keeper {
    folder: Arc<dyn Folder>,
    /// The log's time. `None` for a log that is only copied: nothing expires there.
    timeline: Option<Timeline>,
    size: u64,
    state: Mutex<State>,
    wake: Condvar,
    stop: AtomicBool,
}

struct State {
    spare: Option<Spare>,
    next: u64,
    sealed: VecDeque<Sealed>,
    /// A sync failed: what it was for may never be durable.
    failed: bool,
}

impl Keeper {
    /// A keeper of these segments; the next one gets the number `next`.
    pub(crate) fn new(
        folder: Arc<dyn Folder>,
        timeline: Option<Timeline>,
        size: u64,
        sealed: Vec<Sealed>,
        next: u64,
    ) -> Self {
        let state = State { spare: None, next, sealed: sealed.into(), failed: false };
        Self {
            folder,
            timeline,
            size,
            state: Mutex::new(state),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next segment. It is there already, unless the last one was filled faster than it was made.
    pub(crate) fn take_spare(&self) -> io::Result<Spare> {
        let mut state = self.state();
        if state.failed {
            return Err(io::Error::other("the next segment could not be made durable"));
        }
        let spare = match state.spare.take() {
            Some(spare) => spare,
            None => self.make(&mut state)?,
        };
        state.next = spare.number.saturating_add(1);
        Ok(spare)
    }

    /// A segment that could not be used after all.
    pub(crate) fn give_back(&self, spare: Spare) {
        let mut state = self.state();
        state.next = spare.number;
        state.spare = Some(spare);
    }

    /// A segment is complete, and the one after it is durable.
    pub(crate) fn seal(&self, sealed: Sealed) {
        self.state().sealed.push_back(sealed);
        self.wake.notify_one();
    }

    fn make(&self, state: &mut State) -> io::Result<Spare> {
        let (number, name) = (state.next, name(state.next));
        let file = match self.folder.create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // An attempt that failed half-way left it.
                let file = self.folder.open(&name)?;
                file.set_len(0)?;
                file
            }
            created => created?,
        };
        reserve(&*file, 0, self.size)?;
        if let Err(error) = file.sync().and_then(|()| self.folder.sync()) {
            state.failed = true;
            return Err(error);
        }
        Ok(Spare { number, file })
    }

    /// One round of work.
    pub(crate) fn tend(&self) {
        let mut state = self.state();
        if state.spare.is_none()
            && !state.failed
            && let Ok(spare) = self.make(&mut state)
        {
            // Where it fails, the writer will try, and meet the reason.
            state.spare = Some(spare);
        }
        let tails: Vec<_> = state.sealed.iter_mut().filter_map(|sealed| sealed.tail.take()).collect();
        drop(state);
        for (file, end) in tails {
            if let Err(error) = file.set_len(end) {
                tracing::warn!(%error, "a finished segment of the log keeps room that it does not need");
            }
        }
        // The oldest first, each durably: no crash may leave a hole in the numbers.
        while let Some(number) = self.expired() {
            if let Err(error) = self.folder.unlink(&name(number)).and_then(|()| self.folder.sync()) {
                tracing::warn!(%error, "an expired segment of the log cannot be removed; trying again");
                return;
            }
            self.state().sealed.pop_front();
        }
    }

    fn expired(&self) -> Option<u64> {
        let now = self.timeline.as_ref()?.now();
        let state = self.state();
        let oldest = state.sealed.front()?;
        oldest.keep.is_over(now).then_some(oldest.number)
    }

    /// Works until [`Keeper::stop`]. A panic ends the log: nobody would make room any more.
    pub(crate) fn run(&self, queue: &Queue) {
        while !self.stop.load(Ordering::Acquire) {
            let tended = catch_unwind(AssertUnwindSafe(|| {
                self.tend();
                queue.roll();
            }));
            if tended.is_err() {
                self.state().failed = true;
                return queue.fail();
            }
            let state = self.state();
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            // Where no spare could be made: not again at once.
            let rest = if state.spare.is_some() { EVERY } else { EVERY / 4 };
            drop(self.wake.wait_timeout(state, rest));
        }
    }

    /// Ends [`Keeper::run`] soon; does not wait for the disk.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // So that it is not missed between the look and the wait; while the lock is held elsewhere, there is no wait.
        drop(self.state.try_lock());
        self.wake.notify_one();
    }
}
