//! What must be seen, worked out from all records that ever were.

use std::sync::Arc;

use crate::log::{Life, Record};
use crate::model::{ChannelName, IdempotencyKey, MessageId, Moment, Posted, Poster, Promise};
use crate::window::Which;

/// A message of the model.
#[derive(Debug, Clone, Copy)]
struct Kept {
    id: MessageId,
    until: Moment,
    promise: Promise,
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

    /// What a window of so many shows of it, apart from promises if those above `floor` are all that is left.
    pub(super) fn shown(
        &self,
        now: Moment,
        capacity: usize,
        which: Which,
        floor: MessageId,
    ) -> Vec<MessageId> {
        let recent = self.messages.len().saturating_sub(capacity);
        let is_shown = |(n, kept): &(usize, &Kept)| {
            kept.until > now
                && is_wanted(kept, which)
                && (kept.promise.is_any() || *n >= recent && kept.id > floor)
        };
        self.messages.iter().enumerate().filter(is_shown).map(|(_, kept)| kept.id).collect()
    }

    /// How many messages are promised and not over.
    pub(super) fn promised(&self, now: Moment) -> usize {
        self.messages.iter().filter(|kept| kept.until > now && kept.promise.is_any()).count()
    }
}

fn is_wanted(kept: &Kept, which: Which) -> bool {
    which == Which::All || kept.promise.sticky
}

/// Every record that was committed, in order.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) records: Vec<Arc<Record>>,
}

fn messages(record: &Record) -> impl Iterator<Item = Kept> {
    record.numbered().map(|(id, item)| Kept { id, until: item.until, promise: item.promise })
}

impl Model {
    pub(super) fn last(&self) -> MessageId {
        self.records.last().map_or(MessageId::ZERO, |record| record.last())
    }

    /// The ids of all messages, or of those of one channel.
    pub(super) fn ids(&self, channel: Option<&ChannelName>, which: Which) -> Vec<MessageId> {
        let of = |record: &&Arc<Record>| channel.is_none_or(|channel| record.channel == *channel);
        let all = self.records.iter().filter(of).flat_map(|record| messages(record));
        all.filter(|kept| is_wanted(kept, which)).map(|kept| kept.id).collect()
    }

    /// The last life of a channel.
    pub(super) fn lived(&self, channel: &ChannelName) -> Option<Lived> {
        let mut lived: Option<Lived> = None;
        for record in self.records.iter().filter(|record| record.channel == *channel) {
            let promised = record.items.iter().filter(|item| item.promise.is_any()).map(|item| item.until);
            let end = record.idle_until.min(record.until()).max(promised.max().unwrap_or(Moment::ZERO));
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

    /// What the window of the bus shows at least, and at most: of older promised messages it need not keep more than it has room for.
    pub(super) fn bus(&self, now: Moment, capacity: usize, which: Which) -> (Vec<MessageId>, Vec<MessageId>) {
        let all: Vec<_> = self.records.iter().flat_map(|record| messages(record)).collect();
        let recent = all.len().saturating_sub(capacity);
        let promised: Vec<_> = all.iter().filter(|kept| kept.promise.is_any()).map(|kept| kept.id).collect();
        let sure = promised.len().checked_sub(capacity).map_or(MessageId::ZERO, |n| promised[n]);
        let shown = |is_kept: &dyn Fn(&Kept) -> bool| {
            let is_shown = |(n, kept): &(usize, &Kept)| {
                kept.until > now
                    && is_wanted(kept, which)
                    && (*n >= recent || kept.promise.is_any() && is_kept(kept))
            };
            all.iter().enumerate().filter(is_shown).map(|(_, kept)| kept.id).collect()
        };
        (shown(&|kept| kept.id >= sure), shown(&|_| true))
    }

    /// The newest message that a bus window of so many had to let go.
    pub(super) fn evicted(&self, capacity: usize) -> MessageId {
        self.ids(None, Which::All).iter().rev().nth(capacity).copied().unwrap_or(MessageId::ZERO)
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
