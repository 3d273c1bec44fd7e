//! What must be seen, worked out from all records that ever were.

use std::sync::Arc;

use crate::log::{Life, Record};
use crate::model::{ChannelName, IdempotencyKey, MessageId, Moment, Posted, Poster};

/// A message of the model.
#[derive(Debug, Clone, Copy)]
struct Kept {
    id: MessageId,
    until: Moment,
}

/// The life of a channel that its last record belongs to.
#[derive(Debug)]
pub(super) struct Lived {
    pub(super) life: Life,
    end: Moment,
    messages: Vec<Kept>,
}

impl Lived {
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.end <= now
    }

    pub(super) fn newest(&self) -> MessageId {
        self.messages.last().unwrap().id
    }

    /// What a window of so many shows of it.
    pub(super) fn shown(&self, now: Moment, capacity: usize) -> Vec<MessageId> {
        shown(&self.messages, now, capacity)
    }
}

fn shown(messages: &[Kept], now: Moment, capacity: usize) -> Vec<MessageId> {
    let window = messages.iter().skip(messages.len().saturating_sub(capacity));
    window.filter(|kept| kept.until > now).map(|kept| kept.id).collect()
}

/// Every record that was committed, in order.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) records: Vec<Arc<Record>>,
}

fn messages(record: &Record) -> impl Iterator<Item = Kept> {
    record.numbered().map(|(id, item)| Kept { id, until: item.until })
}

impl Model {
    pub(super) fn last(&self) -> MessageId {
        self.records.last().map_or(MessageId::ZERO, |record| record.last())
    }

    /// The ids of all messages, or of those of one channel.
    pub(super) fn ids(&self, channel: Option<&ChannelName>) -> Vec<MessageId> {
        let of = |record: &&Arc<Record>| channel.is_none_or(|channel| record.channel == *channel);
        self.records.iter().filter(of).flat_map(|record| messages(record)).map(|kept| kept.id).collect()
    }

    /// The last life of a channel.
    pub(super) fn lived(&self, channel: &ChannelName) -> Option<Lived> {
        let mut lived: Option<Lived> = None;
        for record in self.records.iter().filter(|record| record.channel == *channel) {
            let end = record.idle_until.min(record.until());
            match lived.as_mut().filter(|lived| record.at < lived.end) {
                Some(lived) => {
                    assert_eq!(record.life, lived.life, "it was accepted while the channel was there");
                    lived.end = lived.end.max(end);
                    lived.messages.extend(messages(record));
                }
                None => lived = Some(Lived { life: record.life, end, messages: messages(record).collect() }),
            }
        }
        lived
    }

    /// What the window of the bus shows.
    pub(super) fn bus(&self, now: Moment, capacity: usize) -> Vec<MessageId> {
        let all: Vec<_> = self.records.iter().flat_map(|record| messages(record)).collect();
        shown(&all, now, capacity)
    }

    /// The newest message that a bus window of so many had to let go.
    pub(super) fn evicted(&self, capacity: usize) -> MessageId {
        self.ids(None).iter().rev().nth(capacity).copied().unwrap_or(MessageId::ZERO)
    }

    /// The POST that came with this key and is remembered, and whether its body is the same.
    pub(super) fn keyed(
        &self,
        poster: &Poster,
        channel: &ChannelName,
        key: &IdempotencyKey,
        now: Moment,
    ) -> Option<(bool, Posted)> {
        self.records.iter().rev().find_map(|record| {
            let keyed =
                record.keyed.as_ref().filter(|keyed| record.channel == *channel && keyed.until > now)?;
            let is_same = record.poster == *poster && is_same(&keyed.key, key);
            is_same.then(|| (keyed.key.body() == key.body(), record.posted()))
        })
    }
}

/// Whether these are one key, whatever came with them.
pub(super) fn is_same(one: &IdempotencyKey, other: &IdempotencyKey) -> bool {
    one.as_str() == other.as_str()
}
