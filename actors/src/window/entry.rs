//! A message as windows hold it.

use std::mem::size_of;

use super::memory::{Bytes, ENTRY_OVERHEAD, Held};
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
        message.as_bytes().len().saturating_add(ENTRY_OVERHEAD)
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
