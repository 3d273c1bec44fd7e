//! Readers that wait: how many there are, of whom, and whether they still may.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use foldhash::fast::RandomState;

use crate::address::Block;

/// How a reader waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Waiting {
    /// For an answer.
    LongPoll,
    /// For events, until one of both ends it.
    Sse,
    /// The same, and says something itself.
    WebSocket,
}

impl Waiting {
    pub(super) const ALL: [Self; 3] = [Self::LongPoll, Self::Sse, Self::WebSocket];

    /// As metrics name it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::LongPoll => "long_poll",
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
        }
    }
}

/// The readers that wait.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    long_polls: AtomicUsize,
    events: AtomicUsize,
    sockets: AtomicUsize,
    of: Mutex<HashMap<Block, usize, RandomState>>,
}

/// As many wait at this address as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Streams {
    /// Counts a reader. `client` is `None` for one that comes for many.
    pub(super) fn enter(
        self: &Arc<Self>,
        waiting: Waiting,
        client: Option<Block>,
        most_of_one: usize,
    ) -> Result<OpenStream, TooMany> {
        if let Some(client) = client {
            let mut of = self.of();
            let own = of.entry(client).or_default();
            if *own >= most_of_one {
                if *own == 0 {
                    of.remove(&client);
                }
                return Err(TooMany);
            }
            *own += 1;
        }
        self.counter(waiting).fetch_add(1, Ordering::Relaxed);
        Ok(OpenStream { streams: Arc::clone(self), waiting, client })
    }

    /// How many wait in this way.
    pub(super) fn count(&self, waiting: Waiting) -> usize {
        self.counter(waiting).load(Ordering::Relaxed)
    }

    /// How many wait.
    pub(super) fn all(&self) -> usize {
        Waiting::ALL.into_iter().map(|waiting| self.count(waiting)).sum()
    }

    fn counter(&self, waiting: Waiting) -> &AtomicUsize {
        match waiting {
            Waiting::LongPoll => &self.long_polls,
            Waiting::Sse => &self.events,
            Waiting::WebSocket => &self.sockets,
        }
    }

    /// Nothing in here panics half way.
    fn of(&self) -> MutexGuard<'_, HashMap<Block, usize, RandomState>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that waits, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    waiting: Waiting,
    client: Option<Block>,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.counter(self.waiting).fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        if let Entry::Occupied(mut own) = self.streams.of().entry(client) {
            *own.get_mut() -= 1;
            // Nobody is remembered who waits no more.
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

/// A random span below this one, to a microsecond: what many would do at once they do one after the other.
pub(crate) fn some_of(span: Duration) -> Duration {
    let mut bytes = [0; 8];
    // Without randomness all come at once, and are served all the same.
    _ = rand::fill(&mut bytes);
    let micros = (span.as_micros() * u128::from(u64::from_ne_bytes(bytes))) >> u64::BITS;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: &str) -> Block {
        Block::of(address.parse().unwrap())
    }

    #[test]
    fn i_5_an_address_has_its_share_of_those_who_wait() {
        let streams = Arc::new(Streams::default());
        let (one, other) = (Some(block("192.0.2.1")), Some(block("192.0.2.2")));
        let first = streams.enter(Waiting::Sse, one, 2).unwrap();
        let second = streams.enter(Waiting::LongPoll, one, 2).unwrap();
        assert_eq!(streams.enter(Waiting::Sse, one, 2).unwrap_err(), TooMany);
        let third = streams.enter(Waiting::Sse, other, 2).unwrap();
        let many: Vec<_> = (0..5).map(|_| streams.enter(Waiting::Sse, None, 2).unwrap()).collect();
        assert_eq!((streams.count(Waiting::Sse), streams.count(Waiting::LongPoll), streams.all()), (7, 1, 8));
        drop(first);
        let again = streams.enter(Waiting::Sse, one, 2).unwrap();
        drop((second, third, many, again));
        assert_eq!(streams.all(), 0);
        assert!(streams.of().is_empty(), "nobody is remembered");
        assert_eq!(streams.enter(Waiting::Sse, one, 0).unwrap_err(), TooMany);
        assert!(streams.of().is_empty(), "nor who was refused");
    }

    #[test]
    fn a_part_of_a_span_is_below_it() {
        let span = Duration::from_secs(10);
        let parts: Vec<_> = (0..1000).map(|_| some_of(span)).collect();
        assert!(parts.iter().all(|part| *part < span));
        for tenth in 0..10 {
            let within = |part: &&Duration| part.as_secs() == tenth;
            assert!(parts.iter().filter(within).count() > 10, "they lie everywhere");
        }
        assert_eq!(some_of(Duration::ZERO), Duration::ZERO);
    }
}
