//! Posters over a WebSocket: several POSTs are on their way at a time, and each is answered by its name.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use testkit::PATIENCE;
use testkit::witness::events::Said;
use testkit::witness::sockets::Socket;

use crate::door::Parcel;
use crate::history::{BATCH_MAX, ChannelKey, History, Ids, Nanos, Outcome, Position, PostKey, View};
use crate::plan::BUSES;
use crate::service::HEARTBEAT;
use crate::task::Task;

/// Most that are on their way: more than the service lets wait for their answer.
const MANY: usize = 20;

/// A POST on its way.
#[derive(Debug, Clone, Copy)]
struct Sent {
    parcel: Parcel,
    /// One of its messages is none.
    spoiled: bool,
    /// It was sent before, over a connection that ended.
    again: bool,
    start: Nanos,
}

/// One poster, of one bus.
pub(crate) struct Publisher {
    task: Task,
    me: u16,
    bus: u8,
    posted: u32,
    socket: Option<Socket>,
    /// On their way, by their names, which rise.
    open: BTreeMap<u32, Sent>,
    named: u32,
    /// Were sent with a key, and not answered.
    unanswered: Vec<Parcel>,
}

impl Publisher {
    pub(crate) fn new(task: Task, me: u16, bus: u8) -> Self {
        let (socket, open, unanswered) = (None, BTreeMap::new(), Vec::new());
        Self { task, me, bus, posted: 0, socket, open, named: 0, unanswered }
    }

    pub(crate) async fn run(mut self) -> History {
        while !self.task.run.posters_done.load(Ordering::Relaxed) {
            if let Err(failure) = self.round().await {
                self.task.history.failures.push(format!("posting over a WebSocket: {failure}"));
            }
            let pause = self.task.rng.u64(4..16);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.task.history
    }

    /// Some POSTs, one after the other without waiting, and their answers.
    async fn round(&mut self) -> Result<(), String> {
        if self.socket.is_none() {
            let path = self.task.run.service.path(View::Bus(self.bus)) + "/channels";
            let opened = Socket::open(self.task.run.service.address, &path, self.bus).await;
            let opened = opened.map_err(|error| error.to_string())?;
            self.socket = Some(opened.map_err(|status| format!("refused: {status}"))?);
        }
        let many = self.task.rng.usize(1..=MANY);
        let leaves = self.task.rng.u32(..30) == 0;
        for place in 1..=many {
            let (parcel, again) = self.next();
            let spoiled = !again && self.task.rng.u32(..50) == 0;
            let name = self.named;
            self.named += 1;
            let text = parcel.publishing(name, spoiled);
            self.task.run.announce(parcel.channel);
            self.open.insert(name, Sent { parcel, spoiled, again, start: self.task.now() });
            if leaves && place == many {
                let share = if self.task.rng.bool() { 1.0 } else { self.task.rng.f64() };
                if let Some(socket) = self.socket.take() {
                    // Whatever comes of it: the outcome of all that is on its way is unknown.
                    _ = socket.break_off(&text, share).await;
                }
                self.task.history.tally.abandoned += 1;
                self.give_up();
                return Ok(());
            }
            if let Err(error) = self.socket.as_mut().ok_or("it is gone")?.say(&text).await {
                return self.cut(&error);
            }
        }
        self.hear().await
    }

    /// One that was not answered, or a new one. Whether it was sent before.
    fn next(&mut self) -> (Parcel, bool) {
        if let Some(parcel) = self.unanswered.pop() {
            return (parcel, true);
        }
        let post = PostKey { poster: self.me, number: self.posted };
        self.posted += 1;
        let rng = &mut self.task.rng;
        let channel = ChannelKey { bus: self.bus, number: rng.u32(..BUSES[usize::from(self.bus)].1) };
        let size = if rng.bool() { 1 } else { rng.usize(1..=BATCH_MAX) };
        (Parcel { post, channel, size, keyed: rng.bool() }, false)
    }

    /// Waits for all answers.
    async fn hear(&mut self) -> Result<(), String> {
        let mut fresh = BTreeMap::new();
        while !self.open.is_empty() {
            let socket = self.socket.as_mut().ok_or("it is gone")?;
            let said = tokio::time::timeout(PATIENCE, socket.next()).await;
            let (name, outcome) = match said.map_err(|_| "nobody answers")? {
                Ok(Said::Heartbeat) => continue,
                Ok(Said::Published(name, ids)) => (name, Outcome::Acked(Ids::new(ids))),
                Ok(Said::Refused(Some(name), 400)) => (name, Outcome::Refused),
                Ok(other) => return Err(format!("nobody asked for {other:?}")),
                Err(error) => return self.cut(&error),
            };
            let sent = name.parse().ok().and_then(|name: u32| Some((name, self.open.remove(&name)?)));
            let (name, Sent { parcel, spoiled, again, start }) =
                sent.ok_or_else(|| format!("{name} is answered, and was not sent or answered before"))?;
            if spoiled != (outcome == Outcome::Refused) {
                return Err(format!("{parcel:?}, spoiled: {spoiled}, became {outcome:?}"));
            }
            if let (Outcome::Acked(ids), false) = (&outcome, again) {
                fresh.insert(name, ids.as_slice().first().copied());
            }
            let channel = parcel.channel;
            self.task.history.tally.socket_posts += 1;
            self.task.sent(parcel, start, Ok(outcome));
            if self.task.rng.u32(..8) == 0 {
                // What was answered is there (RET-10).
                self.task.read(View::Channel(channel), Position::Start).await;
            }
        }
        if !fresh.values().is_sorted() {
            return Err(format!(
                "they did not reach the bus in the order in which they were sent: {fresh:x?}"
            ));
        }
        Ok(())
    }

    /// The connection is gone, which may be only where the machine was too busy for its pings to be answered.
    fn cut(&mut self, error: &io::Error) -> Result<(), String> {
        let silence = self.socket.take().map(|socket| socket.silence());
        self.give_up();
        if silence.is_some_and(|silence| silence >= 2 * HEARTBEAT) {
            return Ok(());
        }
        Err(format!("{error}, and was silent for {silence:?} at most"))
    }

    /// Nobody knows what becomes of what is on its way. Some of it is sent again.
    fn give_up(&mut self) {
        for Sent { parcel, start, spoiled, .. } in std::mem::take(&mut self.open).into_values() {
            self.task.sent(parcel, start, Ok(Outcome::Unknown));
            if parcel.keyed && !spoiled {
                self.unanswered.push(parcel);
            }
        }
    }
}
