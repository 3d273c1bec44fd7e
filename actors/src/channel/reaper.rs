//! The Reaper actor: takes the channels of a bus away that have expired, and has the Bus drop what else has.

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Message, WeakRecipient};

use super::{Channel, Directory};
use crate::context::{BusContext, Work};

/// Channels looked at before other work on the arbiter gets its turn: well under a millisecond.
const CHANNELS_PER_SWEEP: usize = 512;

/// One per bus. Ends when the bus is gone.
pub(crate) struct Reaper {
    bus: Arc<BusContext>,
    directory: Weak<Directory<Addr<Channel>>>,
    actor: WeakRecipient<Expire>,
}

/// To the Bus: drop what has expired while nobody posted or read.
pub(crate) struct Expire;

impl Message for Expire {
    type Result = ();
}

impl Reaper {
    pub(crate) fn new(
        bus: Arc<BusContext>,
        directory: &Arc<Directory<Addr<Channel>>>,
        actor: WeakRecipient<Expire>,
    ) -> Self {
        Self { bus, directory: Arc::downgrade(directory), actor }
    }

    fn tick(&self, ctx: &mut Context<Self>) {
        // Without its Bus nothing is left to do, and without a future actix ends the actor.
        let Some(actor) = self.actor.upgrade() else { return };
        actor.do_send(Expire);
        drop(actor);
        self.sweep(ctx);
    }

    fn sweep(&self, ctx: &mut Context<Self>) {
        let Some(directory) = self.directory.upgrade() else { return };
        let now = self.bus.broker.now();
        let capacity = self.bus.settings.load().channel_window;
        let counters = &self.bus.counters;
        let swept =
            self.bus.contain(Work::Reap, || directory.sweep(now, capacity, counters, CHANNELS_PER_SWEEP));
        match swept {
            // Through the timer, so that others have their turn: what an actor tells itself comes before them.
            Ok(swept) if swept.more => _ = ctx.run_later(Duration::ZERO, |reaper, ctx| reaper.sweep(ctx)),
            _ => self.rest(ctx),
        }
    }

    fn rest(&self, ctx: &mut Context<Self>) {
        let settings = self.bus.settings.load();
        let shortest = settings.channel_idle.min(settings.retention);
        let every = (shortest / 8).clamp(Duration::from_millis(1), Duration::from_secs(1));
        ctx.run_later(every, |reaper, ctx| reaper.tick(ctx));
    }
}

impl Actor for Reaper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.rest(ctx);
    }
}
