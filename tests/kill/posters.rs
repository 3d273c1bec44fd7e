//! Posters: what they sent with a key and got no answer to, they send again, to the next server or to a later one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::history::{Attempt, BATCH_MAX, ChannelKey, History, Ids, Outcome, PostKey, Span, Stamp, View};
use crate::plan::{BUSY, Fate, KEEPS, Manner, SLEEPY};
use crate::task::{Task, path};

/// Channels of a bus that are posted to at the same time, where most of them are quiet, and for how long.
const LIVELY: u32 = 6;
const LIVELY_FOR: Duration = Duration::from_millis(200);

/// A POST on its way in.
#[derive(Debug, Clone, Copy)]
struct Parcel {
    post: PostKey,
    channel: ChannelKey,
    size: usize,
    /// Sent with an idempotency key that stands for the POST.
    keyed: bool,
}

impl Parcel {
    /// The same text each time: an idempotency key belongs to a body.
    fn body(&self, manner: Manner) -> String {
        let sticky = if manner.is_sticky(self.post, self.channel) { r#","sticky":true"# } else { "" };
        let message = |index| {
            let Stamp(stamp) = Stamp::new(self.post, index, self.size);
            // Some bytes more or less, sometimes many, so that records end anywhere in pages and segments.
            let dice = (stamp.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize;
            let padding = "x".repeat(if dice.is_multiple_of(64) { dice % 40_000 } else { dice % 200 });
            format!(r#"{{"source":"http://kill.test/?{padding}","type":"stamp","payload":{stamp}{sticky}}}"#)
        };
        let messages: Vec<_> = (0..self.size).map(message).collect();
        format!("[{}]", messages.join(","))
    }

    fn key(&self) -> Option<String> {
        self.keyed.then(|| format!("{}-{}", self.post.poster, self.post.number))
    }
}

/// A POST that was sent with a key, and not answered.
#[derive(Debug, Clone, Copy)]
struct Open {
    parcel: Parcel,
    /// The first server that it is sent to again.
    due: u32,
    /// The one that has not answered it.
    asked: u32,
}

pub(crate) struct Poster {
    task: Task,
    manner: Manner,
    me: u16,
    posted: u32,
    open: Vec<Open>,
    /// The last one that was sent with a key and answered.
    answered: Option<Parcel>,
}

impl Poster {
    pub(crate) fn new(task: Task, manner: Manner, me: u16) -> Self {
        Self { task, manner, me, posted: 0, open: Vec::new(), answered: None }
    }

    pub(crate) async fn run(mut self) -> History {
        while !self.open.is_empty() || !self.task.posters_done() {
            self.task.server().await;
            let parcel = self.next();
            self.post(parcel).await;
            // Some order of magnitude below what the server takes: a life's messages are read many times.
            let pause = self.task.rng.u64(..6_000);
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        self.task.history
    }

    fn next(&mut self) -> Parcel {
        let (start, last) = (self.task.start(), self.task.posters_done());
        if let Some(at) = self.open.iter().position(|open| open.due <= start || last) {
            let Open { parcel, asked, .. } = self.open.swap_remove(at);
            self.task.history.tally.overdue += u64::from(start > asked + 1);
            return parcel;
        }
        let rng = &mut self.task.rng;
        // What was answered gets the same answer again, across kills as well (I-2).
        if let Some(answered) = self.answered.filter(|_| rng.u32(..16) == 0) {
            return answered;
        }
        let post = PostKey { poster: self.me, number: self.posted };
        self.posted += 1;
        let channel = self.channel();
        let rng = &mut self.task.rng;
        Parcel { post, channel, size: rng.usize(1..=BATCH_MAX), keyed: rng.bool() }
    }

    fn channel(&mut self) -> ChannelKey {
        let now = Duration::from_nanos(self.task.now());
        let rng = &mut self.task.rng;
        let bus = match rng.u32(..32) {
            0 => SLEEPY,
            1..4 => KEEPS,
            _ => BUSY,
        };
        let all = self.manner.channels(bus);
        let number = if self.manner.fate == Fate::Whole || bus != BUSY || rng.u32(..50) == 0 {
            rng.u32(..all)
        } else {
            // All posters move on together, and come back after the channels are over.
            let turn = (now.as_nanos() / LIVELY_FOR.as_nanos()) as u32;
            (turn * LIVELY + rng.u32(..LIVELY)) % all
        };
        ChannelKey { bus, number }
    }

    async fn post(&mut self, parcel: Parcel) {
        let Parcel { post, channel, size, keyed } = parcel;
        let (path, body, key) = (path(View::Channel(channel)), parcel.body(self.manner), parcel.key());
        let task = &mut self.task;
        task.server().await;
        let (start, asked) = (task.now(), task.start());
        let result = task.server().await.post(&path, &body, key.as_deref()).await;
        let mut span = Span { start, end: task.now() };
        let outcome = match task.answered("POST", result) {
            Some(Ok(ids)) => {
                let highest = &task.run.highest[usize::from(channel.bus)];
                highest.fetch_max(ids.last().copied().unwrap_or(0), Ordering::AcqRel);
                Outcome::Acked(Ids::new(ids))
            }
            // While it ends in order, before it is killed.
            Some(Err(503)) if !task.is_up() => Outcome::Refused,
            Some(Err(status)) => {
                task.history.failures.push(format!("a POST was answered {status}"));
                Outcome::Unknown
            }
            None => {
                // Whoever hung up may have gone on until it was killed.
                task.server().await;
                span.end = task.now();
                Outcome::Died
            }
        };
        if keyed {
            if matches!(outcome, Outcome::Acked(_)) {
                self.answered = Some(parcel);
            } else {
                let later = if self.task.rng.bool() { 1 } else { self.task.rng.u32(2..6) };
                self.open.push(Open { parcel, due: asked + later, asked });
            }
        }
        self.task.history.attempts.push(Attempt { post, channel, size, span, outcome });
    }
}
