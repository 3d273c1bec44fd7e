//! What a reader asks for and what it gets.

use std::sync::Arc;

use crate::{Entry, MessageId};

/// Where a retrieval starts (RET-2 to RET-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// No position: the whole window.
    Start,
    /// The last message that the reader saw.
    After(MessageId),
    /// A position that no server of ours ever gave out: the whole window, and the reader is told.
    Unknown,
}

impl Since {
    /// Reads the text of a `since` parameter. A text that is not an id is [`Since::Unknown`]: by RET-4
    /// it is not an error.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        text.parse().map_or(Self::Unknown, Self::After)
    }
}

/// Whether a reader missed something between its position and this answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Nothing was missed.
    Complete,
    /// Messages after the position have expired, were evicted, or may have been: the server remembers
    /// what it lost, not what each forgotten channel held.
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

/// The answer to a retrieval.
#[derive(Debug, Clone)]
pub struct Page {
    /// The messages, in the order in which they were accepted (RET-7).
    pub entries: Vec<Arc<Entry>>,
    /// The position to go on from, also when there are no messages.
    pub next: MessageId,
    /// Whether something was missed.
    pub resume: Resume,
}

impl Page {
    /// No messages, and nothing missed.
    pub(crate) const fn empty(next: MessageId) -> Self {
        Self { entries: Vec::new(), next, resume: Resume::Complete }
    }
}
