//! Readers: followers of buses, followers of channels, and those that meet posters where they post.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::door::Door;
use crate::history::{ChannelKey, History, Position, View};
use crate::http::Client;
use crate::plan::BUSES;
use crate::task::Task;

/// Answers that somebody asks for who does not read: together more than the system holds on the way.
const UNREAD: usize = 64;

/// Follows a bus from position to position; starts over now and then, as a restarted reader does.
pub(crate) async fn follow_bus(mut task: Task, bus: u8, mut since: Position) -> History {
    let view = View::Bus(bus);
    loop {
        let done = task.run.readers_done.load(Ordering::Relaxed);
        since = task.read(view, since).await.map_or(since, Position::Cursor);
        if done {
            // This last retrieval began after the last POST was answered.
            return task.history;
        }
        match task.rng.u32(..2_000) {
            0 => {
                task.history.tally.restarts += 1;
                since = Position::Start;
            }
            1 => _ = task.read(view, Position::Garbage).await,
            2 | 3 => leave(&mut task, view).await,
            _ => {}
        }
        let pause = task.rng.u64(1..8);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Follows a bus by long polls.
pub(crate) async fn wait_for_bus(mut task: Task, bus: u8, mut since: Position) -> History {
    loop {
        let done = task.run.readers_done.load(Ordering::Relaxed);
        since = task.wait(View::Bus(bus), since).await.map_or(since, Position::Cursor);
        if done {
            return task.history;
        }
        let pause = task.rng.u64(..4);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Waits on channels that are being posted to, for whatever comes next there.
pub(crate) async fn wait_for_channels(mut task: Task) -> History {
    while !task.run.readers_done.load(Ordering::Relaxed) {
        let view = View::Channel(task.run.lately(&mut task.rng));
        let Some(next) = task.read(view, Position::Start).await else { continue };
        task.wait(view, Position::Cursor(next)).await;
    }
    task.history
}

/// Follows some channels, old and new ones, through their deaths and rebirths; these from the first.
pub(crate) async fn follow_channels(mut task: Task, mut followed: Vec<(View, Position)>) -> History {
    while !task.run.readers_done.load(Ordering::Relaxed) {
        if followed.len() < 16 {
            let channel = task.run.lately(&mut task.rng);
            followed.push((View::Channel(channel), Position::Start));
        }
        let at = task.rng.usize(..followed.len());
        let (view, since) = followed[at];
        let next = task.read(view, since).await;
        followed[at].1 = next.map_or(since, Position::Cursor);
        if task.rng.u32(..50) == 0 {
            task.history.tally.restarts += 1;
            followed.swap_remove(at);
        }
        breathe(&mut task).await;
    }
    task.history
}

/// Reads the channels that are being posted to: whole, from positions of other views, or not to the end.
pub(crate) async fn meet_posters(mut task: Task) -> History {
    let mut lately = 0;
    while !task.run.readers_done.load(Ordering::Relaxed) {
        let channel = task.run.lately(&mut task.rng);
        let view = View::Channel(channel);
        match task.rng.u32(..100) {
            0 => leave(&mut task, view).await,
            1 => _ = task.read(view, Position::Garbage).await,
            2..12 => _ = task.read(view, Position::Id(lately)).await,
            _ => lately = task.read(view, Position::Start).await.map_or(lately, |next| next.id),
        }
        breathe(&mut task).await;
    }
    task.history
}

/// After the last POST: each channel that lives on, and its bus, against each other.
pub(crate) async fn compare_views(mut task: Task) -> History {
    for bus in (0u8..).take(BUSES.len()) {
        task.read(View::Bus(bus), Position::Start).await;
        for number in 0..BUSES[usize::from(bus)].1 {
            task.read(View::Channel(ChannelKey { bus, number }), Position::Start).await;
        }
    }
    task.history
}

/// Hangs up in the middle of an answer.
async fn leave(task: &mut Task, view: View) {
    if let Door::Http(client) = &mut task.door {
        // Whatever came of it, nobody has seen it.
        _ = client.read_and_leave(&task.run.service.path(view)).await;
        task.history.tally.abandoned += 1;
    }
}

/// Asks for all of a bus, many times, and does not read any of it for a while (I-6).
pub(crate) async fn ask_and_not_read(mut task: Task, bus: u8) -> History {
    while !task.run.readers_done.load(Ordering::Relaxed) {
        let mut client = Client::new(task.run.service.address);
        if let Err(error) = client.ask(&task.run.service.path(View::Bus(bus)), UNREAD).await {
            task.history.failures.push(format!("GET that nobody reads: {error}"));
        }
        task.history.tally.unread += UNREAD as u64;
        for _ in 0..100 {
            if task.run.readers_done.load(Ordering::Relaxed) {
                break;
            }
            breathe(&mut task).await;
        }
    }
    task.history
}

/// Leaves the machine to others for a while.
async fn breathe(task: &mut Task) {
    if task.rng.u32(..4) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
