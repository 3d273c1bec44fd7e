//! A reader that waits, of one bus or of several.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::stream::{FusedStream, Stream};

use super::Across;
use super::several::Several;
use crate::broker::subscription::{Event, Filter, Selection, Subscription};
use crate::error::SubscribeError;
use crate::model::{MessageId, Position, Since};
use crate::watch::{End, Scope};
use crate::window::Which;

/// Messages of several buses as they are posted, in one order, and what a reader must know beside them. See [`Across::subscribe`].
///
/// It belongs to its thread, and ends after [`Event::End`].
#[must_use = "a stream does nothing unless it is polled"]
pub struct AcrossSubscription(Kind);

enum Kind {
    /// Of one bus it follows what it is told.
    One(Box<Subscription>),
    Several(Box<Several>),
}

impl AcrossSubscription {
    pub(super) fn begin(
        across: Across,
        since: Since,
        filter: Option<Rc<Filter<'static>>>,
    ) -> Result<Self, SubscribeError> {
        let Some((first, _)) = across.members.first() else {
            return Err(SubscribeError::Ended(End::BusClosed));
        };
        if across.members.iter().any(|(bus, _)| !bus.is_same(first)) {
            return Ok(Self(Kind::Several(Box::new(Several::begin(across, since, filter)?))));
        }
        let (bus, which) = (first.clone(), across.which);
        let subscription = bus.subscribe(selection(across, since))?.filtered(filter);
        let subscription = if which == Which::Sticky { subscription.sticky() } else { subscription };
        Ok(Self(Kind::One(Box::new(subscription))))
    }

    /// The position behind everything that was yielded.
    #[must_use]
    pub fn position(&self) -> Position {
        match &self.0 {
            Kind::One(one) => one.position(),
            Kind::Several(several) => several.position(),
        }
    }

    /// See [`Subscription::last`].
    #[must_use]
    pub fn last(&self) -> Option<MessageId> {
        match &self.0 {
            Kind::One(one) => one.last(),
            Kind::Several(several) => several.last(),
        }
    }

    /// Goes on to the latest position up to which it knows to have seen everything, if that is later than what it has yielded.
    /// So a reader to whom nothing is posted does not fall behind.
    pub fn refresh(&mut self) -> Option<Position> {
        match &mut self.0 {
            Kind::One(one) => one.refresh(),
            Kind::Several(several) => several.refresh(),
        }
    }
}

/// What is read of one bus.
fn selection(across: Across, since: Since) -> Selection {
    let mut channels = Vec::with_capacity(across.members.len());
    for (_, scope) in across.members {
        match scope {
            // That is all there is of it.
            Scope::Bus => return Selection::Bus(since),
            Scope::Channel(name) => channels.push((name, since)),
        }
    }
    Selection::Channels(channels)
}

impl Stream for AcrossSubscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        match &mut self.0 {
            Kind::One(one) => Pin::new(&mut **one).poll_next(context),
            Kind::Several(several) => several.poll_next(context),
        }
    }
}

impl FusedStream for AcrossSubscription {
    fn is_terminated(&self) -> bool {
        match &self.0 {
            Kind::One(one) => one.is_terminated(),
            Kind::Several(several) => several.is_terminated(),
        }
    }
}

/// Without the channels (I-8).
impl fmt::Debug for AcrossSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::One(one) => f.debug_tuple("AcrossSubscription").field(one).finish(),
            Kind::Several(several) => f.debug_tuple("AcrossSubscription").field(several).finish(),
        }
    }
}
