//! What a bus is made of, whichever actor drives it.
//!
//! The state outlives the actor: an application may end the threads that its actors run on and start others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::Addr;
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
    actor: ArcSwapOption<Addr<Bus>>,
    /// Taken while an actor is started: there is never more than one.
    starting: Mutex<()>,
    feed: Feed,
}

impl BusShared {
    pub(crate) fn new(context: Arc<BusContext>, ledger: Ledger<Addr<Channel>>) -> Arc<Self> {
        Arc::new_cyclic(|this: &std::sync::Weak<Self>| {
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
                starting: Mutex::new(()),
                feed,
                context,
            }
        })
    }

    /// The actor; another one if the last has lost its thread. `None` where there is no arbiter to run it: an actor that
    /// never ran would stay closed for good.
    pub(crate) fn actor(self: &Arc<Self>) -> Option<Arc<Addr<Bus>>> {
        let running = || self.actor.load_full().filter(|actor| actor.connected());
        running().or_else(|| {
            let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
            running().or_else(|| {
                self.context.broker.arbiters.has_room().then(|| {
                    let actor = Arc::new(Bus::start(self));
                    self.actor.store(Some(Arc::clone(&actor)));
                    actor
                })
            })
        })
    }

    /// The log has something to say. From any thread.
    fn hear(self: &Arc<Self>, outcome: Outcome) {
        let first = {
            let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            inbox.push(outcome);
            inbox.len() == 1
        };
        // An actor that is started looks by itself.
        if first && let Some(actor) = self.actor.load_full() {
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
