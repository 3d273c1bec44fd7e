//! The Channel actor: owns a channel's window and answers what is newer than a position.

use std::sync::Arc;

use actix::{Actor, ActorContext, Context, Handler, Message, MessageResult};

use crate::log::Record;
use crate::memory::{CHANNEL_OVERHEAD, Held};
use crate::shared::BusCommon;
use crate::{Page, ReadError, Since, Window};

/// Asks a [`Channel`] or a [`crate::Bus`] for what is newer than a position.
#[derive(Debug, Clone, Copy)]
pub struct Read(pub Since);

impl Message for Read {
    type Result = Result<Page, ReadError>;
}

/// A record on its way from the Bus actor into the window of its channel. Not awaited.
pub(crate) struct Deliver(pub(crate) Arc<Record>);

impl Message for Deliver {
    type Result = ();
}

/// One channel. It lives until its address leaves the directory, see [`crate::Broker::channel`].
pub struct Channel {
    window: Window,
    bus: Arc<BusCommon>,
    _held: Held,
}

impl Channel {
    pub(crate) fn new(window: Window, bus: Arc<BusCommon>) -> Self {
        let held = bus.shared.memory.hold(CHANNEL_OVERHEAD);
        Self { window, bus, _held: held }
    }
}

impl Actor for Channel {
    type Context = Context<Self>;
}

impl Handler<Deliver> for Channel {
    type Result = ();

    fn handle(&mut self, Deliver(record): Deliver, ctx: &mut Self::Context) {
        let Self { window, bus, .. } = self;
        let pushed = bus.contain("channel", || {
            for entry in &record.entries {
                window.push(Arc::clone(entry));
            }
        });
        if pushed.is_err() {
            ctx.terminate();
        }
    }
}

impl Handler<Read> for Channel {
    type Result = MessageResult<Read>;

    fn handle(&mut self, Read(since): Read, ctx: &mut Self::Context) -> Self::Result {
        let Self { window, bus, .. } = self;
        let page = bus.contain("channel", || {
            window.expire(bus.shared.clock.now());
            window.since(bus.shared.journal.judge(since))
        });
        if page.is_err() {
            // What the window holds now is anybody's guess; the Bus starts another actor from its own.
            ctx.terminate();
        }
        MessageResult(page.map_err(|_| ReadError::Crashed))
    }
}
