//! What the actors of one broker have in common.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::journal::Journal;
use crate::memory::MemoryGauge;
use crate::placement::Placement;
use crate::stats::Counters;
use crate::{BrokerLimits, BusName, Clock};

/// Of the whole broker.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    pub(crate) memory: Arc<MemoryGauge>,
    pub(crate) limits: BrokerLimits,
    pub(crate) placement: Placement,
    pub(crate) closing: AtomicBool,
}

/// Of one bus: what its Bus actor, its Supervisor and its channels all see.
pub(crate) struct BusCommon {
    pub(crate) name: BusName,
    pub(crate) counters: Counters,
    pub(crate) shared: Arc<Shared>,
}

/// A panic was caught, counted and logged.
pub(crate) struct Panicked;

impl BusCommon {
    /// Runs an actor's work so that a panic in it stays there: actix would end the actor without a word.
    ///
    /// The log line names the bus and the kind of actor, never the channel (I-8).
    pub(crate) fn contain<T>(&self, actor: &'static str, work: impl FnOnce() -> T) -> Result<T, Panicked> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
            self.counters.crashed.one();
            tracing::error!(bus = %self.name, actor, "an actor panicked");
            Panicked
        })
    }
}
