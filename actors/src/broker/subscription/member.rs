//! One thing that is subscribed to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::broker::bus_handle::BusHandle;
use crate::context::BrokerContext;
use crate::error::SubscribeError;
use crate::model::MessageId;
use crate::watch::{Bound, Scope, Seat, Spot};
use crate::window::{Entry, Origin};

/// A channel that is subscribed to, or the bus.
pub(super) struct Member {
    pub(super) scope: Scope,
    pub(super) spot: Spot,
    /// Everything of it up to here was yielded or is told to be gone.
    pub(super) seen: MessageId,
    /// The last message of it that was yielded, or a position at which nothing was missing.
    pub(super) last: MessageId,
    /// Where it begins, until it was looked at.
    pub(super) begins: Option<Origin>,
    _counted: Counted,
}

impl Member {
    pub(super) fn new(scope: Scope, spot: Spot, begins: Origin, counted: Counted) -> Self {
        let (seen, last) = (MessageId::ZERO, MessageId::ZERO);
        Self { scope, spot, seen, last, begins: Some(begins), _counted: counted }
    }

    /// Whether the message is one of it.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        match &self.scope {
            Scope::Bus => true,
            Scope::Channel(name) => name == entry.channel(),
        }
    }
}

/// Registers a reader for something of a bus, unless there are too many.
pub(in crate::broker) fn register(
    bus: &BusHandle,
    seat: &mut Seat,
    scope: &Scope,
) -> Result<(Spot, Counted), SubscribeError> {
    let context = bus.context();
    let (watchers, limits) = (&context.watchers, context.broker.limits.load());
    let most = context.settings.load().subscribers.unwrap_or(limits.subscribers_per_bus);
    if watchers.waiting() >= most {
        return Err(SubscribeError::TooMany(Bound::Bus, most));
    }
    let counted = Counted::in_broker(&context.broker)?;
    let most = limits.subscribers_per_channel;
    let spot = seat.watch(scope, most).map_err(|bound| SubscribeError::TooMany(bound, most))?;
    // Looked at after it was registered: whoever ends a bus tells those who are.
    if let Some(end) = watchers.ended() {
        seat.unwatch(scope);
        return Err(SubscribeError::Ended(end));
    }
    if let Scope::Channel(name) = scope {
        // What comes names the message before it, also when the channel's life ends meanwhile.
        if let Some(newest) = bus.directory().newest(name) {
            watchers.note_newest(name, newest);
        }
    }
    Ok((spot, counted))
}

/// Counts among the subscriptions of the broker as long as it lives (I-5).
pub(in crate::broker) struct Counted(Arc<BrokerContext>);

impl Counted {
    /// Unless there are as many as there may be.
    fn in_broker(broker: &Arc<BrokerContext>) -> Result<Self, SubscribeError> {
        let most = broker.limits.load().subscribers;
        if broker.subscribers.fetch_add(1, Ordering::AcqRel) >= most {
            broker.subscribers.fetch_sub(1, Ordering::AcqRel);
            return Err(SubscribeError::TooMany(Bound::Broker, most));
        }
        Ok(Self(Arc::clone(broker)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.subscribers.fetch_sub(1, Ordering::AcqRel);
    }
}
