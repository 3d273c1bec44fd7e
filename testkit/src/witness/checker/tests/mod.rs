//! The checker on histories made by hand: a good one passes, and each kind of violation is found.

mod answers;
mod promises;
mod streams;

use super::super::history::{
    Answer, Attempt, ChannelKey, Cursor, Extent, History, Ids, Link, Nanos, Outcome, Position, PostKey,
    Resume, Retrieval, Shown, Span, Stamp, Stretch, View,
};
use super::{Findings, Kind, Rules, check};

fn cursor(id: u64) -> Position {
    Position::Cursor(Cursor { id, epoch: 1 })
}

const BUS: View = View::Bus(0);
const C: ChannelKey = ChannelKey { bus: 0, number: 1 };
const D: ChannelKey = ChannelKey { bus: 0, number: 2 };
const ON_C: View = View::Channel(C);
/// Milliseconds.
const IDLE: u64 = 10;
const RETENTION: u64 = 100;

/// A time from milliseconds.
const fn ms(millis: u64) -> Nanos {
    millis * 1_000_000
}

const fn span(start: u64, end: u64) -> Span {
    Span { start: ms(start), end: ms(end) }
}

const fn rules() -> Rules {
    Rules {
        idle: IDLE,
        retention: RETENTION,
        promised: None,
        channel_window: 3,
        bus_window: 4,
        early: 0,
        late: 0,
        kept: 0,
    }
}

/// A message of a POST: its number, its place, and its id.
type Line = (u32, u64, ChannelKey);

/// A history in the making. POSTs have consecutive ids and take the millisecond after their start.
#[derive(Default)]
struct Story {
    history: History,
    sizes: Vec<usize>,
}

impl Story {
    fn post_as(mut self, channel: ChannelKey, at: Span, size: usize, outcome: Outcome) -> Self {
        let post = PostKey { poster: 0, number: self.sizes.len() as u32 };
        self.sizes.push(size);
        self.history.attempts.push(Attempt { post, channel, size, span: at, outcome });
        self
    }

    fn post(self, channel: ChannelKey, at: u64, ids: &[u64]) -> Self {
        let outcome = Outcome::Acked(Ids::new(ids.iter().copied()));
        self.post_as(channel, span(at, at + 1), ids.len(), outcome)
    }

    /// The last POST, sent again.
    fn again(mut self, at: u64, ids: &[u64]) -> Self {
        let mut again = self.history.attempts.last().unwrap().clone();
        (again.span, again.outcome) = (span(at, at + 1), Outcome::Acked(Ids::new(ids.iter().copied())));
        self.history.attempts.push(again);
        self
    }

    fn read_as(
        mut self,
        view: View,
        since: Position,
        at: u64,
        lines: &[(u32, usize, u64, ChannelKey)],
        next: u64,
        resume: Resume,
    ) -> Self {
        let shown = lines.iter().map(|(number, index, id, channel)| {
            let size = self.sizes.get(*number as usize).copied().unwrap_or(1);
            let stamp = Stamp::new(PostKey { poster: 0, number: *number }, *index, size);
            Shown { id: *id, stamp, channel: *channel }
        });
        let (shown, next) = (shown.collect(), Cursor { id: next, epoch: 1 });
        let answer = Answer { shown, next, resume, extent: Extent::Window };
        self.history.retrievals.push(Retrieval { view, since, span: span(at, at + 1), answer });
        self
    }

    /// A part of a stream, asked for at a time and told where it stands a millisecond later. Each line is told after another one, once it
    /// is posted, with the message before it.
    fn stream_as(
        self,
        view: View,
        since: Position,
        at: u64,
        lines: &[(u32, u64, ChannelKey, u64)],
        next: u64,
        resume: Resume,
    ) -> Self {
        let shown: Vec<_> =
            lines.iter().map(|(number, id, channel, _)| (*number, 0, *id, *channel)).collect();
        let mut story = self.read_as(view, since, at, &shown, next, resume);
        let retrieval = story.history.retrievals.pop().unwrap();
        let stands = since.id().unwrap_or(0);
        let (mut before, mut stood, mut told) = (None, stands, retrieval.span.end);
        let attempts = &story.history.attempts;
        let chain = lines.iter().map(|(number, id, _, prev)| {
            told = attempts[*number as usize].span.end.max(told + ms(1));
            let (before, stood) = (before.replace(*id), std::mem::replace(&mut stood, *id));
            Link { prev: Some(*prev), before, stands, stood, at: told }
        });
        let chain: Vec<_> = chain.collect();
        story.history.stretches.push(Stretch { retrieval, links: chain, last: told });
        story
    }

    /// The same, from a position that the server can vouch for, to the last line.
    fn stream(self, view: View, since: u64, at: u64, lines: &[(u32, u64, ChannelKey, u64)]) -> Self {
        let next = lines.last().map_or(since, |(_, id, ..)| *id);
        self.stream_as(view, cursor(since), at, lines, next, Resume::Complete)
    }

    /// Reads POSTs of one message each; the position is the last id.
    fn read(self, view: View, since: Position, at: u64, lines: &[Line]) -> Self {
        let lines: Vec<_> = lines.iter().map(|(number, id, channel)| (*number, 0, *id, *channel)).collect();
        let next = lines.last().map_or(0, |(_, _, id, _)| *id);
        self.read_as(view, since, at, &lines, next, Resume::Complete)
    }

    fn check(&self) -> Findings {
        self.check_by(rules())
    }

    fn check_by(&self, rules: Rules) -> Findings {
        check(&self.history, &[rules])
    }

    #[track_caller]
    fn good(&self) {
        let findings = self.check();
        assert!(findings.is_clean(), "{:?}", findings.violations().collect::<Vec<_>>());
    }

    #[track_caller]
    fn bad(&self, kind: Kind) {
        let findings = self.check();
        let all: Vec<_> = findings.violations().collect();
        assert!(all.iter().any(|(found, ..)| *found == kind), "{kind} was not found: {all:?}");
    }
}

/// Ids 10 on C, 11 on D, 12 on C.
fn three() -> Story {
    Story::default().post(C, 0, &[10]).post(D, 2, &[11]).post(C, 4, &[12])
}
