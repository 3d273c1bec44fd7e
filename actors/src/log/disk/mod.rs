//! The log on disk: an answered POST survives a kill, a power loss and a full disk.
//!
//! | module | what lives there |
//! |---|---|
//! | `settings` | how it is run |
//! | `file` | the few operations on files that all else is built on |
//! | `folder` | the same of the operating system, in a folder that is this process's alone |
//! | `bytes` | pure: numbers and texts as bytes |
//! | `record` | pure: a POST as bytes |
//! | `content` | pure: what a frame holds as bytes: a POST, or a note of the log's own |
//! | `segment` | pure: a segment file as bytes, and what tells a torn end from damage |
//! | `walk` | pure: the one place that reads frames, damaged or not |
//! | `history` | pure: what the frames tell of runs, ids and time |
//! | `tally` | pure: how many bytes live until when |
//! | `keep` | pure: until when the records of a file are needed |
//! | `kept` | pure: the file with what was promised in segments that are gone; reading it back |
//! | `read` | reading a log back |
//! | `open` | making it ready for the next record |
//! | `parts` | what reading, writing and expiry hand each other |
//! | `group` | records that are written together, and who is told |
//! | `refusal` | what a poster is told of an error of the file system |
//! | `writer` | groups of records on their way to the disk |
//! | `stock` | what there is beside the segment that is written, and what is to be done about it |
//! | `carry` | writing the kept file |
//! | `keeper` | the next segment, and those in which nothing is needed but what was promised |
//! | `gauges` | what the log says of itself |
//! | `queue` | where proposals get their ids and wait for the writer |
//! | `thread` | the thread that writes |
//! | `inspect` | looking at a log |
//! | `rescue` | pure: what is whole in a kept file |
//! | `salvage` | copying what is whole in a damaged log |

mod bytes;
mod carry;
mod content;
mod file;
mod folder;
mod gauges;
mod group;
mod history;
mod inspect;
mod keep;
mod keeper;
mod kept;
mod open;
mod parts;
mod queue;
mod read;
mod record;
mod refusal;
mod rescue;
mod salvage;
mod segment;
mod settings;
#[cfg(test)]
pub(crate) mod sim;
mod stock;
mod tally;
mod thread;
mod walk;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

#[cfg(test)]
pub(crate) use record::tests::record as record_of_any_kind;

pub use inspect::{Damage, Inspection, SegmentReport, inspect};
pub use read::Progress;
pub use salvage::{Salvaged, repair};
pub use settings::{DiskSettings, Durability};

use self::content::Note;
use self::file::Folder;
use self::folder::OsFolder;
pub use self::folder::{check_folder, is_in_use};
use self::history::Begun;
use self::keeper::Keeper;
use self::open::{Opened, open};
use self::parts::Limits;
use self::queue::Queue;
use self::read::Visit;
use self::writer::Writer;
use super::{
    Done, Extent, Feed, Incarnation, Kept, Log, LogError, LogHealth, LogState, Proposal, Proposed,
    RecoveryError, Ticket,
};
use crate::clock::Clock;
use crate::model::{BusName, Epoch, MessageId};

type Report = Box<dyn FnMut(Progress) + Send>;

/// A log in a folder of its own.
///
/// # What it promises
///
/// One log holds all buses in id order, one record per POST. Records that are at hand together, and those that
/// arrive while the disk is busy, are written and synced together (group commit). With [`Durability::Sync`] a POST is told durable once
/// `fdatasync` has returned: neither a kill nor a power loss takes it back, as far as the disk keeps its word.
/// With [`Durability::Interval`] it is told once the system has it: a kill takes nothing, a crash of the system
/// may take what was posted during the last interval.
///
/// - No room on the disk, or none within [`DiskSettings::max`]: the records of the attempt are refused with [`LogError::Full`] and leave nothing; later ones are tried.
/// - No file descriptor for the next segment: the same with [`LogError::Starved`]. What else is opened while it runs is tried
///   again.
/// - Any other failed write or sync: [`LogError::Failed`] until a restart.
/// - A crash while writing: the torn end is cut at the next start. Any other change to the files: not opened.
/// - Segments in which everything has expired are removed. A segment ends when it is full, and when it has been written
///   for as long as its records are kept. What was promised for longer is carried to a file of its own, and so it holds
///   back neither.
/// - What asks and proposes never waits for the disk, also when that hangs.
///
/// # How it ends
///
/// [`Log::close`] waits until all is on the disk. A log that is dropped without does the same, and nobody waits for it:
/// its threads end by themselves, and the folder is free for another log when they have.
pub struct DiskLog {
    folder: Arc<dyn Folder>,
    settings: DiskSettings,
    report: Mutex<Report>,
    /// `None` before the log was recovered.
    running: Option<Running>,
    lock: Mutex<Option<Lock>>,
}

/// Keeps other processes out of the folder for as long as anybody has it.
type Lock = Arc<dyn Send + Sync>;

struct Running {
    queue: Arc<Queue>,
    keeper: Arc<Keeper>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl DiskLog {
    /// Takes the folder for this process; [`Log::recover`] reads it.
    ///
    /// # Errors
    ///
    /// [`RecoveryError::InUse`] when another process has it, [`RecoveryError::NotPrivate`] when others may change it,
    /// [`RecoveryError::Io`] when it cannot be used.
    pub fn open(settings: DiskSettings) -> Result<Self, RecoveryError> {
        let path = settings.path.clone();
        let folder = OsFolder::create(&path)?;
        Self::in_folder(Arc::new(folder), settings)
    }

    pub(crate) fn in_folder(folder: Arc<dyn Folder>, settings: DiskSettings) -> Result<Self, RecoveryError> {
        let lock = folder.lock().map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => RecoveryError::InUse { path: folder.path("") },
            _ => RecoveryError::Io { path: folder.path(""), error },
        })?;
        let lock = Mutex::new(Some(Lock::from(lock)));
        Ok(Self { folder, settings, report: Mutex::new(Box::new(|_: Progress| ())), running: None, lock })
    }

    /// Sets what is told after each segment while the log is read.
    #[must_use]
    pub fn progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.report = Mutex::new(Box::new(report));
        self
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.settings.path
    }

    fn limits(&self) -> Limits {
        Limits::of(self.settings.segment, self.settings.max)
    }

    fn start(&mut self, opened: Opened, begun: &Begun, clock: &Arc<dyn Clock>) -> std::io::Result<()> {
        let Opened { history, active, stock, .. } = opened;
        let Begun { start, timeline, .. } = begun;
        let (limits, next) = (self.limits(), active.number.saturating_add(1));
        let keeper = Keeper::new(Arc::clone(&self.folder), Some(timeline.clone()), limits, stock, next);
        let keeper = Arc::new(keeper);
        let queue = Arc::new(Queue::new(start.from, timeline.clone()));
        let writer = Writer::new(active, history, limits, Arc::clone(&keeper));
        let mut writer = writer.run(Note::Run(*start), timeline.clone(), Arc::clone(clock));
        match writer.announce() {
            // What was stored can be read all the same. It is written before anything is taken.
            Err(LogError::Full | LogError::Starved) | Ok(()) => {}
            Err(error) => return Err(std::io::Error::other(error)),
        }
        let running = Running { queue, keeper, threads: Mutex::default() };
        let spawned = self.spawn(&running, writer, clock);
        if spawned.is_err() {
            running.end();
        }
        self.running = Some(running);
        spawned
    }

    /// The threads own what they need: whoever drops the log need not wait for them.
    fn spawn(&self, running: &Running, writer: Writer, clock: &Arc<dyn Clock>) -> std::io::Result<()> {
        let (queue, durability, clock) =
            (Arc::clone(&running.queue), self.settings.durability, Arc::clone(clock));
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let writing = Builder::new().name("log-writer".to_owned()).spawn({
            let lock = lock.clone();
            move || {
                thread::run(&queue, writer, durability, clock);
                drop(lock);
            }
        })?;
        running.threads().push(writing);
        let (queue, keeper) = (Arc::clone(&running.queue), Arc::clone(&running.keeper));
        let keeping = Builder::new().name("log-keeper".to_owned()).spawn(move || {
            keeper.run(&queue);
            drop(lock);
        })?;
        running.threads().push(keeping);
        Ok(())
    }
}

impl Running {
    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The threads are to end when all is done.
    fn end(&self) {
        self.queue.close();
        self.keeper.stop();
    }
}

impl Log for DiskLog {
    fn recover(
        &mut self,
        clock: &Arc<dyn Clock>,
        epoch: Epoch,
        visit: &mut dyn FnMut(Kept),
    ) -> Result<Extent, RecoveryError> {
        let fresh = MessageId::first_at(clock.wall());
        let size = self.limits().segment;
        let progress = self.report.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut visit = Visit { kept: visit, progress };
        let mut opened = open(&self.folder, size, fresh, &mut visit)?;
        if opened.cut > 0 {
            tracing::warn!(
                bytes = opened.cut,
                "the log ended in the middle of a write that was never acknowledged; cut off"
            );
        }
        let (segments, records) = (opened.stock.sealed.len() + 1, opened.records);
        let (lost, lost_sticky) = (opened.lost, opened.lost_sticky);
        let begun = opened.history.begin(epoch, lost_sticky, Arc::clone(clock));
        let path = self.folder.path("");
        self.start(opened, &begun, clock).map_err(|error| RecoveryError::Io { path, error })?;
        tracing::info!(path = %self.settings.path.display(), segments, records, "the message log is open");
        let Begun { start, timeline, runs } = begun;
        Ok(Extent { highest: start.from, lost, lost_sticky, runs, timeline })
    }

    fn propose(&self, proposal: Proposal, ticket: Ticket, feed: &Feed) -> Result<Proposed, LogError> {
        let running = self.running.as_ref().ok_or(LogError::Closed)?;
        running.queue.push(proposal, ticket, feed).map(|()| Proposed::Pending)
    }

    fn flush(&self) {
        if let Some(running) = &self.running {
            running.queue.flush();
        }
    }

    fn issued(&self) -> MessageId {
        self.running.as_ref().map_or(MessageId::ZERO, |running| running.queue.issued())
    }

    fn retire(&self, bus: &BusName, done: Done) -> Result<Incarnation, LogError> {
        self.running.as_ref().ok_or(LogError::Closed)?.queue.retire(bus, done)
    }

    fn health(&self) -> LogHealth {
        match &self.running {
            Some(running) => running.keeper.gauges.health(running.queue.log_state()),
            None => LogHealth::in_memory(LogState::Closed),
        }
    }

    fn close(&self) {
        if let Some(running) = &self.running {
            running.end();
            // Under the lock: whoever closes at the same time waits as well.
            for thread in running.threads().drain(..) {
                // A panic in it was logged, and the next start judges what it left.
                _ = thread.join();
            }
        }
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for DiskLog {
    /// A thread may be stuck in a disk that hangs.
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.end();
        }
    }
}

impl fmt::Debug for DiskLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskLog").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
