//! The Broker: the one handle that everything outside the crate holds.

mod builder;
mod handle;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::Addr;
use foldhash::fast::RandomState;

use self::handle::Handle;
use crate::bus::{Bus, Drained};
use crate::channel::Channel;
use crate::directory::Found;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::{Batch, BusName, ChannelName, Message, Page, PostError, Posted, Posting, ReadError, Since};
pub use builder::BrokerBuilder;

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

impl Broker {
    /// What a broker is started from.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::new()
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

    /// The address of a bus actor, which takes [`Post`](crate::Post) and [`Read`](crate::Read). `None` also as
    /// long as there is no arbiter to run it.
    #[must_use]
    pub fn bus(&self, bus: &BusName) -> Option<Addr<Bus>> {
        self.0.buses.get(bus)?.actor().cloned()
    }

    /// The address of a channel's actor, which takes [`Read`](crate::Read), while the channel exists.
    ///
    /// Keep it only briefly: an actor whose channel has expired lives on, without new messages, for as
    /// long as somebody holds its address. Posts go through the bus, which orders them.
    #[must_use]
    pub fn channel(&self, bus: &BusName, channel: &ChannelName) -> Option<Addr<Channel>> {
        let cell = &self.0.buses.get(bus)?.cell;
        match cell.directory.find(channel, Since::Start, &*cell.common.shared.clock, &cell.common.counters) {
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
        Some(cell.common.counters.snapshot(cell.directory.live(), self.0.shared.memory.held()))
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
            if let Some(actor) = handle.started() {
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
