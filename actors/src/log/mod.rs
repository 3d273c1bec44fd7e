//! Where accepted POSTs get their order, their ids and their durability. A bus is a fold over what its log hands back.
//!
//! ```text
//!             propose                          committed | refused | lost
//! Bus ───────────────────► Log ────────────────────────────────────────► Bus: BusState::apply(record)
//!   proposal, ticket        numbers, orders, makes durable   record, ticket if it was ours
//! ```
//!
//! A [`Log`] is given proposals and gives back records, in one order per bus. What it must keep is written at the trait;
//! the contract suite beside this file checks it, and every log runs that suite.
//!
//! | module | what lives there |
//! |---|---|
//! | `record` | pure: one POST, as it is proposed and as it is once it has ids |
//! | `sequencer` | pure: ids that rise strictly |
//! | `runs` | pure: which runs gave out which ids, and so which positions can be believed |
//! | `timeline` | a log's own time, over restarts |
//! | `health` | what a log says of itself |
//! | `memory` | the log that promises nothing beyond the process |
//! | `disk` | the log on disk |
//! | `contract` | the suite that each log runs |
//!
//! # Watermarks
//!
//! All are ids; the order of the table is the order of their sizes within one bus.
//!
//! | word | everything up to it … | where |
//! |---|---|---|
//! | lost | may have existed and is not to be had | [`Extent::lost`], each window |
//! | reaped up to | may have been in a channel that is gone | `channel/directory` |
//! | told up to | was told to those who wait for it | `watch/watchers` |
//! | visible up to | is in the windows, or was | `channel/directory` |
//! | durable | survives what the log's documentation names | `log/disk` |
//! | issued | was given out, or stood for it | [`Log::issued`] |
//! | reserved | may have been given out before its record was durable | `log/disk` |

#[cfg(test)]
pub(crate) mod contract;
mod disk;
mod health;
mod memory;
mod record;
mod runs;
mod sequencer;
mod timeline;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use crate::model::Promise;
#[cfg(test)]
pub(crate) use disk::sim;
pub use disk::{
    Damage, DiskLog, DiskSettings, Durability, Inspection, Progress, Salvaged, SegmentReport, check_folder,
    inspect, is_in_use, repair,
};
pub use health::{LogHealth, LogState, SyncTimes};
pub use memory::MemoryLog;
pub use record::{Incarnation, Item, Items, Keyed, Life, NoSuchIds, Proposal, Record};
pub use runs::{RUNS_MAX, Run, Runs};
pub use sequencer::Sequencer;
pub use timeline::{Anchor, Timeline};

use crate::clock::Clock;
use crate::model::{BusName, Epoch, MessageId};

/// What a bus knows a proposal of its own by. Rises within a bus, from proposal to proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What a log kept, as [`Log::recover`] shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A POST.
    Record(Record),
    /// The bus was closed for good: everything of its name before this place is somebody else's.
    Retired {
        /// Its name.
        bus: BusName,
        /// What a bus of that name is from here on.
        next: Incarnation,
    },
}

/// What a log knows of what was before.
#[derive(Debug)]
pub struct Extent {
    /// All ids that anybody has seen are at or below this one, and new ones are above it (I-1).
    pub highest: MessageId,
    /// Among the messages up to here some may have existed and are not in the log any more; what lies above
    /// is complete. Below the first record, unless the log was salvaged from a damaged one.
    pub lost: MessageId,
    /// The same of sticky messages alone (RET-6): at most `lost`, and as much where nobody knows.
    pub lost_sticky: MessageId,
    /// The runs of the log, the one that begins now included.
    pub runs: Runs,
    /// The log's own time.
    pub timeline: Timeline,
}

/// A proposal that the log has taken.
#[derive(Debug)]
pub enum Proposed {
    /// It is committed already, and so is everything that was proposed before it.
    Committed(Arc<Record>),
    /// The [`Feed`] that came with it will be told.
    Pending,
}

/// Why a log does not take a proposal or could not keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// No room; there may be some later.
    #[error("the log has no room")]
    Full,
    /// The process has no file descriptors left for the log's next file; there may be some later.
    #[error("the process has no file descriptors left for the log; there may be some in a moment")]
    Starved,
    /// The log's format cannot hold so long a record.
    #[error("the messages of one POST are longer together than the log can hold")]
    TooLong,
    /// The ids are used up, which the clock says happens in the year 2527.
    #[error("the log has no more message ids to give out")]
    NoMoreIds,
    /// A write or sync failed: nothing is acknowledged any more until a restart. A record that was pending
    /// when it happened may be there after the restart, whole, or not.
    #[error("the log failed and takes nothing until a restart")]
    Failed,
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a log cannot be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// Another process has it open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The log.
        path: PathBuf,
    },
    /// It was written by another version of this program.
    #[error("{}: format version {found} is not known; this program knows version {known}", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// The version that it names.
        found: u32,
        /// The version that would be right.
        known: u32,
    },
    /// A record is whole and says something that this program does not know: a newer one wrote it.
    #[error("{}: byte {offset} was written by a newer version of this program ({problem})", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// Where, in bytes from the file's start.
        offset: u64,
        /// What is not known.
        problem: &'static str,
    },
    /// Something in it is not as it was written, and acknowledged messages may be among that.
    #[error("{}: damaged at byte {offset}: {problem}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where, in bytes from the file's start.
        offset: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// Others than this process's user may change what is in the folder, so what is found there may be anybody's.
    #[error("{} {problem}", path.display())]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// Why it is so.
        problem: &'static str,
    },
    /// The operating system refused.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        error: std::io::Error,
    },
}

/// A record that is committed.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The record.
    pub record: Arc<Record>,
    /// The ticket of the proposal that it was. `None` when somebody else proposed it.
    pub ticket: Option<Ticket>,
}

/// What a log has to say to a bus.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// These records are committed, in this order and after all that were committed before.
    Committed(Vec<Commit>),
    /// These proposals are refused. Unless the reason is [`LogError::Failed`] they never come back; then they may after a restart,
    /// above everything that was committed before.
    Refused {
        /// Of which proposals.
        tickets: Vec<Ticket>,
        /// Why.
        error: LogError,
    },
    /// Messages up to here may have been committed and are gone: whoever comes from below is told of a gap.
    Lost(MessageId),
}

/// How a log reaches a bus. Cheap to clone, callable from any thread; clones are one feed.
#[derive(Clone)]
pub struct Feed {
    id: u64,
    tell: Arc<dyn Fn(Outcome) + Send + Sync>,
}

impl Feed {
    /// A feed that runs this function.
    pub fn new(tell: impl Fn(Outcome) + Send + Sync + 'static) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), tell: Arc::new(tell) }
    }

    /// Which feed this is: two buses never share one, whatever they are called.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Tells the bus.
    pub fn tell(&self, outcome: Outcome) {
        (self.tell)(outcome);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Feed").field(&self.id).finish()
    }
}

/// What is called once it is known whether something is durable.
pub type Done = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// A message log. Its obligations:
///
/// - **Order.** It numbers what is proposed with ids that rise strictly, and hands each bus its records in the order
///   of their ids (I-1). Proposals of one bus are committed in the order in which they were proposed.
/// - **One order.** The ids of all buses are one sequence: whatever is numbered after [`Log::issued`] was asked is above what it
///   said, and whoever reads there that an id was issued sees what was done before the proposal of that id. A record that
///   somebody else proposed is handed over before `issued` reaches it. So readers of several buses know up to where nothing can
///   come any more (I-9), also of a log that numbers by itself, after it has taken a proposal.
/// - **Atomicity.** A record is committed, and recovered, whole or not at all (I-2).
/// - **Durability.** What is committed survives whatever the log's documentation names.
/// - **Once.** Every proposal that was taken is answered exactly once: by [`Proposed::Committed`], or in the feed that
///   came with it.
/// - **Promptness.** `propose`, `flush`, `issued` and `health` run inside actors: they may copy and queue, never wait.
/// - **Grouping.** Each proposal is followed by a `flush`, soon, but not each by its own. A log may begin
///   earlier, and has begun after it.
pub trait Log: Send + Sync + 'static {
    /// Calls `visit` with everything that is still kept, in id order, and returns what is known of what was before.
    /// Called once, before everything else. `epoch` names the run that begins.
    ///
    /// # Errors
    ///
    /// The kept records cannot be read.
    fn recover(
        &mut self,
        clock: &Arc<dyn Clock>,
        epoch: Epoch,
        visit: &mut dyn FnMut(Kept),
    ) -> Result<Extent, RecoveryError>;

    /// Takes a proposal.
    ///
    /// # Errors
    ///
    /// It was not taken and never will be.
    fn propose(&self, proposal: Proposal, ticket: Ticket, feed: &Feed) -> Result<Proposed, LogError>;

    /// No more proposals are at hand: what was taken is to be made durable now. Logs that gather records
    /// get large groups under load by waiting for this, and lose no time without.
    fn flush(&self);

    /// The highest id that was given out, or that stands for those of earlier runs.
    fn issued(&self) -> MessageId;

    /// Notes that a bus is closed for good, and returns what the next one of its name is. `done` is told once the note is
    /// durable. The bus must have nothing pending.
    ///
    /// # Errors
    ///
    /// The note was not taken; `done` is dropped.
    fn retire(&self, bus: &BusName, done: Done) -> Result<Incarnation, LogError>;

    /// What the log says of itself.
    fn health(&self) -> LogHealth;

    /// Takes no more proposals, makes all pending ones durable and tells so, and gives back what the log holds of the
    /// system. May wait for a disk, for as long as that takes.
    fn close(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_are_told_apart_by_what_they_are_and_not_by_a_name() {
        let (one, other) = (Feed::new(|_| ()), Feed::new(|_| ()));
        assert_eq!(one.id(), one.clone().id());
        assert_ne!(one.id(), other.id());
    }
}
