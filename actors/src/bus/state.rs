//! Pure: what a bus is. A fold over the records of its log, in order, and over nothing else.
//!
//! The same [`BusState::apply`] makes a bus while it runs, when it starts, when a channel has to be made anew, and from
//! records that somebody else proposed. It never refuses: what is refused never became a record.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::keys::{Keys, Place, place};
use crate::channel::{Delivery, Directory, Home, Read, Remains};
use crate::context::Counters;
use crate::log::{Incarnation, Life, Record};
use crate::model::{ChannelName, Expire, Fingerprint, MessageId, Moment, Posted};
use crate::settings::BusSettings;
use crate::watch::Watchers;
use crate::window::{Admitted, Bytes, Entry, Holdings, Lost, Of, OneKey, Slice, Which, Window};

/// How many messages windows hold. They may be given other sizes while the bus runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) bus: NonZeroUsize,
    pub(crate) channel: NonZeroUsize,
}

impl From<&BusSettings> for Sizes {
    fn from(settings: &BusSettings) -> Self {
        Self { bus: settings.bus_window, channel: settings.channel_window }
    }
}

/// A bus: its window, its channels, the keys that it remembers.
pub(crate) struct BusState<H> {
    incarnation: Incarnation,
    window: Window,
    keys: Keys,
    directory: Arc<Directory<H>>,
    /// Above every life that a record has named.
    next_life: Life,
    holdings: Arc<Holdings>,
    watchers: Arc<Watchers>,
}

impl<H: Home> BusState<H> {
    /// A bus without messages. Those up to `incarnation` are not its own.
    pub(crate) fn new(
        incarnation: Incarnation,
        settings: &BusSettings,
        holdings: &Arc<Holdings>,
        watchers: Arc<Watchers>,
    ) -> Self {
        let (lost, shortest) = (Lost::up_to(incarnation.0), settings.channel_idle.min(settings.retention));
        Self {
            incarnation,
            window: Window::new(Of::Bus, settings.bus_window, lost),
            keys: Keys::default(),
            directory: Arc::new(Directory::new(shortest, lost, holdings)),
            next_life: Life(1),
            holdings: Arc::clone(holdings),
            watchers,
        }
    }

    /// Who is told of what becomes visible.
    pub(crate) const fn watchers(&self) -> &Arc<Watchers> {
        &self.watchers
    }

    /// What it takes of the broker's bounds.
    pub(crate) const fn holdings(&self) -> &Arc<Holdings> {
        &self.holdings
    }

    /// What readers see of it without asking for it.
    pub(crate) const fn directory(&self) -> &Arc<Directory<H>> {
        &self.directory
    }

    pub(crate) const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The number of a life that begins.
    pub(crate) fn begin_life(&mut self) -> Life {
        let life = self.next_life;
        self.next_life = Life(life.0.saturating_add(1));
        life
    }

    /// Makes a record visible: on the bus, on the channel, and only then as shown (RET-10); those who wait are told last.
    ///
    /// `pinned`: more POSTs to its channel are on their way. `admitted`: what its POST was let in with; what is not there
    /// is taken whether it fits or not, for what became a record is not refused any more.
    pub(crate) fn apply(
        &mut self,
        record: &Record,
        sizes: Sizes,
        pinned: bool,
        admitted: Admitted,
        counters: &Counters,
    ) {
        if record.incarnation < self.incarnation {
            // The late record of somebody who had the name before.
            return;
        }
        if record.incarnation > self.incarnation {
            // The note that said so is gone with its place in the log.
            self.retire(record.incarnation);
        }
        debug_assert!(record.first() > self.window.newest(), "I-1: ids rise");
        self.next_life = self.next_life.max(Life(record.life.0.saturating_add(1)));
        self.window.expire(record.at);
        self.window.resize(sizes.bus);
        let Admitted { mut bytes, channel, key } = admitted;
        let entries: Vec<_> = record
            .numbered()
            .map(|(id, item)| {
                let cost = Entry::cost(&item.message);
                let held = bytes.as_mut().and_then(|bytes| bytes.split(cost));
                let held = held.unwrap_or_else(|| self.holdings.hold(&record.poster, Bytes::at_most(cost)));
                // Kept by the log's time (I-11), and shown as the wall clock had it then.
                let ends = Expire::at(record.accepted.after(item.until.since(record.at)));
                let (channel, message) = (record.channel.clone(), item.message.clone());
                Arc::new(Entry::new(id, item.until, channel, message.kept(item.promise, ends), held))
            })
            .collect();
        let before_in_bus = self.window.newest();
        for entry in &entries {
            self.window.push(Arc::clone(entry));
        }
        let told = self.watchers.is_anybody_waiting().then(|| entries.clone());
        let delivery = Delivery { record, entries, capacity: sizes.channel, pinned, channel };
        let window = &self.window;
        let again = |remains: Remains<'_>| again(window, &record.channel, &remains, sizes.channel);
        let before = self.directory.deliver(delivery, counters, again);
        self.directory.show_up_to(record.last());
        self.watchers.tell(&record.channel, record.last(), told, (before, before_in_bus));
        if let Some(keyed) = &record.keyed {
            self.keys.expire(record.at);
            let held = key.unwrap_or_else(|| self.holdings.hold(&record.poster, OneKey));
            self.keys.remember(
                place(&record.poster, &record.channel, &keyed.key),
                keyed,
                record.posted(),
                held,
            );
        }
        counters.posts.one();
        counters.messages.add(record.items.len());
    }

    /// Applies a record that a log has kept, while the bus comes back.
    pub(crate) fn refold(&mut self, record: &Record, sizes: Sizes, counters: &Counters) {
        // What was over when this was posted is over for all that follows: memory is bounded by what lives.
        self.directory.sweep(record.at, sizes.channel, counters, usize::MAX);
        self.apply(record, sizes, false, Admitted::default(), counters);
    }

    /// The bus is back, at this moment. What is `lost` may have existed and was not among the records.
    pub(crate) fn resume(&mut self, lost: Lost, now: Moment, sizes: Sizes, counters: &Counters) {
        self.lose(lost, now, sizes);
        self.expire(now);
        self.directory.sweep(now, sizes.channel, counters, usize::MAX);
        self.directory.reap_all(now, counters);
    }

    /// This may have existed and is gone.
    pub(crate) fn lose(&mut self, lost: Lost, at: Moment, sizes: Sizes) {
        self.window.lose(lost);
        self.directory.lose(lost, at, sizes.channel);
        self.watchers.look(lost.of(Which::All));
    }

    /// From here on the name is somebody else's, who sees nothing of what was before.
    pub(crate) fn retire(&mut self, next: Incarnation) {
        self.incarnation = next;
        self.window.begin(Lost::up_to(next.0));
        self.keys = Keys::default();
        self.directory.clear(next.0);
        self.watchers.look(next.0);
    }

    /// Drops what is over: messages of the bus and keys.
    pub(crate) fn expire(&mut self, now: Moment) {
        self.window.expire(now);
        self.keys.expire(now);
    }

    pub(crate) fn read(&mut self, read: Read, now: Moment, sizes: Sizes) -> Slice {
        self.window.expire(now);
        self.window.resize(sizes.bus);
        self.window.since(read.origin, read.which, read.most)
    }

    /// Makes the window of a channel anew whose actor is gone.
    pub(crate) fn revive(&self, channel: &ChannelName, sizes: Sizes, counters: &Counters) {
        let again = |remains: Remains<'_>| again(&self.window, channel, &remains, sizes.channel);
        self.directory.revive(channel, counters, again);
    }

    /// The body that came with this key, and its answer.
    pub(crate) fn answer(&self, place: &Place) -> Option<(Fingerprint, Posted)> {
        self.keys.answer(place)
    }

    /// Keys that are remembered.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }
}

/// The window of a channel, from what it has promised and what the bus still has of its life.
fn again(bus: &Window, channel: &ChannelName, remains: &Remains<'_>, capacity: NonZeroUsize) -> Window {
    let before = MessageId::from_u64(remains.begun.as_u64().saturating_sub(1));
    let mut window = Window::new(Of::Channel, capacity, Lost::NOTHING);
    let mut promised = remains.promised.iter().peekable();
    for entry in bus.iter().filter(|entry| entry.id() >= remains.begun && entry.channel() == channel) {
        while let Some(older) = promised.next_if(|promised| promised.id() < entry.id()) {
            window.push(Arc::clone(older));
        }
        promised.next_if(|promised| promised.id() == entry.id());
        window.push(Arc::clone(entry));
    }
    promised.for_each(|promised| window.push(Arc::clone(promised)));
    // What the bus has lost may have been this channel's, but no promise; and so may what was before its life.
    let lost = Lost::told_apart(bus.lost().of(Which::All), remains.over);
    window.lose(lost.and(Lost::up_to(before)));
    window
}
