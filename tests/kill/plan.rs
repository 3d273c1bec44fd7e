//! How often the program is killed, and how much must have been done for a run to prove anything.

use std::time::Duration;

use crate::checker::Rules;
use testkit::password_hash;

/// Channels of the bus.
pub(crate) const CHANNELS: u32 = 12;
/// Kills that one log has to survive. Each log is checked as a whole, which bounds the memory of a long run.
pub(crate) const KILLS_PER_LIFE: u32 = 40;
/// How the logs of a run are kept, in turn: a kill may not take anything from either (I-2).
pub(crate) const DURABILITY: [&str; 3] = ["sync", "interval", "sync"];

const DAY: u64 = 24 * 60 * 60 * 1000;
/// Nothing expires and nothing is evicted while a log lives: whatever is not there was lost.
const WINDOW: usize = 1_000_000;

pub(crate) struct Plan {
    pub(crate) kills: u32,
    pub(crate) seed: u64,
}

impl Plan {
    pub(crate) fn from_environment() -> Self {
        let number = |name| {
            let text = std::env::var(name).ok()?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")))
        };
        let kills = number("BACKPLANE_KILLS").map_or(20, |kills: u64| kills as u32);
        Self { kills, seed: number("BACKPLANE_SEED").unwrap_or_else(|| fastrand::u64(..)) }
    }

    /// How long the run may take: far more than any machine needs.
    pub(crate) fn within(&self) -> Duration {
        Duration::from_mins(1) + Duration::from_secs(2) * self.kills
    }

    /// What there must at least be. A run below found nothing because it did nothing.
    pub(crate) fn floors(&self) -> Floors {
        let kills = u64::from(self.kills);
        Floors {
            starting: kills / 10,
            ending: kills / 50,
            acked: kills * 20,
            unknown: kills,
            retried: kills / 2,
            rolled: kills / 25,
            required: kills * 500,
        }
    }
}

pub(crate) struct Floors {
    pub(crate) starting: u64,
    pub(crate) ending: u64,
    pub(crate) acked: u64,
    pub(crate) unknown: u64,
    pub(crate) retried: u64,
    pub(crate) rolled: u64,
    /// Messages that had to be in an answer.
    pub(crate) required: u64,
}

pub(crate) fn rules() -> Rules {
    Rules { idle: DAY, retention: DAY, channel_window: WINDOW, bus_window: WINDOW }
}

/// The smallest segments that there are, so that there are many.
pub(crate) fn config(durability: &str) -> String {
    format!(
        r#"
listen = "127.0.0.1:0"
[storage]
segment = "1MiB"
durability = "{durability}"
[defaults]
channel_idle = "1day"
retention = "1day"
window = {{ channel = {WINDOW}, bus = {WINDOW} }}
[[user]]
name = "demo"
password_hash = "{hash}"
[[bus]]
name = "b"
post = ["demo"]
read = ["demo"]
"#,
        hash = password_hash("demo").to_phc()
    )
}
