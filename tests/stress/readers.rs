//! Readers: followers of buses, followers of channels, and those that meet posters where they post.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::door::Door;
use crate::history::{ChannelKey, Cursor, History, Position, View};
use crate::http::Client;
use crate::plan::{BUSES, KEEPS, STICKY};
use crate::task::Task;

/// Answers that somebody asks for who does not read: together more than the system holds on the way.
const UNREAD: usize = 64;
/// Channels that are polled at once.
const SEVERAL: usize = 6;

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

/// Reads the sticky messages of channels that are being posted to.
pub(crate) async fn follow_sticky_channels(mut task: Task) -> History {
    let mut since = Position::Start;
    let mut view = View::Channel(ChannelKey { bus: STICKY, number: 0 });
    while !task.run.readers_done.load(Ordering::Relaxed) {
        if task.rng.u32(..4) == 0 {
            let number = task.rng.u32(..BUSES[usize::from(KEEPS)].1);
            (view, since) = (View::Channel(ChannelKey { bus: STICKY, number }), Position::Start);
        }
        since = task.read(view, since).await.map_or(since, Position::Cursor);
        let pause = task.rng.u64(1..8);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    task.history
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

/// Follows several channels of a bus at once, by polls and long polls: now and then others, from the position that the last ones left.
pub(crate) async fn wait_for_several(mut task: Task, bus: u8) -> History {
    let mut polled = Several::default();
    loop {
        let done = task.run.readers_done.load(Ordering::Relaxed);
        if polled.views.is_empty() || task.rng.u32(..40) == 0 {
            polled.views = task.run.some_of(&mut task.rng, bus, SEVERAL);
            let kept = polled.of.iter().copied().filter(|_| task.rng.bool());
            let kept: Vec<_> = kept.collect();
            polled.views.retain(|view| !kept.contains(view));
            polled.views.splice(..polled.views.len().min(kept.len()), kept);
        }
        if task.rng.u32(..100) == 0 {
            task.history.tally.restarts += 1;
            (polled.token, polled.at) = (None, None);
        }
        polled.poll(&mut task, bus).await;
        if done {
            return task.history;
        }
        let pause = task.rng.u64(..4);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Where a reader of several channels is.
#[derive(Default)]
struct Several {
    views: Vec<View>,
    /// Of the last answer: what it was of, and its position, as the server wrote it and as it is.
    of: Vec<View>,
    token: Option<String>,
    at: Option<Cursor>,
}

impl Several {
    async fn poll(&mut self, task: &mut Task, bus: u8) {
        // The position is of the channels that it was given out for; others are new.
        let since = |view: &View| {
            let at = self.at.filter(|_| self.of.contains(view));
            (*view, at.map_or(Position::Start, Position::Cursor))
        };
        let asked: Vec<_> = self.views.iter().map(since).collect();
        let named = self.views.iter().filter_map(|view| match view {
            View::Channel(channel) => Some(format!("channel=c{}", channel.number)),
            View::Bus(_) => None,
        });
        let block = task.rng.bool().then(|| "block=1".to_owned());
        let query: Vec<_> = named.chain(self.token.clone()).chain(block).collect();
        if let Some((next, token)) = task.read_several(bus, &query.join("&"), &asked).await {
            (self.at, self.token) = (Some(next), Some(token));
            self.of.clone_from(&self.views);
        }
    }
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
