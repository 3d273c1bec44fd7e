//! Posters: they come back to a channel just when it falls due, and look whether their messages are there.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::door::Parcel;
use crate::history::{BATCH_MAX, ChannelKey, History, Nanos, Position, PostKey, View};
use crate::task::Task;

/// One poster and where it will come back to.
pub(crate) struct Poster {
    task: Task,
    me: u16,
    posted: u32,
    /// Lifetime of a channel, by bus, in nanoseconds.
    lives: Vec<Nanos>,
    returns: VecDeque<(Nanos, ChannelKey)>,
}

/// Channels that a poster means to come back to.
const RETURNS: usize = 32;

impl Poster {
    pub(crate) fn new(task: Task, me: u16, lives: Vec<Nanos>) -> Self {
        Self { task, me, posted: 0, lives, returns: VecDeque::new() }
    }

    pub(crate) async fn run(mut self) -> History {
        while !self.task.run.posters_done.load(Ordering::Relaxed) {
            let channel = self.next_channel();
            let dice = self.task.rng.u32(..100);
            let parcel = self.parcel(channel, (2..6).contains(&dice));
            match dice {
                0 => self.task.post_and_leave(parcel).await,
                1 if self.task.door.is_http() => self.task.post_spoiled(parcel).await,
                // The same POST again, with its key (I-2).
                2..4 => {
                    self.task.post(parcel).await;
                    self.task.post(parcel).await;
                }
                // Its first sending may still be under way, or never have arrived.
                4..6 => {
                    self.task.post_and_leave(parcel).await;
                    self.task.post(parcel).await;
                }
                _ => self.task.post(parcel).await,
            }
            self.look(channel).await;
            if self.task.rng.u32(..8) == 0 {
                // Lets channels fall due that nobody reads.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        self.task.history
    }

    /// One that falls due about now, else any; and when to come back to it.
    fn next_channel(&mut self) -> ChannelKey {
        let now = self.task.now();
        let due = self.returns.pop_front_if(|(at, _)| *at <= now);
        let channel = due.map_or_else(|| self.task.any_channel(), |(_, channel)| channel);
        if self.returns.len() < RETURNS {
            // From a good deal before it falls due to shortly after.
            let share = 70 + self.task.rng.u64(..40);
            let at = now + self.lives[usize::from(channel.bus)].min(20_000_000) * share / 100;
            let place = self.returns.partition_point(|(other, _)| *other <= at);
            self.returns.insert(place, (at, channel));
        }
        channel
    }

    fn parcel(&mut self, channel: ChannelKey, keyed: bool) -> Parcel {
        let post = PostKey { poster: self.me, number: self.posted };
        self.posted += 1;
        let size = if self.task.rng.bool() { 1 } else { self.task.rng.usize(1..=BATCH_MAX) };
        Parcel { post, channel, size, keyed }
    }

    /// What was answered is there (RET-10).
    async fn look(&mut self, channel: ChannelKey) {
        if self.task.rng.u32(..3) == 0 {
            self.task.read(View::Channel(channel), Position::Start).await;
        }
    }
}
