//! A bus as everything outside holds it.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use actix::Addr;
use arc_swap::ArcSwapOption;

use super::query::Query;
use super::subscription::{Selection, Subscription};
use crate::bus::{Bus, BusShared, Drained, Passed, Post, Revive};
use crate::channel::{Channel, Directory, Found, Read};
use crate::context::{BusContext, Stats};
use crate::error::{PostError, ReadError, SubscribeError};
use crate::log::Incarnation;
use crate::model::{BusName, ChannelName, MessageId, Posted, Posting};
use crate::settings::BusSettings;
use crate::window::{Entry, Origin, Page, Resume, Slice, Which};

/// Times that a retrieval is tried on a channel whose actor is gone, the first included.
const TRIES: usize = 3;

/// An open bus. Cheap to clone; all clones are one bus. It answers [`PostError::BusClosed`] once the bus is closed, also
/// when another of its name was opened since.
#[derive(Clone)]
pub struct BusHandle(Arc<Driven>);

/// A bus and the actor that drives it, which ends when the last handle is gone.
struct Driven {
    bus: Arc<BusShared>,
    actor: ArcSwapOption<Addr<Bus>>,
    /// Held while an actor is started: there is never more than one.
    starting: Mutex<()>,
}

/// Counts a POST for as long as it waits for its answer, also if the poster goes away.
struct Waiting<'b>(&'b BusContext);

impl<'b> Waiting<'b> {
    /// Unless `most` wait already.
    fn at_most(bus: &'b BusContext, most: usize) -> Result<Self, PostError> {
        if bus.posting.fetch_add(1, Ordering::AcqRel) >= most {
            bus.posting.fetch_sub(1, Ordering::AcqRel);
            return Err(PostError::TooManyPending(most));
        }
        Ok(Self(bus))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.posting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl BusHandle {
    pub(super) fn new(bus: Arc<BusShared>) -> Self {
        Self(Arc::new(Driven { bus, actor: ArcSwapOption::empty(), starting: Mutex::new(()) }))
    }

    /// The actor; another one if the last has lost its thread. `None` where there is no arbiter to run it: an actor that
    /// never ran would stay closed for good.
    fn actor(&self) -> Option<Arc<Addr<Bus>>> {
        let Driven { bus, actor, starting } = &*self.0;
        let running = || actor.load_full().filter(|actor| actor.connected());
        running().or_else(|| {
            let _starting = starting.lock().unwrap_or_else(PoisonError::into_inner);
            running().or_else(|| {
                bus.context.broker.arbiters.has_room().then(|| {
                    let started = Arc::new(Bus::start(bus));
                    actor.store(Some(Arc::clone(&started)));
                    started
                })
            })
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &BusName {
        &self.0.bus.context.name
    }

    /// Which bus of its name it is: another one of the name, opened after this was closed, has a higher one. It stays the same as long
    /// as the bus is open and the server runs. A restart knows it of what the log still holds: a bus without messages, which was
    /// opened while the server ran, may come back with a lower one.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.0.bus.incarnation()
    }

    /// How it treats its messages and channels now.
    #[must_use]
    pub fn settings(&self) -> Arc<BusSettings> {
        self.0.bus.context.settings.load_full()
    }

    /// Accepts all messages of a POST or none, and answers once they are durable and visible to every
    /// later retrieval (RET-7, RET-10). An empty POST does nothing (V1-POST-1).
    ///
    /// When the future is dropped before it has completed, the POST may be stored or not: its idempotency key tells.
    ///
    /// # Errors
    ///
    /// See [`PostError`]. Unless the error [is unknown](PostError::is_unknown) nothing is stored.
    pub async fn post(&self, posting: Posting) -> Result<Posted, PostError> {
        let context = &self.0.bus.context;
        if context.broker.closing.load(Ordering::Acquire) {
            return Err(PostError::Closed);
        }
        let _waiting = Waiting::at_most(context, context.broker.limits.load().pending_posts)?;
        let actor = self.actor().ok_or(PostError::Closed)?;
        actor.send(Post(posting)).await.unwrap_or(Err(PostError::Closed))
    }

    /// What is in the bus's window after a position, over all channels.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read(&self, query: impl Into<Query>) -> Result<Page, ReadError> {
        let broker = &self.0.bus.context.broker;
        Ok(broker.page(self.slice(Read::of(query.into(), broker)).await?))
    }

    /// See [`BusHandle::read`].
    pub(super) async fn slice(&self, read: Read) -> Result<Slice, ReadError> {
        self.check_open()?;
        let actor = self.actor().ok_or(ReadError::Closed)?;
        actor.send(read).await.unwrap_or(Err(ReadError::Closed))
    }

    /// What is in a channel's window after a position. A channel that does not exist is empty, and stays
    /// so (RET-8, I-4).
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_channel(
        &self,
        channel: &ChannelName,
        query: impl Into<Query>,
    ) -> Result<Page, ReadError> {
        let broker = &self.0.bus.context.broker;
        Ok(broker.page(self.channel_slice(channel, Read::of(query.into(), broker)).await?))
    }

    /// See [`BusHandle::read_channel`].
    pub(super) async fn channel_slice(&self, channel: &ChannelName, read: Read) -> Result<Slice, ReadError> {
        let origin = read.origin;
        let (context, directory) = (&self.0.bus.context, &self.0.bus.directory);
        let broker = &context.broker;
        self.check_runs()?;
        for _ in 0..TRIES {
            self.check_open()?;
            // Read before looking: a channel that is not there has nothing up to here.
            let visible = directory.visible_up_to();
            let wake = |window| Channel::start(window, context);
            let home = match directory.find(channel, origin, || broker.now(), &context.counters, wake) {
                Found::Ask(home) => home,
                Found::UpToDate => return Ok(up_to_date(origin, visible)),
                Found::Absent => return Ok(self.absent(read, visible)),
            };
            if let Ok(Ok(slice)) = home.send(read).await {
                return Ok(slice);
            }
            let actor = self.actor().ok_or(ReadError::Closed)?;
            actor.send(Revive(channel.clone())).await.map_err(|_| ReadError::Closed)?;
        }
        Err(ReadError::Crashed)
    }

    /// The message of this id, if the bus's window shows it.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn message(&self, id: MessageId) -> Result<Option<Arc<Entry>>, ReadError> {
        Ok(first_with(id, self.slice(Read::one(id)).await?))
    }

    /// The message of this id, if the channel's window shows it.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn channel_message(
        &self,
        channel: &ChannelName,
        id: MessageId,
    ) -> Result<Option<Arc<Entry>>, ReadError> {
        Ok(first_with(id, self.channel_slice(channel, Read::one(id)).await?))
    }

    /// Whether both are one bus, and not only of one name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// See [`BusShared::held_above`].
    pub(super) fn held_above(&self) -> MessageId {
        self.0.bus.held_above()
    }

    /// Completes once nothing of the bus is held back at or below this id.
    pub(super) async fn passed(&self, id: MessageId) -> Result<(), ReadError> {
        while self.held_above() < id {
            self.check_open()?;
            let actor = self.actor().ok_or(ReadError::Closed)?;
            // One that is gone has left what is pending to the next, and one that has failed says so.
            _ = actor.send(Passed(id)).await;
        }
        Ok(())
    }

    /// What it has done and holds. `window_memory` is that of all buses.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let context = &self.0.bus.context;
        context.counters.snapshot(
            self.0.bus.directory.live(),
            context.broker.memory.held(),
            context.holdings.bytes(),
            context.watchers.waiting(),
        )
    }

    /// Whether a panic has failed it: it takes and answers nothing until a restart.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.bus.context.has_failed()
    }

    /// Nearly all retrievals need the actor for nothing but to have applied what the log has said: they do not count
    /// references to it, which its readers on all threads would have to share.
    fn check_runs(&self) -> Result<(), ReadError> {
        let runs = self.0.actor.load().as_deref().is_some_and(Addr::connected);
        if runs || self.actor().is_some() { Ok(()) } else { Err(ReadError::Closed) }
    }

    fn check_open(&self) -> Result<(), ReadError> {
        if self.0.bus.context.has_failed() {
            return Err(ReadError::BusFailed);
        }
        if self.0.bus.context.leaving.load(Ordering::Acquire) {
            return Err(ReadError::BusClosed);
        }
        Ok(())
    }

    /// The answer for a channel that does not exist (RET-8).
    fn absent(&self, read: Read, visible: MessageId) -> Slice {
        let resume = match read.origin {
            Origin::Whole(resume) => resume,
            Origin::After(id) | Origin::Newer(id) => self.reaped_above(id, read.which),
            Origin::Doubtful(id, resume) => resume.max(self.reaped_above(id, read.which)),
        };
        Slice::empty(visible, resume)
    }

    /// Whether a channel that does not exist may have had something above this.
    fn reaped_above(&self, id: MessageId, which: Which) -> Resume {
        if id < self.0.bus.directory.reaped().of(which) { Resume::Gap } else { Resume::Complete }
    }

    /// Starts its actor, if there is an arbiter to run it.
    pub(super) fn start(&self) {
        _ = self.actor();
    }

    /// Completes once nothing is pending.
    pub(super) async fn drain(&self) {
        if let Some(actor) = self.actor() {
            // An actor that is gone has nobody waiting.
            _ = actor.send(Drained).await;
        }
    }

    pub(super) fn context(&self) -> &BusContext {
        &self.0.bus.context
    }

    pub(super) fn directory(&self) -> &Directory<Addr<Channel>> {
        &self.0.bus.directory
    }

    /// Waits for what is posted, from positions on: a stream of messages and of what a reader must know beside them. What the
    /// selection names is checked when the stream is polled first.
    ///
    /// Nothing is kept for a stream that is not polled: it falls behind, and is told of a gap when the windows do not reach back to
    /// where it is.
    ///
    /// # Errors
    ///
    /// See [`SubscribeError`].
    ///
    /// ```
    /// use backplane_actors::{Batch, Broker, BusSettings, Event, Message, MessageLimits, Poster, Posting, Selection, Since};
    /// use futures::StreamExt as _;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// actix::System::new().block_on(async {
    ///     let broker = Broker::builder().bus("customer.com".parse()?, BusSettings::default()).start()?;
    ///     let bus = broker.bus("customer.com").ok_or("it was just opened")?;
    ///     let channel: backplane_actors::ChannelName = "session-1".parse()?;
    ///     let mut events = bus.subscribe(Selection::Channels(vec![(channel.clone(), Since::Start)]))?;
    ///     assert!(matches!(events.next().await, Some(Event::Resumed(_))));
    ///     let message = Message::new("https://example.com", "test", &1, &MessageLimits::default())?;
    ///     let messages = Batch::single(message);
    ///     bus.post(Posting { poster: Poster::nobody(), channel, messages, key: None }).await?;
    ///     assert!(matches!(events.next().await, Some(Event::Message(_))));
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn subscribe(&self, selection: Selection) -> Result<Subscription, SubscribeError> {
        Subscription::begin(self.clone(), selection)
    }
}

/// The message that was asked for by [`Read::one`].
fn first_with(id: MessageId, slice: Slice) -> Option<Arc<Entry>> {
    slice.entries.into_iter().next().filter(|entry| entry.id() == id)
}

/// The answer to a reader who has seen everything.
const fn up_to_date(origin: Origin, visible: MessageId) -> Slice {
    match origin {
        Origin::After(id) | Origin::Newer(id) => Slice::empty(id, Resume::Complete),
        Origin::Whole(resume) | Origin::Doubtful(_, resume) => Slice::empty(visible, resume),
    }
}

impl fmt::Debug for BusHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BusHandle").field(self.name()).finish()
    }
}
