//! Posters: what they sent with a key and got no answer to, they send again to the next server.

use std::time::Duration;

use crate::history::{Attempt, BATCH_MAX, ChannelKey, History, Ids, Outcome, PostKey, Span, Stamp, View};
use crate::plan::CHANNELS;
use crate::task::{Task, path};

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
    fn body(&self) -> String {
        let message = |index| {
            let Stamp(stamp) = Stamp::new(self.post, index, self.size);
            // Some bytes more or less, sometimes many, so that records end anywhere in pages and segments.
            let dice = (stamp.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize;
            let padding = "x".repeat(if dice.is_multiple_of(64) { dice % 40_000 } else { dice % 200 });
            format!(r#"{{"source":"http://kill.test/?{padding}","type":"stamp","payload":{stamp}}}"#)
        };
        let messages: Vec<_> = (0..self.size).map(message).collect();
        format!("[{}]", messages.join(","))
    }

    fn key(&self) -> Option<String> {
        self.keyed.then(|| format!("{}-{}", self.post.poster, self.post.number))
    }
}

pub(crate) struct Poster {
    task: Task,
    me: u16,
    posted: u32,
    /// Sent with a key, and not answered.
    open: Option<Parcel>,
    /// The last one that was sent with a key and answered.
    answered: Option<Parcel>,
}

impl Poster {
    pub(crate) fn new(task: Task, me: u16) -> Self {
        Self { task, me, posted: 0, open: None, answered: None }
    }

    pub(crate) async fn run(mut self) -> History {
        while self.open.is_some() || !self.task.posters_done() {
            let parcel = self.next();
            self.post(parcel).await;
            // Some order of magnitude below what the server takes: a life's messages are read many times.
            let pause = self.task.rng.u64(..6_000);
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        self.task.history
    }

    fn next(&mut self) -> Parcel {
        if let Some(open) = self.open {
            return open;
        }
        let rng = &mut self.task.rng;
        // What was answered gets the same answer again, across kills as well (I-2).
        if let Some(answered) = self.answered.filter(|_| rng.u32(..16) == 0) {
            return answered;
        }
        let post = PostKey { poster: self.me, number: self.posted };
        self.posted += 1;
        let channel = ChannelKey { bus: 0, number: rng.u32(..CHANNELS) };
        Parcel { post, channel, size: rng.usize(1..=BATCH_MAX), keyed: rng.bool() }
    }

    async fn post(&mut self, parcel: Parcel) {
        let Parcel { post, channel, size, keyed } = parcel;
        let (path, body, key) = (path(View::Channel(channel)), parcel.body(), parcel.key());
        let task = &mut self.task;
        task.server().await;
        let start = task.now();
        let result = task.server().await.post(&path, &body, key.as_deref()).await;
        let span = Span { start, end: task.now() };
        let outcome = match task.answered("POST", result) {
            Some(Ok(ids)) => Outcome::Acked(Ids::new(ids)),
            // While it ends in order, before it is killed.
            Some(Err(503)) if !task.is_up() => Outcome::Refused,
            Some(Err(status)) => {
                task.history.failures.push(format!("a POST was answered {status}"));
                Outcome::Unknown
            }
            None => Outcome::Unknown,
        };
        if keyed {
            let acked = matches!(outcome, Outcome::Acked(_));
            self.open = (!acked).then_some(parcel);
            self.answered = if acked { Some(parcel) } else { self.answered };
        }
        task.history.attempts.push(Attempt { post, channel, size, span, outcome });
    }
}
