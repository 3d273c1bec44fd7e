//! What happened: every POST and every retrieval with the time it began and ended. Plain data.

use std::fmt;

/// Nanoseconds since the run began, on the clock that the broker reads as well.
pub(crate) type Nanos = u64;

/// The milliseconds that the broker saw at a time.
pub(crate) const fn millis(at: Nanos) -> u64 {
    at / 1_000_000
}

/// Most messages in one POST of the workload.
pub(crate) const BATCH_MAX: usize = 5;

/// One POST of the workload, however often it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PostKey {
    pub(crate) poster: u16,
    pub(crate) number: u32,
}

/// What each message carries as its payload: which message of which POST it is. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    pub(crate) fn new(post: PostKey, index: usize, size: usize) -> Self {
        let (poster, number) = (u64::from(post.poster), u64::from(post.number));
        Self(poster << 48 | number << 16 | (index as u64) << 8 | size as u64)
    }

    pub(crate) const fn post(self) -> PostKey {
        PostKey { poster: (self.0 >> 48) as u16, number: (self.0 >> 16) as u32 }
    }

    /// Place in the POST, from 0.
    pub(crate) const fn index(self) -> u64 {
        self.0 >> 8 & 0xff
    }

    /// Messages in the POST.
    pub(crate) const fn size(self) -> u64 {
        self.0 & 0xff
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PostKey { poster, number } = self.post();
        write!(f, "{poster}/{number} [{} of {}]", self.index(), self.size())
    }
}

/// A channel by numbers; the service knows it as `c<number>` on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ChannelKey {
    pub(crate) bus: u8,
    pub(crate) number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
}

/// One time that a POST was sent.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) post: PostKey,
    pub(crate) channel: ChannelKey,
    pub(crate) size: usize,
    pub(crate) span: Span,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered with these ids.
    Acked(Ids),
    /// Answered with an error: must leave nothing (I-2).
    Refused,
    /// The poster hung up before the answer: there once or not at all (I-2).
    Unknown,
}

/// The ids of an answer, without an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ids {
    ids: [u64; BATCH_MAX],
    count: u8,
}

impl Ids {
    /// Takes the first [`BATCH_MAX`]; the count tells if there were more.
    pub(crate) fn new(all: impl IntoIterator<Item = u64>) -> Self {
        let mut these = Self::default();
        for id in all {
            if let Some(place) = these.ids.get_mut(usize::from(these.count)) {
                *place = id;
            }
            these.count += 1;
        }
        these
    }

    pub(crate) fn as_slice(&self) -> &[u64] {
        &self.ids[..usize::from(self.count).min(BATCH_MAX)]
    }

    pub(crate) fn count(&self) -> usize {
        usize::from(self.count)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum View {
    Bus(u8),
    Channel(ChannelKey),
}

impl View {
    pub(crate) const fn bus(self) -> u8 {
        match self {
            Self::Bus(bus) | Self::Channel(ChannelKey { bus, .. }) => bus,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Start,
    /// The position that an earlier answer of the same view gave to go on from.
    Cursor(u64),
    /// Some other id that the server gave out.
    Id(u64),
    /// Text that is no id.
    Garbage,
}

impl Position {
    pub(crate) const fn id(self) -> Option<u64> {
        match self {
            Self::Cursor(id) | Self::Id(id) => Some(id),
            Self::Start | Self::Garbage => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    Complete,
    Gap,
    Reset,
}

/// A message as a retrieval showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: u64,
    pub(crate) stamp: Stamp,
    pub(crate) channel: ChannelKey,
}

/// What a retrieval was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) shown: Box<[Shown]>,
    pub(crate) next: u64,
    pub(crate) resume: Resume,
}

#[derive(Debug, Clone)]
pub(crate) struct Retrieval {
    pub(crate) view: View,
    pub(crate) since: Position,
    pub(crate) span: Span,
    pub(crate) answer: Answer,
}

/// What one task, or all of them, saw.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) retrievals: Vec<Retrieval>,
    /// Requests that failed and should not have.
    pub(crate) failures: Vec<String>,
    pub(crate) tally: Tally,
}

/// Numbers for the report alone.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) http_posts: u64,
    pub(crate) http_reads: u64,
    pub(crate) abandoned: u64,
    pub(crate) restarts: u64,
}

impl History {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.attempts.append(&mut other.attempts);
        self.retrievals.append(&mut other.retrievals);
        self.failures.append(&mut other.failures);
        let (all, more) = (&mut self.tally, other.tally);
        all.http_posts += more.http_posts;
        all.http_reads += more.http_reads;
        all.abandoned += more.abandoned;
        all.restarts += more.restarts;
    }
}
