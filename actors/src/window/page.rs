//! What a reader gets.

use std::sync::Arc;

use super::Entry;
use crate::model::{MessageId, Position};

/// Whether a reader missed something between its position and this answer. The worse, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resume {
    /// Nothing was missed.
    Complete,
    /// Messages after the position have expired, were evicted, were lost with the run that told them, or may have
    /// been: the server remembers what it lost, not what each forgotten channel held.
    Gap,
    /// The position was never one of this server's.
    Reset,
}

impl Resume {
    /// The word for it in the `Backplane-Resume` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Gap => "gap",
            Self::Reset => "reset",
        }
    }
}

/// Where a window starts to answer: what a [`crate::Since`] means once it was held against the log's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The whole window. What the reader is told was decided by its position alone.
    Whole(Resume),
    /// What is newer than this message, if the window shows it; else the whole window (RET-4).
    After(MessageId),
    /// What is newer than this moment, whether it is a message's or not: of a position that this log gave out.
    Newer(MessageId),
    /// The same of a position that nobody can vouch for: what the reader is told at least (RET-5).
    Doubtful(MessageId, Resume),
}

/// The answer to a retrieval.
#[derive(Debug, Clone)]
pub struct Page {
    /// The messages, in the order in which they were accepted (RET-7).
    pub entries: Vec<Arc<Entry>>,
    /// The position to go on from, also when there are no messages.
    pub next: Position,
    /// Whether something was missed.
    pub resume: Resume,
}

/// A [`Page`] as a window makes it, which knows ids but no runs.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) next: MessageId,
    pub(crate) resume: Resume,
    /// There are more: it ends at the bound that was asked for.
    pub(crate) more: bool,
}

impl Slice {
    /// No messages.
    pub(crate) const fn empty(next: MessageId, resume: Resume) -> Self {
        Self { entries: Vec::new(), next, resume, more: false }
    }
}
