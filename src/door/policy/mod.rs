//! How long a peer may take for what is its turn. Pure: time is an argument, as the time since the connection began.

use std::time::Duration;

use super::settings::{Pace, Patience};

/// What a peer was too slow at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Overdue {
    /// It sent nothing, neither a first request nor another one.
    Silent,
    /// It began the head of a request and did not end it.
    Head,
    /// It left a body that is waited for without its rest.
    Body,
    /// It did not take an answer.
    Answer,
    /// It did not take what a stream had for it.
    Stream,
}

impl Overdue {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Silent, Self::Head, Self::Body, Self::Answer, Self::Stream];

    /// As metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Head => "head",
            Self::Body => "body",
            Self::Answer => "answer",
            Self::Stream => "stream",
        }
    }
}

/// Something that must go on: each byte buys time at the pace's rate, and never more than its patience.
#[derive(Debug, Clone, Copy)]
struct Race {
    pace: Pace,
    until: Duration,
}

impl Race {
    fn begin(pace: Pace, now: Duration) -> Self {
        Self { pace, until: now.saturating_add(pace.patience) }
    }

    fn advance(&mut self, bytes: usize, now: Duration) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let bought = Duration::from_micros(bytes.saturating_mul(1_000_000) / u64::from(self.pace.rate.get()));
        let most = now.saturating_add(self.pace.patience);
        self.until = self.until.saturating_add(bought).min(most);
    }
}

/// Between requests: what is waited for.
#[derive(Debug, Clone, Copy)]
enum Between {
    /// The first byte of a request.
    Nothing { until: Duration },
    /// The end of a head. One patience for all of it: who sends a byte now and then is no better than who sends none.
    Head { until: Duration },
}

/// How the open request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answering {
    /// By an answer that has its length.
    Once,
    /// By one that ends when it ends.
    Streams,
    /// The same, and the peer goes on as well: whoever listens to it says how long it may be silent.
    Talks,
}

/// What a connection owes, and until when.
///
/// One duty at a time counts: an answer that is not taken before everything else, then, while a request is open, the
/// body that somebody waits for; between requests the next one's head. While the service works on an answer the peer
/// owes nothing.
#[derive(Debug)]
pub(super) struct Policy {
    patience: Patience,
    open: bool,
    answer: Answering,
    /// It had to be waited for since somebody asked.
    waited: bool,
    between: Between,
    body: Option<Race>,
    blocked: Option<Race>,
}

impl Policy {
    /// Of a connection that begins now: a client connects because it has something to say, so its first head is due.
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            open: false,
            answer: Answering::Once,
            waited: false,
            between: Between::Nothing { until: patience.head },
            body: None,
            blocked: None,
        }
    }

    /// Bytes have come.
    pub(super) fn received(&mut self, bytes: usize, now: Duration) {
        if let Some(race) = &mut self.body {
            race.advance(bytes, now);
        } else if !self.open && matches!(self.between, Between::Nothing { .. }) {
            self.between = Between::Head { until: now.saturating_add(self.patience.head) };
        }
    }

    /// The head of a request was complete, and somebody works on the answer.
    pub(super) fn opened(&mut self) {
        self.open = true;
    }

    /// The open request's answer is a stream: it ends when it ends.
    pub(super) fn streams(&mut self) {
        self.answer = Answering::Streams;
    }

    /// What comes from here on is no request's: it ends with the connection, and whoever listens to it has deadlines of its own.
    pub(super) fn upgrades(&mut self) {
        self.answer = Answering::Talks;
    }

    /// Whether the peer had to be waited for, to take what there was for it, since this was asked.
    pub(super) fn take_waited(&mut self) -> bool {
        std::mem::take(&mut self.waited)
    }

    /// Somebody waits for more of the body.
    pub(super) fn body_wanted(&mut self, now: Duration) {
        let pace = self.patience.body;
        self.body.get_or_insert_with(|| Race::begin(pace, now));
    }

    /// Nobody waits for the body any more.
    pub(super) fn body_done(&mut self) {
        self.body = None;
    }

    /// Whether somebody waits for the body.
    pub(super) fn wants_body(&self) -> bool {
        self.body.is_some()
    }

    /// The last piece of the answer was handed over, or nobody works on it any more. `next_has_begun`: bytes of another
    /// head are there.
    pub(super) fn closed(&mut self, next_has_begun: bool, now: Duration) {
        self.open = false;
        self.answer = Answering::Once;
        self.body = None;
        self.between = if next_has_begun {
            Between::Head { until: now.saturating_add(self.patience.head) }
        } else {
            Between::Nothing { until: now.saturating_add(self.patience.idle) }
        };
    }

    fn streams_now(&self) -> bool {
        self.answer != Answering::Once
    }

    /// Whether a request is open.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The peer took bytes.
    pub(super) fn sent(&mut self, bytes: usize, now: Duration) {
        if let Some(race) = &mut self.blocked {
            race.advance(bytes, now);
        }
    }

    /// There are bytes for the peer that it does not take.
    pub(super) fn blocked(&mut self, now: Duration) {
        let pace = if self.streams_now() { self.patience.stream } else { self.patience.answer };
        self.waited = true;
        self.blocked.get_or_insert_with(|| Race::begin(pace, now));
    }

    /// The peer has taken all that there was.
    pub(super) fn drained(&mut self, now: Duration) {
        if self.blocked.take().is_some() && !self.open {
            // What it did meanwhile was taking, not being silent.
            self.between = match self.between {
                Between::Nothing { .. } => Between::Nothing { until: now.saturating_add(self.patience.idle) },
                Between::Head { .. } => Between::Head { until: now.saturating_add(self.patience.head) },
            };
        }
    }

    /// Whether the peer has yet to take something.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// By when the peer must have gone on, and what it is too slow at otherwise. `None` while it owes nothing.
    pub(super) fn deadline(&self) -> Option<(Duration, Overdue)> {
        if let Some(race) = self.blocked {
            return Some((race.until, if self.streams_now() { Overdue::Stream } else { Overdue::Answer }));
        }
        if self.open {
            return self
                .body
                .filter(|_| self.answer != Answering::Talks)
                .map(|race| (race.until, Overdue::Body));
        }
        Some(match self.between {
            Between::Nothing { until } => (until, Overdue::Silent),
            Between::Head { until } => (until, Overdue::Head),
        })
    }

    /// What the peer is too slow at by now.
    pub(super) fn overdue(&self, now: Duration) -> Option<Overdue> {
        self.deadline().filter(|(until, _)| *until <= now).map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests;
