//! What happened: every POST and every retrieval with the time it began and ended. Plain data.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Nanoseconds since the run began, on the clock that the broker reads as well.
pub type Nanos = u64;

/// The milliseconds that the broker saw at a time.
pub const fn millis(at: Nanos) -> u64 {
    at / 1_000_000
}

/// Most messages in one POST of the workload.
pub const BATCH_MAX: usize = 5;

/// One POST of the workload, however often it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PostKey {
    /// Who posts, from 0.
    pub poster: u16,
    /// Which of that poster's POSTs, from 0.
    pub number: u32,
}

impl PostKey {
    /// Whether its messages are sticky, on a bus where some are.
    pub const fn is_sticky(self) -> bool {
        (self.poster as u32).wrapping_mul(7).wrapping_add(self.number).is_multiple_of(3)
    }
}

/// What each message carries as its payload: which message of which POST it is. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp(pub u64);

impl Stamp {
    /// For the message at this place of a POST of so many.
    pub fn new(post: PostKey, index: usize, size: usize) -> Self {
        let (poster, number) = (u64::from(post.poster), u64::from(post.number));
        Self(poster << 48 | number << 16 | (index as u64) << 8 | size as u64)
    }

    /// The POST.
    pub const fn post(self) -> PostKey {
        PostKey { poster: (self.0 >> 48) as u16, number: (self.0 >> 16) as u32 }
    }

    /// Place in the POST, from 0.
    pub const fn index(self) -> u64 {
        self.0 >> 8 & 0xff
    }

    /// Messages in the POST.
    pub const fn size(self) -> u64 {
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
pub struct ChannelKey {
    /// The bus, by its place in the rules.
    pub bus: u8,
    /// The number in the channel's name; of one whose name a server chose, a number made of that.
    pub number: u32,
}

impl ChannelKey {
    /// The channel of this name.
    pub fn named(bus: u8, name: &str) -> Self {
        let number = name.strip_prefix('c').and_then(|number| number.parse().ok());
        let number = number.unwrap_or_else(|| {
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            // Above all that names have.
            1 << 31 | (hasher.finish() & 0x7fff_ffff) as u32
        });
        Self { bus, number }
    }
}

/// From just before a request to just after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Just before.
    pub start: Nanos,
    /// Just after.
    pub end: Nanos,
}

/// One time that a POST was sent.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Which POST.
    pub post: PostKey,
    /// Where to.
    pub channel: ChannelKey,
    /// Messages in it.
    pub size: usize,
    /// When.
    pub span: Span,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the poster knows of a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered with these ids.
    Acked(Ids),
    /// Answered with an error: must leave nothing (I-2).
    Refused,
    /// The poster hung up before the answer: there once or not at all (I-2).
    Unknown,
    /// The server was killed before it answered: as unknown, but what is there was there by the end of the span,
    /// when the next server listened.
    Died,
}

/// The ids of an answer, without an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ids {
    ids: [u64; BATCH_MAX],
    count: u8,
}

impl Ids {
    /// Takes the first [`BATCH_MAX`]; the count tells if there were more.
    pub fn new(all: impl IntoIterator<Item = u64>) -> Self {
        let mut these = Self::default();
        for id in all {
            if let Some(place) = these.ids.get_mut(usize::from(these.count)) {
                *place = id;
            }
            these.count += 1;
        }
        these
    }

    /// The ids.
    pub fn as_slice(&self) -> &[u64] {
        &self.ids[..usize::from(self.count).min(BATCH_MAX)]
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// A bus, by its place in the rules.
    Bus(u8),
    /// One of its channels.
    Channel(ChannelKey),
}

impl View {
    /// The bus that is read, or whose channel is.
    pub const fn bus(self) -> u8 {
        match self {
            Self::Bus(bus) | Self::Channel(ChannelKey { bus, .. }) => bus,
        }
    }
}

/// A position as an answer gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The id.
    pub id: u64,
    /// The history that it belongs to.
    pub epoch: u64,
}

/// Where a retrieval goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// No `since`.
    Start,
    /// The position that an earlier answer of the same view gave to go on from.
    Cursor(Cursor),
    /// Some other id that the server gave out.
    Id(u64),
    /// Text that is no id.
    Garbage,
}

impl Position {
    /// The id that is sent as `since`.
    pub const fn id(self) -> Option<u64> {
        match self {
            Self::Cursor(Cursor { id, .. }) | Self::Id(id) => Some(id),
            Self::Start | Self::Garbage => None,
        }
    }
}

/// What an answer says of its completeness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Nothing was missed.
    Complete,
    /// Something may have been missed.
    Gap,
    /// The position is not known.
    Reset,
    /// Something may have been missed, of this or of what was read together with it.
    Unsure,
}

impl Resume {
    /// What an answer for several says of one of them, which was asked for from there: whether something was missed is said of all at
    /// once.
    #[must_use]
    pub fn of_one(self, since: Position) -> Self {
        match (self, since) {
            (Self::Complete, _) | (_, Position::Start) => Self::Complete,
            _ => Self::Unsure,
        }
    }
}

/// A message as a retrieval showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: u64,
    /// Its payload.
    pub stamp: Stamp,
    /// The channel that it is on, says the frame.
    pub channel: ChannelKey,
}

/// What a retrieval was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its messages, in its order.
    pub shown: Vec<Shown>,
    /// The position that it gives to go on from.
    pub next: Cursor,
    /// Whether something was missed, says the server.
    pub resume: Resume,
    /// How much of the window it is.
    pub extent: Extent,
}

/// How much an answer shows of what a window held above its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Window,
    /// Of several that were read up to one moment: what was beyond it in the window, and has pushed others out, is not here.
    Moment,
    /// The same of a page: more follows.
    Page,
}

impl Answer {
    /// What the answer for several channels says of one of them, which was asked for from there.
    pub fn of(&self, channel: ChannelKey, since: Position) -> Self {
        let shown = self.shown.iter().copied().filter(|shown| shown.channel == channel).collect();
        let resume = self.resume.of_one(since);
        Self { shown, next: self.next, resume, extent: Extent::Moment }
    }
}

/// One retrieval that was answered.
#[derive(Debug, Clone)]
pub struct Retrieval {
    /// What was read.
    pub view: View,
    /// Where from.
    pub since: Position,
    /// When.
    pub span: Span,
    /// The answer.
    pub answer: Answer,
}

/// What a stream says of a message beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The message before it, says the frame, if it says so.
    pub prev: Option<u64>,
    /// The frame before it on the stream since that began or told of a gap, of whichever channel.
    pub before: Option<u64>,
    /// The position that the stream told last of where it stands.
    pub stands: u64,
    /// Where its reader stood in this view before it.
    pub stood: u64,
    /// When it was there.
    pub at: Nanos,
}

/// A part of a stream, from what it said of its completeness to the last that was read of it, or to where it said so
/// again. One for each channel of a stream of several.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// As an answer: its span goes from the request to when it was told whether something was missed, and the position that it
    /// gives is the last that was told.
    pub retrieval: Retrieval,
    /// For each message.
    pub links: Vec<Link>,
    /// When the last of it was told.
    pub last: Nanos,
}

/// What one task, or all of them, saw.
#[derive(Debug, Default)]
pub struct History {
    /// Every time a POST was sent.
    pub attempts: Vec<Attempt>,
    /// Every answer.
    pub retrievals: Vec<Retrieval>,
    /// Every part of a stream.
    pub stretches: Vec<Stretch>,
    /// Requests that failed and should not have.
    pub failures: Vec<String>,
    /// For the report.
    pub tally: Tally,
}

/// Numbers for the report alone.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// POSTs over HTTP.
    pub http_posts: u64,
    /// Retrievals over HTTP.
    pub http_reads: u64,
    /// POSTs over a WebSocket that were answered.
    pub socket_posts: u64,
    /// POSTs of version 2.0 that were answered, and pages of several buses.
    pub singles: u64,
    /// See [`Tally::singles`].
    pub pages: u64,
    /// POSTs whose poster hung up.
    pub abandoned: u64,
    /// Readers that began again.
    pub restarts: u64,
    /// POSTs that were sent again to a later server than the next.
    pub overdue: u64,
    /// Requests whose answers nobody read.
    pub unread: u64,
    /// Streams that were begun, over HTTP or in the broker, and those that their reader left.
    pub streams: u64,
    /// See [`Tally::streams`].
    pub left: u64,
    /// Streams that were told that the server ends.
    pub drained: u64,
    /// Times that a reader of a stream did not read for a while.
    pub slow: u64,
    /// Of the streams, those over a WebSocket, and how often their channels changed while they were open.
    pub sockets: u64,
    /// See [`Tally::sockets`].
    pub changes: u64,
}

impl History {
    /// Adds what another task saw.
    pub fn append(&mut self, mut other: Self) {
        self.attempts.append(&mut other.attempts);
        self.retrievals.append(&mut other.retrievals);
        self.stretches.append(&mut other.stretches);
        self.failures.append(&mut other.failures);
        self.tally.add(&other.tally);
    }
}

impl Tally {
    /// Adds those of another history.
    pub fn add(&mut self, more: &Self) {
        self.http_posts += more.http_posts;
        self.http_reads += more.http_reads;
        self.socket_posts += more.socket_posts;
        self.singles += more.singles;
        self.pages += more.pages;
        self.abandoned += more.abandoned;
        self.restarts += more.restarts;
        self.overdue += more.overdue;
        self.unread += more.unread;
        self.streams += more.streams;
        self.left += more.left;
        self.drained += more.drained;
        self.slow += more.slow;
        self.sockets += more.sockets;
        self.changes += more.changes;
    }
}
