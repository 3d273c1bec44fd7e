//! What happens beside the writing: the next segment is prepared, and segments that nobody needs any more go. What is
//! promised in them goes to the kept file before (`kept`).

use std::collections::HashSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::carry::{Undone, append, begin, remove};
use super::file::{Folder, StoredFile, reserve};
use super::gauges::Gauges;
use super::kept::{self, Group};
use super::parts::{Limits, Sealed};
use super::queue::Queue;
use super::refusal::{is_full, refusal, refusal_to_open};
use super::segment::name;
use super::stock::{Stock, Task};
use crate::log::{LogError, Timeline};
use crate::model::Moment;

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
    /// Only the keeper takes from it.
    stock: Stock,
    /// A sync failed: what it was for may never be durable.
    failed: bool,
    /// No room could be made, which was told.
    stuck: bool,
}

/// A sync of the keeper's failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed;

impl State {
    /// Bytes of all but the segment that is written.
    fn bytes(&self, size: u64) -> u64 {
        let spare = if self.spare.is_some() { size } else { 0 };
        self.stock.bytes().saturating_add(spare)
    }
}

impl Keeper {
    /// A keeper of what there is; the next segment gets the number `next`.
    pub(crate) fn new(
        folder: Arc<dyn Folder>,
        timeline: Option<Timeline>,
        limits: Limits,
        stock: Stock,
        next: u64,
    ) -> Self {
        let state = State { spare: None, next, stock, failed: false, stuck: false };
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
            return Err(refusal(&io::Error::other("a file of the log could not be made durable")));
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
        state.stock.sealed.push_back(sealed);
        // The one after it is of this program.
        state.stock.is_old = false;
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
    pub(crate) fn tend(&self) -> Result<(), Failed> {
        if !self.state().stuck {
            self.prepare();
        }
        self.cut_tails();
        while !self.stop.load(Ordering::Acquire) && self.make_room()? {
            // The writer may have filled one meanwhile.
            self.prepare();
        }
        self.prepare();
        let free = self.folder.free();
        self.gauges.set(|numbers| numbers.free = free.ok());
        self.count(&self.state());
        Ok(())
    }

    /// Makes the next segment, if there is none.
    fn prepare(&self) {
        let mut state = self.state();
        if state.spare.is_none()
            && !state.failed
            && self.has_room(&state, 0)
            && let Ok(spare) = self.make(&mut state)
        {
            // Where it fails, the writer will try, and meet the reason.
            state.spare = Some(spare);
        }
    }

    /// Gives back the room that finished segments took beforehand.
    fn cut_tails(&self) {
        let tails: Vec<_> = {
            let mut state = self.state();
            let tails =
                state.stock.sealed.iter_mut().filter_map(|sealed| Some((sealed.number, sealed.tail.take()?)));
            tails.collect()
        };
        for (number, (file, end)) in tails {
            if let Err(error) = file.set_len(end) {
                tracing::warn!(%error, "a finished segment of the log keeps room that it does not need");
                continue;
            }
            if let Some(sealed) = self.state().stock.sealed.iter_mut().find(|sealed| sealed.number == number)
            {
                sealed.length = end;
            }
        }
    }

    /// Does one thing of those that make room, and returns whether there was one.
    fn make_room(&self) -> Result<bool, Failed> {
        let mut done = self.step();
        if let Err(Undone::Yet(error)) = &done
            && is_full(error)
            && self.drop_spare()
        {
            done = self.step();
        }
        let mut state = self.state();
        match done {
            Ok(done) => {
                state.stuck = false;
                Ok(done)
            }
            Err(Undone::Yet(error)) => {
                if !std::mem::replace(&mut state.stuck, true) {
                    tracing::warn!(%error, "what is over in the log cannot be removed; trying again");
                }
                Ok(false)
            }
            // Nothing that was acknowledged is lost. But a disk that fails so is not to be trusted with more, and without room
            // it would end soon.
            Err(Undone::ForGood(error)) => {
                state.failed = true;
                tracing::error!(%error, "a sync of the log failed; nothing is accepted until a restart");
                Err(Failed)
            }
        }
    }

    /// The oldest segment first, each durably: no crash may leave a hole in the numbers.
    fn step(&self) -> Result<bool, Undone> {
        let Some(now) = self.timeline.as_ref().map(Timeline::now) else { return Ok(false) };
        let task = self.state().stock.next(now, self.limits.segment);
        match task {
            Task::Rest => return Ok(false),
            Task::Forget(generation) => {
                remove(&*self.folder, &kept::name(generation))?;
                self.state().stock.former = None;
            }
            Task::Remove(number) => {
                remove(&*self.folder, &name(number))?;
                self.state().stock.removed();
            }
            Task::Begin => {
                let group = Group::settling(self.state().stock.kept.settled)?;
                let kept = begin(&*self.folder, 1, group)?;
                self.state().stock.kept = kept;
            }
            Task::Settle(sticky) => {
                let mut kept = self.state().stock.kept.clone();
                let group = Group::settling(kept.settled.past(sticky))?;
                append(&*self.folder, &mut kept, group)?;
                self.state().stock.kept = kept;
            }
            Task::Carry(number, used) => {
                let bytes = self.folder.read(&name(number))?;
                let mut kept = self.state().stock.kept.clone();
                let settled = kept.settled.past(kept.settled.lost_sticky);
                let group = Group::of((&bytes, number), used, now, &kept.buses, settled)?;
                append(&*self.folder, &mut kept, group)?;
                self.state().stock.kept = kept;
            }
            Task::Renew => self.renew(now)?,
        }
        Ok(true)
    }

    /// Writes the next generation of the kept file.
    fn renew(&self, now: Moment) -> Result<(), Undone> {
        let old = self.state().stock.kept.clone();
        let bytes = self.folder.read(&kept::name(old.generation))?;
        let file = (&bytes[..], kept::owner(old.generation));
        let group = Group::of(file, old.length, now, &HashSet::default(), old.settled)?;
        let kept = begin(&*self.folder, old.generation.saturating_add(1), group)?;
        let mut state = self.state();
        state.stock.former = Some((old.generation, old.length));
        state.stock.kept = kept;
        Ok(())
    }

    /// Gives back the room that the next segment takes, and returns whether there was one.
    fn drop_spare(&self) -> bool {
        let mut state = self.state();
        let Some(spare) = state.spare.take() else { return false };
        // Where it cannot be removed, the next attempt to make one finds it.
        self.folder.unlink(&name(spare.number)).and_then(|()| self.folder.sync()).is_ok()
    }

    fn count(&self, state: &State) {
        let bytes = state.bytes(self.limits.segment);
        let files = state.stock.sealed.iter().map(|_| 1).sum::<u64>() + u64::from(state.spare.is_some());
        let oldest = state.stock.oldest();
        self.gauges.set(|numbers| {
            (numbers.others, numbers.files, numbers.others_oldest) = (bytes, files, oldest);
        });
    }

    /// Works until [`Keeper::stop`]. A panic ends the log: nobody would make room any more.
    pub(crate) fn run(&self, queue: &Queue) {
        while !self.stop.load(Ordering::Acquire) {
            let tended = catch_unwind(AssertUnwindSafe(|| {
                let tended = self.tend();
                queue.roll();
                tended
            }));
            match tended {
                Ok(Ok(())) => {}
                Ok(Err(Failed)) => return queue.fail(),
                Err(_) => {
                    tracing::error!("the log's keeper had a panic; nothing is accepted until a restart");
                    self.state().failed = true;
                    return queue.fail();
                }
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
