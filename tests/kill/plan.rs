//! How often the program is killed, and how much must have been done for a run to prove anything.

use std::fmt::Write as _;
use std::time::Duration;

use crate::checker::Rules;
use crate::history::{ChannelKey, PostKey};
use testkit::strong_hash;

/// The buses by number: one that is used all the time, one that sleeps for most of it, and one whose promises outlive all
/// else in their channels.
pub(crate) const BUSES: [&str; 3] = ["b", "sleepy", "keeps"];
pub(crate) const BUSY: u8 = 0;
pub(crate) const SLEEPY: u8 = 1;
pub(crate) const KEEPS: u8 = 2;
/// Kills that one log has to survive. Each log is checked as a whole, which bounds the memory of a long run.
const KILLS_PER_WHOLE_LIFE: u32 = 20;
/// So many that channels end and begin again meanwhile.
const KILLS_PER_BRIEF_LIFE: u32 = 40;
/// Those of a life that is longer than messages are kept, and how many must be left for one.
const KILLS_PER_AGE: u32 = 700;

const SECOND: u64 = 1_000;
const DAY: u64 = 24 * 60 * 60 * SECOND;
/// Room for whatever a life brings.
const ALL: usize = 1_000_000;

/// What a log goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing expires and nothing is evicted: whatever is not there was lost.
    Whole,
    /// Channels end between two POSTs, windows overflow, and servers are killed meanwhile.
    Brief,
}

/// How one log is kept and used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) fate: Fate,
    /// A kill may not take anything from either (I-2).
    durability: &'static str,
    pub(crate) kills: u32,
}

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

    /// The life of this number, counted from 0, when so many kills are left.
    pub(crate) fn manner(&self, number: usize, left: u32) -> Manner {
        let fate = [Fate::Whole, Fate::Brief][number % 2];
        let durability = ["sync", "sync", "interval", "interval"][number % 4];
        let most = match fate {
            Fate::Whole => KILLS_PER_WHOLE_LIFE,
            Fate::Brief if left >= KILLS_PER_AGE => KILLS_PER_AGE,
            Fate::Brief => KILLS_PER_BRIEF_LIFE,
        };
        // However few kills there are, some are left for the second life.
        Manner { fate, durability, kills: most.min(self.kills.div_ceil(2)).min(left) }
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
            overdue: kills / 4,
            rolled: kills / 50,
            unread: kills / 2,
            required: kills * 100,
            asleep: kills / 2,
            outlived: kills / 4,
            gaps: kills / 2,
            // Not in one that takes no longer than a channel lives.
            ended: kills.saturating_sub(60),
        }
    }
}

pub(crate) struct Floors {
    pub(crate) starting: u64,
    pub(crate) ending: u64,
    pub(crate) acked: u64,
    pub(crate) unknown: u64,
    pub(crate) retried: u64,
    /// Of them to a later server than the next.
    pub(crate) overdue: u64,
    pub(crate) rolled: u64,
    /// Requests whose answers nobody read.
    pub(crate) unread: u64,
    /// Messages that had to be in an answer.
    pub(crate) required: u64,
    /// POSTs to the bus that sleeps.
    pub(crate) asleep: u64,
    /// Messages that channels showed which nothing but promises kept.
    pub(crate) outlived: u64,
    /// Answers that told of a gap, and channels that were over between two POSTs.
    pub(crate) gaps: u64,
    pub(crate) ended: u64,
}

impl Manner {
    /// Channels of a bus: so few that each is posted to often, or so many that most are quiet.
    pub(crate) fn channels(self, bus: u8) -> u32 {
        match (self.fate, bus) {
            (_, SLEEPY) => 3,
            (Fate::Whole, _) => 12,
            // Each is posted to now and then, and long over in between.
            (Fate::Brief, KEEPS) => 40,
            (Fate::Brief, _) => 60,
        }
    }

    /// Whether the messages of a POST are sticky.
    pub(crate) fn is_sticky(self, post: PostKey, channel: ChannelKey) -> bool {
        post.is_sticky() && self.rules()[usize::from(channel.bus)].promised.is_some()
    }

    /// By bus.
    pub(crate) fn rules(self) -> [Rules; BUSES.len()] {
        let rules = match self.fate {
            Fate::Whole => Rules {
                idle: DAY,
                retention: DAY,
                promised: Some(DAY),
                channel_window: ALL,
                bus_window: ALL,
                early: 0,
                late: 0,
                kept: 0,
            },
            // The shortest times that a configuration takes.
            Fate::Brief => Rules {
                idle: SECOND,
                retention: 61 * SECOND,
                promised: None,
                channel_window: 12,
                bus_window: 400,
                early: 2,
                late: SECOND / 2,
                kept: 0,
            },
        };
        match self.fate {
            Fate::Whole => [rules.clone(), rules.clone(), rules],
            Fate::Brief => {
                let asleep = Rules { bus_window: 40, ..rules.clone() };
                // No window overflows, so that only time takes anything away.
                let keeps = Rules {
                    promised: Some(301 * SECOND),
                    channel_window: ALL,
                    bus_window: ALL,
                    ..rules.clone()
                };
                [rules, asleep, keeps]
            }
        }
    }

    /// The smallest segments that there are, so that there are many.
    pub(crate) fn config(self) -> String {
        let hash = strong_hash("demo").to_phc();
        let mut config = format!(
            r#"
listen = "127.0.0.1:0"
[limits]
lateness = "0s"
heartbeat = "1s"
[storage]
segment = "1MiB"
durability = "{}"
[[user]]
name = "demo"
password_hash = "{hash}"
"#,
            self.durability
        );
        for (name, rules) in BUSES.iter().zip(self.rules()) {
            let Rules { idle, retention, promised, channel_window, bus_window, .. } = rules;
            _ = write!(
                config,
                r#"
[[bus]]
name = "{name}"
post = ["demo"]
read = ["demo"]
channel_idle = "{idle}ms"
retention = "{retention}ms"
window = {{ channel = {channel_window}, bus = {bus_window} }}
"#
            );
            if let Some(promised) = promised {
                _ = writeln!(config, "retention_max = \"{promised}ms\"");
            }
        }
        config
    }
}
