//! What happens beside the writing: the next segment is prepared, and segments that nobody needs any more go.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::{Folder, StoredFile, reserve};
use super::gauges::Gauges;
use super::parts::{Limits, Sealed};
use super::queue::Queue;
use super::refusal::{refusal, refusal_to_open};
use super::segment::name;
use crate::log::{LogError, Timeline};

/// How often segments are looked through for those that have expired.
const EVERY: Duration = Duration::from_secs(1);

/// A segment that holds nothing yet, not even a header.
pub(crate) struct Spare {
    pub(crate) number: u64,
    pub(crate) file: Box<dyn StoredFile>,
}

/// Why there is no next segment.
enum Unmade {
    /// Its file could not be opened: nothing was done.
    NotOpened(io::Error),
    /// It could not be made ready.
    NotReady(io::Error),
}

/// Shared by the writer and the thread that runs [`Keeper::run`].
pub(crate) struct Keeper {
    folder: Arc<dyn Folder>,
    /// The log's time. `None` for a log that is only copied: nothing expires there.
    timeline: Option<Timeline>,
    limits: Limits,
    pub(super) gauges: Gauges,
    state: Mutex<State>,
    wake: Condvar,
    stop: AtomicBool,
}

/// Its lock is held while the next segment is made: only for those who wait for the disk anyway.
struct State {
    spare: Option<Spare>,
    next: u64,
    sealed: VecDeque<Sealed>,
    /// A sync failed: what it was for may never be durable.
    failed: bool,
    /// The oldest segment could not be removed, which was told.
    stuck: bool,
}

impl State {
    /// Bytes of the segments that are complete and the one that comes next.
    fn bytes(&self, size: u64) -> u64 {
        let spare = if self.spare.is_some() { size } else { 0 };
        self.sealed.iter().fold(spare, |sum, sealed| sum.saturating_add(sealed.length))
    }
}

impl Keeper {
    /// A keeper of these segments; the next one gets the number `next`.
    pub(crate) fn new(
        folder: Arc<dyn Folder>,
        timeline: Option<Timeline>,
        limits: Limits,
        sealed: Vec<Sealed>,
        next: u64,
    ) -> Self {
        let state = State { spare: None, next, sealed: sealed.into(), failed: false, stuck: false };
        let (gauges, state, wake) = (Gauges::default(), Mutex::new(state), Condvar::new());
        Self { folder, timeline, limits, gauges, state, wake, stop: AtomicBool::new(false) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next segment, in which `length` bytes are to be written. It is there already, unless the last one was filled
    /// faster than it was made. [`LogError::Full`] where that would be beyond the bound of all segments,
    /// unless the segment before it is `over`: then it makes more room than it takes.
    pub(crate) fn take_spare(&self, length: u64, over: bool) -> Result<Spare, LogError> {
        let mut state = self.state();
        if state.failed {
            return Err(refusal(&io::Error::other("the next segment could not be made durable")));
        }
        if !over && !self.has_room(&state, length) {
            return Err(LogError::Full);
        }
        let spare = match state.spare.take() {
            Some(spare) => spare,
            None => self.make(&mut state).map_err(|unmade| match unmade {
                Unmade::NotOpened(error) => refusal_to_open(&error),
                Unmade::NotReady(error) => refusal(&error),
            })?,
        };
        state.next = spare.number.saturating_add(1);
        Ok(spare)
    }

    /// Whether a next segment of this length keeps within the bound.
    fn has_room(&self, state: &State, length: u64) -> bool {
        let Some(max) = self.limits.max else { return true };
        let size = self.limits.segment;
        // Behind a long one there has to be room for another: else it could never end and expire.
        let next = if length > size { length.saturating_add(size) } else { size };
        let spare = if state.spare.is_some() { size } else { 0 };
        let others = state.bytes(size).saturating_sub(spare);
        others.saturating_add(self.gauges.get().active).saturating_add(next) <= max
    }

    /// A segment that could not be used after all.
    pub(crate) fn give_back(&self, spare: Spare) {
        let mut state = self.state();
        state.next = spare.number;
        state.spare = Some(spare);
    }

    /// A segment is complete, and the one after it is durable.
    pub(crate) fn seal(&self, sealed: Sealed) {
        let mut state = self.state();
        state.sealed.push_back(sealed);
        self.count(&state);
        self.wake.notify_one();
    }

    fn make(&self, state: &mut State) -> Result<Spare, Unmade> {
        let (number, name) = (state.next, name(state.next));
        let file = match self.folder.create(&name) {
            // An attempt that failed half-way left it, or it is no file of ours: then it is not opened.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let file = self.folder.open(&name).map_err(Unmade::NotOpened)?;
                file.set_len(0).map_err(Unmade::NotReady)?;
                file
            }
            created => created.map_err(Unmade::NotOpened)?,
        };
        reserve(&*file, 0, self.limits.segment).map_err(Unmade::NotReady)?;
        if let Err(error) = file.sync().and_then(|()| self.folder.sync()) {
            state.failed = true;
            return Err(Unmade::NotReady(error));
        }
        Ok(Spare { number, file })
    }

    /// One round of work.
    pub(crate) fn tend(&self) {
        let mut state = self.state();
        if state.spare.is_none()
            && !state.failed
            && self.has_room(&state, 0)
            && let Ok(spare) = self.make(&mut state)
        {
            // Where it fails, the writer will try, and meet the reason.
            state.spare = Some(spare);
        }
        drop(state);
        self.cut_tails();
        self.remove_expired();
        let free = self.folder.free();
        self.gauges.set(|numbers| numbers.free = free.ok());
        self.count(&self.state());
    }

    /// Gives back the room that finished segments took beforehand.
    fn cut_tails(&self) {
        let tails: Vec<_> = {
            let mut state = self.state();
            let tails =
                state.sealed.iter_mut().filter_map(|sealed| Some((sealed.number, sealed.tail.take()?)));
            tails.collect()
        };
        for (number, (file, end)) in tails {
            if let Err(error) = file.set_len(end) {
                tracing::warn!(%error, "a finished segment of the log keeps room that it does not need");
                continue;
            }
            if let Some(sealed) = self.state().sealed.iter_mut().find(|sealed| sealed.number == number) {
                sealed.length = end;
            }
        }
    }

    /// The oldest first, each durably: no crash may leave a hole in the numbers.
    fn remove_expired(&self) {
        while let Some(number) = self.expired() {
            let removed = self.folder.unlink(&name(number)).and_then(|()| self.folder.sync());
            let mut state = self.state();
            match removed {
                Ok(()) => {
                    state.sealed.pop_front();
                    state.stuck = false;
                }
                Err(error) => {
                    if !std::mem::replace(&mut state.stuck, true) {
                        tracing::warn!(%error, "an expired segment of the log cannot be removed; trying again");
                    }
                    return;
                }
            }
        }
    }

    fn expired(&self) -> Option<u64> {
        let now = self.timeline.as_ref()?.now();
        let state = self.state();
        let oldest = state.sealed.front()?;
        oldest.keep.is_over(now).then_some(oldest.number)
    }

    fn count(&self, state: &State) {
        let bytes = state.bytes(self.limits.segment);
        let files = state.sealed.iter().map(|_| 1).sum::<u64>() + u64::from(state.spare.is_some());
        let oldest = state.sealed.iter().find_map(|sealed| sealed.keep.oldest());
        self.gauges.set(|numbers| {
            (numbers.others, numbers.files, numbers.others_oldest) = (bytes, files, oldest);
        });
    }

    /// Works until [`Keeper::stop`]. A panic ends the log: nobody would make room any more.
    pub(crate) fn run(&self, queue: &Queue) {
        while !self.stop.load(Ordering::Acquire) {
            let tended = catch_unwind(AssertUnwindSafe(|| {
                self.tend();
                queue.roll();
            }));
            if tended.is_err() {
                tracing::error!("the log's keeper had a panic; nothing is accepted until a restart");
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
        // So that it is not missed between the look and the wait. Who holds the lock now will look after this.
        drop(self.state.try_lock());
        self.wake.notify_one();
    }
}
