//! Buses: one total order each (I-1), a window, and the way of every accepted POST.
//!
//! | module | what lives there |
//! |---|---|
//! | `state` | pure: what a bus is, a fold over its records |
//! | `keys` | pure: the idempotency keys that it remembers |
//! | `admission` | pure: which POSTs are let in, and those that are pending |
//! | `ledger` | pure: both together |
//! | `shared` | what outlives the actor |
//! | `waiting` | posters that wait for their answers |
//!
//! The Bus actor is the shell around them: it proposes to the log what the ledger has decided, hands the ledger what
//! the log gives back, and answers. A panic in it fails the bus: what it was about can no longer be told from what
//! the log says, so it answers nobody until a restart folds the log again. A retry then finds its key or not,
//! as the log has it.

mod admission;
mod keys;
mod ledger;
mod shared;
mod state;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{
    Actor, Addr, AsyncContext, Context, ContextFutureSpawner, Handler, Message, MessageResult,
    ResponseFuture, WrapFuture,
};
use futures::channel::oneshot;

use self::admission::{Circumstances, Decision};
pub(crate) use self::ledger::Ledger;
pub(crate) use self::shared::BusShared;
pub(crate) use self::state::{BusState, Sizes};
use self::waiting::{Answer, Seat, Waiting, seat};
use crate::channel::{Expire, Read, Reaper};
use crate::context::Work;
use crate::error::{PostError, ReadError};
use crate::log::{Commit, LogError, Outcome, Proposed, Record, Ticket};
use crate::model::{ChannelName, MessageId, Posting};
use crate::window::Lost;

/// Places in a bus's mailbox. No bound on what waits there: in actix each sender has one more of its own. That is bounded at
/// the door, see [`crate::BrokerLimits::pending_posts`].
const MAILBOX: usize = 4096;

/// Work between two turns of others on the same thread, counted in messages that are handed on: about a millisecond.
const TURN: usize = 1024;

/// Posts to a [`Bus`].
#[derive(Debug)]
pub(crate) struct Post(pub(crate) Posting);

impl Message for Post {
    type Result = Answer;
}

/// The log has something to say.
struct Settle;

impl Message for Settle {
    type Result = ();
}

/// All POSTs that were in the mailbox are in the log's hands.
struct Flush;

impl Message for Flush {
    type Result = ();
}

/// A reader met a channel actor that is gone: make its window anew unless somebody else did.
pub(crate) struct Revive(pub(crate) ChannelName);

impl Message for Revive {
    type Result = ();
}

/// Answers once nothing is pending any more.
pub(crate) struct Drained;

impl Message for Drained {
    type Result = ();
}

/// Answers once nothing of the bus is held back at or below this id: what was pending there is shown or refused (I-9).
pub(crate) struct Passed(pub(crate) MessageId);

impl Message for Passed {
    type Result = ();
}

/// The actor of one bus.
pub(crate) struct Bus {
    shared: Arc<BusShared>,
    /// Who waits for which proposal: the poster, and those who repeated the POST with its idempotency key.
    waiting: BTreeMap<Ticket, Vec<Waiting>>,
    draining: Vec<oneshot::Sender<()>>,
    /// Readers of several buses that wait until nothing is held back up to an id.
    passing: Vec<(MessageId, oneshot::Sender<()>)>,
    /// The log holds proposals that it was not told to write yet.
    unflushed: bool,
    /// What was done since others had their turn.
    done: usize,
}

/// The answer to a POST: known, or to come once its record is committed.
enum Reply {
    Now(Answer),
    Later(Seat),
}

impl Bus {
    pub(crate) fn start(shared: &Arc<BusShared>) -> Addr<Self> {
        let own = Arc::clone(shared);
        shared.context.broker.arbiters.start_with(MAILBOX, move |_| Self {
            shared: own,
            waiting: BTreeMap::new(),
            draining: Vec::new(),
            passing: Vec::new(),
            // The last actor may have ended before it told the log.
            unflushed: true,
            done: 0,
        })
    }

    fn sizes(&self) -> Sizes {
        Sizes::from(&**self.shared.context.settings.load())
    }

    /// Decides about a POST and hands it to the log.
    fn post(&mut self, posting: Posting) -> Reply {
        let shared = Arc::clone(&self.shared);
        let (context, broker) = (&shared.context, &shared.context.broker);
        let (settings, limits) = (context.settings.load(), broker.limits.load());
        let about = Circumstances {
            bus: &context.name,
            now: broker.now(),
            wall: broker.timeline.wall(),
            issued: broker.log.issued(),
            settings: &settings,
            limits: &limits,
            counters: &context.counters,
        };
        let mut ledger = shared.ledger();
        let (ticket, proposal) = match ledger.post(posting, &about) {
            Decision::Answer(answer) => {
                if matches!(answer, Ok(posted) if posted.last().is_some()) {
                    context.counters.replays.one();
                }
                return Reply::Now(answer);
            }
            Decision::Join(ticket) => {
                context.counters.replays.one();
                return Reply::Later(self.wait(ticket));
            }
            Decision::Propose(ticket, proposal) => (ticket, proposal),
        };
        match broker.log.propose(proposal, ticket, shared.feed()) {
            Ok(Proposed::Committed(record)) => {
                ledger.committed(&record, Some(ticket), self.sizes(), &context.counters);
                Reply::Now(Ok(record.posted()))
            }
            Ok(Proposed::Pending) => {
                self.unflushed = true;
                Reply::Later(self.wait(ticket))
            }
            Err(error) => {
                ledger.refused(ticket);
                Reply::Now(Err(error.into()))
            }
        }
    }

    /// Why nothing is taken any more.
    fn refusal(&self) -> Option<PostError> {
        if self.shared.context.has_failed() {
            return Some(PostError::BusFailed);
        }
        // Looked at here, behind whatever was in the mailbox when the bus was drained.
        self.shared.context.leaving.load(Ordering::Acquire).then_some(PostError::BusClosed)
    }

    fn wait(&mut self, ticket: Ticket) -> Seat {
        let (waiting, seat) = seat();
        self.waiting.entry(ticket).or_default().push(waiting);
        seat
    }

    fn answer(&mut self, ticket: Ticket, answer: &Answer) {
        for poster in self.waiting.remove(&ticket).into_iter().flatten() {
            poster.answer(answer);
        }
    }

    /// Makes visible what is committed, and answers for it; takes back what is refused.
    fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Committed(commits) => {
                for Commit { record, ticket } in commits {
                    self.commit(&record, ticket);
                }
            }
            Outcome::Refused { tickets, error } => {
                for ticket in tickets {
                    self.refuse(ticket, error);
                }
            }
            Outcome::Lost(id) => {
                let (now, sizes) = (self.shared.context.broker.now(), self.sizes());
                self.shared.ledger().lost(Lost::up_to(id), now, sizes);
            }
        }
    }

    fn commit(&mut self, record: &Record, ticket: Option<Ticket>) {
        let sizes = self.sizes();
        self.shared.ledger().committed(record, ticket, sizes, &self.shared.context.counters);
        self.done = self.done.saturating_add(record.items.len());
        if let Some(ticket) = ticket {
            self.answer(ticket, &Ok(record.posted()));
        }
    }

    fn refuse(&mut self, ticket: Ticket, error: LogError) {
        if error == LogError::Failed {
            self.shared.directory.doubt();
        }
        self.shared.ledger().refused(ticket);
        self.answer(ticket, &Err(error.into()));
    }

    /// Runs work on the state. After a panic nobody is left waiting.
    fn contain<T>(&mut self, work: Work, run: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let context = Arc::clone(&self.shared.context);
        let done = if context.has_failed() { None } else { context.contain(work, || run(&mut *self)).ok() };
        if done.is_none() {
            // Dropped posters are told that nobody knows. It may have been the reaper that panicked.
            self.waiting.clear();
            self.draining.clear();
            self.passing.clear();
        }
        done
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.unflushed) {
            self.shared.context.broker.log.flush();
        }
    }

    /// Lets others on the same thread have their turn, after so much work: an actor that always finds
    /// something in its mailbox would keep them waiting.
    fn take_turns(&mut self, done: usize, ctx: &mut Context<Self>) {
        self.done = self.done.saturating_add(done);
        if self.done >= TURN {
            self.done = 0;
            self.flush();
            tokio::task::yield_now().into_actor(self).wait(ctx);
        }
    }

    /// Something is not pending any more: whoever waits for no more than that may go on. Refused is as good as shown.
    fn let_pass(&mut self) {
        if !self.passing.is_empty() {
            let held_above = self.shared.held_above();
            for (_, waiting) in self.passing.extract_if(.., |(id, _)| *id <= held_above) {
                // A receiver that is gone has stopped waiting.
                _ = waiting.send(());
            }
        }
    }

    fn tell_the_drained(&mut self) {
        if self.waiting.is_empty() && !self.shared.ledger().has_pending() {
            // A receiver that is gone has stopped waiting.
            self.draining.drain(..).for_each(|drained| _ = drained.send(()));
        }
    }
}

impl Actor for Bus {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let shared = &self.shared;
        let own = ctx.address().downgrade();
        let expire = own.clone().recipient();
        shared.is_driven_by(own);
        Reaper::new(Arc::clone(&shared.context), &shared.directory, expire).start();
        // What the log has said while there was no actor.
        ctx.notify(Settle);
        self.flush();
    }
}

/// See [`Handler<Post>`].
pub(crate) struct Replied(Reply);

impl MessageResponse<Bus, Post> for Replied {
    fn handle(self, _: &mut Context<Bus>, poster: Option<OneshotSender<Answer>>) {
        let Some(poster) = poster else { return };
        match self.0 {
            Reply::Now(answer) => _ = poster.send(answer),
            Reply::Later(seat) => seat.take(poster),
        }
    }
}

impl Handler<Post> for Bus {
    type Result = Replied;

    fn handle(&mut self, Post(posting): Post, ctx: &mut Self::Context) -> Replied {
        if let Some(error) = self.refusal() {
            return Replied(Reply::Now(Err(error)));
        }
        let (count, was_flushed) = (posting.messages.len(), !self.unflushed);
        let reply = self.contain(Work::Post, |bus| bus.post(posting));
        self.let_pass();
        if was_flushed && self.unflushed {
            // actix gets to it once the mailbox is empty: the log gets all that is at hand as one group.
            ctx.notify(Flush);
        }
        self.take_turns(count.max(1), ctx);
        Replied(reply.unwrap_or(Reply::Now(Err(PostError::Crashed))))
    }
}

impl Handler<Flush> for Bus {
    type Result = ();

    fn handle(&mut self, _: Flush, _: &mut Self::Context) {
        self.flush();
    }
}

impl Handler<Read> for Bus {
    type Result = MessageResult<Read>;

    fn handle(&mut self, read: Read, ctx: &mut Self::Context) -> Self::Result {
        if self.shared.context.has_failed() {
            return MessageResult(Err(ReadError::BusFailed));
        }
        // POSTs must not wait for all the retrievals that are queued behind them.
        self.flush();
        let slice = self.contain(Work::ReadBus, |bus| {
            let (now, sizes) = (bus.shared.context.broker.now(), bus.sizes());
            bus.shared.ledger().read(read, now, sizes)
        });
        self.take_turns(slice.as_ref().map_or(1, |slice| slice.entries.len() / 8 + 1), ctx);
        MessageResult(slice.ok_or(ReadError::Crashed))
    }
}

impl Handler<Settle> for Bus {
    type Result = ();

    fn handle(&mut self, _: Settle, ctx: &mut Self::Context) {
        for outcome in self.shared.heard() {
            self.contain(Work::Settle, |bus| bus.settle(outcome));
        }
        self.shared.applied();
        self.let_pass();
        self.tell_the_drained();
        self.take_turns(0, ctx);
    }
}

impl Handler<Expire> for Bus {
    type Result = ();

    fn handle(&mut self, _: Expire, _: &mut Self::Context) {
        self.flush();
        let patience = self.shared.context.broker.limits.load().log_patience;
        let stalled = self.contain(Work::Expire, |bus| {
            let now = bus.shared.context.broker.now();
            let mut ledger = bus.shared.ledger();
            ledger.expire(now);
            ledger.stalled(now, patience)
        });
        // They stay pending: the log still answers for them, once it does.
        for ticket in stalled.into_iter().flatten() {
            self.answer(ticket, &Err(PostError::Stalled(patience)));
        }
    }
}

impl Handler<Revive> for Bus {
    type Result = ();

    fn handle(&mut self, Revive(channel): Revive, _: &mut Self::Context) {
        self.contain(Work::Revive, |bus| {
            let sizes = bus.sizes();
            bus.shared.ledger().revive(&channel, sizes, &bus.shared.context.counters);
        });
    }
}

impl Handler<Passed> for Bus {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Passed(id): Passed, _: &mut Self::Context) -> Self::Result {
        // What it waits for must be on its way.
        self.flush();
        let (sender, passed) = oneshot::channel();
        if !self.shared.context.has_failed() {
            if self.passing.len() == self.passing.capacity() {
                // Those who have lost patience are not kept until the log answers (I-5).
                self.passing.retain(|(_, waiting)| !waiting.is_canceled());
            }
            self.passing.push((id, sender));
            self.let_pass();
        }
        Box::pin(async move { _ = passed.await })
    }
}

impl Handler<Drained> for Bus {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Drained, _: &mut Self::Context) -> Self::Result {
        let (sender, drained) = oneshot::channel();
        if !self.shared.context.has_failed() {
            self.draining.push(sender);
            self.tell_the_drained();
        }
        Box::pin(async move { _ = drained.await })
    }
}
