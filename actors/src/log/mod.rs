//! Where accepted messages are made durable.
//!
//! A [`Log`] takes whole POSTs in id order and says when they are safe. What it must keep is written at
//! the trait; the contract suite beside this file checks it, and every log runs that suite.

#[cfg(test)]
pub(crate) mod contract;
mod disk;
mod memory;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use disk::{
    Damage, DiskLog, DiskSettings, Durability, Inspection, Progress, Salvaged, SegmentReport, inspect, repair,
};
pub use memory::MemoryLog;

use crate::{BusName, ChannelName, Entry, IdempotencyKey, Message, MessageId, Timestamp};

/// One accepted POST.
#[derive(Debug)]
pub struct Record {
    /// The bus.
    pub bus: BusName,
    /// The channel.
    pub channel: ChannelName,
    /// The messages, at least one, with ids that rise by 1.
    pub entries: Vec<Arc<Entry>>,
    /// The idempotency key that came with it.
    pub key: Option<IdempotencyKey>,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// Until when the log keeps it: its messages and its idempotency key are over then.
    pub kept_until: Timestamp,
}

impl Record {
    /// The id of the record's last message.
    #[must_use]
    pub fn last(&self) -> MessageId {
        self.entries.last().map_or(MessageId::ZERO, |entry| entry.id())
    }
}

/// One POST as a log read it back.
#[derive(Debug)]
pub struct Recovered {
    /// The bus.
    pub bus: BusName,
    /// The channel.
    pub channel: ChannelName,
    /// The id of the first message; those of the others follow without holes.
    pub first: MessageId,
    /// The messages, at least one.
    pub messages: Vec<Message>,
    /// When they were accepted.
    pub accepted: Timestamp,
    /// When their retention ends.
    pub until: Timestamp,
    /// The idempotency key that came with them.
    pub key: Option<IdempotencyKey>,
    /// Until when the log keeps them.
    pub kept_until: Timestamp,
}

impl Recovered {
    /// The id of the last message.
    #[must_use]
    pub fn last(&self) -> MessageId {
        let more = u64::try_from(self.messages.len()).unwrap_or(u64::MAX).saturating_sub(1);
        MessageId::from_u64(self.first.as_u64().saturating_add(more))
    }
}

/// What a log knows of ids that were given out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// All ids that anybody has seen are at or below this one, and new ones are above it (I-1).
    pub highest: MessageId,
    /// Among the messages up to here some may have existed and are not in the log any more; what lies above
    /// is complete. Below the first record, unless the log was salvaged from a damaged one.
    pub lost: MessageId,
}

/// Whether an appended record is durable already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is.
    Durable,
    /// The log will tell the [`Notify`] that came with it.
    Pending,
}

/// Why a log does not take or could not keep a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// No room; there may be some later.
    #[error("the log has no room")]
    Full,
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

/// What became of a pending record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every record of this bus up to and including this id is durable.
    Durable(MessageId),
    /// Every record of this bus that is still pending, up to and including this id, is refused and never
    /// comes back. Records appended since are not meant: they get their own outcome.
    Refused {
        /// The last of them.
        up_to: MessageId,
        /// Why.
        error: LogError,
    },
}

/// How a log reaches the bus that waits for a record. Cheap to clone, callable from any thread.
#[derive(Clone)]
pub struct Notify(Arc<dyn Fn(Outcome) + Send + Sync>);

impl Notify {
    /// A notification that runs this function.
    pub fn new(tell: impl Fn(Outcome) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells the bus.
    pub fn tell(&self, outcome: Outcome) {
        (self.0)(outcome);
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify")
    }
}

/// A message log. Its obligations:
///
/// - **Order.** Records are appended with rising ids, over all buses. A log keeps and recovers them in
///   that order, and tells each bus of durability in that order (I-1).
/// - **Atomicity.** A record is recovered whole or not at all (I-2).
/// - **Durability.** What was told durable survives whatever the log's documentation names. A record for
///   which `append` returned [`Appended::Pending`] is told exactly once, itself or by a later id of its bus.
/// - **Promptness.** `append` and `flush` run inside a bus actor: they may copy and queue, never wait.
/// - **Grouping.** Each append is followed by a `flush`, soon, but not each by its own. A log may begin
///   earlier, and has begun after it.
pub trait Log: Send + 'static {
    /// Calls `visit` with every record that is still kept, in id order, and returns what is known of
    /// earlier ids. Called once, before the first append.
    ///
    /// # Errors
    ///
    /// The kept records cannot be read.
    fn recover(&mut self, now: Timestamp, visit: &mut dyn FnMut(Recovered)) -> Result<Extent, RecoveryError>;

    /// Takes a record.
    ///
    /// # Errors
    ///
    /// The record was not taken and never will be.
    fn append(&mut self, record: &Arc<Record>, notify: &Notify) -> Result<Appended, LogError>;

    /// No more records are at hand: what was appended is to be made durable now. Logs that gather records
    /// get large groups under load by waiting for this, and lose no time without.
    fn flush(&mut self) {}

    /// Makes all pending records durable, tells so, and takes no more.
    fn close(&mut self);
}
