//! Readers of streams, as events and over a WebSocket: they are slow now and then, hang up, come again with their position, change their
//! channels, and are told when the service ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use backplane_client::{Cause, Client, Error, Event, Frame, Reason, Subscription};
use testkit::PATIENCE;
use testkit::witness::events::cursor_of;
use testkit::witness::listener::{Listener, Way, Went};

use crate::history::{ChannelKey, Cursor, History, Position, Resume, Shown, Stamp, View};
use crate::service::HEARTBEAT;
use crate::task::Task;

/// Most channels in one stream.
const CHANNELS: usize = 8;

/// How long the Rust client is waited for before somebody looks whether it has everything.
const SILENCE: Duration = Duration::from_millis(50);

/// What a stream is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    /// One view, from a position.
    One(View, Position),
    /// Channels of a bus, now these, now those.
    Several(u8),
}

/// Reads streams until the service ends, which it has to be told.
pub(crate) async fn listen(mut task: Task, way: Way, of: Of) -> History {
    let (bus, views, since) = match of {
        Of::One(view, since) => (view.bus(), vec![view], since),
        Of::Several(bus) => (bus, task.run.some_of(&mut task.rng, bus, CHANNELS), Position::Start),
    };
    let mut listener = Listener::new(task.run.service.path(View::Bus(bus)), views, since).by(way);
    let mut arrival = Arrival::default();
    if let Err(failure) = go_on(&mut task, &mut listener, &mut arrival, (way, of)).await {
        task.history.failures.push(format!("{way:?} of {of:?}: {failure}"));
    }
    arrival.is_over(&task);
    listener.hand_in(&mut task.history);
    task.history
}

async fn go_on(
    task: &mut Task,
    listener: &mut Listener,
    arrival: &mut Arrival,
    (way, of): (Way, Of),
) -> Result<(), String> {
    let bus = listener.views()[0].bus();
    let mut was_cut = false;
    loop {
        if !listener.is_open() {
            let opened = listener.open(task.run.service.address, task.now()).await;
            if was_cut && !matches!(opened, Ok(Ok(()))) && task.run.ending.load(Ordering::Acquire) {
                return Ok(());
            }
            opened
                .map_err(|error| format!("asked for: {error}"))?
                .map_err(|status| format!("refused: {status}"))?;
            task.history.tally.streams += 1;
            task.history.tally.sockets += u64::from(way == Way::Socket);
        }
        let clock = task.run.service.clock;
        let went = tokio::time::timeout(PATIENCE, listener.next(|| clock.nanos())).await;
        let went = went.map_err(|_| "it is silent".to_owned())?;
        if listener.silence().is_some_and(|silence| silence >= 2 * HEARTBEAT) {
            // The machine was too busy for it to answer two pings.
            task.history.tally.left += 1;
            was_cut = true;
            continue;
        }
        match went.map_err(|error| format!("{error}, and was silent for {:?}", listener.silence()))? {
            Went::On => {}
            Went::Ended(reason, _) if reason == "drain" && task.run.ending.load(Ordering::Acquire) => {
                task.history.tally.drained += 1;
                return Ok(());
            }
            Went::Ended(reason, _) => return Err(format!("it ended: {reason}")),
        }
        if task.run.readers_done.load(Ordering::Acquire) {
            arrival.look(task, listener.stands(), bus)?;
            continue;
        }
        match task.rng.u32(..1_000) {
            0..4 => {
                task.history.tally.left += 1;
                listener.hang_up();
                if let Of::Several(bus) = of
                    && task.rng.bool()
                {
                    let (gone, new) = others(task, listener.views(), bus);
                    let kept = listener.views().iter().copied().filter(|view| !gone.contains(view));
                    let views = kept.chain(new).collect();
                    listener.choose(views);
                }
            }
            4 => {
                task.history.tally.restarts += 1;
                listener.forget();
            }
            5..10 => doze_by(task, listener).await,
            10..40 if way == Way::Socket => {
                if let Of::Several(bus) = of
                    && listener.is_open()
                    && !listener.is_changing()
                {
                    let (gone, mut new) = others(task, listener.views(), bus);
                    // One that goes comes back where it was.
                    new.splice(..new.len().min(1), gone.first().copied());
                    // Where it has gone, the next look finds it.
                    if listener.change(gone, new, task.now()).await.is_ok() {
                        task.history.tally.changes += 1;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Which of these channels go, and which come instead.
fn others(task: &mut Task, views: &[View], bus: u8) -> (Vec<View>, Vec<View>) {
    let (gone, kept): (Vec<_>, Vec<_>) = views.iter().copied().partition(|_| task.rng.bool());
    let mut new = task.run.some_of(&mut task.rng, bus, CHANNELS);
    new.retain(|view| !views.contains(view));
    new.truncate(CHANNELS - kept.len());
    if new.is_empty() && kept.is_empty() { (Vec::new(), Vec::new()) } else { (gone, new) }
}

/// Does not read for a while, and says that it is there meanwhile.
async fn doze_by(task: &mut Task, listener: &mut Listener) {
    let mut dozing = std::pin::pin!(doze(task));
    while tokio::time::timeout(HEARTBEAT / 2, &mut dozing).await.is_err() {
        listener.ping().await;
    }
}

/// Does not read for a while.
pub(crate) async fn doze(task: &mut Task) {
    task.history.tally.slow += 1;
    let pause = if task.rng.u32(..8) == 0 { task.rng.u64(100..400) } else { task.rng.u64(1..40) };
    tokio::time::sleep(Duration::from_millis(pause)).await;
}

/// Whether a reader has got everything, once nothing more is posted.
#[derive(Default)]
pub(crate) struct Arrival {
    since: Option<Instant>,
    is_there: bool,
}

impl Arrival {
    /// Where the reader stands; an error when it loses its patience.
    pub(crate) fn look(&mut self, task: &Task, stands: Option<u64>, bus: u8) -> Result<(), String> {
        if self.look_alone(task, stands, bus)? {
            self.is_over(task);
        }
        Ok(())
    }

    /// The same of a reader for whom nobody waits. Whether it has everything.
    pub(crate) fn look_alone(&mut self, task: &Task, stands: Option<u64>, bus: u8) -> Result<bool, String> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let highest = task.run.highest(bus);
        if stands.is_some_and(|id| id >= highest) {
            return Ok(true);
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("it stands at {stands:x?} and never gets to {highest:x}"));
        }
        Ok(false)
    }

    /// Nobody has to wait for it any more.
    pub(crate) fn is_over(&mut self, task: &Task) {
        if !std::mem::replace(&mut self.is_there, true) {
            task.run.arrived.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Reads by the Rust client until the service ends, which it has to be told.
pub(crate) async fn subscribe_by_client(mut task: Task, of: Of) -> History {
    let mut arrival = Arrival::default();
    let mut notes = testkit::witness::notes::Notes::default();
    if let Err(failure) = follow_client(&mut task, &mut notes, &mut arrival, of).await {
        task.history.failures.push(format!("Rust client of {of:?}: {failure}"));
    }
    arrival.is_over(&task);
    notes.hand_in(&mut task.history);
    task.history
}

async fn follow_client(
    task: &mut Task,
    notes: &mut testkit::witness::notes::Notes,
    arrival: &mut Arrival,
    of: Of,
) -> Result<(), String> {
    let client = Client::builder(&format!("http://{}/v1", task.run.service.address));
    let client = client.credentials("demo", "demo").build().map_err(|error| error.to_string())?;
    let (bus, views, since) = match of {
        Of::One(view, since) => (view.bus(), vec![view], since),
        Of::Several(bus) => (bus, task.run.some_of(&mut task.rng, bus, CHANNELS), Position::Start),
    };
    let there = client.bus(task.run.service.bus(bus).as_str()).map_err(|error| error.to_string())?;
    let position = match since {
        Position::Cursor(Cursor { id, epoch }) => {
            let (id, epoch) =
                (backplane_actors::MessageId::from_u64(id), backplane_actors::Epoch::from_u64(epoch));
            Some(format!("{id}.{epoch}").parse().map_err(|error| format!("{error}"))?)
        }
        _ => None,
    };
    notes.ask(views.iter().map(|view| (*view, since)), task.now());
    let mut subscription = if let Of::One(View::Bus(_), _) = of {
        there.subscribe(position)
    } else {
        let names = views.iter().map(|view| match view {
            View::Channel(channel) => task.run.service.channel(*channel).as_str(),
            View::Bus(_) => "",
        });
        there.channels(names).map_err(|error| error.to_string())?.subscribe(position)
    };
    task.history.tally.streams += 1;
    loop {
        // It tells nothing when its position goes on without a message.
        let event = tokio::time::timeout(SILENCE, subscription.next()).await;
        if task.run.readers_done.load(Ordering::Acquire) {
            match of {
                Of::Several(_) => arrival.is_over(task),
                Of::One(..) => arrival.look(task, notes.stands(), bus)?,
            }
        } else if task.rng.u32(..200) == 0 {
            doze(task).await;
        }
        let Ok(event) = event else { continue };
        let event = event.ok_or("it is over")?;
        let now = task.now();
        let at = place_of(&subscription);
        match event.map_err(|error| error.to_string())? {
            Event::Message(frame) => {
                let prev = frame.prev.as_ref().and_then(|prev| id_of(prev.as_str()));
                notes.shown(now, shown(&frame, bus).ok_or("a frame is odd")?, prev, at?);
            }
            Event::Resumed(resumed) if resumed.cause == Cause::Mended => {
                return Err("it had to mend".to_owned());
            }
            Event::Resumed(resumed) => notes.resumed(now, at?, |view| {
                let of_channel = |channel: ChannelKey| {
                    let name = format!("c{}", channel.number);
                    resumed
                        .channels
                        .iter()
                        .find(|(known, _)| known.as_str() == name)
                        .map(|(_, resume)| *resume)
                };
                Some(match view {
                    View::Channel(channel) => of_channel(channel).map_or(Resume::Complete, resume_of),
                    View::Bus(_) => resume_of(resumed.resume),
                })
            }),
            Event::Interrupted(interrupted) => {
                let drains = matches!(interrupted.why, Error::Ended(Reason::Drain));
                if drains && task.run.ending.load(Ordering::Acquire) {
                    task.history.tally.drained += 1;
                    return Ok(());
                }
                return Err(format!("it was interrupted: {:?}", interrupted.why));
            }
            _ => {}
        }
    }
}

/// The position behind what was told.
fn place_of(subscription: &Subscription) -> Result<Cursor, String> {
    let text = subscription.position().map(ToString::to_string).unwrap_or_default();
    cursor_of(text.rsplit(' ').next().unwrap_or_default()).map_err(|error| error.to_string())
}

const fn resume_of(resume: backplane_client::Resume) -> Resume {
    match resume {
        backplane_client::Resume::Complete => Resume::Complete,
        backplane_client::Resume::Reset => Resume::Reset,
        _ => Resume::Gap,
    }
}

fn id_of(text: &str) -> Option<u64> {
    text.parse().map(backplane_actors::MessageId::as_u64).ok()
}

fn shown(frame: &Frame, bus: u8) -> Option<Shown> {
    let channel = ChannelKey::named(bus, frame.channel.as_str());
    Some(Shown { id: id_of(frame.id.as_str())?, stamp: Stamp(frame.message.payload_as().ok()?), channel })
}
