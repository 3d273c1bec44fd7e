//! A message as windows hold it.

use std::mem::size_of;

use super::memory::{Bytes, ENTRY_OVERHEAD, Held, PROMISE_OVERHEAD};
use crate::model::{ChannelName, Message, MessageId, Moment};
use std::sync::Arc;

/// An accepted message with its id, its channel and its end. Shared by the windows, never changed.
#[derive(Debug)]
pub struct Entry {
    id: MessageId,
    until: Moment,
    channel: ChannelName,
    message: Message,
    _held: Held<Bytes>,
}

impl Entry {
    /// `held` is what it [costs](Entry::cost).
    pub(crate) fn new(
        id: MessageId,
        until: Moment,
        channel: ChannelName,
        message: Message,
        held: Held<Bytes>,
    ) -> Self {
        Self { id, until, channel, message, _held: held }
    }

    /// What an entry with this message counts against the bound on memory, in bytes.
    pub(crate) fn cost(message: &Message) -> usize {
        const { assert!(ENTRY_OVERHEAD >= size_of::<Entry>() + 2 * size_of::<Arc<Entry>>()) };
        let promised = if message.promise().is_any() { PROMISE_OVERHEAD } else { 0 };
        message.room().saturating_add(ENTRY_OVERHEAD + promised)
    }

    /// Whether its poster was promised anything about it beyond the default retention (RET-9).
    #[must_use]
    pub fn is_promised(&self) -> bool {
        self.message.promise().is_any()
    }

    /// The id, higher than that of every message accepted before it (I-1).
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// When the message's retention ends.
    #[must_use]
    pub fn until(&self) -> Moment {
        self.until
    }

    /// The channel it was posted to.
    #[must_use]
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// The message as it was posted (MSG-3).
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }
}
