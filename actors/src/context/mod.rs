//! What the actors of one broker have in common.
//!
//! | module | what lives there |
//! |---|---|
//! | `arbiters` | on which threads actors run |
//! | `stats` | counters |
//! | `work` | what actors do, and what is made of a panic in it |

mod arbiters;
mod stats;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::ArcSwap;

pub(crate) use self::arbiters::Arbiters;
pub(crate) use self::stats::Counters;
pub use self::stats::Stats;
pub use self::work::Work;
pub(crate) use self::work::{FailPoints, Panicked};
use crate::log::{Log, Runs, Timeline};
use crate::model::{BusName, MessageId, Moment, Position, Since};
use crate::settings::{BrokerLimits, BusSettings};
use crate::watch::{End, Watchers};
use crate::window::{Bounds, Holdings, Memory, Origin, Own, Page, Slice};

/// The bounds that buses and posters share.
impl From<&BrokerLimits> for Bounds {
    fn from(limits: &BrokerLimits) -> Self {
        Self { bytes: limits.window_memory, channels: limits.channels_per_bus, keys: limits.idempotency_keys }
    }
}

/// The bounds of a bus alone.
impl From<&BusSettings> for Own {
    fn from(settings: &BusSettings) -> Self {
        Self { bytes: settings.memory, channels: settings.channels }
    }
}

/// Of the whole broker.
pub(crate) struct BrokerContext {
    pub(crate) timeline: Timeline,
    pub(crate) runs: Runs,
    pub(crate) log: Box<dyn Log>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) limits: ArcSwap<BrokerLimits>,
    pub(crate) arbiters: Arbiters,
    pub(crate) fail_points: FailPoints,
    pub(crate) closing: AtomicBool,
    /// Subscriptions of all buses.
    pub(crate) subscribers: AtomicUsize,
}

impl BrokerContext {
    pub(crate) fn now(&self) -> Moment {
        self.timeline.now()
    }

    /// What a position means: held against the log's runs once, at the door (I-10).
    pub(crate) fn judge(&self, since: Since) -> Origin {
        self.runs.judge(since, self.log.issued())
    }

    /// A slice with a position of this run.
    pub(crate) fn page(&self, slice: Slice) -> Page {
        let Slice { entries, next, resume, .. } = slice;
        Page { entries, next: self.position(next), resume }
    }

    pub(crate) fn position(&self, id: MessageId) -> Position {
        Position { id, epoch: Some(self.runs.epoch()) }
    }
}

/// Of one bus: what its Bus actor, its reaper and its channels all see.
pub(crate) struct BusContext {
    pub(crate) name: BusName,
    pub(crate) counters: Counters,
    pub(crate) settings: ArcSwap<BusSettings>,
    /// What it takes of the broker's bounds.
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) broker: Arc<BrokerContext>,
    /// Who waits for its messages.
    pub(crate) watchers: Arc<Watchers>,
    /// A panic has left its state in doubt: it answers nobody until a restart.
    failed: AtomicBool,
    /// It takes no more POSTs: it is about to be closed.
    pub(crate) leaving: AtomicBool,
    /// POSTs that wait for their answers.
    pub(crate) posting: AtomicUsize,
}

impl BusContext {
    pub(crate) fn new(
        name: BusName,
        settings: BusSettings,
        holdings: Arc<Holdings>,
        watchers: Arc<Watchers>,
        broker: Arc<BrokerContext>,
    ) -> Self {
        Self {
            name,
            counters: Counters::default(),
            settings: ArcSwap::from_pointee(settings),
            holdings,
            watchers,
            broker,
            failed: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            posting: AtomicUsize::new(0),
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Runs work on the state of the bus. A panic in it fails the bus: what a half-done change has left cannot be
    /// told from what the log says, and `complete` may not be said of it (I-10).
    pub(crate) fn contain<T>(&self, work: Work, run: impl FnOnce() -> T) -> Result<T, Panicked> {
        let done = self.contain_part(work, run);
        if done.is_err() {
            self.failed.store(true, Ordering::Release);
            self.watchers.end(End::BusFailed);
            tracing::error!(bus = %self.name, "the bus takes and answers nothing until a restart");
        }
        done
    }

    /// Runs work on something that can be made anew from the state of the bus.
    pub(crate) fn contain_part<T>(&self, work: Work, run: impl FnOnce() -> T) -> Result<T, Panicked> {
        work::contain(work, &self.broker.fail_points, run).inspect_err(|_| {
            self.counters.crashed.one();
            // The line names the bus and the kind of work, never the channel (I-8).
            tracing::error!(bus = %self.name, work = work.as_str(), "an actor panicked");
        })
    }
}
