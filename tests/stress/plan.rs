//! How much is done, and how much must have been done for a run to prove anything.

use std::time::Duration;

use crate::checker::Rules;

/// The buses, by number: settings that make different things happen.
pub(crate) const BUSES: [(&str, u32); 5] =
    [("blink.com", 3_000), ("brief.com", 1_000), ("calm.com", 1_000), ("sleepy.com", 10), ("keeps.com", 300)];
/// The one that is posted to now and then.
pub(crate) const SLEEPY: u8 = 3;
/// The one on which some POSTs are sticky.
pub(crate) const KEEPS: u8 = 4;
/// What its readers of sticky messages read: the checker's number for it, behind all buses.
pub(crate) const STICKY: u8 = 5;

/// The bus that is read.
pub(crate) const fn real(bus: u8) -> u8 {
    if bus == STICKY { KEEPS } else { bus }
}

/// Where a broker keeps its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// Each start begins with nothing.
    Memory,
    /// The starts of a run follow one another on one log.
    Disk,
}

/// The brokers of a run, one after the other: where they keep messages, and their share of the run in percent.
pub(crate) const TERMS: [(Keeping, u64); 7] = [
    (Keeping::Memory, 30),
    (Keeping::Memory, 15),
    (Keeping::Memory, 15),
    (Keeping::Disk, 10),
    (Keeping::Disk, 10),
    (Keeping::Disk, 10),
    (Keeping::Disk, 10),
];

pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    /// Acknowledged POSTs and reaped channels to go on to.
    pub(crate) posts: u64,
    pub(crate) reaps: u64,
    /// The run fails when it has not got there by then.
    pub(crate) within: Duration,
    pub(crate) floors: Floors,
}

/// A run below one of these is invalid: it found nothing because it did nothing.
pub(crate) struct Floors {
    pub(crate) posts_per_second: u64,
    /// Sweeps, POSTs and retrievals that met a channel as it fell due.
    pub(crate) collisions: u64,
    pub(crate) respawns: u64,
    /// Of all POSTs.
    pub(crate) http_percent: u64,
    /// POSTs over a WebSocket that were answered.
    pub(crate) published: u64,
    /// POSTs of version 2.0 that were answered, and pages of several buses.
    pub(crate) second: u64,
    /// Messages that had to be in an answer of a channel, and of a bus.
    pub(crate) required: u64,
    pub(crate) followed: u64,
    /// POSTs to the bus that sleeps, and requests whose answers nobody read.
    pub(crate) asleep: u64,
    pub(crate) unread: u64,
    /// Streams that their readers left, or did not read for a while, and gaps that streams told.
    pub(crate) left: u64,
    /// Streams that were told that the service ends.
    pub(crate) drained: u64,
    /// Positions that were brought to a broker which keeps nothing of what they are of.
    pub(crate) foreign: u64,
}

impl Plan {
    /// The plan that `BACKPLANE_STRESS` names (`full`, `short`, or nothing), with the seed of `BACKPLANE_STRESS_SEED`.
    pub(crate) fn from_environment() -> Self {
        let seed = std::env::var("BACKPLANE_STRESS_SEED").ok();
        let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed is a number"));
        let size = std::env::var("BACKPLANE_STRESS").unwrap_or_default();
        let (name, posts, rate, within) = match size.as_str() {
            "full" => ("full", 1_000_000, 1_000, Duration::from_mins(16)),
            "short" => ("short", 100_000, 1_000, Duration::from_mins(2)),
            // Among all other tests, which may keep the machine busy.
            "" => ("brief", 10_000, 125, Duration::from_secs(80)),
            other => panic!("BACKPLANE_STRESS is `full`, `short` or nothing, not `{other}`"),
        };
        let floors = Floors {
            posts_per_second: rate,
            collisions: posts / 100,
            respawns: posts / 100,
            http_percent: 10,
            published: posts / 50,
            second: posts / 200,
            required: posts / 4,
            followed: posts,
            asleep: posts / 2_000,
            unread: 1,
            left: posts / 1_000,
            // Nearly all readers of all brokers.
            drained: TERMS.len() as u64 * 8,
            foreign: 20,
        };
        Self { name, seed, posts, reaps: posts / 20, within, floors }
    }
}

impl Keeping {
    /// By bus.
    pub(crate) fn rules(self) -> [Rules; BUSES.len()] {
        let (idle, early, late, kept) = match self {
            // Answered at once, and timed by the history's own clock.
            Self::Memory => (5, 0, 0, 0),
            // A POST takes as long as the disk does, on a busy machine long, and its channel lives for as long.
            Self::Disk => (50, 2, 250, 1_250),
        };
        // Channels come and go all the time, and the bus forgets nothing but by number.
        let blink = Rules {
            idle,
            retention: 60_000,
            promised: None,
            channel_window: 100,
            bus_window: 8_192,
            early,
            late,
            kept,
        };
        // Both views lose messages to age, at different times.
        let brief = Rules {
            idle: idle * 3,
            retention: 400,
            promised: None,
            channel_window: 100,
            bus_window: 8_192,
            early,
            late,
            kept,
        };
        // Channels live on: small windows overflow, and completeness is checked over long spans.
        let calm = Rules {
            idle: 2_000,
            retention: 60_000,
            promised: None,
            channel_window: 12,
            bus_window: 1_024,
            early,
            late,
            kept,
        };
        // The log goes on without it.
        let sleepy = Rules { idle: 500, ..calm.clone() };
        // Promises outlive all else in their channels. No window overflows, so that only time takes anything away.
        let keeps =
            Rules { promised: Some(1_500), channel_window: 100_000, bus_window: 100_000, ..brief.clone() };
        [blink, brief, calm, sleepy, keeps]
    }
}
