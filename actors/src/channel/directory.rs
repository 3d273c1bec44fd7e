//! Which channels of a bus exist, and where their actors are. What makes reaping safe is here (I-3).
//!
//! # Why no message meets a channel that is being reaped
//!
//! A channel exists exactly as long as its slot. Three things happen to a slot, each under its lock and
//! with the time read under that lock:
//!
//! - [`Directory::deliver`] puts a record into the actor's mailbox and moves the channel's end;
//! - [`Directory::find`] hands its address to a reader;
//! - reaping removes it once its end has come.
//!
//! So a record is either in the mailbox before the slot goes, and then everything in the channel has
//! expired anyway, or it finds no slot and starts a new actor. Nobody ever stops an actor: removing the
//! slot drops the directory's address, the mailbox is worked off, and actix ends the actor when the last
//! reader lets go of its address. Nothing is left to be dropped by a `stop()`.
//!
//! An actor that is gone while its slot is there has panicked. Whoever notices has it started anew from
//! the bus window, which holds every record before it is delivered.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::Addr;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Place;
use foldhash::fast::RandomState;

use crate::channel::{Channel, Deliver};
use crate::due::{DueList, Listing};
use crate::log::Record;
use crate::stats::Counters;
use crate::{ChannelName, Clock, MessageId, Since, Timestamp};

/// A channel that exists.
struct Slot {
    actor: Addr<Channel>,
    /// The last id that was delivered to it.
    newest: MessageId,
    /// When it expires unless there is another post: the end of its idle time, or of its newest message.
    until: Timestamp,
    listing: Listing,
}

/// What a reader finds.
pub(crate) enum Found {
    /// The channel does not exist.
    Absent,
    /// The reader's position is the newest message: there is nothing to ask the actor for.
    UpToDate,
    /// The actor knows.
    Ask(Addr<Channel>),
}

/// Starts channel actors for a directory.
pub(crate) trait StartChannel {
    /// An actor for a channel without messages, of which those up to `lost` may be gone.
    fn fresh(&self, lost: MessageId) -> Addr<Channel>;
    /// An actor that takes the place of one that panicked.
    fn again(&self, channel: &ChannelName) -> Addr<Channel>;
}

pub(crate) struct Directory {
    slots: DashMap<ChannelName, Slot, RandomState>,
    live: AtomicUsize,
    due: Mutex<DueList>,
    idle: Duration,
    /// Every id of this bus up to here has been delivered.
    settled: AtomicU64,
    /// The highest id that any channel held when it was reaped: what a channel that does not exist may
    /// have lost.
    forgotten: AtomicU64,
}

/// What one sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) reaped: usize,
    pub(crate) reprieved: usize,
    /// Stopped at the bound: there may be more to do at once.
    pub(crate) more: bool,
}

impl Directory {
    /// A directory without channels. Ids up to `settled` were given out before; of those, ids up to
    /// `forgotten` may have been in channels that are gone.
    pub(crate) fn new(idle: Duration, retention: Duration, settled: MessageId, forgotten: MessageId) -> Self {
        // An expired channel is invisible at once; the list only decides when its memory is given back.
        let lateness = (idle.min(retention) / 32).clamp(Duration::from_millis(1), Duration::from_secs(10));
        Self {
            slots: DashMap::default(),
            live: AtomicUsize::new(0),
            due: Mutex::new(DueList::new(lateness)),
            idle,
            settled: AtomicU64::new(settled.as_u64()),
            forgotten: AtomicU64::new(forgotten.as_u64()),
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    pub(crate) fn contains(&self, channel: &ChannelName) -> bool {
        self.slots.contains_key(channel)
    }

    pub(crate) fn settled(&self) -> MessageId {
        MessageId::from_u64(self.settled.load(Ordering::Acquire))
    }

    pub(crate) fn settle(&self, id: MessageId) {
        self.settled.fetch_max(id.as_u64(), Ordering::Release);
    }

    pub(crate) fn forgotten(&self) -> MessageId {
        MessageId::from_u64(self.forgotten.load(Ordering::Acquire))
    }

    fn forget(&self, newest: MessageId) {
        self.forgotten.fetch_max(newest.as_u64(), Ordering::AcqRel);
    }

    fn list(&self, due: Timestamp, channel: ChannelName) -> Listing {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).push(due, channel)
    }

    /// Hands a record to its channel, which comes into being if need be (RET-8).
    ///
    /// Only the Bus actor calls this, in the order of its ids.
    pub(crate) fn deliver(
        &self,
        record: &Arc<Record>,
        clock: &dyn Clock,
        counters: &Counters,
        start: &impl StartChannel,
    ) {
        let newest = record.last();
        let end = record.entries.last().map_or(Timestamp::EPOCH, |entry| entry.until());
        let until_from = |now: Timestamp| now.after(self.idle).min(end);
        match self.slots.entry(record.channel.clone()) {
            Place::Occupied(mut place) => {
                let slot = place.get_mut();
                let now = clock.now();
                if slot.until <= now {
                    counters.overtaken.one();
                    counters.reaped.one();
                    counters.spawned.one();
                    self.forget(slot.newest);
                    slot.actor = start.fresh(self.forgotten());
                } else if !slot.actor.connected() {
                    counters.revived.one();
                    slot.actor = start.again(&record.channel);
                    (slot.newest, slot.until) = (newest, until_from(now));
                    // The bus window, from which it started, holds this record already.
                    return;
                }
                slot.actor.do_send(Deliver(Arc::clone(record)));
                (slot.newest, slot.until) = (newest, until_from(now));
            }
            Place::Vacant(place) => {
                counters.spawned.one();
                self.live.fetch_add(1, Ordering::Relaxed);
                let actor = start.fresh(self.forgotten());
                actor.do_send(Deliver(Arc::clone(record)));
                let until = until_from(clock.now());
                let listing = self.list(until, record.channel.clone());
                place.insert(Slot { actor, newest, until, listing });
            }
        }
    }

    /// Brings back a channel that a log has kept. Only the Bus actor calls this, before its first message.
    pub(crate) fn restore(
        &self,
        channel: ChannelName,
        actor: Addr<Channel>,
        newest: MessageId,
        until: Timestamp,
        counters: &Counters,
    ) {
        counters.spawned.one();
        self.live.fetch_add(1, Ordering::Relaxed);
        let listing = self.list(until, channel.clone());
        self.slots.insert(channel, Slot { actor, newest, until, listing });
    }

    /// Looks a channel up for a reader. Creates nothing (I-4).
    pub(crate) fn find(
        &self,
        channel: &ChannelName,
        since: Since,
        clock: &dyn Clock,
        counters: &Counters,
    ) -> Found {
        loop {
            let Some(slot) = self.slots.get(channel) else { return Found::Absent };
            if clock.now() < slot.until {
                return if since == Since::After(slot.newest) {
                    Found::UpToDate
                } else {
                    Found::Ask(slot.actor.clone())
                };
            }
            drop(slot);
            // Expired for one reader is expired for all, also if the clock steps back now.
            if self.reap(channel, clock, counters) {
                counters.overtaken.one();
                return Found::Absent;
            }
        }
    }

    /// Starts a panicked actor anew. Only the Bus actor calls this.
    pub(crate) fn revive(&self, channel: &ChannelName, counters: &Counters, start: &impl StartChannel) {
        if let Some(mut slot) = self.slots.get_mut(channel)
            && !slot.actor.connected()
        {
            counters.revived.one();
            slot.actor = start.again(channel);
        }
    }

    fn reap(&self, channel: &ChannelName, clock: &dyn Clock, counters: &Counters) -> bool {
        let reaped = self.slots.remove_if(channel, |_, slot| {
            let due = slot.until <= clock.now();
            if due {
                // Before the slot goes: who finds it gone must find this.
                self.forget(slot.newest);
            }
            due
        });
        if reaped.is_some() {
            self.live.fetch_sub(1, Ordering::Relaxed);
            counters.reaped.one();
        }
        reaped.is_some()
    }

    /// Reaps channels that are due, looking at no more than `most`.
    pub(crate) fn sweep(&self, clock: &dyn Clock, counters: &Counters, most: usize) -> Swept {
        let listed = self.due.lock().unwrap_or_else(PoisonError::into_inner).take(clock.now(), most);
        let mut swept = Swept { more: listed.len() == most, ..Swept::default() };
        for (listing, channel) in listed {
            if self.reap(&channel, clock, counters) {
                swept.reaped += 1;
            } else if let Some(mut slot) = self.slots.get_mut(&channel)
                && slot.listing == listing
            {
                counters.reprieved.one();
                swept.reprieved += 1;
                slot.listing = self.list(slot.until, channel);
            }
        }
        swept
    }
}
