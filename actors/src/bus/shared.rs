//! What a bus is made of, whichever actor drives it.
//!
//! The state outlives the actor: an application may end the threads that its actors run on and start others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use actix::{Addr, WeakAddr};
use arc_swap::ArcSwapOption;

use super::ledger::Ledger;
use super::{Bus, Settle};
use crate::channel::{Channel, Directory};
use crate::context::BusContext;
use crate::log::{Feed, Incarnation, Outcome};
use crate::model::MessageId;

/// One bus.
pub(crate) struct BusShared {
    pub(crate) context: Arc<BusContext>,
    /// What readers see without asking the actor.
    pub(crate) directory: Arc<Directory<Addr<Channel>>>,
    ledger: Mutex<Ledger<Addr<Channel>>>,
    /// What the log has said and the actor has not seen.
    inbox: Mutex<Vec<Outcome>>,
    /// What others proposed and is not applied yet has ids above this one; the highest of all where there is nothing.
    others_above: AtomicU64,
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
                others_above: AtomicU64::new(MessageId::MAX.as_u64()),
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
            let mut inbox = self.inbox();
            self.others_above.fetch_min(above_others(&outcome).as_u64(), Ordering::AcqRel);
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
        std::mem::take(&mut *self.inbox())
    }

    /// All that was heard so far is applied.
    pub(super) fn applied(&self) {
        if self.others_above.load(Ordering::Acquire) < MessageId::MAX.as_u64() {
            let inbox = self.inbox();
            let above = inbox.iter().map(above_others).min().unwrap_or(MessageId::MAX);
            self.others_above.store(above.as_u64(), Ordering::Release);
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Vec<Outcome>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whatever of this bus is not shown yet, and whatever comes from now on, gets ids above this one or above what the log has
    /// issued by now (I-9).
    pub(crate) fn held_above(&self) -> MessageId {
        let others = MessageId::from_u64(self.others_above.load(Ordering::Acquire));
        self.directory.pending_above().min(others)
    }

    /// Which bus of its name it is.
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.ledger().incarnation()
    }

    /// A panic under this lock fails the bus, so what it left is never looked at.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger<Addr<Channel>>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn feed(&self) -> &Feed {
        &self.feed
    }
}

/// What others proposed among this has ids above this one.
fn above_others(outcome: &Outcome) -> MessageId {
    let Outcome::Committed(commits) = outcome else { return MessageId::MAX };
    // They rise, so the first is the lowest.
    let first = commits.iter().find(|commit| commit.ticket.is_none()).map(|commit| commit.record.first());
    first.map_or(MessageId::MAX, |first| MessageId::from_u64(first.as_u64().saturating_sub(1)))
}
