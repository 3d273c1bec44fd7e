//! Readers that wait, as a stream.
//!
//! | module | what lives there |
//! |---|---|
//! | `event` | what to subscribe to, and what comes of it |
//! | `look` | asking the windows for what is above a position |
//! | `member` | one thing that is subscribed to |
//!
//! A subscription owns a position in the order of its bus, `seen`: everything of its selection up to there it has yielded, or
//! been told that it may be gone. It is in one of two ways: it *looks*, which asks the windows for what is above its position,
//! or it *follows*, which takes what this thread was told. It looks first, and again whenever what was told does not reach
//! back to its position. [`watch`](crate::watch) says why the two together miss nothing.

mod event;
mod look;
mod member;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::{FusedStream, Stream};

pub use self::event::{Event, Resumed, Selection};
use self::look::Look;
use self::member::{Counted, Member};
use super::bus_handle::BusHandle;
use crate::error::{ReadError, SubscribeError};
use crate::model::{ChannelName, MessageId, Position, Since};
use crate::watch::{Bound, Delivered, End, Hub, Scope, Seat};
use crate::window::{Entry, Resume};

/// Most messages that are taken of what was told before they are yielded.
const TAKE: usize = 64;

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
    /// What the next message names as the one before it: the last one that was yielded, or the position at which something was
    /// told to be missing since.
    last: Option<MessageId>,
    /// Where it was told to stand last.
    stands: MessageId,
    /// It is subscribed to one thing, and always was.
    is_single: bool,
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
            last: None,
            stands: told,
            is_single: true,
            is_over: false,
        };
        subscription.watch(match selection {
            Selection::Bus(since) => vec![(Scope::Bus, since)],
            Selection::Channels(channels) => of_channels(channels),
        })?;
        subscription.is_single = subscription.members.len() == 1;
        Ok(subscription)
    }

    /// Subscribes to more channels of the bus. An [`Event::Resumed`] names them, and what they have of before comes behind it.
    ///
    /// # Errors
    ///
    /// See [`SubscribeError`]. Then nothing of it is subscribed to.
    pub fn add(&mut self, channels: Vec<(ChannelName, Since)>) -> Result<(), SubscribeError> {
        self.watch(of_channels(channels))?;
        self.is_single = false;
        Ok(())
    }

    /// Nothing more of these channels is yielded.
    pub fn remove(&mut self, channels: &[ChannelName]) {
        // What it finds of a channel that is subscribed to anew meanwhile would begin where the old one stood.
        self.look = None;
        let is_gone = |scope: &Scope| matches!(scope, Scope::Channel(name) if channels.contains(name));
        self.members.retain(|member| !is_gone(&member.scope));
        self.is_single = false;
        for channel in channels {
            self.seat.unwatch(&Scope::Channel(channel.clone()));
        }
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

    /// What the next message will name as the one before it: the last one that was yielded, or the position at which something was
    /// told to be missing since. `None` at the beginning, where nothing is missing.
    #[must_use]
    pub fn last(&self) -> Option<MessageId> {
        self.last
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
            for member in self.members.drain(before..) {
                self.seat.unwatch(&member.scope);
            }
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
        let counted = Counted::in_broker(&context.broker)?;
        let most = limits.subscribers_per_channel;
        let spot = self.seat.watch(&scope, most).map_err(|bound| SubscribeError::TooMany(bound, most))?;
        // Looked at after it was registered: whoever ends a bus tells those who are.
        if let Some(end) = watchers.ended() {
            self.seat.unwatch(&scope);
            return Err(SubscribeError::Ended(end));
        }
        if let Scope::Channel(name) = &scope {
            // What comes names the message before it, also when the channel's life ends meanwhile.
            if let Some(newest) = self.bus.directory().newest(name) {
                watchers.note_newest(name, newest);
            }
        }
        self.members.push(Member::new(scope, spot, context.broker.judge(since), counted));
        Ok(())
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
        if let Some(member) = self.members.iter_mut().find(|member| member.has(entry)) {
            member.last = entry.id();
        }
    }

    /// Notes where the reader is once it has this, and links each message to the one before it.
    fn tell(&mut self, event: Event) -> Event {
        match event {
            Event::Resumed(mut resumed) => {
                resumed.last = self.last;
                (self.told, self.stands) = (resumed.position.id, resumed.position.id);
                if resumed.resume != Resume::Complete {
                    // The chain goes on from there: whoever is not told of the gap notices with what comes next.
                    self.last = Some(resumed.position.id);
                }
                Event::Resumed(resumed)
            }
            Event::Message(message) => {
                // Of one thing the message itself knows the one before it, and all who wait share that.
                let message = match self.last {
                    Some(last) if !self.is_single || message.prev() < last => message.after(last),
                    // What was gone before the reader came, or what it had of this one alone, is not named: it would miss that.
                    None if message.prev() > self.stands => message.after(self.stands),
                    _ => message,
                };
                debug_assert!(
                    self.last.is_none_or(|last| message.prev() == last),
                    "I-10: what is yielded is linked"
                );
                self.told = message.id();
                self.last = Some(message.id());
                Event::Message(message)
            }
            Event::End(end) => Event::End(end),
        }
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
                    for message in &messages {
                        this.note_last(message.entry());
                    }
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

/// Without the channels (I-8).
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("of", &self.members.len()).finish_non_exhaustive()
    }
}
