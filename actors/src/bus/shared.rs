//! What a bus is made of, whichever actor drives it.
//!
//! The state outlives the actor: an application may end the threads that its actors run on and start others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use actix::{Addr, WeakAddr};
use arc_swap::ArcSwapOption;

use super::ledger::Ledger;
use super::{Bus, Settle};
use crate::channel::{Channel, Directory};
use crate::context::BusContext;
use crate::log::{Feed, Outcome};

/// One bus.
pub(crate) struct BusShared {
    pub(crate) context: Arc<BusContext>,
    /// What readers see without asking the actor.
    pub(crate) directory: Arc<Directory<Addr<Channel>>>,
    ledger: Mutex<Ledger<Addr<Channel>>>,
    /// What the log has said and the actor has not seen.
    inbox: Mutex<Vec<Outcome>>,
    /// Whom to tell of it. Weak: the actor holds this, and ends when nobody outside holds its address.
    actor: ArcSwapOption<WeakAddr<Bus>>,
    feed: Feed,
}

impl BusShared {
    pub(crate) fn new(context: Arc<BusContext>, ledger: Ledger<Addr<Channel>>) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| {
            let this = this.clone();
            let feed = Feed::new(move |outcome| {
                if let Some(bus) = this.upgrade() {
                    bus.hear(outcome);
                }
            });
            Self {
                directory: Arc::clone(ledger.directory()),
                ledger: Mutex::new(ledger),
                inbox: Mutex::new(Vec::new()),
                actor: ArcSwapOption::empty(),
                feed,
                context,
            }
        })
    }

    /// This actor drives the bus from now on.
    pub(super) fn is_driven_by(&self, actor: WeakAddr<Bus>) {
        self.actor.store(Some(Arc::new(actor)));
    }

    /// The log has something to say. From any thread.
    fn hear(&self, outcome: Outcome) {
        let first = {
            let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            inbox.push(outcome);
            inbox.len() == 1
        };
        // An actor that is started looks by itself.
        if first && let Some(actor) = self.actor.load().as_ref().and_then(|actor| actor.upgrade()) {
            actor.do_send(Settle);
        }
    }

    /// What the log has said since the last call, in order.
    pub(super) fn heard(&self) -> Vec<Outcome> {
        std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A panic under this lock fails the bus, so what it left is never looked at.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger<Addr<Channel>>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn feed(&self) -> &Feed {
        &self.feed
    }
}
