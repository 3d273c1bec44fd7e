//! The Broker: the one handle that everything outside the crate holds.
//!
//! | module | what lives there |
//! |---|---|
//! | `across` | reading several buses in one order |
//! | `builder` | starting a broker: the fold of everything that its log has kept |
//! | `bus_handle` | a bus as everything outside holds it |
//! | `buses` | opening, changing and closing buses while the broker runs |
//! | `query` | what a retrieval asks for |
//! | `subscription` | readers that wait, as a stream |

mod across;
mod builder;
mod bus_handle;
mod buses;
mod query;
mod subscription;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use futures::channel::oneshot;

pub use self::across::{Across, AcrossError, AcrossPage, AcrossSubscription, Part};
pub use self::builder::BrokerBuilder;
pub use self::bus_handle::BusHandle;
use self::buses::Retired;
pub use self::query::Query;
pub use self::subscription::{Event, Filter, Resumed, Selection, Subscription};
use crate::clock::Clock;
use crate::context::{BrokerContext, Stats};
use crate::error::{PostError, ReadError};
use crate::log::LogHealth;
use crate::model::{Batch, BusName, ChannelName, Message, Posted, Poster, Posting, Since};
use crate::settings::BrokerLimits;
use crate::watch::End;
use crate::window::Page;

/// The bus that [`Broker::canary`] posts to: a name that no bus can have.
const CANARY_BUS: &str = "(canary)";

type Buses = HashMap<BusName, BusHandle, RandomState>;

/// A running broker. Cheap to clone; all clones are one broker.
///
/// It needs an actix system, and runs its actors on the arbiters that [`Broker::join_arbiter`] was called
/// on, else on the one that uses it first.
///
/// ```
/// use backplane_actors::{Batch, Broker, BusName, BusSettings, Message, MessageLimits, Poster, Posting, Since};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// actix::System::new().block_on(async {
///     let bus: BusName = "customer.com".parse()?;
///     let broker = Broker::builder().bus(bus.clone(), BusSettings::default()).start()?;
///     let message = Message::new("https://example.com", "identity/login", &"hello", &MessageLimits::default())?;
///     let poster = Poster::nobody();
///     let posting = Posting { poster, channel: "session-1".parse()?, messages: Batch::single(message), key: None };
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
    context: Arc<BrokerContext>,
    /// All of them. Replaced as a whole, under the lock of `retired`.
    buses: ArcSwap<Buses>,
    retired: Retired,
    canary: BusHandle,
}

impl Broker {
    /// The clock that it goes by, for whoever keeps times beside it.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.0.context.timeline.clock())
    }

    /// What a broker is started from.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::new()
    }

    /// Offers the arbiter of this thread to the actors, and starts the buses. Call it on each worker of an HTTP server,
    /// before the broker is used: actors that share a thread with the server cost about half.
    pub fn join_arbiter(&self) {
        self.0.context.arbiters.join();
        self.start_buses();
    }

    /// A bus that nobody uses expires as others do, so all run.
    fn start_buses(&self) {
        for bus in self.0.buses.load().values().chain([&self.0.canary]) {
            bus.start();
        }
    }

    /// The bus of this name.
    #[must_use]
    pub fn bus(&self, name: &str) -> Option<BusHandle> {
        self.0.buses.load().get(name).cloned()
    }

    /// The names of the buses.
    #[must_use]
    pub fn buses(&self) -> Vec<BusName> {
        self.0.buses.load().keys().cloned().collect()
    }

    /// See [`BusHandle::post`].
    ///
    /// # Errors
    ///
    /// See [`PostError`]. Unless the error [is unknown](PostError::is_unknown) nothing is stored.
    pub async fn post(&self, bus: &BusName, posting: Posting) -> Result<Posted, PostError> {
        self.bus(bus.as_str()).ok_or(PostError::UnknownBus)?.post(posting).await
    }

    /// See [`BusHandle::read_channel`].
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_channel(
        &self,
        bus: &BusName,
        channel: &ChannelName,
        query: impl Into<Query>,
    ) -> Result<Page, ReadError> {
        self.bus(bus.as_str()).ok_or(ReadError::UnknownBus)?.read_channel(channel, query).await
    }

    /// See [`BusHandle::read`].
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_bus(&self, bus: &BusName, query: impl Into<Query>) -> Result<Page, ReadError> {
        self.bus(bus.as_str()).ok_or(ReadError::UnknownBus)?.read(query).await
    }

    /// Sends a message through ids, log, bus and channel, on a bus that nobody sees, and reads it back.
    ///
    /// # Errors
    ///
    /// What a poster would meet now; [`PostError::Crashed`] when the message did not come back, and
    /// [`PostError::BusFailed`] when a bus has failed.
    pub async fn canary(&self) -> Result<(), PostError> {
        if self.0.buses.load().values().any(BusHandle::has_failed) {
            return Err(PostError::BusFailed);
        }
        let (channel, message) = (ChannelName::trusted("canary"), Message::trusted("{}"));
        let poster = Poster::nobody();
        let posting =
            Posting { poster, channel: channel.clone(), messages: Batch::single(message), key: None };
        let told = self.0.canary.post(posting).await?;
        let page =
            self.0.canary.read_channel(&channel, Since::Start).await.map_err(|_| PostError::Crashed)?;
        if Some(page.next.id) >= told.last() { Ok(()) } else { Err(PostError::Crashed) }
    }

    /// See [`BusHandle::stats`].
    #[must_use]
    pub fn bus_stats(&self, bus: &BusName) -> Option<Stats> {
        Some(self.bus(bus.as_str())?.stats())
    }

    /// What the log says of itself. Does not wait.
    #[must_use]
    pub fn log_health(&self) -> LogHealth {
        self.0.context.log.health()
    }

    /// Sets other bounds. What is held beyond them stays until it ends.
    pub fn change_limits(&self, limits: BrokerLimits) {
        self.0.context.memory.set_bounds((&limits).into());
        self.0.context.limits.store(Arc::new(limits));
    }

    /// Accepts nothing more, waits until what was accepted is durable and answered, and closes the log.
    /// Retrievals go on until the last clone of the broker is dropped.
    ///
    /// It waits as long as the log's disk does: give it a deadline of your own.
    pub async fn shutdown(&self) {
        self.0.context.closing.store(true, Ordering::Release);
        for bus in self.0.buses.load_full().values().chain([&self.0.canary]) {
            bus.drain().await;
            bus.context().watchers.end(End::Closed);
        }
        let (context, (closed, done)) = (Arc::clone(&self.0.context), oneshot::channel());
        // A log may wait for its disk, and others run on this thread. A thread of its own, because a runtime waits for
        // its blocking ones when it ends, and a disk may hang for ever.
        let close = move || {
            context.log.close();
            // Whoever waited may have lost patience.
            _ = closed.send(());
        };
        if std::thread::Builder::new().name("log-close".to_owned()).spawn(close).is_err()
            || done.await.is_err()
        {
            tracing::error!("the log could not be closed");
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("buses", &self.0.buses.load().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
