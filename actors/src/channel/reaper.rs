//! The Supervisor actor: reaps the channels of a bus that have fallen due, and has the Bus drop what expired.

use std::sync::Weak;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, WeakRecipient};

use crate::cell::BusCell;

/// Channels looked at before other work on the arbiter gets its turn.
const CHANNELS_PER_SWEEP: usize = 512;

/// One per bus. Ends by itself when the bus is gone.
pub(crate) struct Supervisor {
    bus: Weak<BusCell>,
    actor: WeakRecipient<Expire>,
    every: Duration,
}

/// To the Bus: drop what has expired while nobody posted or read.
pub(crate) struct Expire;

impl Message for Expire {
    type Result = ();
}

struct Sweep;

impl Message for Sweep {
    type Result = ();
}

impl Supervisor {
    pub(crate) fn new(bus: Weak<BusCell>, actor: WeakRecipient<Expire>, shortest_life: Duration) -> Self {
        let every = (shortest_life / 8).clamp(Duration::from_millis(1), Duration::from_secs(1));
        Self { bus, actor, every }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.every, |supervisor, ctx| {
            match supervisor.actor.upgrade() {
                Some(actor) => actor.do_send(Expire),
                None => return ctx.stop(),
            }
            ctx.notify(Sweep);
        });
    }
}

impl Handler<Sweep> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Sweep, ctx: &mut Self::Context) {
        let Some(bus) = self.bus.upgrade() else { return ctx.stop() };
        let swept = bus.common.contain("supervisor", || {
            bus.directory.sweep(&*bus.common.shared.clock, &bus.common.counters, CHANNELS_PER_SWEEP)
        });
        if swept.is_ok_and(|swept| swept.more) {
            ctx.notify(Sweep);
        }
    }
}
