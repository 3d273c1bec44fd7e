//! A reader of several buses that waits: it is woken by whichever, and then asks the windows of all.
//!
//! It registers with all of them before it looks at any. What is shown while it looks is at or below the horizon of that look, or the
//! reader is told of it (see [`watch`](crate::watch)). What is told and lies above a horizon is looked for again, which waits until the horizon is
//! behind it; so what is held back by a POST that is pending elsewhere is yielded once that is shown or refused.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::future::LocalBoxFuture;

use super::{Across, AcrossError, AcrossPage};
use crate::broker::bus_handle::BusHandle;
use crate::broker::subscription::{Counted, Event, Filter, Resumed, before, end_of, register};
use crate::error::SubscribeError;
use crate::model::{MessageId, Position, Since};
use crate::watch::{Delivered, End, Hub, Scope, Seat, Spot};
use crate::window::{Origin, Resume};

/// Most messages that one look asks for, shared by all that is looked at (I-6).
const LOOK: usize = 256;
/// Of each at least so many.
const LOOK_EACH: usize = 8;

type Look = LocalBoxFuture<'static, Result<AcrossPage, AcrossError>>;

/// What is watched of a bus.
struct Watched {
    spot: Spot,
    _counted: Counted,
}

/// A reader of several buses.
pub(super) struct Several {
    across: Rc<Across>,
    filter: Rc<Filter<'static>>,
    /// Its place with each bus.
    seats: Vec<(BusHandle, Seat)>,
    watched: Vec<Watched>,
    /// Where it begins, until it has looked.
    begins: Option<Origin>,
    /// Everything up to here was yielded, is told to be gone or is not wanted.
    seen: MessageId,
    look: Option<Look>,
    /// The last look has not reached its horizon: it is to go on.
    is_behind: bool,
    /// What is to be yielded next. Bounded: nothing is looked for while there is something.
    ready: VecDeque<Event>,
    /// What the next message that is found names as the one before it.
    prev: MessageId,
    /// Behind everything that was yielded.
    told: MessageId,
    /// What the next message that is yielded names as the one before it, once that is known.
    last: Option<MessageId>,
    is_over: bool,
}

impl Several {
    pub(super) fn begin(
        across: Across,
        since: Since,
        filter: Option<Rc<Filter<'static>>>,
    ) -> Result<Self, SubscribeError> {
        let (mut seats, mut watched) = (Vec::<(BusHandle, Seat)>::new(), Vec::new());
        let mut scopes: Vec<(&BusHandle, &Scope)> = Vec::new();
        for (bus, scope) in &across.members {
            if scopes.iter().any(|(other, there)| other.is_same(bus) && *there == scope) {
                return Err(SubscribeError::Twice);
            }
            scopes.push((bus, scope));
            if !seats.iter().any(|(other, _)| other.is_same(bus)) {
                let hub = Hub::here().ok_or(SubscribeError::NoArbiter)?;
                seats.push((bus.clone(), hub.sit(&bus.context().watchers)));
            }
            if let Some((_, seat)) = seats.iter_mut().find(|(other, _)| other.is_same(bus)) {
                let (spot, counted) = register(bus, seat, scope)?;
                watched.push(Watched { spot, _counted: counted });
            }
        }
        let begins = across.context.judge(since);
        let told = if let Origin::Newer(id) = begins { id } else { across.horizon() };
        Ok(Self {
            across: Rc::new(across),
            filter: filter.unwrap_or_else(|| Rc::new(|_, _| true)),
            seats,
            watched,
            begins: Some(begins),
            seen: MessageId::ZERO,
            look: None,
            is_behind: false,
            ready: VecDeque::new(),
            prev: MessageId::ZERO,
            told,
            last: None,
            is_over: false,
        })
    }

    pub(super) fn position(&self) -> Position {
        self.across.context.position(self.told)
    }

    pub(super) const fn last(&self) -> Option<MessageId> {
        self.last
    }

    pub(super) fn refresh(&mut self) -> Option<Position> {
        let follows = self.look.is_none() && self.begins.is_none() && !self.is_behind;
        if !follows || !self.ready.is_empty() || self.is_over {
            return None;
        }
        // Asked before the inbox is looked at. A bus lets go of what it holds back once its readers are told: what they were told of up to
        // there is in it.
        let horizon = self.across.horizon();
        if horizon <= self.told || self.is_told() {
            return None;
        }
        (self.seen, self.told) = (self.seen.max(horizon), horizon);
        Some(self.position())
    }

    /// Whether it was told of something that it has not seen, or may have been.
    fn is_told(&self) -> bool {
        self.seats.iter().for_each(|(_, seat)| seat.catch_up());
        let is_new = |watched: &Watched| {
            let mut found = Vec::new();
            watched.spot.after(self.seen, &mut found, |_| ()).is_none() || !found.is_empty()
        };
        self.watched.iter().any(is_new)
    }

    fn look(&mut self) {
        let (across, filter) = (Rc::clone(&self.across), Rc::clone(&self.filter));
        let origin = self.begins.unwrap_or(Origin::Newer(self.seen));
        let each = LOOK.checked_div(self.watched.len()).unwrap_or(LOOK).max(LOOK_EACH);
        let most = NonZeroUsize::new(each).unwrap_or(NonZeroUsize::MIN);
        self.look = Some(Box::pin(async move {
            let horizon = across.horizon_behind_what_is_shown().await?;
            let found = across.look(origin, most).await?;
            Ok(across.page(found, horizon, &*filter, NonZeroUsize::MAX))
        }));
    }

    /// Makes of what was found what is to be yielded.
    fn found(&mut self, page: AcrossPage) {
        let AcrossPage { entries, next, resume, more } = page;
        let begins = self.begins.take();
        if begins.is_some() || resume != Resume::Complete {
            let first = entries.first().map(|(_, entry)| entry.id());
            let stands = match begins {
                // Whoever goes on from a position stands there, everybody else right before what comes.
                Some(Origin::Newer(id)) if resume == Resume::Complete => id.min(next.id),
                _ => before(first, next.id),
            };
            self.prev = stands;
            let position = self.across.context.position(stands);
            self.ready.push_back(Event::Resumed(Resumed {
                resume,
                position,
                last: None,
                channels: Vec::new(),
            }));
        }
        for (bus, entry) in entries {
            let (id, prev) = (entry.id(), self.prev);
            self.prev = id;
            let position = self.across.context.position(id);
            self.ready.push_back(Event::Message(Delivered::new(bus, entry, prev, position)));
        }
        self.seen = self.seen.max(next.id);
        self.is_behind = more;
    }

    /// Notes where the reader is once it has this.
    fn tell(&mut self, mut event: Event) -> Event {
        match &mut event {
            Event::Resumed(resumed) => {
                resumed.last = self.last;
                self.told = resumed.position.id;
                if resumed.resume != Resume::Complete {
                    // The chain goes on from there: whoever is not told of the gap notices with what comes next.
                    self.last = Some(resumed.position.id);
                }
            }
            Event::Message(message) => (self.told, self.last) = (message.id(), Some(message.id())),
            Event::End(_) => {}
        }
        event
    }

    fn over(&mut self, end: End) {
        self.is_over = true;
        self.ready.push_back(Event::End(end));
    }

    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    // Whoever had much to catch up with may wait for long after that.
                    self.ready = VecDeque::new();
                }
                return Poll::Ready(Some(self.tell(event)));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            if let Some(look) = &mut self.look {
                let found = ready!(look.as_mut().poll(context));
                self.look = None;
                match found {
                    Ok(page) => self.found(page),
                    Err(AcrossError { error, .. }) => self.over(end_of(error)),
                }
                continue;
            }
            if self.is_behind || self.begins.is_some() {
                self.look();
                continue;
            }
            // Asked before what was told is looked for: whatever came before the end is yielded before it.
            let ended = self.seats.iter().find_map(|(bus, _)| bus.context().watchers.ended());
            self.seats.iter().for_each(|(_, seat)| seat.listen(context.waker()));
            if self.is_told() {
                self.look();
                continue;
            }
            match ended {
                Some(end) => self.over(end),
                None => return Poll::Pending,
            }
        }
    }

    pub(super) fn is_terminated(&self) -> bool {
        self.is_over && self.ready.is_empty()
    }
}

/// Without the channels (I-8).
impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Several").field("of", &self.watched.len()).finish_non_exhaustive()
    }
}
