//! What was here and is gone, told apart for those who read all messages and those who read sticky ones.

use super::Entry;
use crate::model::MessageId;

/// Which messages a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Which {
    /// All of them.
    #[default]
    All,
    /// Sticky ones alone (RET-6).
    Sticky,
}

impl Which {
    /// Whether this is one of them.
    #[must_use]
    pub fn wants(self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Sticky => entry.message().promise().sticky,
        }
    }
}

/// The highest ids that were here, or may have been, and are gone: of whichever message, and of a sticky one. So a reader of
/// sticky messages is not told of a gap in others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    any: MessageId,
    sticky: MessageId,
}

impl Lost {
    pub(crate) const NOTHING: Self = Self::up_to(MessageId::ZERO);

    /// Whatever there was up to here.
    pub(crate) const fn up_to(id: MessageId) -> Self {
        Self { any: id, sticky: id }
    }

    /// Whatever there was up to `any`; but of sticky ones only what there was up to `sticky`.
    pub(crate) fn told_apart(any: MessageId, sticky: MessageId) -> Self {
        Self { any, sticky: sticky.min(any) }
    }

    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { any: self.any.max(other.any), sticky: self.sticky.max(other.sticky) }
    }

    /// This one too.
    pub(super) fn note(&mut self, entry: &Entry) {
        let sticky = if Which::Sticky.wants(entry) { entry.id() } else { MessageId::ZERO };
        *self = self.and(Self { any: entry.id(), sticky });
    }

    /// What those have lost who want these.
    pub(crate) const fn of(self, which: Which) -> MessageId {
        match which {
            Which::All => self.any,
            Which::Sticky => self.sticky,
        }
    }
}
