//! Readers that wait, as a stream.
//!
//! A subscription owns a position in the order of its bus, `seen`: everything of its selection up to there it has yielded, or
//! been told that it may be gone. It is in one of two ways: it *looks*, which asks the windows for what is above its position,
//! or it *follows*, which takes what this thread was told. It looks first, and again whenever what was told does not reach
//! back to its position. [`watch`](crate::watch) says why the two together miss nothing.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use futures::future::LocalBoxFuture;
use futures::stream::{FusedStream, Stream};

use super::bus_handle::BusHandle;
use crate::error::{ReadError, SubscribeError};
use crate::model::{ChannelName, MessageId, Position, Since};
use crate::watch::{Bound, Delivered, End, Hub, Scope, Seat, Spot};
use crate::window::{Entry, Origin, Resume, Slice};

/// Most messages that one look asks for, shared by all that is looked at (I-6).
const LOOK: usize = 256;
/// Of each at least so many.
const LOOK_EACH: usize = 8;
/// Most messages that are taken of what was told before they are yielded.
const TAKE: usize = 64;

/// What to subscribe to, and from where.
#[derive(Debug, Clone)]
pub enum Selection {
    /// All of a bus.
    Bus(Since),
    /// Channels of it, each once.
    Channels(Vec<(ChannelName, Since)>),
}

/// What a [`Subscription`] yields.
#[derive(Debug, Clone)]
pub enum Event {
    /// Where it stands: first of all, and whenever something may have been missed.
    Resumed(Resumed),
    /// A message.
    Message(Delivered),
    /// Nothing more comes.
    End(End),
}

/// Where a subscription stands, and whether something was missed before that.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The worst of all.
    pub resume: Resume,
    /// The position: what comes is newer.
    pub position: Position,
    /// The channels that were looked at, and whether something of each was missed. Empty where the bus was.
    pub channels: Vec<(ChannelName, Resume)>,
}

/// One thing that is subscribed to.
struct Member {
    scope: Scope,
    spot: Spot,
    /// Everything of it up to here was yielded or is told to be gone.
    seen: MessageId,
    /// The last message of it that was yielded, or a position at which nothing was missing.
    last: MessageId,
    /// Where it begins, until it was looked at.
    begins: Option<Origin>,
}

/// What was found by a look.
struct Found {
    /// What everything was looked at for.
    up_to: MessageId,
    slices: Vec<(Scope, Slice)>,
}

type Look = LocalBoxFuture<'static, Result<Found, ReadError>>;

/// Messages as they are posted, and what a reader must know beside them. See [`BusHandle::subscribe`].
///
/// It belongs to its thread, and ends after [`Event::End`].
#[must_use = "a stream does nothing unless it is polled"]
pub struct Subscription {
    bus: BusHandle,
    seat: Seat,
    members: Vec<Member>,
    look: Option<Look>,
    /// The last look has not reached what is visible: it is to go on.
    is_behind: bool,
    /// What is to be yielded next. Bounded: nothing is looked for or taken while there is something.
    ready: VecDeque<Event>,
    /// Behind everything that was yielded.
    told: MessageId,
    is_over: bool,
}

impl Subscription {
    pub(super) fn begin(bus: BusHandle, selection: Selection) -> Result<Self, SubscribeError> {
        let seat = Hub::here().ok_or(SubscribeError::NoArbiter)?.sit(&bus.context().watchers);
        let told = bus.directory().visible_up_to();
        let mut subscription = Self {
            bus,
            seat,
            members: Vec::new(),
            look: None,
            is_behind: false,
            ready: VecDeque::new(),
            told,
            is_over: false,
        };
        subscription.watch(match selection {
            Selection::Bus(since) => vec![(Scope::Bus, since)],
            Selection::Channels(channels) => of_channels(channels),
        })?;
        Ok(subscription)
    }

    /// Subscribes to more channels of the bus. An [`Event::Resumed`] names them, and what they have of before comes behind it.
    ///
    /// # Errors
    ///
    /// See [`SubscribeError`]. Then nothing of it is subscribed to.
    pub fn add(&mut self, channels: Vec<(ChannelName, Since)>) -> Result<(), SubscribeError> {
        self.watch(of_channels(channels))
    }

    /// Nothing more of these channels is yielded.
    pub fn remove(&mut self, channels: &[ChannelName]) {
        let is_gone = |scope: &Scope| matches!(scope, Scope::Channel(name) if channels.contains(name));
        let before = self.members.len();
        self.members.retain(|member| !is_gone(&member.scope));
        for channel in channels {
            self.seat.unwatch(&Scope::Channel(channel.clone()));
        }
        self.bus.context().broker.subscribers.fetch_sub(before - self.members.len(), Ordering::AcqRel);
        self.ready.retain(
            |event| !matches!(event, Event::Message(message) if channels.contains(message.entry().channel())),
        );
    }

    /// The channels that it is subscribed to.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelName> {
        self.members.iter().filter_map(|member| match &member.scope {
            Scope::Channel(name) => Some(name),
            Scope::Bus => None,
        })
    }

    /// The position behind everything that was yielded.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position_at(self.told)
    }

    /// Goes on to the latest position up to which it knows to have seen everything, if that is later than what it has yielded.
    /// So a reader to whom nothing is posted does not fall behind.
    pub fn refresh(&mut self) -> Option<Position> {
        let follows = self.look.is_none() && !self.is_behind && !self.is_new();
        if !follows || !self.ready.is_empty() || self.is_over {
            return None;
        }
        // Read before the inbox is looked at: what was told up to there is in it.
        let told_up_to = self.bus.context().watchers.told_up_to();
        self.seat.catch_up();
        let taken = self.take();
        if !matches!(taken, Ok(messages) if messages.is_empty()) || told_up_to <= self.told {
            return None;
        }
        self.move_on(told_up_to);
        self.told = told_up_to;
        Some(self.position())
    }

    fn is_new(&self) -> bool {
        self.members.iter().any(|member| member.begins.is_some())
    }

    fn position_at(&self, id: MessageId) -> Position {
        self.bus.context().broker.position(id)
    }

    /// Registers for all of these or none.
    fn watch(&mut self, scopes: Vec<(Scope, Since)>) -> Result<(), SubscribeError> {
        let before = self.members.len();
        let watched = scopes.into_iter().try_for_each(|(scope, since)| self.watch_one(scope, since));
        if watched.is_err() {
            let added: Vec<_> = self.members.drain(before..).collect();
            self.bus.context().broker.subscribers.fetch_sub(added.len(), Ordering::AcqRel);
            added.iter().for_each(|member| self.seat.unwatch(&member.scope));
        }
        watched
    }

    fn watch_one(&mut self, scope: Scope, since: Since) -> Result<(), SubscribeError> {
        if self.members.iter().any(|member| member.scope == scope) {
            return Err(SubscribeError::Twice);
        }
        let context = self.bus.context();
        let (watchers, limits) = (&context.watchers, context.broker.limits.load());
        if watchers.waiting() >= limits.subscribers_per_bus {
            return Err(SubscribeError::TooMany(Bound::Bus, limits.subscribers_per_bus));
        }
        if context.broker.subscribers.fetch_add(1, Ordering::AcqRel) >= limits.subscribers {
            context.broker.subscribers.fetch_sub(1, Ordering::AcqRel);
            return Err(SubscribeError::TooMany(Bound::Broker, limits.subscribers));
        }
        let most = limits.subscribers_per_channel;
        let spot = self.seat.watch(&scope, most).map_err(|bound| {
            context.broker.subscribers.fetch_sub(1, Ordering::AcqRel);
            SubscribeError::TooMany(bound, most)
        })?;
        if let Scope::Channel(name) = &scope {
            // What comes names the message before it, also when the channel's life ends meanwhile.
            if let Some(newest) = self.bus.directory().newest(name) {
                watchers.note_newest(name, newest);
            }
        }
        let begins = Some(context.broker.judge(since));
        self.members.push(Member { scope, spot, seen: MessageId::ZERO, last: MessageId::ZERO, begins });
        // Looked at after it was registered: whoever ends a bus tells those who are.
        match watchers.ended() {
            Some(end) => {
                if let Some(member) = self.members.pop() {
                    context.broker.subscribers.fetch_sub(1, Ordering::AcqRel);
                    self.seat.unwatch(&member.scope);
                }
                Err(SubscribeError::Ended(end))
            }
            None => Ok(()),
        }
    }

    /// What was told above each one's position, in the order of ids; an error where some of it is to be looked for.
    fn take(&self) -> Result<Vec<Delivered>, Behind> {
        let mut found = Vec::new();
        for member in &self.members {
            if member.begins.is_none() {
                member.spot.after(member.seen, &mut found, |message| message).ok_or(Behind)?;
            }
        }
        if found.is_empty() {
            return Ok(found);
        }
        let now = self.bus.context().broker.now();
        if found.iter().any(|message| message.entry().until() <= now) {
            // What is over is shown to nobody; the window says what that means for whoever has not seen it.
            return Err(Behind);
        }
        if self.members.len() > 1 {
            found.sort_by_key(Delivered::id);
        }
        found.truncate(TAKE);
        Ok(found)
    }

    /// Everything up to here is seen.
    fn move_on(&mut self, up_to: MessageId) {
        for member in self.members.iter_mut().filter(|member| member.begins.is_none()) {
            member.seen = member.seen.max(up_to);
        }
    }

    /// Notes that a message is going to be yielded.
    fn note_last(&mut self, entry: &Entry) {
        let is_its = |member: &&mut Member| match &member.scope {
            Scope::Bus => true,
            Scope::Channel(name) => name == entry.channel(),
        };
        if let Some(member) = self.members.iter_mut().find(is_its) {
            member.last = entry.id();
        }
    }

    /// Begins to look: at what is new, or else at everything.
    fn look(&mut self) {
        let only_new = self.is_new();
        let origins = self.members.iter().filter_map(|member| match member.begins {
            Some(origin) => Some((member.scope.clone(), origin)),
            None => (!only_new).then(|| (member.scope.clone(), Origin::Newer(member.seen))),
        });
        let (bus, origins) = (self.bus.clone(), origins.collect());
        self.look = Some(Box::pin(look(bus, origins)));
    }

    /// Makes of what was found what is to be yielded.
    fn found(&mut self, found: Found) {
        let Found { up_to, mut slices } = found;
        // What was removed meanwhile is not yielded.
        slices.retain(|(scope, _)| self.members.iter().any(|member| member.scope == *scope));
        // Of what comes in parts nothing is yielded yet that lies behind the end of a part.
        self.is_behind = slices.iter().any(|(_, slice)| slice.more);
        let ends = slices.iter().filter(|(_, slice)| slice.more).map(|(_, slice)| slice.next);
        let up_to = ends.fold(up_to, MessageId::min);
        let first =
            slices.iter().filter_map(|(_, slice)| slice.entries.first()).map(|entry| entry.id()).min();
        let stands = before(first.filter(|first| *first <= up_to), up_to);
        let told = self.stands_told(&slices, stands, up_to);
        let mut messages: Vec<Arc<Entry>> = Vec::new();
        for (scope, slice) in slices {
            let Some(member) = self.members.iter_mut().find(|member| member.scope == scope) else { continue };
            member.last = match (member.begins.take(), slice.resume) {
                (Some(Origin::Newer(id)), Resume::Complete) => id.min(up_to),
                (None, Resume::Complete) => member.last,
                _ => told.as_ref().map_or(stands, |resumed| resumed.position.id),
            };
            member.seen = member.seen.max(up_to);
            messages.extend(slice.entries.into_iter().filter(|entry| entry.id() <= up_to));
        }
        messages.sort_by_key(|entry| entry.id());
        self.ready.extend(told.map(Event::Resumed));
        for entry in messages {
            let delivered = self.delivered(entry);
            self.ready.push_back(Event::Message(delivered));
        }
    }

    /// What the reader must be told of where it stands, if anything. Whoever goes on from a position stands there; everybody
    /// else right before what comes.
    fn stands_told(&self, slices: &[(Scope, Slice)], stands: MessageId, up_to: MessageId) -> Option<Resumed> {
        let (mut is_told, mut resume, mut lowest) = (false, Resume::Complete, stands);
        let mut channels = Vec::new();
        for (scope, slice) in slices {
            let Some(member) = self.members.iter().find(|member| member.scope == *scope) else { continue };
            is_told |= member.begins.is_some() || slice.resume != Resume::Complete;
            if let (Some(Origin::Newer(id)), Resume::Complete) = (member.begins, slice.resume) {
                lowest = lowest.min(id).min(up_to);
            }
            resume = resume.max(slice.resume);
            if let Scope::Channel(name) = scope {
                channels.push((name.clone(), slice.resume));
            }
        }
        is_told.then(|| Resumed { resume, position: self.position_at(lowest), channels })
    }

    /// A message that a window had.
    fn delivered(&mut self, entry: Arc<Entry>) -> Delivered {
        let of = |member: &&Member| match &member.scope {
            Scope::Bus => true,
            Scope::Channel(name) => name == entry.channel(),
        };
        let prev = self.members.iter().find(of).map_or(MessageId::ZERO, |member| member.last);
        self.note_last(&entry);
        let position = self.position_at(entry.id());
        Delivered::new(entry, prev, position)
    }

    /// Notes where the reader is once it has this.
    fn tell(&mut self, event: Event) -> Event {
        match &event {
            Event::Resumed(resumed) => self.told = resumed.position.id,
            Event::Message(message) => self.told = message.id(),
            Event::End(_) => {}
        }
        event
    }

    fn over(&mut self, end: End) {
        self.is_over = true;
        self.ready.push_back(Event::End(end));
    }
}

/// Some of what was told is not kept any more.
struct Behind;

fn of_channels(channels: Vec<(ChannelName, Since)>) -> Vec<(Scope, Since)> {
    channels.into_iter().map(|(name, since)| (Scope::Channel(name), since)).collect()
}

/// A position right before this message, or the one after which there is none.
fn before(first: Option<MessageId>, none: MessageId) -> MessageId {
    first.map_or(none, |first| MessageId::from_u64(first.as_u64().saturating_sub(1)))
}

/// Asks the windows, each from where it is to begin.
async fn look(bus: BusHandle, origins: Vec<(Scope, Origin)>) -> Result<Found, ReadError> {
    // After it was registered, and before anything is looked at.
    let up_to = bus.directory().visible_up_to();
    let most = LOOK.checked_div(origins.len()).unwrap_or(LOOK).max(LOOK_EACH);
    let mut slices = Vec::with_capacity(origins.len());
    for (scope, origin) in origins {
        let slice = match &scope {
            Scope::Bus => bus.slice(origin, most).await?,
            Scope::Channel(name) => bus.channel_slice(name, origin, most).await?,
        };
        slices.push((scope, slice));
    }
    Ok(Found { up_to, slices })
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.ready.pop_front() {
                if this.ready.is_empty() {
                    // Whoever had much to catch up with may wait for long after that.
                    this.ready = VecDeque::new();
                }
                return Poll::Ready(Some(this.tell(event)));
            }
            if this.is_over {
                return Poll::Ready(None);
            }
            if let Some(look) = &mut this.look {
                let found = ready!(look.as_mut().poll(context));
                this.look = None;
                match found {
                    Ok(found) => this.found(found),
                    Err(ReadError::BusClosed | ReadError::UnknownBus) => this.over(End::BusClosed),
                    Err(ReadError::BusFailed | ReadError::Crashed) => this.over(End::BusFailed),
                    Err(ReadError::Closed) => this.over(End::Closed),
                }
                continue;
            }
            if this.is_behind || this.is_new() {
                this.look();
                continue;
            }
            // Asked before what was told is taken: whatever came before the end is yielded before it.
            let ended = this.bus.context().watchers.ended();
            this.seat.listen(context.waker());
            this.seat.catch_up();
            match this.take() {
                Err(Behind) => this.look(),
                Ok(messages) => {
                    if let Some(last) = messages.last() {
                        this.move_on(last.id());
                    }
                    messages.iter().for_each(|message| this.note_last(message.entry()));
                    let mut events = messages.into_iter().map(Event::Message);
                    if let Some(first) = events.next() {
                        this.ready.extend(events);
                        return Poll::Ready(Some(this.tell(first)));
                    }
                    match ended {
                        Some(end) => this.over(end),
                        None => return Poll::Pending,
                    }
                }
            }
        }
    }
}

impl FusedStream for Subscription {
    fn is_terminated(&self) -> bool {
        self.is_over && self.ready.is_empty()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.context().broker.subscribers.fetch_sub(self.members.len(), Ordering::AcqRel);
    }
}

/// Without the channels (I-8).
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("of", &self.members.len()).finish_non_exhaustive()
    }
}
