//! What a stream tells of: a subscription to one bus, or to several in one order.

use std::pin::Pin;
use std::task::{Context, Poll};

use backplane_actors::{AcrossSubscription, Event, MessageId, Position, Subscription};
use futures::Stream;

/// Where a stream's events come from.
pub(crate) enum Source {
    /// A bus or channels of it, of which clients of 1.x may choose others while they listen.
    Chosen(Subscription),
    /// What a token of version 2.0 lets see.
    Granted(AcrossSubscription),
}

impl Source {
    /// The subscription, where its client may choose.
    pub(super) fn chosen(&mut self) -> Option<&mut Subscription> {
        match self {
            Self::Chosen(events) => Some(events),
            Self::Granted(_) => None,
        }
    }

    /// How many channels it is subscribed to by name.
    pub(super) fn channels(&self) -> usize {
        match self {
            Self::Chosen(events) => events.channels().count(),
            Self::Granted(_) => 0,
        }
    }

    pub(super) fn position(&self) -> Position {
        match self {
            Self::Chosen(events) => events.position(),
            Self::Granted(events) => events.position(),
        }
    }

    /// See [`Subscription::last`].
    pub(super) fn last(&self) -> Option<MessageId> {
        match self {
            Self::Chosen(events) => events.last(),
            Self::Granted(events) => events.last(),
        }
    }

    /// See [`Subscription::refresh`].
    pub(super) fn refresh(&mut self) -> Option<Position> {
        match self {
            Self::Chosen(events) => events.refresh(),
            Self::Granted(events) => events.refresh(),
        }
    }
}

impl Stream for Source {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        match &mut *self {
            Self::Chosen(events) => Pin::new(events).poll_next(context),
            Self::Granted(events) => Pin::new(events).poll_next(context),
        }
    }
}
