//! The Bus actor: one total order for a bus (I-1), its window, and the way of every accepted POST.
//!
//! The actor is the shell; what it does is in [`ledger`].

mod ledger;
mod recovery;
mod waiting;

use std::sync::Arc;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, MessageResult, ResponseFuture};

use crate::cell::BusCell;
use crate::channel::Read;
use crate::log::{Notify, Outcome};
use crate::supervisor::{Expire, Supervisor};
use crate::{ChannelName, PostError, Posted, Posting, ReadError};
use ledger::{Answer, Ledger};
pub(crate) use recovery::{Recovery, Restored};

/// Messages that may wait in a bus's mailbox before senders wait instead.
const MAILBOX: usize = 4096;

/// Posts to a [`Bus`].
#[derive(Debug)]
pub struct Post(pub Posting);

impl Message for Post {
    type Result = Result<Posted, PostError>;
}

/// A log has something to say of pending records.
struct Settle(Outcome);

impl Message for Settle {
    type Result = ();
}

/// All POSTs that were in the mailbox are in the log's hands.
struct Flush;

impl Message for Flush {
    type Result = ();
}

/// A reader met a channel actor that is gone: start another unless somebody else did.
pub(crate) struct Revive(pub(crate) ChannelName);

impl Message for Revive {
    type Result = ();
}

/// Answers once recovered messages are in the windows.
pub(crate) struct Started;

impl Message for Started {
    type Result = ();
}

/// Answers once nothing is pending any more.
pub(crate) struct Drained;

impl Message for Drained {
    type Result = ();
}

/// One bus. See [`crate::Broker::bus`].
pub struct Bus {
    cell: Arc<BusCell>,
    ledger: Ledger,
    /// A [`Flush`] is on its way.
    flushing: bool,
}

impl Bus {
    pub(crate) fn start(cell: &Arc<BusCell>, restored: Restored) -> Addr<Self> {
        let (bus, own) = (Arc::clone(cell), Arc::clone(cell));
        cell.common.shared.placement.start_with(MAILBOX, move |ctx: &mut Context<Self>| {
            let this = ctx.address().downgrade();
            let notify = Notify::new(move |outcome| {
                if let Some(bus) = this.upgrade() {
                    bus.do_send(Settle(outcome));
                }
            });
            Self { ledger: Ledger::new(&bus, restored, notify), cell: own, flushing: false }
        })
    }
}

impl Actor for Bus {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let settings = &self.cell.settings;
        let shortest_life = settings.channel_idle.min(settings.retention);
        Supervisor::new(Arc::downgrade(&self.cell), ctx.address().downgrade().recipient(), shortest_life)
            .start();
    }
}

/// See [`Handler<Post>`].
#[doc(hidden)]
pub struct Reply(ledger::Reply);

impl MessageResponse<Bus, Post> for Reply {
    fn handle(self, _: &mut Context<Bus>, poster: Option<OneshotSender<Answer>>) {
        let Some(poster) = poster else { return };
        match self.0 {
            ledger::Reply::Now(answer) => _ = poster.send(answer),
            ledger::Reply::Later(seat) => seat.take(poster),
        }
    }
}

impl Handler<Post> for Bus {
    type Result = Reply;

    fn handle(&mut self, Post(posting): Post, ctx: &mut Self::Context) -> Reply {
        let crashed = ledger::Reply::Now(Err(PostError::Crashed));
        let reply = self.cell.common.contain("bus", || self.ledger.post(posting)).unwrap_or(crashed);
        if !self.flushing && self.ledger.has_pending() {
            // actix gets to it once the mailbox is empty: the log gets all that is at hand as one group.
            self.flushing = true;
            ctx.notify(Flush);
        }
        Reply(reply)
    }
}

impl Handler<Flush> for Bus {
    type Result = ();

    fn handle(&mut self, _: Flush, _: &mut Self::Context) {
        self.flushing = false;
        _ = self.cell.common.contain("bus", || self.cell.common.shared.journal.flush());
    }
}

impl Handler<Read> for Bus {
    type Result = MessageResult<Read>;

    fn handle(&mut self, Read(since): Read, _: &mut Self::Context) -> Self::Result {
        let page = self.cell.common.contain("bus", || self.ledger.read(since));
        MessageResult(page.map_err(|_| ReadError::Crashed))
    }
}

impl Handler<Settle> for Bus {
    type Result = ();

    fn handle(&mut self, Settle(outcome): Settle, _: &mut Self::Context) {
        _ = self.cell.common.contain("bus", || self.ledger.settle(outcome));
    }
}

impl Handler<Expire> for Bus {
    type Result = ();

    fn handle(&mut self, _: Expire, _: &mut Self::Context) {
        _ = self.cell.common.contain("bus", || self.ledger.expire(self.cell.common.shared.clock.now()));
    }
}

impl Handler<Revive> for Bus {
    type Result = ();

    fn handle(&mut self, Revive(channel): Revive, _: &mut Self::Context) {
        _ = self.cell.common.contain("bus", || self.ledger.revive(&channel));
    }
}

impl Handler<Started> for Bus {
    type Result = ();

    fn handle(&mut self, _: Started, _: &mut Self::Context) {}
}

impl Handler<Drained> for Bus {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Drained, _: &mut Self::Context) -> Self::Result {
        let drained = self.ledger.drained();
        Box::pin(async move { _ = drained.await })
    }
}
