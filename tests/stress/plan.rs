//! How much is done, and how much must have been done for a run to prove anything.

use std::time::Duration;

use crate::checker::Rules;

/// The buses, by number: settings that make different things happen.
pub(crate) const BUSES: [(&str, u32); 3] = [("blink.com", 3_000), ("brief.com", 1_000), ("calm.com", 1_000)];

pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    /// Acknowledged POSTs and reaped channels to go on to.
    pub(crate) posts: u64,
    pub(crate) reaps: u64,
    /// The run fails when it has not got there by then.
    pub(crate) within: Duration,
    pub(crate) floors: Floors,
    pub(crate) rules: Vec<Rules>,
}

/// A run below one of these is invalid: it found nothing because it did nothing.
pub(crate) struct Floors {
    pub(crate) posts_per_second: u64,
    /// Sweeps, POSTs and retrievals that met a channel as it fell due.
    pub(crate) collisions: u64,
    pub(crate) respawns: u64,
    /// Of all POSTs.
    pub(crate) http_percent: u64,
    /// Messages that had to be in an answer of a channel, and of a bus.
    pub(crate) required: u64,
    pub(crate) followed: u64,
}

impl Plan {
    /// The plan that `BACKPLANE_STRESS` names (`full`, `short`, or nothing), with the seed of `BACKPLANE_STRESS_SEED`.
    pub(crate) fn from_environment() -> Self {
        let seed = std::env::var("BACKPLANE_STRESS_SEED").ok();
        let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed is a number"));
        let size = std::env::var("BACKPLANE_STRESS").unwrap_or_default();
        let (name, posts, rate, within) = match size.as_str() {
            "full" => ("full", 1_000_000, 2_000, Duration::from_mins(8)),
            "short" => ("short", 100_000, 2_000, Duration::from_secs(25)),
            // Among all other tests, which may keep the machine busy.
            "" => ("brief", 10_000, 250, Duration::from_secs(40)),
            other => panic!("BACKPLANE_STRESS is `full`, `short` or nothing, not `{other}`"),
        };
        let floors = Floors {
            posts_per_second: rate,
            collisions: posts / 100,
            respawns: posts / 50,
            http_percent: 10,
            required: posts / 4,
            followed: posts,
        };
        Self { name, seed, posts, reaps: posts / 10, within, floors, rules: rules() }
    }
}

fn rules() -> Vec<Rules> {
    // Channels come and go all the time, and the bus forgets nothing but by number.
    let blink =
        Rules { idle: 5, retention: 60_000, channel_window: 100, bus_window: 8_192, early: 0, late: 0 };
    // Both views lose messages to age, at different times.
    let brief = Rules { idle: 15, retention: 400, channel_window: 100, bus_window: 8_192, early: 0, late: 0 };
    // Channels live on: small windows overflow, and completeness is checked over long spans.
    let calm =
        Rules { idle: 2_000, retention: 60_000, channel_window: 12, bus_window: 1_024, early: 0, late: 0 };
    vec![blink, brief, calm]
}
