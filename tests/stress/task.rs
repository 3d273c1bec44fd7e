//! What posters and readers have in common: a way in, a record of what they see, and a common view of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use fastrand::Rng;

use crate::door::{Door, Parcel};
use crate::history::{
    Answer, Attempt, ChannelKey, Cursor, History, Nanos, Outcome, Position, Retrieval, Span, View,
};
use crate::plan::{BUSES, KEEPS, SLEEPY, real};
use crate::service::Service;

/// What all tasks of a run share.
pub(crate) struct Run {
    pub(crate) service: Arc<Service>,
    /// POSTs that were answered with their ids.
    pub(crate) acked: AtomicU64,
    pub(crate) posters_done: AtomicBool,
    pub(crate) readers_done: AtomicBool,
    /// The service ends.
    pub(crate) ending: AtomicBool,
    /// Readers of event streams that have all that was posted, or have lost their patience.
    pub(crate) arrived: AtomicUsize,
    /// The highest id that a POST was answered with, by bus.
    highest: [AtomicU64; BUSES.len()],
    /// Channels that are being posted to, for readers to meet the posters there.
    lately: Vec<AtomicU64>,
    turn: AtomicUsize,
}

impl Run {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self {
            service,
            acked: AtomicU64::new(0),
            posters_done: AtomicBool::new(false),
            readers_done: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            arrived: AtomicUsize::new(0),
            highest: std::array::from_fn(|_| AtomicU64::new(0)),
            lately: (0..64).map(|_| AtomicU64::new(0)).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    pub(crate) fn announce(&self, ChannelKey { bus, number }: ChannelKey) {
        let at = self.turn.fetch_add(1, Ordering::Relaxed) % self.lately.len();
        self.lately[at].store(u64::from(bus) << 32 | u64::from(number), Ordering::Relaxed);
    }

    /// Up to where there is something for readers of a bus.
    pub(crate) fn highest(&self, bus: u8) -> u64 {
        self.highest[usize::from(real(bus))].load(Ordering::Acquire)
    }

    /// Channels of a bus that are being posted to, each once.
    pub(crate) fn some_of(&self, rng: &mut Rng, bus: u8, most: usize) -> Vec<View> {
        let mut some: Vec<View> = Vec::new();
        for _ in 0..most * 4 {
            let mut channel = self.lately(rng);
            if channel.bus != bus {
                channel = ChannelKey { bus, number: rng.u32(..BUSES[usize::from(bus)].1) };
            }
            if !some.contains(&View::Channel(channel)) && some.len() < most {
                some.push(View::Channel(channel));
            }
        }
        some
    }

    pub(crate) fn lately(&self, rng: &mut Rng) -> ChannelKey {
        let key = self.lately[rng.usize(..self.lately.len())].load(Ordering::Relaxed);
        ChannelKey { bus: (key >> 32 & 0xff) as u8, number: (key & 0xffff_ffff) as u32 }
    }
}

pub(crate) struct Task {
    pub(crate) run: Arc<Run>,
    pub(crate) door: Door,
    pub(crate) rng: Rng,
    pub(crate) history: History,
}

impl Task {
    pub(crate) fn now(&self) -> Nanos {
        self.run.service.clock.nanos()
    }

    /// Waits until the service answers, and reads all that it has from before.
    pub(crate) async fn first_answers(mut self) -> History {
        for bus in (0u8..).take(BUSES.len()) {
            self.read(View::Bus(bus), Position::Start).await;
        }
        self.history
    }

    pub(crate) fn any_channel(&mut self) -> ChannelKey {
        // Half of all on the bus where channels live shortest.
        let bus = if self.rng.u32(..150) == 0 { SLEEPY } else { [0, 0, 1, 2, KEEPS][self.rng.usize(..5)] };
        ChannelKey { bus, number: self.rng.u32(..BUSES[usize::from(bus)].1) }
    }

    /// Posts, and records what became of it.
    pub(crate) async fn post(&mut self, parcel: Parcel) {
        self.run.announce(parcel.channel);
        let start = self.now();
        let outcome = self.door.post(&self.run.service, parcel).await;
        self.sent(parcel, start, outcome);
    }

    pub(crate) async fn post_and_leave(&mut self, parcel: Parcel) {
        let (start, share) = (self.now(), if self.rng.bool() { 1.0 } else { self.rng.f64() });
        self.door.post_and_leave(&self.run.service, parcel, share).await;
        self.history.tally.abandoned += 1;
        self.sent(parcel, start, Ok(Outcome::Unknown));
    }

    pub(crate) async fn post_spoiled(&mut self, parcel: Parcel) {
        let start = self.now();
        let outcome = self.door.post_spoiled(&self.run.service, parcel).await;
        self.sent(parcel, start, outcome);
    }

    /// Records what became of what was sent.
    pub(crate) fn sent(&mut self, parcel: Parcel, start: Nanos, outcome: Result<Outcome, String>) {
        let Parcel { post, channel, size, .. } = parcel;
        let span = Span { start, end: self.now() };
        let outcome = outcome.unwrap_or_else(|failure| {
            self.history.failures.push(failure);
            Outcome::Unknown
        });
        if let Outcome::Acked(ids) = outcome {
            let last = ids.as_slice().last().copied().unwrap_or(0);
            self.run.highest[usize::from(channel.bus)].fetch_max(last, Ordering::AcqRel);
            self.run.acked.fetch_add(1, Ordering::Relaxed);
        }
        self.history.tally.http_posts += u64::from(self.door.is_http());
        self.history.attempts.push(Attempt { post, channel, size, span, outcome });
    }

    /// Reads, records the answer, and gives the position to go on from.
    pub(crate) async fn read(&mut self, view: View, since: Position) -> Option<Cursor> {
        let start = self.now();
        let answer = self.door.read(&self.run.service, view, since).await;
        self.read_at(view, since, start, answer)
    }

    /// The same by a long poll.
    pub(crate) async fn wait(&mut self, view: View, since: Position) -> Option<Cursor> {
        let start = self.now();
        let answer = self.door.wait(&self.run.service, view, since).await;
        self.read_at(view, since, start, answer)
    }

    /// Reads channels of a bus at once, each from where the query says. The position to go on from, as it is and as the server wrote it.
    pub(crate) async fn read_several(
        &mut self,
        bus: u8,
        query: &str,
        asked: &[(View, Position)],
    ) -> Option<(Cursor, String)> {
        let start = self.now();
        let answer = self.door.follow(&self.run.service, bus, query).await;
        let (answer, token) = match answer {
            Ok(answered) => answered,
            Err(failure) => {
                self.history.failures.push(failure);
                return None;
            }
        };
        let mut known = 0;
        for (view, since) in asked {
            let View::Channel(channel) = view else { continue };
            let of_it = answer.of(*channel, *since);
            known += of_it.shown.len();
            self.read_at(*view, *since, start, Ok(of_it));
        }
        if known != answer.shown.len() || !answer.shown.is_sorted_by_key(|shown| shown.id) {
            self.history.failures.push(format!("of {asked:?} came {answer:?}"));
        }
        Some((answer.next, token))
    }

    /// Records an answer, and gives the position to go on from.
    pub(crate) fn read_at(
        &mut self,
        view: View,
        since: Position,
        start: Nanos,
        answer: Result<Answer, String>,
    ) -> Option<Cursor> {
        let span = Span { start, end: self.now() };
        self.history.tally.http_reads += u64::from(self.door.is_http());
        match answer {
            Ok(answer) => {
                let next = answer.next;
                self.history.retrievals.push(Retrieval { view, since, span, answer });
                Some(next)
            }
            Err(failure) => {
                self.history.failures.push(failure);
                None
            }
        }
    }
}
