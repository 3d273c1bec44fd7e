//! The Broker: the one handle that everything outside the crate holds.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix::{Addr, MailboxError};
use foldhash::fast::RandomState;

use crate::bus::{Bus, Drained, Post, Recovery, Restored, Revive, Started};
use crate::channel::{Channel, Read};
use crate::directory::{Directory, Found};
use crate::journal::Journal;
use crate::log::{Log, MemoryLog, RecoveryError};
use crate::memory::MemoryGauge;
use crate::placement::Placement;
use crate::shared::{BusCell, Shared};
use crate::stats::{Counters, Stats};
use crate::{
    Batch, BrokerLimits, BusName, BusSettings, ChannelName, Clock, Message, MessageId, Page, PostError,
    Posted, Posting, ReadError, Resume, Since, SystemClock,
};

/// Times that a retrieval is tried on a channel whose actor is gone, the first included.
const TRIES: usize = 3;
/// The bus that [`Broker::canary`] posts to.
const CANARY_BUS: &str = "backplane.canary";

/// A running broker. Cheap to clone; all clones are one broker.
///
/// It needs an actix system, and runs its actors on the arbiters that [`Broker::join_arbiter`] was called
/// on, else on the one that uses it first.
///
/// ```
/// use backplane_actors::{Batch, Broker, BusName, BusSettings, Message, MessageLimits, Posting, Since};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// actix::System::new().block_on(async {
///     let bus: BusName = "customer.com".parse()?;
///     let broker = Broker::builder().bus(bus.clone(), BusSettings::default()).start()?;
///     let message = Message::new("https://example.com", "identity/login", &"hello", &MessageLimits::default())?;
///     let posting = Posting { channel: "session-1".parse()?, messages: Batch::single(message), key: None };
///     broker.post(&bus, posting).await?;
///     let page = broker.read_channel(&bus, &"session-1".parse()?, Since::Start).await?;
///     assert_eq!(page.entries.len(), 1);
///     broker.shutdown().await;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    buses: HashMap<BusName, Handle, RandomState>,
    canary: Handle,
}

/// A bus and, from its first use, its actor: by then the arbiters are known.
struct Handle {
    cell: Arc<BusCell>,
    actor: OnceLock<Addr<Bus>>,
    restored: Mutex<Option<Restored>>,
    /// Its channels may not have their actors yet.
    recovering: AtomicBool,
}

/// What a broker is started from.
#[must_use]
pub struct BrokerBuilder {
    buses: HashMap<BusName, BusSettings, RandomState>,
    limits: BrokerLimits,
    clock: Arc<dyn Clock>,
    log: Box<dyn Log>,
}

impl BrokerBuilder {
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
        let open = |name: BusName, recovery: Recovery| {
            let settings = recovery.settings().clone();
            let restored = recovery.finish(extent.lost);
            let Restored { settled, forgotten, .. } = restored;
            Handle {
                cell: Arc::new(BusCell {
                    directory: Directory::new(settings.channel_idle, settings.retention, settled, forgotten),
                    counters: Counters::default(),
                    name,
                    settings,
                    shared: Arc::clone(&shared),
                }),
                actor: OnceLock::new(),
                recovering: AtomicBool::new(!restored.channels.is_empty()),
                restored: Mutex::new(Some(restored)),
            }
        };
        let canary = open(canary_name, canary);
        let buses = recoveries.into_iter().map(|(name, recovery)| (name.clone(), open(name, recovery)));
        let buses = buses.collect();
        Ok(Broker(Arc::new(Inner { shared, buses, canary })))
    }
}

impl Handle {
    /// Nothing as long as there is no arbiter to run it: an actor that never ran would stay closed for good.
    fn actor(&self) -> Option<&Addr<Bus>> {
        self.actor.get().or_else(|| {
            let start = || {
                let restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner).take();
                Bus::start(&self.cell, restored.unwrap_or_else(|| Restored::nothing(&self.cell)))
            };
            self.cell.shared.placement.has_room().then(|| self.actor.get_or_init(start))
        })
    }

    async fn post(&self, posting: Posting) -> Result<Posted, PostError> {
        let actor = self.actor().ok_or(PostError::Closed)?;
        actor.send(Post(posting)).await.unwrap_or(Err(PostError::Closed))
    }

    async fn read(&self, since: Since) -> Result<Page, ReadError> {
        let actor = self.actor().ok_or(ReadError::Closed)?;
        actor.send(Read(since)).await.unwrap_or(Err(ReadError::Closed))
    }

    async fn read_channel(&self, channel: &ChannelName, since: Since) -> Result<Page, ReadError> {
        let (cell, shared) = (&self.cell, &self.cell.shared);
        if self.recovering.load(Ordering::Acquire) {
            // The actor fills the windows before it takes its first message.
            let actor = self.actor().ok_or(ReadError::Closed)?;
            actor.send(Started).await.map_err(|_| ReadError::Closed)?;
            self.recovering.store(false, Ordering::Release);
        }
        for _ in 0..TRIES {
            // Read before looking: a channel that is not there has nothing up to here.
            let settled = cell.directory.settled();
            let actor = match cell.directory.find(channel, since, &*shared.clock, &cell.counters) {
                Found::Ask(actor) => actor,
                Found::UpToDate => {
                    return Ok(Page::empty(match since {
                        Since::After(id) => id,
                        Since::Start | Since::Unknown => settled,
                    }));
                }
                Found::Absent => return Ok(self.absent(since, settled)),
            };
            match actor.send(Read(since)).await {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(_)) | Err(MailboxError::Closed | MailboxError::Timeout) => {
                    let actor = self.actor().ok_or(ReadError::Closed)?;
                    actor.send(Revive(channel.clone())).await.map_err(|_| ReadError::Closed)?;
                }
            }
        }
        Err(ReadError::Crashed)
    }

    /// The answer for a channel that does not exist (RET-8).
    fn absent(&self, since: Since, settled: MessageId) -> Page {
        let resume = match self.cell.shared.journal.judge(since) {
            Since::After(id) if id < self.cell.directory.forgotten() => Resume::Gap,
            Since::After(_) | Since::Start => Resume::Complete,
            Since::Unknown => Resume::Reset,
        };
        Page { resume, ..Page::empty(settled) }
    }
}

impl Broker {
    /// What a broker is started from.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder {
            buses: HashMap::default(),
            limits: BrokerLimits::default(),
            clock: Arc::new(SystemClock),
            log: Box::new(MemoryLog::default()),
        }
    }

    /// Offers the arbiter of this thread to the actors. Call it on each worker of an HTTP server, before
    /// the broker is used: actors that share a thread with the server cost about half.
    pub fn join_arbiter(&self) {
        self.0.shared.placement.join();
    }

    /// Accepts all messages of a POST or none, and answers once they are durable and visible to every
    /// later retrieval (RET-7, RET-10). An empty POST does nothing (V1-POST-1).
    ///
    /// Dropping the future does not take the POST back.
    ///
    /// # Errors
    ///
    /// See [`PostError`]. After an error other than [`PostError::Crashed`] nothing is stored.
    pub async fn post(&self, bus: &BusName, posting: Posting) -> Result<Posted, PostError> {
        let handle = self.0.buses.get(bus).ok_or(PostError::UnknownBus)?;
        if self.0.shared.closing.load(Ordering::Acquire) {
            return Err(PostError::Closed);
        }
        handle.post(posting).await
    }

    /// What is in a channel's window after a position. A channel that does not exist is empty, and stays
    /// so (RET-8, I-4).
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_channel(
        &self,
        bus: &BusName,
        channel: &ChannelName,
        since: Since,
    ) -> Result<Page, ReadError> {
        self.0.buses.get(bus).ok_or(ReadError::UnknownBus)?.read_channel(channel, since).await
    }

    /// What is in the bus's window after a position, over all channels.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_bus(&self, bus: &BusName, since: Since) -> Result<Page, ReadError> {
        self.0.buses.get(bus).ok_or(ReadError::UnknownBus)?.read(since).await
    }

    /// Whether there is a bus of this name.
    #[must_use]
    pub fn has_bus(&self, bus: &BusName) -> bool {
        self.0.buses.contains_key(bus)
    }

    /// The address of a bus actor, which takes [`Post`] and [`Read`]. `None` also as long as there is no
    /// arbiter to run it.
    #[must_use]
    pub fn bus(&self, bus: &BusName) -> Option<Addr<Bus>> {
        self.0.buses.get(bus)?.actor().cloned()
    }

    /// The address of a channel's actor, which takes [`Read`], while the channel exists.
    ///
    /// Keep it only briefly: an actor whose channel has expired lives on, without new messages, for as
    /// long as somebody holds its address. Posts go through the bus, which orders them.
    #[must_use]
    pub fn channel(&self, bus: &BusName, channel: &ChannelName) -> Option<Addr<Channel>> {
        let cell = &self.0.buses.get(bus)?.cell;
        match cell.directory.find(channel, Since::Start, &*cell.shared.clock, &cell.counters) {
            Found::Ask(actor) => Some(actor),
            Found::Absent | Found::UpToDate => None,
        }
    }

    /// Sends a message through ids, log, bus and channel, on a bus that nobody sees, and reads it back.
    ///
    /// # Errors
    ///
    /// What a poster would meet now; [`PostError::Crashed`] when the message did not come back.
    pub async fn canary(&self) -> Result<(), PostError> {
        if self.0.shared.closing.load(Ordering::Acquire) {
            return Err(PostError::Closed);
        }
        let (channel, message) = (ChannelName::trusted("canary"), Message::trusted("{}"));
        let posting = Posting { channel: channel.clone(), messages: Batch::single(message), key: None };
        let posted = self.0.canary.post(posting).await?;
        let page =
            self.0.canary.read_channel(&channel, Since::Start).await.map_err(|_| PostError::Crashed)?;
        if Some(page.next) >= posted.last() { Ok(()) } else { Err(PostError::Crashed) }
    }

    /// What one bus has done and holds. `window_memory` is that of all buses.
    #[must_use]
    pub fn bus_stats(&self, bus: &BusName) -> Option<Stats> {
        let cell = &self.0.buses.get(bus)?.cell;
        Some(cell.counters.snapshot(cell.directory.live(), self.0.shared.memory.held()))
    }

    /// The names of the buses.
    pub fn buses(&self) -> impl Iterator<Item = &BusName> {
        self.0.buses.keys()
    }

    /// Accepts nothing more, waits until what was accepted is durable and answered, and closes the log.
    /// Retrievals go on until the last clone of the broker is dropped.
    pub async fn shutdown(&self) {
        self.0.shared.closing.store(true, Ordering::Release);
        for handle in self.0.buses.values().chain([&self.0.canary]) {
            if let Some(actor) = handle.actor.get() {
                // An actor that is gone has nothing pending.
                _ = actor.send(Drained).await;
            }
        }
        let shared = Arc::clone(&self.0.shared);
        // A log may wait for its disk, and others run on this thread.
        if actix_rt::task::spawn_blocking(move || shared.journal.close()).await.is_err() {
            tracing::error!("the log could not be closed");
        }
    }
}
