//! Channels: which there are, where their windows are, and when they end.
//!
//! | module | what lives there |
//! |---|---|
//! | `directory` | which channels exist, under one lock each; why no message is lost to reaping |
//! | `news` | pure: what happens to a channel's window |
//! | `expiry` | pure: channels in the order in which they may have expired |
//! | `promises` | pure: what a channel has promised |
//! | `reaper` | the Reaper actor: takes channels away that have expired |
//!
//! A channel has an actor from the first time that somebody reads it; until then its window rests in its slot of the
//! directory. Most channels of a server that posts to every session are never read again.

mod directory;
mod expiry;
mod news;
mod promises;
mod reaper;

use std::num::NonZeroUsize;
use std::sync::Arc;

use actix::{Actor, ActorContext, Addr, Context, Handler, Message, MessageResult};

pub(crate) use self::directory::{Delivery, Directory, Found, Home, Remains};
pub(crate) use self::news::News;
pub(crate) use self::reaper::{Expire, Reaper};
use crate::context::{BusContext, Work};
use crate::error::ReadError;
use crate::window::{Origin, Slice, Which, Window};

/// Places in a channel's mailbox. No bound on what waits there: in actix each sender has one more of its own.
const MAILBOX: usize = 16;

/// Asks a Channel or a Bus for what is newer than a position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) origin: Origin,
    pub(crate) which: Which,
    /// Most entries of the answer.
    pub(crate) most: usize,
}

impl Message for Read {
    type Result = Result<Slice, ReadError>;
}

impl Message for News {
    type Result = ();
}

/// One channel, once it is read. It lives until its address leaves the directory.
pub(crate) struct Channel {
    window: Window,
    bus: Arc<BusContext>,
}

impl Channel {
    pub(crate) fn start(window: Window, bus: &Arc<BusContext>) -> Addr<Self> {
        bus.counters.spawned.one();
        bus.broker.arbiters.start(MAILBOX, Self { window, bus: Arc::clone(bus) })
    }

    fn capacity(&self) -> NonZeroUsize {
        self.bus.settings.load().channel_window
    }
}

impl Actor for Channel {
    type Context = Context<Self>;
}

impl Home for Addr<Channel> {
    fn send(&self, news: News) {
        self.do_send(news);
    }

    fn is_gone(&self) -> bool {
        !self.connected()
    }
}

impl Handler<News> for Channel {
    type Result = ();

    fn handle(&mut self, news: News, ctx: &mut Self::Context) {
        let Self { window, bus, .. } = self;
        if bus.contain_part(Work::Deliver, || news.apply(window)).is_err() {
            // What the window holds now is anybody's guess; the Bus starts another from its own.
            end(ctx);
        }
    }
}

impl Handler<Read> for Channel {
    type Result = MessageResult<Read>;

    fn handle(&mut self, Read { origin, which, most }: Read, ctx: &mut Self::Context) -> Self::Result {
        let capacity = self.capacity();
        let Self { window, bus, .. } = self;
        let slice = bus.contain_part(Work::ReadChannel, || {
            window.expire(bus.broker.now());
            window.resize(capacity);
            window.since(origin, which, most)
        });
        if slice.is_err() {
            end(ctx);
        }
        MessageResult(slice.map_err(|_| ReadError::Crashed))
    }
}

/// Ends an actor that has panicked, with what is queued: whoever meets the closed mailbox has it made anew.
#[expect(
    clippy::disallowed_methods,
    reason = "its window is in doubt, and what is queued is in the window of the bus"
)]
fn end(ctx: &mut Context<Channel>) {
    ctx.terminate();
}
