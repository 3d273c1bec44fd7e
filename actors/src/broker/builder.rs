//! Starting a broker: each bus is a fold over what its log has kept.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use actix::Addr;
use arc_swap::ArcSwap;
use foldhash::fast::RandomState;

use super::{Broker, CANARY_BUS, Inner, buses};
use crate::bus::{BusState, Sizes};
use crate::channel::Channel;
use crate::clock::{Clock, SystemClock};
use crate::context::{Arbiters, BrokerContext, Counters, FailPoints, Work};
use crate::log::{Extent, Incarnation, Kept, Log, MemoryLog, Record, RecoveryError};
use crate::model::{BusName, Epoch, Moment};
use crate::settings::{BrokerLimits, BusSettings};
use crate::watch::Watchers;
use crate::window::{Lost, Memory, Own};

/// What a broker is started from.
#[must_use]
pub struct BrokerBuilder {
    buses: HashMap<BusName, BusSettings, RandomState>,
    limits: BrokerLimits,
    clock: Arc<dyn Clock>,
    log: Box<dyn Log>,
    fail_points: FailPoints,
}

impl BrokerBuilder {
    pub(super) fn new() -> Self {
        Self {
            buses: HashMap::default(),
            limits: BrokerLimits::default(),
            clock: Arc::new(SystemClock),
            log: Box::new(MemoryLog::default()),
            fail_points: FailPoints::default(),
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

    /// Has `hook` called after each piece of work that an actor does, on the actor's thread, before anybody is told of it.
    /// It may panic: so a test sees what a panic anywhere leads to.
    pub fn fail_points(mut self, hook: impl Fn(Work) + Send + Sync + 'static) -> Self {
        self.fail_points = FailPoints::new(hook);
        self
    }

    /// Starts the broker from what its log kept. When it returns, every bus is what it was.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn start(mut self) -> Result<Broker, RecoveryError> {
        let memory = Memory::new((&self.limits).into());
        let epoch = random_epoch()?;
        let mut folds: HashMap<BusName, Fold, RandomState> = self
            .buses
            .drain()
            .map(|(name, settings)| (name.clone(), Fold::new(name, settings, &memory, epoch)))
            .collect();
        let canary_name = BusName::trusted(CANARY_BUS);
        let mut strangers: HashSet<BusName, RandomState> = HashSet::default();
        let mut retired: HashMap<BusName, Incarnation, RandomState> = HashMap::default();
        let extent = self.log.recover(&self.clock, epoch, &mut |kept| match kept {
            Kept::Record(record) => match folds.get_mut(&record.bus) {
                Some(fold) => fold.apply(&record),
                // Nobody reads it, and its messages have done their duty.
                None if record.bus == canary_name => {}
                None => _ = strangers.insert(record.bus.clone()),
            },
            Kept::Retired { bus, next } => {
                if let Some(fold) = folds.get_mut(&bus) {
                    fold.state.retire(next);
                }
                strangers.remove(&bus);
                retired.insert(bus, next);
            }
        })?;
        for bus in strangers {
            let next = retire(&*self.log, &bus);
            retired.extend(next.map(|next| (bus, next)));
        }
        let Extent { lost, lost_sticky, runs, timeline, .. } = extent;
        let lost = Lost::told_apart(lost, lost_sticky);
        let now = timeline.now();
        let context = Arc::new(BrokerContext {
            timeline,
            runs,
            log: self.log,
            memory,
            limits: ArcSwap::from_pointee(self.limits),
            arbiters: Arbiters::default(),
            fail_points: self.fail_points,
            closing: AtomicBool::new(false),
            subscribers: AtomicUsize::new(0),
        });
        let canary = Fold::new(canary_name.clone(), canary_settings(), &Memory::unbounded(), epoch);
        let open = |name, fold: Fold| {
            let (settings, state) = fold.finish(lost, now);
            buses::handle(name, settings, state, &context)
        };
        let canary = open(canary_name, canary);
        let buses = folds.into_iter().map(|(name, fold)| (name.clone(), open(name, fold))).collect();
        let (buses, retired) = (ArcSwap::from_pointee(buses), futures::lock::Mutex::new(retired));
        Ok(Broker(Arc::new(Inner { context, buses, retired, canary })))
    }
}

/// A bus on its way back.
struct Fold {
    settings: BusSettings,
    state: BusState<Addr<Channel>>,
    /// What was counted before this start counts no more.
    counters: Counters,
}

impl Fold {
    fn new(name: BusName, settings: BusSettings, memory: &Arc<Memory>, epoch: Epoch) -> Self {
        let (holdings, watchers) =
            (memory.open(&settings.posters, Own::from(&settings)), Watchers::new(name, epoch));
        let state = BusState::new(Incarnation::FIRST, &settings, &holdings, watchers);
        Self { settings, state, counters: Counters::default() }
    }

    fn sizes(&self) -> Sizes {
        Sizes::from(&self.settings)
    }

    fn apply(&mut self, record: &Record) {
        self.state.refold(record, self.sizes(), &self.counters);
    }

    /// The bus as it is now. What is `lost` may have existed and was not among the records.
    fn finish(mut self, lost: Lost, now: Moment) -> (BusSettings, BusState<Addr<Channel>>) {
        self.state.resume(lost, now, self.sizes(), &self.counters);
        (self.settings, self.state)
    }
}

/// The canary flies when all bounds are reached: it has memory of its own, of which it needs that of a message or two.
fn canary_settings() -> BusSettings {
    BusSettings { channel_window: NonZeroUsize::MIN, bus_window: NonZeroUsize::MIN, ..BusSettings::default() }
}

/// A bus that is not there any more is closed: whoever is given its name next sees nothing of it.
fn retire(log: &dyn Log, bus: &BusName) -> Option<Incarnation> {
    let failed = |bus: &BusName, error| {
        tracing::error!(%bus, %error, "the log could not note that this bus is gone");
    };
    let name = bus.clone();
    let done = Box::new(move |noted: Result<(), _>| {
        noted.unwrap_or_else(|error| failed(&name, error));
    });
    tracing::warn!(%bus, "the log holds messages of a bus that is not configured any more; they are not shown again");
    log.retire(bus, done).inspect_err(|error| failed(bus, *error)).ok()
}

fn random_epoch() -> Result<Epoch, RecoveryError> {
    let mut bytes = [0; 8];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match got {
        Ok(_) => Ok(Epoch::from_u64(u64::from_le_bytes(bytes))),
        Err(error) => Err(RecoveryError::Io { path: PathBuf::from("/dev/urandom"), error: error.into() }),
    }
}
