//! Subscriptions in the broker, on threads that run its actors and on one that does not: they are not polled now and then, let go,
//! begun again where they were, and made of other channels meanwhile.

use std::sync::atomic::Ordering;
use std::time::Duration;

use backplane_actors::{ChannelName, Event, MessageId, Selection, Since, Subscription};
use futures::StreamExt as _;
use testkit::witness::notes::Notes;

use crate::door::{cursor_of, resume_of, shown, since_of};
use crate::history::{ChannelKey, History, Position, View};
use crate::streams::{Arrival, doze};
use crate::task::Task;

/// Channels of one subscription, at most.
const CHANNELS: usize = 8;
/// How long it waits for something before it asks up to where there is nothing.
const SILENCE: Duration = Duration::from_millis(5);

/// What it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    /// A bus, from a position.
    Bus(u8, Position),
    /// Channels of a bus, now these, now those.
    Channels(u8),
}

struct Reader {
    bus: u8,
    whole: bool,
    views: Vec<View>,
    notes: Notes,
    /// Where it begins, the first time.
    since: Position,
}

/// Reads until it has everything.
pub(crate) async fn subscribe(mut task: Task, of: Of) -> History {
    let (bus, whole, views, since) = match of {
        Of::Bus(bus, since) => (bus, true, vec![View::Bus(bus)], since),
        Of::Channels(bus) => (bus, false, task.run.some_of(&mut task.rng, bus, CHANNELS), Position::Start),
    };
    let mut reader = Reader { bus, whole, views, notes: Notes::default(), since };
    if let Err(failure) = reader.go_on(&mut task).await {
        task.history.failures.push(format!("subscription of {of:?}: {failure}"));
    }
    reader.notes.hand_in(&mut task.history);
    task.history
}

impl Reader {
    /// Where it was; where it never was, at the start.
    fn place(&self, view: View) -> Position {
        match self.notes.place(view) {
            Position::Start if self.whole => self.since,
            place => place,
        }
    }

    fn asked(&self, views: &[View]) -> Vec<(View, Position)> {
        views.iter().map(|view| (*view, self.place(*view))).collect()
    }

    fn named(&self, task: &Task, views: &[View]) -> Vec<(ChannelName, Since)> {
        let channels = views.iter().filter_map(|view| match view {
            View::Channel(channel) => {
                Some((task.run.service.channel(*channel).clone(), since_of(self.place(*view))))
            }
            View::Bus(_) => None,
        });
        channels.collect()
    }

    fn begin(&mut self, task: &mut Task) -> Result<Subscription, String> {
        let selection = match self.views[..] {
            [view @ View::Bus(_)] => Selection::Bus(since_of(self.place(view))),
            _ => Selection::Channels(self.named(task, &self.views)),
        };
        self.notes.ask(self.asked(&self.views), task.now());
        task.history.tally.streams += 1;
        let bus = task.run.service.broker.bus(task.run.service.bus(self.bus).as_str()).unwrap();
        bus.subscribe(selection).map_err(|error| error.to_string())
    }

    async fn go_on(&mut self, task: &mut Task) -> Result<(), String> {
        let (mut subscription, mut arrival) = (self.begin(task)?, Arrival::default());
        loop {
            let event = tokio::time::timeout(SILENCE, subscription.next()).await;
            let now = task.now();
            match event {
                Err(_) => {
                    if let Some(position) = subscription.refresh() {
                        let last = subscription.last().map(MessageId::as_u64);
                        self.notes.silent(now, cursor_of(position), last);
                    }
                }
                Ok(Some(Event::Message(message))) => {
                    let prev = Some(message.prev().as_u64());
                    let shown = shown(message.entry(), self.bus);
                    self.notes.shown(now, shown, prev, cursor_of(message.position()));
                }
                Ok(Some(Event::Resumed(resumed))) => {
                    let of = |view| match view {
                        View::Bus(_) => Some(resume_of(resumed.resume)),
                        View::Channel(ChannelKey { number, .. }) => {
                            let is_it = |name: &ChannelName| {
                                ChannelKey::named(self.bus, name.as_str()).number == number
                            };
                            resumed
                                .channels
                                .iter()
                                .find(|(name, _)| is_it(name))
                                .map(|(_, of)| resume_of(*of))
                        }
                    };
                    self.notes.resumed(now, cursor_of(resumed.position), of);
                }
                Ok(other) => return Err(format!("it ended: {other:?}")),
            }
            if task.run.readers_done.load(Ordering::Acquire) {
                if arrival.look_alone(task, self.notes.stands(), self.bus)? {
                    return Ok(());
                }
                continue;
            }
            match task.rng.u32(..1_000) {
                0..4 => {
                    task.history.tally.left += 1;
                    self.notes.cut();
                    subscription = self.begin(task)?;
                }
                4..14 if !self.whole => self.change(task, &mut subscription)?,
                14..20 => doze(task).await,
                _ => {}
            }
        }
    }

    /// Some channels go, others come.
    fn change(&mut self, task: &mut Task, subscription: &mut Subscription) -> Result<(), String> {
        let (gone, kept): (Vec<_>, Vec<_>) = self.views.iter().copied().partition(|_| task.rng.u32(..3) == 0);
        let names: Vec<_> = self.named(task, &gone).into_iter().map(|(name, _)| name).collect();
        subscription.remove(&names);
        for view in &gone {
            self.notes.close(*view);
        }
        let mut new = task.run.some_of(&mut task.rng, self.bus, CHANNELS);
        new.retain(|view| !kept.contains(view) && !gone.contains(view));
        // One that went comes back where it was.
        new.splice(..0, gone.into_iter().take(1));
        new.truncate(CHANNELS.saturating_sub(kept.len()));
        self.notes.ask(self.asked(&new), task.now());
        let added = self.named(task, &new);
        self.views = kept;
        self.views.extend(new);
        subscription.add(added).map_err(|error| error.to_string())
    }
}
