//! Pure: which channels of a bus exist, and where their windows are. What makes reaping safe is here (I-3).
//!
//! # Why no message meets a channel that is being reaped
//!
//! A channel exists exactly as long as its slot. Everything that happens to a slot happens under its lock:
//!
//! - [`Directory::deliver`] hands a record's messages to the window and moves the channel's end;
//! - [`Directory::find`] hands the home of its window to a reader;
//! - [`Directory::pin`] notes that a POST to it is on its way through the log;
//! - reaping removes it once its end has come, unless such a POST is on its way.
//!
//! So messages are either with the window before the slot goes, and then everything in the channel has
//! expired anyway, or they find no slot and begin a life. Nobody ever stops an actor: removing the
//! slot drops the directory's address, the mailbox is worked off, and actix ends the actor when the last
//! reader lets go of its address. Nothing is left to be dropped by a `stop()`.
//!
//! Whether a record begins a life or continues one does not depend on when it is delivered: it stands in the record.
//!
//! A home that is gone while its slot is there has panicked, or its thread has ended. Whoever notices has the window
//! made anew from that of the bus, which holds every record before it is delivered.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Place;
use foldhash::fast::RandomState;

use super::expiry::{ExpiryList, Listing};
use super::news::{News, What};
use crate::context::Counters;
use crate::log::{Life, Record};
use crate::model::{ChannelName, MessageId, Moment};
use crate::window::{Entry, Held, Holdings, OneChannel, Origin, Window};

/// Where the window of a channel is that somebody has read.
pub(crate) trait Home: Clone {
    /// Hands on what has happened, in order. Does not wait.
    fn send(&self, news: News);
    /// Whether it takes nothing more.
    fn is_gone(&self) -> bool;
}

/// Where a channel's window is.
enum Where<H> {
    /// Here: nobody has read the channel yet.
    Resting(Window),
    /// With an actor.
    Awake(H),
}

/// A channel that exists.
struct Slot<H> {
    place: Where<H>,
    life: Life,
    /// The first id of that life.
    begun: MessageId,
    /// The last id that was delivered to it.
    newest: MessageId,
    /// When it expires unless there is another POST: the end of its idle time, or of all its messages.
    until: Moment,
    /// A POST that continues this life is on its way through the log: it does not expire before.
    pinned: bool,
    listing: Listing,
    /// Whose it is: his who began its life.
    held: Held<OneChannel>,
}

impl<H> Slot<H> {
    fn is_over(&self, now: Moment) -> bool {
        !self.pinned && self.until <= now
    }
}

/// What a reader finds.
pub(crate) enum Found<H> {
    /// The channel does not exist.
    Absent,
    /// The reader's position is the newest message: there is nothing to ask for.
    UpToDate,
    /// The window is there.
    Ask(H),
}

/// What a record's delivery needs to know beside the record.
pub(crate) struct Delivery<'r> {
    pub(crate) record: &'r Record,
    pub(crate) entries: Vec<Arc<Entry>>,
    /// How many messages a channel's window holds.
    pub(crate) capacity: NonZeroUsize,
    /// More POSTs to the channel are on their way.
    pub(crate) pinned: bool,
    /// The poster's share, if the POST was let in with a channel to bring about.
    pub(crate) channel: Option<Held<OneChannel>>,
}

pub(crate) struct Directory<H> {
    slots: DashMap<ChannelName, Slot<H>, RandomState>,
    live: AtomicUsize,
    expiry: Mutex<ExpiryList>,
    holdings: Arc<Holdings>,
    /// Every id of this bus up to here has been delivered.
    visible_up_to: AtomicU64,
    /// The highest id that any channel held when it was reaped: what a channel that does not exist may
    /// have lost.
    reaped_up_to: AtomicU64,
}

/// What one sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) reaped: usize,
    pub(crate) reprieved: usize,
    /// Stopped at the bound: there may be more to do at once.
    pub(crate) more: bool,
}

impl<H: Home> Directory<H> {
    /// A directory without channels, whose channels live at least for `shortest`. Up to `lost` messages may have existed
    /// before.
    pub(crate) fn new(shortest: Duration, lost: MessageId, holdings: &Arc<Holdings>) -> Self {
        // An expired channel is invisible at once; the list only decides when its memory is given back.
        let lateness = (shortest / 32).clamp(Duration::from_millis(1), Duration::from_secs(10));
        Self {
            slots: DashMap::default(),
            live: AtomicUsize::new(0),
            expiry: Mutex::new(ExpiryList::new(lateness)),
            holdings: Arc::clone(holdings),
            visible_up_to: AtomicU64::new(lost.as_u64()),
            reaped_up_to: AtomicU64::new(lost.as_u64()),
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    pub(crate) fn visible_up_to(&self) -> MessageId {
        MessageId::from_u64(self.visible_up_to.load(Ordering::Acquire))
    }

    /// Only after the messages up to here were delivered (RET-10).
    pub(crate) fn show_up_to(&self, id: MessageId) {
        self.visible_up_to.fetch_max(id.as_u64(), Ordering::Release);
    }

    pub(crate) fn reaped_up_to(&self) -> MessageId {
        MessageId::from_u64(self.reaped_up_to.load(Ordering::Acquire))
    }

    fn lose_up_to(&self, newest: MessageId) {
        self.reaped_up_to.fetch_max(newest.as_u64(), Ordering::AcqRel);
    }

    fn expiry(&self) -> MutexGuard<'_, ExpiryList> {
        self.expiry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life that a POST to this channel continues, which does not end before the POST is delivered or
    /// [`Directory::unpin`] is called. `None` when there is none: the POST begins one.
    pub(crate) fn pin(&self, channel: &ChannelName, now: Moment, counters: &Counters) -> Option<Life> {
        if let Some(mut slot) = self.slots.get_mut(channel)
            && !slot.is_over(now)
        {
            slot.pinned = true;
            return Some(slot.life);
        }
        // Expired for the poster is expired for all.
        if self.reap(channel, now, counters) {
            counters.overtaken.one();
        }
        None
    }

    /// The POSTs for which the channel was pinned were refused.
    pub(crate) fn unpin(&self, channel: &ChannelName) {
        if let Some(mut slot) = self.slots.get_mut(channel) {
            slot.pinned = false;
        }
    }

    /// Hands a record's messages to its channel, which comes into being if need be (RET-8). In the order of ids.
    ///
    /// `again` makes a window anew for the channel's life that began at the id, these messages included. Gives back the last
    /// message before them, if the channel was there.
    pub(crate) fn deliver(
        &self,
        delivery: Delivery<'_>,
        counters: &Counters,
        again: impl FnOnce(MessageId) -> Window,
    ) -> Option<MessageId> {
        let Delivery { record, entries, capacity, pinned, channel } = delivery;
        debug_assert!(
            record.first() > self.visible_up_to(),
            "I-1: nothing appears at or below an id already shown"
        );
        let end = record.idle_until.min(record.until());
        let hold = || channel.unwrap_or_else(|| self.holdings.hold(&record.poster, OneChannel));
        let news = |what| News { what, at: record.at, capacity };
        match self.slots.entry(record.channel.clone()) {
            Place::Occupied(mut place) => {
                let slot = place.get_mut();
                // Kept only by POSTs that were refused it is over, as a restart will find it: they left no record.
                let what = if record.life > slot.life || slot.until <= record.at {
                    counters.overtaken.one();
                    counters.reaped.one();
                    counters.begun.one();
                    self.lose_up_to(slot.newest);
                    (slot.life, slot.begun, slot.until) = (record.life.max(slot.life), record.first(), end);
                    slot.held = hold();
                    What::Begins(self.reaped_up_to(), entries)
                } else {
                    slot.until = slot.until.max(end);
                    What::Continues(entries)
                };
                let before = std::mem::replace(&mut slot.newest, record.last());
                slot.pinned = pinned;
                match &mut slot.place {
                    Where::Resting(window) => news(what).apply(window),
                    Where::Awake(home) if !home.is_gone() => home.send(news(what)),
                    gone @ Where::Awake(_) => {
                        counters.revived.one();
                        // The bus window, from which it is made, holds this record already.
                        *gone = Where::Resting(again(slot.begun));
                    }
                }
                Some(before)
            }
            Place::Vacant(place) => {
                counters.begun.one();
                self.live.fetch_add(1, Ordering::Relaxed);
                let mut window = Window::new(capacity, self.reaped_up_to());
                news(What::Continues(entries)).apply(&mut window);
                let listing = self.expiry().push(end, record.channel.clone());
                place.insert(Slot {
                    place: Where::Resting(window),
                    life: record.life,
                    begun: record.first(),
                    newest: record.last(),
                    until: end,
                    pinned,
                    listing,
                    held: hold(),
                });
                None
            }
        }
    }

    /// The last message of a channel that exists.
    pub(crate) fn newest(&self, channel: &ChannelName) -> Option<MessageId> {
        self.slots.get(channel).map(|slot| slot.newest)
    }

    /// Looks a channel up for a reader, at a moment that is read under the slot's lock. Creates no channel (I-4);
    /// `wake` makes a home for the window of one that nobody has read before.
    pub(crate) fn find(
        &self,
        channel: &ChannelName,
        origin: Origin,
        now: impl Fn() -> Moment,
        counters: &Counters,
        wake: impl Fn(Window) -> H,
    ) -> Found<H> {
        loop {
            let Some(slot) = self.slots.get(channel) else { return Found::Absent };
            if slot.is_over(now()) {
                drop(slot);
                // Expired for one reader is expired for all.
                if self.reap(channel, now(), counters) {
                    counters.overtaken.one();
                    return Found::Absent;
                }
                continue;
            }
            if matches!(origin, Origin::After(id) if id == slot.newest)
                || matches!(origin, Origin::Newer(id) if id >= slot.newest)
            {
                return Found::UpToDate;
            }
            if let Where::Awake(home) = &slot.place {
                return Found::Ask(home.clone());
            }
            drop(slot);
            self.wake(channel, &wake);
        }
    }

    fn wake(&self, channel: &ChannelName, wake: &impl Fn(Window) -> H) {
        let Some(mut slot) = self.slots.get_mut(channel) else { return };
        if let Where::Resting(window) = &mut slot.place {
            // Nobody sees what is left in its place: the slot is locked.
            let nothing = Window::new(NonZeroUsize::MIN, MessageId::ZERO);
            let home = wake(std::mem::replace(window, nothing));
            slot.place = Where::Awake(home);
        }
    }

    /// Makes a window anew whose home is gone.
    pub(crate) fn revive(
        &self,
        channel: &ChannelName,
        counters: &Counters,
        again: impl FnOnce(MessageId) -> Window,
    ) {
        if let Some(mut slot) = self.slots.get_mut(channel)
            && matches!(&slot.place, Where::Awake(home) if home.is_gone())
        {
            counters.revived.one();
            slot.place = Where::Resting(again(slot.begun));
        }
    }

    /// Messages up to here may have existed and are gone, in whichever channel.
    pub(crate) fn lose(&self, id: MessageId, at: Moment, capacity: NonZeroUsize) {
        self.lose_up_to(id);
        for mut slot in self.slots.iter_mut() {
            // Nobody who comes from below the hole is up to date.
            slot.newest = slot.newest.max(id);
            let news = News { what: What::Lost(id), at, capacity };
            match &mut slot.place {
                Where::Resting(window) => news.apply(window),
                Where::Awake(home) => home.send(news),
            }
        }
        self.show_up_to(id);
    }

    /// Takes all channels away: they were somebody else's.
    pub(crate) fn clear(&self, lost: MessageId) {
        self.lose_up_to(lost);
        self.slots.clear();
        self.live.store(0, Ordering::Relaxed);
        self.show_up_to(lost);
    }

    fn reap(&self, channel: &ChannelName, now: Moment, counters: &Counters) -> bool {
        let reaped = self.slots.remove_if(channel, |_, slot| {
            let over = slot.is_over(now);
            if over {
                // Before the slot goes: who finds it gone must find this.
                self.lose_up_to(slot.newest);
            }
            over
        });
        if reaped.is_some() {
            self.live.fetch_sub(1, Ordering::Relaxed);
            counters.reaped.one();
        }
        reaped.is_some()
    }

    /// Reaps channels that are over, looking at no more than `most`.
    pub(crate) fn sweep(&self, now: Moment, counters: &Counters, most: usize) -> Swept {
        let listed = self.expiry().take(now, most);
        let mut swept = Swept { more: listed.len() == most, ..Swept::default() };
        for (listing, channel) in listed {
            if self.reap(&channel, now, counters) {
                swept.reaped += 1;
            } else if let Some(mut slot) = self.slots.get_mut(&channel)
                && slot.listing == listing
            {
                counters.reprieved.one();
                swept.reprieved += 1;
                // One that is only pinned comes up again in the next bucket, not in this sweep.
                let next = slot.until.max(now.after(Duration::from_millis(1)));
                slot.listing = self.expiry().push(next, channel);
            }
        }
        swept
    }
}
