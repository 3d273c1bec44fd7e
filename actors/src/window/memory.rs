//! What buses hold, given back when it is dropped, wherever that is (I-5).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pool::{Bounds, Load, Own, Pool, Refusal};
use crate::model::Poster;

/// What an entry costs beside its text: the entry itself, its places in two windows, allocator overhead. Bytes.
pub(crate) const ENTRY_OVERHEAD: usize = 192;
/// What a promised entry costs beside that: its ends in two windows, its place with its channel. Bytes.
pub(crate) const PROMISE_OVERHEAD: usize = 128;
/// What a channel costs: its place in the directory and, once it is read, its actor with its mailbox. Bytes.
pub(crate) const CHANNEL_OVERHEAD: usize = 1024;

/// What all buses of a broker hold. The lock is held for a few sums, and nothing else is locked under it.
#[derive(Debug)]
pub(crate) struct Memory(Mutex<Pool>);

impl Memory {
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Pool::new(bounds))))
    }

    /// For what must be possible when all bounds are reached.
    pub(crate) fn unbounded() -> Arc<Self> {
        Self::new(Bounds { bytes: usize::MAX, channels: usize::MAX, keys: usize::MAX })
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.pool().used()
    }

    pub(crate) fn set_bounds(&self, bounds: Bounds) {
        self.pool().set_bounds(bounds);
    }

    /// Adds a bus to which these may post, within bounds of its own.
    pub(crate) fn open(self: &Arc<Self>, posters: &[Poster], own: Own) -> Arc<Holdings> {
        Arc::new(Holdings { bus: self.pool().open(posters, own), memory: Arc::clone(self) })
    }
}

/// What one bus holds.
pub(crate) struct Holdings {
    memory: Arc<Memory>,
    bus: u32,
}

impl Holdings {
    /// From now on these may post to the bus, within these bounds of its own.
    pub(crate) fn change(&self, posters: &[Poster], own: Own) {
        self.memory.pool().change(self.bus, posters, own);
    }

    /// The bus is closed: what is guaranteed to it goes to the others.
    pub(crate) fn close(&self) {
        self.memory.pool().close(self.bus);
    }

    /// Bytes that the bus holds, and the most that it may hold as things are.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        self.memory.pool().bus(self.bus)
    }

    /// What this poster holds.
    #[cfg(test)]
    pub(crate) fn of(&self, poster: &Poster) -> Load {
        self.memory.pool().of(self.bus, poster)
    }

    /// This, for this poster, if there is room and it is not kept for others.
    pub(crate) fn try_hold<W: Weight>(
        self: &Arc<Self>,
        poster: &Poster,
        what: W,
    ) -> Result<Held<W>, Refusal> {
        let row = self.memory.pool().try_take(self.bus, poster, what.load())?;
        Ok(Held { of: Arc::clone(self), row, what })
    }

    /// This, for this poster, whether it fits or not: for what was admitted before, or comes back from a log.
    pub(crate) fn hold<W: Weight>(self: &Arc<Self>, poster: &Poster, what: W) -> Held<W> {
        let row = self.memory.pool().take(self.bus, poster, what.load());
        Held { of: Arc::clone(self), row, what }
    }
}

impl Drop for Holdings {
    fn drop(&mut self) {
        self.memory.pool().forget(self.bus);
    }
}

impl fmt::Debug for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Holdings").field(&self.bus).finish()
    }
}

/// Something that is held.
pub(crate) trait Weight {
    fn load(&self) -> Load;
}

/// Bytes of messages, of less than 4 GiB: each message keeps this.
#[derive(Debug)]
pub(crate) struct Bytes(u32);

impl Bytes {
    /// So many, if they are of less than 4 GiB.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        u32::try_from(bytes).ok().map(Self)
    }

    /// So many, or as many as can be told: a log has no longer message.
    pub(crate) fn at_most(bytes: usize) -> Self {
        Self::new(bytes).unwrap_or(Self(u32::MAX))
    }
}

impl Weight for Bytes {
    fn load(&self) -> Load {
        Load { bytes: usize::try_from(self.0).unwrap_or(usize::MAX), ..Load::default() }
    }
}

/// A channel.
#[derive(Debug)]
pub(crate) struct OneChannel;

impl Weight for OneChannel {
    fn load(&self) -> Load {
        Load { bytes: CHANNEL_OVERHEAD, channels: 1, keys: 0 }
    }
}

/// An idempotency key.
#[derive(Debug)]
pub(crate) struct OneKey;

impl Weight for OneKey {
    fn load(&self) -> Load {
        Load { keys: 1, ..Load::default() }
    }
}

/// A poster's share of his bus, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held<W: Weight> {
    of: Arc<Holdings>,
    row: u32,
    what: W,
}

impl<W: Weight> Held<W> {
    /// Whether both are one poster's.
    pub(crate) fn is_whose<V: Weight>(&self, other: &Held<V>) -> bool {
        Arc::ptr_eq(&self.of, &other.of) && self.row == other.row
    }
}

impl Held<Bytes> {
    /// A part of it as a thing of its own, if there is so much.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        let part = u32::try_from(bytes).ok()?;
        self.what.0 = self.what.0.checked_sub(part)?;
        Some(Self { of: Arc::clone(&self.of), row: self.row, what: Bytes(part) })
    }
}

impl<W: Weight> Drop for Held<W> {
    fn drop(&mut self) {
        let load = self.what.load();
        if load != Load::default() {
            self.of.memory.pool().give_back(self.of.bus, self.row, load);
        }
    }
}

/// What a POST was let in with, and its record keeps.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    pub(crate) bytes: Option<Held<Bytes>>,
    /// Of the channel that it brings about.
    pub(crate) channel: Option<Held<OneChannel>>,
    pub(crate) key: Option<Held<OneKey>>,
}

#[cfg(test)]
mod tests {
    use super::super::pool::What;
    use super::*;

    fn bytes(bytes: usize) -> Bytes {
        Bytes::new(bytes).unwrap()
    }

    #[test]
    fn i_5_what_is_dropped_makes_room() {
        let memory = Memory::new(Bounds { bytes: 100, channels: 1, keys: 1 });
        let (bus, poster) = (memory.open(&[], Own::default()), Poster::nobody());
        let mut held = bus.try_hold(&poster, bytes(80)).unwrap();
        assert_eq!(bus.try_hold(&poster, bytes(21)).unwrap_err(), Refusal::Full(What::Bytes, 100));
        drop(bus.try_hold(&poster, bytes(20)).unwrap());
        memory.set_bounds(Bounds { bytes: 50, channels: 1, keys: 1 });
        assert!(bus.try_hold(&poster, bytes(1)).is_err(), "what is held beyond a new bound stays");
        assert_eq!((memory.held(), bus.bytes()), (80, (80, 50)));
        let part = held.split(30).unwrap();
        assert!(held.split(51).is_none() && part.is_whose(&held));
        drop(held);
        assert_eq!(memory.held(), 30);
        drop(part);
        assert_eq!(memory.held(), 0);
    }

    /// A message keeps what it takes with it: it should not be more than before there were shares.
    #[test]
    fn what_is_held_takes_little() {
        assert_eq!(size_of::<Held<Bytes>>(), 16);
        assert_eq!(size_of::<Held<OneChannel>>(), 16);
        assert_eq!(size_of::<Held<OneKey>>(), 16);
    }
}
