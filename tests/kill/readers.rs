//! Readers: they follow the buses and their channels from position to position, across all kills. Some ask and do not
//! read.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fastrand::Rng;
use testkit::PATIENCE;
use testkit::witness::listener::{Listener, Way, Went};

use crate::history::{ChannelKey, History, Position, View};
use crate::plan::{BUSES, BUSY, KEEPS, Manner, SLEEPY};
use crate::task::{Task, path};

/// Answers that somebody asks for who does not read: together more than the system holds on the way.
const UNREAD: usize = 64;

fn channel(bus: u8, number: u32) -> View {
    View::Channel(ChannelKey { bus, number })
}

async fn pause(rng: &mut Rng) {
    let millis = rng.u64(1..8);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Follows the bus that is used, and looks after the others now and then.
pub(crate) async fn follow_buses(mut task: Task) -> History {
    let mut positions = [Position::Start; BUSES.len()];
    loop {
        let done = task.readers_done();
        for bus in [BUSY, SLEEPY, KEEPS] {
            if bus == BUSY || done || task.rng.u32(..48) == 0 {
                let since = &mut positions[usize::from(bus)];
                *since = task.read(View::Bus(bus), *since).await.map_or(*since, Position::Cursor);
            }
        }
        if done {
            return task.history;
        }
        pause(&mut task.rng).await;
    }
}

/// Follows all channels; sometimes with a position of the bus or with none.
pub(crate) async fn follow_channels(mut task: Task, manner: Manner) -> History {
    let mut positions: HashMap<View, Position> = HashMap::new();
    let mut of_bus = None;
    while !task.readers_done() {
        let bus = match task.rng.u32(..32) {
            0 => SLEEPY,
            1..4 => KEEPS,
            _ => BUSY,
        };
        let view = channel(bus, task.rng.u32(..manner.channels(bus)));
        let since = positions.entry(view).or_insert(Position::Start);
        *since = task.read(view, *since).await.map_or(*since, Position::Cursor);
        match task.rng.u32(..64) {
            0 => _ = task.read(view, Position::Garbage).await,
            1 => {
                of_bus = match of_bus {
                    None => task.read(View::Bus(BUSY), Position::Start).await,
                    Some(id) => task.read(View::Bus(BUSY), Position::Cursor(id)).await.or(of_bus),
                }
            }
            2..8 if bus == BUSY => {
                if let Some(id) = of_bus {
                    task.read(view, Position::Id(id.id)).await;
                }
            }
            _ => {}
        }
        pause(&mut task.rng).await;
    }
    task.history
}

/// Reads streams of the bus that is used, or of so many of its channels, through all kills: each goes on where the last one was
/// cut, in the end up to the last POST that was answered.
pub(crate) async fn listen(mut task: Task, manner: Manner, way: Way, channels: usize) -> History {
    let some = task.rng.choose_multiple(0..manner.channels(BUSY), channels);
    let views = match channels {
        0 => vec![View::Bus(BUSY)],
        _ => some.into_iter().map(|number| channel(BUSY, number)).collect(),
    };
    let mut listener = Listener::new(path(View::Bus(BUSY)), views, Position::Start).by(way);
    let mut deadline = None;
    loop {
        let highest = task.run.highest[usize::from(BUSY)].load(Ordering::Acquire);
        if task.readers_done() {
            let stands = listener.stands();
            // A server that is told of nothing new tells readers of channels no later position.
            if stands.is_some_and(|id| id >= highest || channels > 0) {
                break;
            }
            if *deadline.get_or_insert_with(|| Instant::now() + PATIENCE) < Instant::now() {
                let failure = format!("a stream stands at {stands:x?} and never gets to {highest:x}");
                task.history.failures.push(failure);
                break;
            }
        }
        if !listener.is_open() {
            task.server().await;
            let Some(address) = task.address() else { continue };
            let opened = listener.open(address, task.now()).await;
            let opened =
                opened.and_then(|opened| opened.map_err(|status| io::Error::other(status.to_string())));
            if task.answered("a stream", opened).is_some() {
                task.history.tally.streams += 1;
                task.history.tally.sockets += u64::from(way == Way::Socket);
            }
            continue;
        }
        let clock = task.run.clock;
        let now = || u64::try_from(clock.elapsed().as_nanos()).unwrap();
        let went = tokio::time::timeout(PATIENCE, listener.next(now)).await;
        let went = went.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match task.answered("a stream", went) {
            Some(Went::Ended(reason, _)) => {
                let meant =
                    if reason == "drain" && !task.is_up() { Ok(()) } else { Err(io::Error::other(reason)) };
                task.answered("the end of a stream", meant);
                task.history.tally.drained += 1;
                task.leave();
            }
            Some(Went::On) => {}
            None => listener.hang_up(),
        }
    }
    listener.hand_in(&mut task.history);
    task.history
}

/// Asks each server for all of a bus, many times, and does not read any of it until the server is gone (I-6).
pub(crate) async fn ask_and_not_read(mut task: Task) -> History {
    loop {
        let client = task.server().await;
        // It may be gone already.
        _ = client.ask(&path(View::Bus(BUSY)), UNREAD).await;
        task.history.tally.unread += UNREAD as u64;
        while task.is_up() {
            if task.readers_done() {
                return task.history;
            }
            pause(&mut task.rng).await;
        }
        task.leave();
    }
}

/// Reads all buses whole, and these channels of those that are used.
pub(crate) async fn audit(task: &mut Task, manner: Manner, channels: impl IntoIterator<Item = u32>) {
    for bus in [BUSY, SLEEPY, KEEPS] {
        task.read(View::Bus(bus), Position::Start).await;
    }
    for number in channels {
        for bus in [BUSY, KEEPS] {
            task.read(channel(bus, number % manner.channels(bus)), Position::Start).await;
        }
    }
}
