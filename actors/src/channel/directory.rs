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
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Place;
use foldhash::fast::RandomState;

use super::expiry::{ExpiryList, Listing};
use super::news::{News, What};
use super::promises::Promises;
use crate::context::Counters;
use crate::log::{Life, Record};
use crate::model::{ChannelName, MessageId, Moment};
use crate::window::{Entry, Held, Holdings, Lost, Of, OneChannel, Origin, Which, Window};

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

impl<H: Home> Where<H> {
    /// What has happened reaches the window. A home that is gone is met by whoever needs it.
    fn tell(&mut self, news: News) {
        match self {
            Self::Resting(window) => news.apply(window),
            Self::Awake(home) => home.send(news),
        }
    }
}

/// A channel that exists.
struct Slot<H> {
    place: Where<H>,
    life: Life,
    /// The first id of that life.
    begun: MessageId,
    /// The last id that was delivered to it.
    newest: MessageId,
    /// When it expires unless there is another POST or it has promised something: the end of its idle time, or of all its
    /// messages (RET-8).
    quiet_until: Moment,
    /// What it has promised outlives that (RET-9). Most have nothing.
    promises: Option<Box<Promises>>,
    /// A POST that continues this life is on its way through the log: it does not expire before.
    pinned: bool,
    listing: Listing,
    /// Whose it is: his who began its life.
    held: Held<OneChannel>,
}

impl<H> Slot<H> {
    fn until(&self) -> Moment {
        self.promises.as_ref().map_or(self.quiet_until, |promises| promises.until().max(self.quiet_until))
    }

    fn is_over(&self, now: Moment) -> bool {
        !self.pinned && self.until() <= now
    }

    /// What is gone with it.
    fn all(&self) -> Lost {
        let last_sticky = self.promises.as_ref().map_or(MessageId::ZERO, |promises| promises.last_sticky());
        Lost::told_apart(self.newest, last_sticky)
    }

    fn promised(&self) -> &[Arc<Entry>] {
        self.promises.as_ref().map_or(&[], |promises| promises.kept())
    }
}

/// What a window is made anew from, beside what the bus has.
pub(crate) struct Remains<'s> {
    /// The first id of the channel's life.
    pub(crate) begun: MessageId,
    /// What it has promised.
    pub(crate) promised: &'s [Arc<Entry>],
    /// The highest sticky one of its life that is over.
    pub(crate) over: MessageId,
}

impl<H> Slot<H> {
    fn remains(&self) -> Remains<'_> {
        let over = self.promises.as_ref().map_or(MessageId::ZERO, |promises| promises.over());
        Remains { begun: self.begun, promised: self.promised(), over }
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
    /// POSTs that are pending get ids above this one; the highest of all where none is.
    pending_above: AtomicU64,
    /// What was pending may come back after a restart.
    in_doubt: AtomicBool,
    /// The highest id that any channel held when it was reaped: what a channel that does not exist may
    /// have lost.
    reaped_up_to: AtomicU64,
    /// The same of sticky messages.
    reaped_sticky_up_to: AtomicU64,
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
    /// A directory without channels, whose channels live at least for `shortest`. What is `lost` may have existed before.
    pub(crate) fn new(shortest: Duration, lost: Lost, holdings: &Arc<Holdings>) -> Self {
        // An expired channel is invisible at once; the list only decides when its memory is given back.
        let lateness = (shortest / 32).clamp(Duration::from_millis(1), Duration::from_secs(10));
        Self {
            slots: DashMap::default(),
            live: AtomicUsize::new(0),
            expiry: Mutex::new(ExpiryList::new(lateness)),
            holdings: Arc::clone(holdings),
            visible_up_to: AtomicU64::new(lost.of(Which::All).as_u64()),
            pending_above: AtomicU64::new(MessageId::MAX.as_u64()),
            in_doubt: AtomicBool::new(false),
            reaped_up_to: AtomicU64::new(lost.of(Which::All).as_u64()),
            reaped_sticky_up_to: AtomicU64::new(lost.of(Which::Sticky).as_u64()),
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

    /// What is pending on this bus gets ids above this one (I-9). The highest of all where nothing is.
    pub(crate) fn pending_above(&self) -> MessageId {
        MessageId::from_u64(self.pending_above.load(Ordering::Acquire))
    }

    /// See [`Directory::pending_above`]. Told before anything is proposed, and after it was delivered or refused.
    pub(crate) fn note_pending(&self, above: Option<MessageId>) {
        self.pending_above.store(above.unwrap_or(MessageId::MAX).as_u64(), Ordering::Release);
    }

    /// Something was pending when the log failed: it may come back after a restart, above all that is shown.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    /// See [`Directory::is_in_doubt`]. Told before it is pending no more.
    pub(crate) fn doubt(&self) {
        self.in_doubt.store(true, Ordering::Release);
    }

    /// What was with channels that are gone.
    pub(crate) fn reaped(&self) -> Lost {
        let id = |place: &AtomicU64| MessageId::from_u64(place.load(Ordering::Acquire));
        // Read in the other order than they are written: no sticky one is above all.
        let sticky = id(&self.reaped_sticky_up_to);
        Lost::told_apart(id(&self.reaped_up_to), sticky)
    }

    fn lose_all(&self, lost: Lost) {
        for (place, which) in [(&self.reaped_up_to, Which::All), (&self.reaped_sticky_up_to, Which::Sticky)] {
            place.fetch_max(lost.of(which).as_u64(), Ordering::AcqRel);
        }
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

    /// How many messages of a channel are promised and not over.
    pub(crate) fn promised(&self, channel: &ChannelName, now: Moment) -> usize {
        let Some(mut slot) = self.slots.get_mut(channel) else { return 0 };
        if let Some(promises) = &mut slot.promises {
            promises.expire(now);
        }
        slot.promised().len()
    }

    /// Hands a record's messages to its channel, which comes into being if need be (RET-8). In the order of ids.
    ///
    /// `again` makes a window anew for the channel's life, these messages included. Gives back the last message before them, if
    /// the channel was there.
    pub(crate) fn deliver(
        &self,
        delivery: Delivery<'_>,
        counters: &Counters,
        again: impl FnOnce(Remains<'_>) -> Window,
    ) -> Option<MessageId> {
        let Delivery { record, entries, capacity, pinned, channel } = delivery;
        debug_assert!(
            record.first() > self.visible_up_to(),
            "I-1: nothing appears at or below an id already shown"
        );
        let end = record.quiet_until();
        let hold = || channel.unwrap_or_else(|| self.holdings.hold(&record.poster, OneChannel));
        let news = |what| News { what, at: record.at, capacity };
        match self.slots.entry(record.channel.clone()) {
            Place::Occupied(mut place) => {
                let slot = place.get_mut();
                // Kept only by POSTs that were refused it is over, as a restart will find it: they left no record.
                let what = if record.life > slot.life || slot.until() <= record.at {
                    counters.overtaken.one();
                    counters.reaped.one();
                    counters.begun.one();
                    self.lose_all(slot.all());
                    (slot.life, slot.begun) = (record.life.max(slot.life), record.first());
                    (slot.quiet_until, slot.promises) = (end, Promises::of(&entries));
                    slot.held = hold();
                    What::Begins(self.reaped(), entries)
                } else {
                    slot.quiet_until = slot.quiet_until.max(end);
                    if let Some(promises) = &mut slot.promises {
                        promises.expire(record.at);
                    }
                    Promises::add(&mut slot.promises, &entries);
                    What::Continues(entries)
                };
                let before = std::mem::replace(&mut slot.newest, record.last());
                slot.pinned = pinned;
                match &mut slot.place {
                    Where::Resting(window) => news(what).apply(window),
                    Where::Awake(home) if !home.is_gone() => home.send(news(what)),
                    Where::Awake(_) => {
                        counters.revived.one();
                        // The bus window, from which it is made, holds this record already.
                        let window = again(slot.remains());
                        slot.place = Where::Resting(window);
                    }
                }
                Some(before)
            }
            Place::Vacant(place) => {
                counters.begun.one();
                self.live.fetch_add(1, Ordering::Relaxed);
                let mut window = Window::new(Of::Channel, capacity, self.reaped());
                let promises = Promises::of(&entries);
                news(What::Continues(entries)).apply(&mut window);
                let listing = self.expiry().push(end, record.channel.clone());
                place.insert(Slot {
                    place: Where::Resting(window),
                    life: record.life,
                    begun: record.first(),
                    newest: record.last(),
                    quiet_until: end,
                    promises,
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
            let nothing = Window::new(Of::Channel, NonZeroUsize::MIN, Lost::NOTHING);
            let home = wake(std::mem::replace(window, nothing));
            slot.place = Where::Awake(home);
        }
    }

    /// Makes a window anew whose home is gone.
    pub(crate) fn revive(
        &self,
        channel: &ChannelName,
        counters: &Counters,
        again: impl FnOnce(Remains<'_>) -> Window,
    ) {
        if let Some(mut slot) = self.slots.get_mut(channel)
            && matches!(&slot.place, Where::Awake(home) if home.is_gone())
        {
            counters.revived.one();
            let window = again(slot.remains());
            slot.place = Where::Resting(window);
        }
    }

    /// This may have existed and is gone, in whichever channel.
    pub(crate) fn lose(&self, lost: Lost, at: Moment, capacity: NonZeroUsize) {
        self.lose_all(lost);
        let up_to = lost.of(Which::All);
        for mut slot in self.slots.iter_mut() {
            // Nobody who comes from below the hole is up to date.
            slot.newest = slot.newest.max(up_to);
            slot.place.tell(News { what: What::Lost(lost), at, capacity });
        }
        self.show_up_to(up_to);
    }

    /// Takes all channels away: they were somebody else's.
    pub(crate) fn clear(&self, lost: MessageId) {
        self.lose_all(Lost::up_to(lost));
        self.slots.clear();
        self.live.store(0, Ordering::Relaxed);
        self.show_up_to(lost);
    }

    fn reap(&self, channel: &ChannelName, now: Moment, counters: &Counters) -> bool {
        let reaped = self.slots.remove_if(channel, |_, slot| {
            let over = slot.is_over(now);
            if over {
                // Before the slot goes: who finds it gone must find this.
                self.lose_all(slot.all());
            }
            over
        });
        if reaped.is_some() {
            self.live.fetch_sub(1, Ordering::Relaxed);
            counters.reaped.one();
        }
        reaped.is_some()
    }

    /// Reaps all channels that are over. The list tells of them up to a bucket late: what had ended before a restart would
    /// come back for as long, and be counted as ended twice.
    pub(crate) fn reap_all(&self, now: Moment, counters: &Counters) {
        let over = self.slots.iter().filter(|slot| slot.is_over(now));
        let over: Vec<_> = over.map(|slot| slot.key().clone()).collect();
        for channel in over {
            self.reap(&channel, now, counters);
        }
    }

    /// Reaps channels that are over, looking at no more than `most`. Those that have nothing but promises left, in windows of this
    /// size, let go of what else they had.
    pub(crate) fn sweep(
        &self,
        now: Moment,
        capacity: NonZeroUsize,
        counters: &Counters,
        most: usize,
    ) -> Swept {
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
                let mut due = slot.quiet_until;
                if due <= now
                    && let Some(promises) = &mut slot.promises
                {
                    promises.expire(now);
                    due = promises.next_end().unwrap_or(due);
                    slot.place.tell(News { what: What::Passed, at: now, capacity });
                }
                // One that is only pinned comes up again in the next bucket, not in this sweep.
                let next = due.max(now.after(Duration::from_millis(1)));
                slot.listing = self.expiry().push(next, channel);
            }
        }
        swept
    }
}
