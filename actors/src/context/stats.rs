//! Counters that the actors keep, for metrics and for tests that need to know what happened.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that only rises.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) posts: Counter,
    pub(crate) messages: Counter,
    pub(crate) replays: Counter,
    pub(crate) begun: Counter,
    pub(crate) spawned: Counter,
    pub(crate) reaped: Counter,
    pub(crate) reprieved: Counter,
    pub(crate) overtaken: Counter,
    pub(crate) crashed: Counter,
    pub(crate) revived: Counter,
}

/// What a broker has done since it started, and what it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// POSTs accepted, empty ones not counted.
    pub posts: u64,
    /// Messages accepted.
    pub messages: u64,
    /// POSTs answered from an idempotency key.
    pub replays: u64,
    /// Channels that came into being.
    pub begun: u64,
    /// Channel actors started: a channel has none until somebody reads it.
    pub spawned: u64,
    /// Channels that expired.
    pub reaped: u64,
    /// Channels that came up for reaping and had been posted to meanwhile.
    pub reprieved: u64,
    /// Expired channels that a POST or a retrieval met before the reaper did.
    pub overtaken: u64,
    /// Panics caught in actors.
    pub crashed: u64,
    /// Channels brought back whose actor had panicked or lost its thread.
    pub revived: u64,
    /// Channels that exist now.
    pub channels: usize,
    /// Bytes that all windows of all buses hold now, overhead included.
    pub window_memory: usize,
    /// Bytes that the windows of this bus hold now, overhead included.
    pub bus_memory: usize,
    /// The most bytes that they may hold as things are: more may be kept for other buses.
    pub bus_memory_max: usize,
    /// Subscriptions of this bus, each once for each channel.
    pub subscribers: usize,
}

impl Counters {
    pub(crate) fn snapshot(
        &self,
        channels: usize,
        window_memory: usize,
        (bus_memory, bus_memory_max): (usize, usize),
        subscribers: usize,
    ) -> Stats {
        Stats {
            posts: self.posts.get(),
            messages: self.messages.get(),
            replays: self.replays.get(),
            begun: self.begun.get(),
            spawned: self.spawned.get(),
            reaped: self.reaped.get(),
            reprieved: self.reprieved.get(),
            overtaken: self.overtaken.get(),
            crashed: self.crashed.get(),
            revived: self.revived.get(),
            channels,
            window_memory,
            bus_memory,
            bus_memory_max,
            subscribers,
        }
    }
}
