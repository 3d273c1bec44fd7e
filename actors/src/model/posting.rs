//! What a poster hands in and what it gets back.

use super::{Batch, ChannelName, IdempotencyKey, MessageId, Poster};

/// The messages of one POST: all of them are accepted or none (RET-7).
#[derive(Debug)]
pub struct Posting {
    /// Whose they are: they count against his share of the bus.
    pub poster: Poster,
    /// The channel they go to.
    pub channel: ChannelName,
    /// The messages, in their order.
    pub messages: Batch,
    /// Makes a retry safe (I-2). It is the poster's own: the same text of somebody else is another key.
    pub key: Option<IdempotencyKey>,
}

/// The answer to an accepted POST: its ids, a run without holes in the order of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    first: MessageId,
    count: u32,
}

impl Posted {
    /// The answer to an empty POST (V1-POST-1).
    pub const NOTHING: Self = Self { first: MessageId::ZERO, count: 0 };

    pub(crate) const fn new(first: MessageId, count: u32) -> Self {
        Self { first, count }
    }

    /// The ids, rising, one for each message.
    #[must_use]
    pub fn ids(self) -> impl ExactSizeIterator<Item = MessageId> {
        let first = self.first.as_u64();
        (0..self.count).map(move |n| MessageId::from_u64(first + u64::from(n)))
    }

    /// The highest id, which a reader may use as `since` to see only what comes later. `None` after an empty POST.
    #[must_use]
    pub fn last(self) -> Option<MessageId> {
        self.ids().last()
    }
}
