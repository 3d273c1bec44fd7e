//! The log on disk: an answered POST survives a kill, a power loss and a full disk.
//!
//! | module | what lives there |
//! |---|---|
//! | `file` | the few operations on files that all else is built on |
//! | `record` | pure: a POST as bytes |
//! | `segment` | pure: a segment file as bytes, and what tells a torn end from damage |
//! | `open` | reading a log back |
//! | `parts` | what reading, writing and expiry hand each other |
//! | `writer` | groups of records on their way to the disk |
//! | `keeper` | the next segment, and those that have expired |
//! | `queue` | the thread that writes |
//! | `walk` | pure: what is whole in a segment, damaged or not |
//! | `inspect` | looking at a log |
//! | `salvage` | copying what is whole in a damaged log |

mod file;
mod inspect;
mod keeper;
mod open;
mod parts;
mod queue;
mod record;
mod salvage;
mod segment;
#[cfg(test)]
mod sim;
mod walk;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use inspect::{Damage, Inspection, SegmentReport, inspect};
pub use open::Progress;
pub use salvage::{Salvaged, repair};

use self::file::{Folder, OsFolder};
use self::keeper::Keeper;
use self::open::{Opened, Visit, open};
use self::queue::Queue;
use self::writer::Writer;
use super::{Appended, Extent, Log, LogError, Notify, Record, Recovered, RecoveryError};
use crate::{Clock, MessageId, SystemClock, Timestamp};

/// When a POST counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it is on the disk: not even a power loss takes it back.
    Sync,
    /// When the operating system has it; it goes to the disk at most this much later. A crash of the system
    /// or a power loss takes what was posted since, a kill of the process takes nothing.
    Interval(Duration),
}

/// How a log on disk is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// The folder, created if need be.
    pub path: PathBuf,
    /// When a POST counts as durable.
    pub durability: Durability,
    /// Bytes of a segment file; more when one POST needs more.
    pub segment: u64,
}

impl DiskSettings {
    /// The usual settings: every POST is synced, segments have 64 MiB.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), durability: Durability::Sync, segment: 64 << 20 }
    }
}

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
/// - No room: the records of the attempt are refused with [`LogError::Full`] and leave nothing; later ones are tried.
/// - Any other failed write or sync: [`LogError::Failed`] until a restart.
/// - A crash while writing: the torn end is cut at the next start. Any other change to the files: not opened.
/// - Segments in which everything has expired are removed.
pub struct DiskLog {
    folder: Arc<dyn Folder>,
    settings: DiskSettings,
    clock: Arc<dyn Clock>,
    report: Report,
    running: Option<Running>,
    lock: Option<Box<dyn Send>>,
}

struct Running {
    queue: Arc<Queue>,
    keeper: Arc<Keeper>,
    threads: Vec<JoinHandle<()>>,
}

impl DiskLog {
    /// Takes the folder for this process; [`Log::recover`] reads it.
    ///
    /// # Errors
    ///
    /// [`RecoveryError::InUse`] when another process has it, [`RecoveryError::Io`] when it cannot be used.
    pub fn open(settings: DiskSettings) -> Result<Self, RecoveryError> {
        let path = settings.path.clone();
        let folder = OsFolder::create(&path).map_err(|error| RecoveryError::Io { path, error })?;
        Self::in_folder(Arc::new(folder), settings)
    }

    fn in_folder(folder: Arc<dyn Folder>, settings: DiskSettings) -> Result<Self, RecoveryError> {
        let lock = folder.lock().map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => RecoveryError::InUse { path: folder.path("") },
            _ => RecoveryError::Io { path: folder.path(""), error },
        })?;
        let (clock, report) = (Arc::new(SystemClock), Box::new(|_: Progress| ()));
        Ok(Self { folder, settings, clock, report, running: None, lock: Some(lock) })
    }

    /// Sets the clock by which segments expire. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets what is told after each segment while the log is read.
    #[must_use]
    pub fn progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.report = Box::new(report);
        self
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.settings.path
    }

    fn start(&mut self, opened: Opened) -> std::io::Result<()> {
        let Opened { extent, written, active, sealed, .. } = opened;
        let (size, next) = (self.settings.segment, active.number.saturating_add(1));
        let keeper =
            Arc::new(Keeper::new(Arc::clone(&self.folder), Arc::clone(&self.clock), size, sealed, next));
        let queue = Arc::new(Queue::new());
        let writer = Writer::new(active, written, extent.highest, size, Arc::clone(&keeper));
        let (durability, mine, own) = (self.settings.durability, Arc::clone(&queue), Arc::clone(&keeper));
        let threads = vec![
            thread::Builder::new()
                .name("log-writer".to_owned())
                .spawn(move || mine.run(writer, durability))?,
            thread::Builder::new().name("log-keeper".to_owned()).spawn(move || own.run())?,
        ];
        self.running = Some(Running { queue, keeper, threads });
        Ok(())
    }
}

impl Log for DiskLog {
    fn recover(&mut self, now: Timestamp, visit: &mut dyn FnMut(Recovered)) -> Result<Extent, RecoveryError> {
        let fresh = MessageId::first_at(now);
        let mut visit = Visit { record: visit, progress: &mut self.report };
        let opened = open(&self.folder, self.settings.segment, fresh, &mut visit)?;
        if opened.cut > 0 {
            tracing::warn!(
                bytes = opened.cut,
                "the log ended in the middle of a write that was never acknowledged; cut off"
            );
        }
        tracing::info!(
            path = %self.settings.path.display(),
            segments = opened.sealed.len() + 1,
            records = opened.records,
            "the message log is open"
        );
        let extent = opened.extent;
        self.start(opened).map_err(|error| RecoveryError::Io { path: self.folder.path(""), error })?;
        Ok(extent)
    }

    fn append(&mut self, record: &Arc<Record>, notify: &Notify) -> Result<Appended, LogError> {
        let running = self.running.as_ref().ok_or(LogError::Closed)?;
        running.queue.push(record, notify).map(|()| Appended::Pending)
    }

    fn flush(&mut self) {
        if let Some(running) = &self.running {
            running.queue.flush();
        }
    }

    fn close(&mut self) {
        if let Some(Running { queue, keeper, threads }) = self.running.take() {
            queue.close();
            keeper.stop();
            for thread in threads {
                // A panic in it was logged, and the next start judges what it left.
                _ = thread.join();
            }
        }
        self.lock = None;
    }
}

impl Drop for DiskLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for DiskLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskLog").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
