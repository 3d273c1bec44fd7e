//! On which threads actors run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use actix::dev::channel::channel;
use actix::{Actor, Addr, Context};
use actix_rt::{Arbiter, ArbiterHandle};

/// The arbiters that take actors, in turn.
///
/// Actors on the arbiters that also serve HTTP cost a little over half of what they cost on arbiters
/// of their own: with some luck a message does not change threads at all.
#[derive(Default)]
pub(crate) struct Arbiters {
    joined: RwLock<Vec<ArbiterHandle>>,
    turn: AtomicUsize,
}

impl Arbiters {
    /// Adds the arbiter that this thread runs. Without one (outside an actix system) nothing changes.
    pub(crate) fn join(&self) {
        let Some(arbiter) = Arbiter::try_current() else { return };
        self.joined.write().unwrap_or_else(PoisonError::into_inner).push(arbiter);
    }

    /// The next arbiter that is alive; those that have ended are forgotten. Where none has joined, the one that
    /// this thread runs.
    fn next(&self) -> Option<ArbiterHandle> {
        let joined = self.joined.read().unwrap_or_else(PoisonError::into_inner);
        if joined.iter().any(|arbiter| !arbiter.alive()) {
            drop(joined);
            self.joined.write().unwrap_or_else(PoisonError::into_inner).retain(ArbiterHandle::alive);
            return self.next();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let place = turn.checked_rem(joined.len());
        place.and_then(|place| joined.get(place).cloned()).or_else(Arbiter::try_current)
    }

    /// Whether an actor that is started now has somewhere to run.
    pub(crate) fn has_room(&self) -> bool {
        self.next().is_some()
    }

    /// Starts an actor on the next arbiter, with `mailbox` places for messages beside one for each sender.
    ///
    /// Where there is no arbiter any more the address is closed, which senders notice.
    pub(crate) fn start<A>(&self, mailbox: usize, actor: A) -> Addr<A>
    where
        A: Actor<Context = Context<A>> + Send,
    {
        self.start_with(mailbox, |_| actor)
    }

    /// Like [`Arbiters::start`], for an actor that is made where it lives and needs its own address.
    pub(crate) fn start_with<A>(
        &self,
        mailbox: usize,
        make: impl FnOnce(&mut Context<A>) -> A + Send + 'static,
    ) -> Addr<A>
    where
        A: Actor<Context = Context<A>>,
    {
        let (sender, receiver) = channel(mailbox);
        if let Some(arbiter) = self.next() {
            arbiter.spawn_fn(move || {
                let mut context = Context::with_receiver(receiver);
                let actor = make(&mut context);
                context.run(actor);
            });
        }
        Addr::new(sender)
    }
}
