//! Starting a broker from its buses and its log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use foldhash::fast::RandomState;

use super::handle::Handle;
use super::{Broker, CANARY_BUS, Inner};
use crate::bus::Recovery;
use crate::journal::Journal;
use crate::log::{Log, MemoryLog, RecoveryError};
use crate::memory::MemoryGauge;
use crate::placement::Placement;
use crate::shared::Shared;
use crate::{BrokerLimits, BusName, BusSettings, Clock, SystemClock};

/// What a broker is started from.
#[must_use]
pub struct BrokerBuilder {
    buses: HashMap<BusName, BusSettings, RandomState>,
    limits: BrokerLimits,
    clock: Arc<dyn Clock>,
    log: Box<dyn Log>,
}

impl BrokerBuilder {
    pub(super) fn new() -> Self {
        Self {
            buses: HashMap::default(),
            limits: BrokerLimits::default(),
            clock: Arc::new(SystemClock),
            log: Box::new(MemoryLog::default()),
        }
    }

    /// Adds a bus; the last settings given for a name count.
    pub fn bus(mut self, name: BusName, settings: BusSettings) -> Self {
        self.buses.insert(name, settings);
        self
    }

    /// Sets the bounds. Default: [`BrokerLimits::default`].
    pub fn limits(mut self, limits: BrokerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the clock. Default: [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the log. Default: [`MemoryLog`].
    pub fn log(mut self, log: impl Log) -> Self {
        self.log = Box::new(log);
        self
    }

    /// Starts the broker from what its log kept.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn start(mut self) -> Result<Broker, RecoveryError> {
        let memory = MemoryGauge::new(self.limits.window_memory);
        let now = self.clock.now();
        let mut recoveries: HashMap<BusName, Recovery, RandomState> = self
            .buses
            .drain()
            .map(|(name, settings)| (name, Recovery::new(settings, &self.limits, &memory, now)))
            .collect();
        let canary_name = BusName::trusted(CANARY_BUS);
        let mut strangers: HashSet<BusName, RandomState> = HashSet::default();
        let extent = self.log.recover(now, &mut |record| match recoveries.get_mut(&record.bus) {
            Some(recovery) => recovery.take(record),
            // Nobody reads it, and its messages have done their duty.
            None if record.bus == canary_name => {}
            None => _ = strangers.insert(record.bus),
        })?;
        for bus in strangers {
            tracing::warn!(%bus, "the log holds messages of a bus that is not configured; they stay unread");
        }
        let canary = Recovery::new(BusSettings::default(), &self.limits, &memory, now);
        let shared = Arc::new(Shared {
            clock: self.clock,
            journal: Journal::new(self.log, extent.highest),
            memory,
            limits: self.limits,
            placement: Placement::default(),
            closing: AtomicBool::new(false),
        });
        let open = |name, recovery| Handle::open(name, recovery, extent.lost, &shared);
        let canary = open(canary_name, canary);
        let buses = recoveries.into_iter().map(|(name, recovery)| (name.clone(), open(name, recovery)));
        let buses = buses.collect();
        Ok(Broker(Arc::new(Inner { shared, buses, canary })))
    }
}
