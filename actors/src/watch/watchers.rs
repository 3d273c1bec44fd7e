//! Which threads watch which channels of a bus, and how many readers wait.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::delivered::Delivered;
use super::inbox::{Hint, Inbox};
use crate::model::{BusName, ChannelName, Epoch, MessageId, Position};
use crate::window::Entry;

/// As many readers are worth a table that shrinks when they go.
const CROWD: usize = 1024;

/// Which bus a hint is about, also when another one has its name since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BusNumber(u64);

impl BusNumber {
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What somebody watches of a bus.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// All of it.
    Bus,
    /// A channel.
    Channel(ChannelName),
}

/// Why nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The bus was closed.
    BusClosed,
    /// A panic has failed the bus: it answers nobody until a restart.
    BusFailed,
    /// The broker is shutting down.
    Closed,
}

impl End {
    /// What has become of the bus, in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BusClosed => "was closed",
            Self::BusFailed => "failed and answers nothing until a restart",
            Self::Closed => "is shutting down with its broker",
        }
    }
}

/// A bound on readers that wait (I-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Of the whole broker.
    Broker,
    /// Of a bus.
    Bus,
    /// Of a channel.
    Channel,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broker => "server",
            Self::Bus => "bus",
            Self::Channel => "channel",
        })
    }
}

/// The threads that watch one thing.
#[derive(Debug)]
struct Watched {
    inboxes: Vec<Arc<Inbox>>,
    readers: usize,
    /// The id of its last message, as far as it was seen while somebody watched.
    newest: MessageId,
}

impl Watched {
    const fn new() -> Self {
        Self { inboxes: Vec::new(), readers: 0, newest: MessageId::ZERO }
    }

    fn enter(&mut self, inbox: &Arc<Inbox>, most: usize) -> Result<(), Bound> {
        if self.readers >= most {
            return Err(Bound::Channel);
        }
        self.readers += 1;
        if !self.inboxes.iter().any(|there| Arc::ptr_eq(there, inbox)) {
            self.inboxes.push(Arc::clone(inbox));
        }
        Ok(())
    }

    /// `last_here`: nobody watches it on that thread any more.
    fn leave(&mut self, inbox: &Arc<Inbox>, last_here: bool) {
        self.readers = self.readers.saturating_sub(1);
        if last_here {
            self.inboxes.retain(|there| !Arc::ptr_eq(there, inbox));
        }
    }
}

/// Who waits for messages of a bus.
#[derive(Debug)]
pub(crate) struct Watchers {
    number: BusNumber,
    bus: BusName,
    epoch: Epoch,
    channels: DashMap<ChannelName, Watched, RandomState>,
    whole: Mutex<Watched>,
    /// Readers that wait, each once for each thing that it watches. Nobody is told anything while there are none.
    waiting: AtomicUsize,
    told_up_to: AtomicU64,
    ended: OnceLock<End>,
}

impl Watchers {
    pub(crate) fn new(bus: BusName, epoch: Epoch) -> Arc<Self> {
        Arc::new(Self {
            number: BusNumber::next(),
            bus,
            epoch,
            channels: DashMap::default(),
            whole: Mutex::new(Watched::new()),
            waiting: AtomicUsize::new(0),
            told_up_to: AtomicU64::new(0),
            ended: OnceLock::new(),
        })
    }

    pub(super) const fn number(&self) -> BusNumber {
        self.number
    }

    /// Readers that wait, counted once for each channel.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Everything up to here was told to whoever watches it.
    pub(crate) fn told_up_to(&self) -> MessageId {
        MessageId::from_u64(self.told_up_to.load(Ordering::Acquire))
    }

    /// Why nothing more comes, if so.
    pub(crate) fn ended(&self) -> Option<End> {
        self.ended.get().copied()
    }

    fn whole(&self) -> MutexGuard<'_, Watched> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this thread is told of it.
    pub(super) fn enter(&self, scope: &Scope, inbox: &Arc<Inbox>, most: usize) -> Result<(), Bound> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        // With that of `tell`: whoever shows something sees that somebody waits, or is seen to have shown it.
        fence(Ordering::SeqCst);
        let entered = match scope {
            Scope::Bus => self.whole().enter(inbox, usize::MAX),
            Scope::Channel(name) => {
                self.channels.entry(name.clone()).or_insert_with(Watched::new).enter(inbox, most)
            }
        };
        if entered.is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            if let Scope::Channel(name) = scope {
                // Where nobody may wait, a refusal leaves nothing either (I-5).
                self.channels.remove_if(name, |_, watched| watched.readers == 0);
            }
        }
        entered
    }

    /// A reader is gone; `last_here`: it was the last one of this thread.
    pub(super) fn leave(&self, scope: &Scope, inbox: &Arc<Inbox>, last_here: bool) {
        match scope {
            Scope::Bus => self.whole().leave(inbox, last_here),
            Scope::Channel(name) => {
                self.channels.remove_if_mut(name, |_, watched| {
                    watched.leave(inbox, last_here);
                    watched.readers == 0
                });
            }
        }
        let left = self.waiting.fetch_sub(1, Ordering::AcqRel).saturating_sub(1);
        if left == 0 || (left >= CROWD && left.is_power_of_two()) {
            // A crowd that has gone leaves no table behind.
            self.channels.shrink_to_fit();
        }
    }

    /// The channel's last message is known to be this one.
    pub(crate) fn note_newest(&self, channel: &ChannelName, newest: MessageId) {
        if let Some(mut watched) = self.channels.get_mut(channel) {
            watched.newest = watched.newest.max(newest);
        }
    }

    /// Whether anybody is to be told anything.
    pub(crate) fn is_anybody_waiting(&self) -> bool {
        self.waiting() > 0
    }

    /// Messages were posted to a channel and are shown. `before`: the last one of the channel before them, if it is known, and
    /// of the bus. `None` instead of the messages: somebody has come since it was asked whether anybody waits.
    pub(crate) fn tell(
        &self,
        channel: &ChannelName,
        last: MessageId,
        messages: Option<Vec<Arc<Entry>>>,
        before: (Option<MessageId>, MessageId),
    ) {
        // With that of `enter`.
        fence(Ordering::SeqCst);
        if self.is_anybody_waiting() {
            match messages {
                Some(messages) => {
                    self.tell_channel(channel, last, &messages, before.0);
                    self.tell_bus(&messages, before.1);
                }
                None => self.look(last),
            }
        }
        self.told_up_to.store(last.as_u64(), Ordering::Release);
    }

    fn tell_channel(
        &self,
        channel: &ChannelName,
        last: MessageId,
        messages: &[Arc<Entry>],
        before: Option<MessageId>,
    ) {
        let Some(mut watched) = self.channels.get_mut(channel) else { return };
        let before = before.unwrap_or(watched.newest);
        watched.newest = last;
        let hint = Hint::Shown(Scope::Channel(channel.clone()), self.chain(messages, before));
        for inbox in &watched.inboxes {
            inbox.tell(self.number, hint.clone());
        }
    }

    fn tell_bus(&self, messages: &[Arc<Entry>], before: MessageId) {
        let whole = self.whole();
        if whole.inboxes.is_empty() {
            return;
        }
        let hint = Hint::Shown(Scope::Bus, self.chain(messages, before));
        for inbox in &whole.inboxes {
            inbox.tell(self.number, hint.clone());
        }
    }

    /// Messages that follow one another, the first one a message with this id.
    fn chain(&self, messages: &[Arc<Entry>], before: MessageId) -> Arc<[Delivered]> {
        let mut prev = before;
        let chained = messages.iter().map(|entry| {
            let position = Position { id: entry.id(), epoch: Some(self.epoch) };
            let delivered = Delivered::new(self.bus.clone(), Arc::clone(entry), prev, position);
            prev = entry.id();
            delivered
        });
        chained.collect()
    }

    /// Whoever waits looks again: up to here something may be gone.
    pub(crate) fn look(&self, up_to: MessageId) {
        self.tell_all(&Hint::Look(up_to));
        self.told_up_to.fetch_max(up_to.as_u64(), Ordering::AcqRel);
    }

    /// Nothing more comes.
    pub(crate) fn end(&self, end: End) {
        if self.ended.set(end).is_ok() {
            self.tell_all(&Hint::Ended);
        }
    }

    /// Tells each thread once.
    fn tell_all(&self, hint: &Hint) {
        let mut told: Vec<Arc<Inbox>> = self.whole().inboxes.clone();
        for watched in &self.channels {
            for inbox in &watched.inboxes {
                if !told.iter().any(|there| Arc::ptr_eq(there, inbox)) {
                    told.push(Arc::clone(inbox));
                }
            }
        }
        for inbox in told {
            inbox.tell(self.number, hint.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_5_who_is_refused_leaves_nothing() {
        let watchers = Watchers::new("b".parse().unwrap(), Epoch::from_u64(1));
        let scope = Scope::Channel("c".parse().unwrap());
        let inbox = Arc::new(Inbox::default());
        assert_eq!(watchers.enter(&scope, &inbox, 0), Err(Bound::Channel));
        assert_eq!((watchers.channels.len(), watchers.waiting()), (0, 0));
        assert_eq!(watchers.enter(&scope, &inbox, 1), Ok(()));
        assert_eq!(watchers.enter(&scope, &inbox, 1), Err(Bound::Channel));
        assert_eq!((watchers.channels.len(), watchers.waiting()), (1, 1));
        watchers.leave(&scope, &inbox, true);
        assert_eq!((watchers.channels.len(), watchers.waiting()), (0, 0));
    }
}
