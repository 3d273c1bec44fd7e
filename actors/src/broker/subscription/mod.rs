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
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::stream::{FusedStream, Stream};

pub use self::event::{Event, Resumed, Selection};
use self::look::Look;
pub(super) use self::look::before;
use self::member::Member;
pub(super) use self::member::{Counted, register};
use super::bus_handle::BusHandle;
use crate::error::{ReadError, SubscribeError};
use crate::model::{BusName, ChannelName, MessageId, Position, Since};
use crate::watch::{Delivered, End, Hub, Scope, Seat};
use crate::window::{Entry, Resume, Which};

/// Most messages that are taken of what was told before they are yielded.
const TAKE: usize = 64;

/// Which messages a reader wants, beside those of one kind ([`Which`]): asked of each with its bus, once or more.
pub type Filter<'f> = dyn Fn(&BusName, &Entry) -> bool + 'f;

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
    /// Which messages it yields.
    which: Which,
    /// Which of those.
    filter: Option<Rc<Filter<'static>>>,
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
            which: Which::All,
            filter: None,
            is_over: false,
        };
        subscription.watch(match selection {
            Selection::Bus(since) => vec![(Scope::Bus, since)],
            Selection::Channels(channels) => of_channels(channels),
        })?;
        subscription.is_single = subscription.members.len() == 1;
        Ok(subscription)
    }

    /// The same of sticky messages alone (RET-6): only they are yielded, and only of them gaps are told. To be said before it is
    /// polled.
    pub fn sticky(mut self) -> Self {
        debug_assert!(self.look.is_none() && self.ready.is_empty(), "said before it is polled");
        self.which = Which::Sticky;
        self
    }

    /// The same of those alone that the filter wants: the others are passed by, and are in no gap that is told alone. To be said before
    /// it is polled.
    pub(super) fn filtered(mut self, filter: Option<Rc<Filter<'static>>>) -> Self {
        debug_assert!(self.look.is_none() && self.ready.is_empty(), "said before it is polled");
        self.filter = filter;
        self
    }

    fn wants(&self, entry: &Entry) -> bool {
        self.which.wants(entry) && self.filter.as_ref().is_none_or(|wants| wants(self.bus.name(), entry))
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
        if !taken.is_ok_and(|taken| taken.is_nothing()) || told_up_to <= self.told {
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
        let (spot, counted) = register(&self.bus, &mut self.seat, &scope)?;
        let begins = self.bus.context().broker.judge(since);
        self.members.push(Member::new(scope, spot, begins, counted));
        Ok(())
    }

    /// What was told above each one's position, in the order of ids; an error where some of it is to be looked for.
    fn take(&self) -> Result<Taken, Behind> {
        let mut found = Vec::new();
        for member in &self.members {
            if member.begins.is_none() {
                member.spot.after(member.seen, &mut found, |message| message).ok_or(Behind)?;
            }
        }
        if found.is_empty() {
            return Ok(Taken { messages: found, up_to: None, more: false });
        }
        let now = self.bus.context().broker.now();
        let is_wanted = |message: &Delivered| self.wants(message.entry());
        if found.iter().any(|message| is_wanted(message) && message.entry().until() <= now) {
            // What is over is shown to nobody; the window says what that means for whoever has not seen it.
            return Err(Behind);
        }
        if self.members.len() > 1 {
            found.sort_by_key(Delivered::id);
        }
        let more = found.len() > TAKE;
        found.truncate(TAKE);
        let up_to = found.last().map(Delivered::id);
        found.retain(is_wanted);
        Ok(Taken { messages: found, up_to, more })
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
                let is_shared = self.is_single && self.which == Which::All && self.filter.is_none();
                let message = match self.last {
                    Some(last) if !is_shared || message.prev() < last => message.after(last),
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

/// What a reader is told that cannot read any more.
pub(super) const fn end_of(error: ReadError) -> End {
    match error {
        ReadError::BusClosed | ReadError::UnknownBus => End::BusClosed,
        ReadError::BusFailed | ReadError::Crashed => End::BusFailed,
        ReadError::Closed => End::Closed,
    }
}

/// Some of what was told is not kept any more.
struct Behind;

/// What was told.
struct Taken {
    /// Those that are wanted, in order.
    messages: Vec<Delivered>,
    /// All that was told up to here is among them, or not wanted.
    up_to: Option<MessageId>,
    /// More was told.
    more: bool,
}

impl Taken {
    fn is_nothing(&self) -> bool {
        self.messages.is_empty() && !self.more
    }
}

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
                    Err(error) => this.over(end_of(error)),
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
                Ok(Taken { messages, up_to, more }) => {
                    if let Some(up_to) = up_to {
                        this.move_on(up_to);
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
                        _ if more => {}
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
