//! Pure: one accepted POST, as it is proposed and as it is once the log has numbered it.

use std::ops::Deref;

use crate::model::{
    Batch, BusName, ChannelName, IdempotencyKey, Message, MessageId, Moment, Posted, Poster, Promise,
    Timestamp,
};

/// Which bus of a name: everything of that name up to this id belongs to somebody who had the name before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation(pub MessageId);

impl Incarnation {
    /// The first bus of its name.
    pub const FIRST: Self = Self(MessageId::ZERO);
}

/// Which life of a channel: a higher number than that of the life before, if it has expired meanwhile.
///
/// Whether a POST begins a life or continues one is decided once, when it is accepted (RET-8), and stands in its
/// record: a record of a higher life than its channel's begins that life. Any other continues the channel's, unless by
/// the records before it that was over when the POST was accepted: what it was to continue was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Life(pub u64);

/// One message of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The message.
    pub message: Message,
    /// When its retention ends (RET-9).
    pub until: Moment,
    /// What was promised about it.
    pub promise: Promise,
}

/// The messages of a record: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items(Vec<Item>);

impl Items {
    /// These messages, if there are any.
    #[must_use]
    pub fn new(items: Vec<Item>) -> Option<Self> {
        if items.is_empty() { None } else { Some(Self(items)) }
    }

    /// The messages of a batch, each with the end that is found for it. `None` for an empty batch.
    pub(crate) fn of_batch<E>(
        batch: Batch,
        until: impl Fn(&Message) -> Result<Moment, E>,
    ) -> Result<Option<Self>, (usize, E)> {
        let item = |(n, message): (usize, Message)| match until(&message) {
            Ok(until) => Ok(Item { until, promise: message.promise(), message }),
            Err(error) => Err((n, error)),
        };
        Ok(Self::new(batch.into_iter().enumerate().map(item).collect::<Result<_, _>>()?))
    }

    /// How many, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Item> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Items {
    type Item = &'a Item;
    type IntoIter = std::slice::Iter<'a, Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The idempotency key of a POST, and until when it is remembered (I-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The key.
    pub key: IdempotencyKey,
    /// When a POST with the same key is a new one.
    pub until: Moment,
}

/// A POST that its bus has accepted and that has no ids yet. All that is decided about it stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The bus.
    pub bus: BusName,
    /// Which bus of that name.
    pub incarnation: Incarnation,
    /// Who posts: it counts against his share, also after a restart.
    pub poster: Poster,
    /// The channel.
    pub channel: ChannelName,
    /// Which life of the channel.
    pub life: Life,
    /// When that life ends unless another POST continues it (RET-8).
    pub idle_until: Moment,
    /// The messages.
    pub items: Items,
    /// When it was accepted, in the log's own time.
    pub at: Moment,
    /// When it was accepted, as a wall clock showed it: for people.
    pub accepted: Timestamp,
    /// The idempotency key that came with it.
    pub keyed: Option<Keyed>,
}

impl Proposal {
    /// When the last of its messages ends.
    #[must_use]
    pub fn until(&self) -> Moment {
        self.items.iter().map(|item| item.until).max().unwrap_or(Moment::ZERO)
    }

    /// When the life that it begins or continues is over (RET-8), unless another POST continues it or something was promised
    /// (RET-9).
    #[must_use]
    pub fn quiet_until(&self) -> Moment {
        self.idle_until.min(self.until())
    }

    /// Until when a log keeps it: its messages and its idempotency key are over then.
    #[must_use]
    pub fn kept_until(&self) -> Moment {
        self.keyed.as_ref().map_or(Moment::ZERO, |keyed| keyed.until).max(self.until())
    }

    /// Ids that it takes: one for each message. `None` beyond 32 bits.
    #[must_use]
    pub fn ids(&self) -> Option<u32> {
        u32::try_from(self.items.len()).ok()
    }
}

/// An accepted POST with its ids: what a log keeps and hands back, and all that a bus is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    first: MessageId,
    last: MessageId,
    count: u32,
    proposal: Proposal,
}

/// There are no such ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchIds;

impl Record {
    /// The proposal, with ids that rise by 1 from `first` on.
    ///
    /// # Errors
    ///
    /// The last id would be beyond 64 bits, or there are more than 32 bits of messages.
    pub fn new(first: MessageId, proposal: Proposal) -> Result<Self, NoSuchIds> {
        let count = proposal.ids().ok_or(NoSuchIds)?;
        let last = first.as_u64().checked_add(u64::from(count) - 1).ok_or(NoSuchIds)?;
        Ok(Self { first, last: MessageId::from_u64(last), count, proposal })
    }

    /// The id of the first message.
    #[must_use]
    pub const fn first(&self) -> MessageId {
        self.first
    }

    /// The id of the last message.
    #[must_use]
    pub const fn last(&self) -> MessageId {
        self.last
    }

    /// What its poster is answered.
    #[must_use]
    pub const fn posted(&self) -> Posted {
        Posted::new(self.first, self.count)
    }

    /// What is left of it when only some of its messages are wanted: a record for each run of ids that follow one
    /// another, in their order. The messages have the ids that they had; the idempotency key is in none of them.
    pub(crate) fn parts(&self, wanted: impl Fn(&Item) -> bool) -> Vec<Self> {
        let (mut parts, mut run) = (Vec::new(), None);
        for (id, item) in self.numbered() {
            if wanted(item) {
                run.get_or_insert_with(|| (id, Vec::new())).1.push(item.clone());
            } else {
                parts.extend(run.take().and_then(|run| self.part(run)));
            }
        }
        parts.extend(run.and_then(|run| self.part(run)));
        parts
    }

    fn part(&self, (first, items): (MessageId, Vec<Item>)) -> Option<Self> {
        let proposal = Proposal {
            bus: self.bus.clone(),
            incarnation: self.incarnation,
            poster: self.poster.clone(),
            channel: self.channel.clone(),
            life: self.life,
            idle_until: self.idle_until,
            items: Items::new(items)?,
            at: self.at,
            accepted: self.accepted,
            keyed: None,
        };
        // Ids of a record that has them are there.
        Self::new(first, proposal).ok()
    }

    /// The messages with their ids.
    pub fn numbered(&self) -> impl Iterator<Item = (MessageId, &Item)> {
        (self.first.as_u64()..).map(MessageId::from_u64).zip(self.items.iter())
    }
}

impl Deref for Record {
    type Target = Proposal;

    fn deref(&self) -> &Proposal {
        &self.proposal
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::disk::record_of_any_kind;

    proptest! {
        #[test]
        fn parts_are_the_wanted_messages_with_their_ids_and_nothing_else(record in record_of_any_kind()) {
            let parts = record.parts(|item| item.promise.is_any());
            let wanted: Vec<_> = record.numbered().filter(|(_, item)| item.promise.is_any()).collect();
            prop_assert_eq!(parts.iter().flat_map(Record::numbered).collect::<Vec<_>>(), wanted);
            for pair in parts.windows(2) {
                prop_assert!(pair[0].last().as_u64() + 1 < pair[1].first().as_u64(), "a run is one part");
            }
            for part in parts {
                let Proposal { items, keyed, .. } = &*part;
                let whole = Proposal { items: items.clone(), keyed: keyed.clone(), ..(*record).clone() };
                prop_assert_eq!(&whole, &*part, "all else is as it was");
                prop_assert!(keyed.is_none());
            }
        }
    }
}
