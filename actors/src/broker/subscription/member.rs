//! One thing that is subscribed to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::context::BrokerContext;
use crate::error::SubscribeError;
use crate::model::MessageId;
use crate::watch::{Bound, Scope, Spot};
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

/// Counts among the subscriptions of the broker as long as it lives (I-5).
pub(super) struct Counted(Arc<BrokerContext>);

impl Counted {
    /// Unless there are as many as there may be.
    pub(super) fn in_broker(broker: &Arc<BrokerContext>) -> Result<Self, SubscribeError> {
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
