//! The checker: pure, from a [`History`] to what was wrong in it. It knows nothing of the broker but the rules.
//!
//! ```text
//! history ─► sides: a bus with sticky messages as two buses
//!                │
//!                ▼
//!            catalogue: every POST with its ids, when it began and when it was surely there
//!                │           (a message under two ids, messages nobody posted, torn answers)
//!                ▼
//!            timeline: the messages of each bus and of each channel in id order, with bounds on times
//!                │
//!                ├─► retrieval: each answer against its timeline
//!                ├─► stretch: each part of a stream, as an answer that took long, and how its frames follow one another
//!                └─► order: answers and POSTs against each other, along real time
//! ```
//!
//! All it concludes holds for every moment between the start and the end of a request at which the broker may
//! have done the work: it never reports what a correct broker can do, however the threads were scheduled.

mod catalogue;
mod order;
mod retrieval;
mod sides;
mod stretch;
#[cfg(test)]
mod tests;
mod timeline;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::history::History;

/// What the checker must know of a bus. Times in milliseconds.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long a channel lives after a POST.
    pub idle: u64,
    /// How long a message is kept that is not sticky.
    pub retention: u64,
    /// How long a sticky one is kept, on a bus where [some POSTs are](crate::witness::history::PostKey::is_sticky).
    pub promised: Option<u64>,
    /// Messages in the window of a channel.
    pub channel_window: usize,
    /// Messages in the window of the bus.
    pub bus_window: usize,
    /// By how much sooner than these times say something may be over, as the history's clock has it: the broker's
    /// may be read at another place within the millisecond.
    pub early: u64,
    /// By how much later: a broker that is started again goes on from a moment ago.
    pub late: u64,
    /// By how much later still a channel may be over: a POST on its way through the log keeps it.
    pub kept: u64,
}

impl Rules {
    /// How long a channel lives after a POST.
    pub fn life(&self) -> u64 {
        self.idle.min(self.retention)
    }
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A message that is known and has not expired is not in a later retrieval that covers it (RET-10).
    Missing,
    /// A message has two ids, or an id two messages, or a retry was stored again (I-2).
    Twice,
    /// Ids do not rise in an answer, or an answer repeats what its position had (RET-3).
    Order,
    /// A POST is there in parts, or its ids have holes (RET-7).
    Batch,
    /// A message appears at or below a position that was given out before (I-1).
    Late,
    /// A message appears again after it was gone, or after its time was up (RET-8).
    Returned,
    /// An answer says `complete`, and messages between its position and its end are missing.
    Silent,
    /// An answer says `gap` or `reset`, and nothing can have been missed.
    FalseAlarm,
    /// A message that nobody posted, or not there, or that was refused.
    Phantom,
    /// A channel shows something else than its bus filtered by it (RET-7).
    Views,
    /// A frame of a stream names another message before it than there was: a reader would see a loss where there is none, or none where
    /// there is one.
    Chain,
    /// A request failed, or the broker's own counts contradict the history.
    Failed,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Twice => "twice",
            Self::Order => "order",
            Self::Batch => "batch",
            Self::Late => "late",
            Self::Returned => "returned",
            Self::Silent => "silent",
            Self::FalseAlarm => "false-alarm",
            Self::Phantom => "phantom",
            Self::Views => "views",
            Self::Chain => "chain",
            Self::Failed => "failed",
        })
    }
}

/// Violations of a kind that are kept in words; all are counted.
const KEPT: usize = 5;

/// What the checker found, and how much it had to go on.
#[derive(Debug, Default)]
pub struct Findings {
    violations: BTreeMap<Kind, (u64, Vec<String>)>,
    /// How much there was to check.
    pub checks: Checks,
}

/// How often each rule had something to say: a rule that never did proves nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Checks {
    /// Messages known to the history.
    pub messages: u64,
    /// Messages that had to be in an answer of a bus, and of a channel.
    pub required_on_bus: u64,
    /// See [`Checks::required_on_bus`].
    pub required_on_channels: u64,
    /// Messages shown, each held against its timeline.
    pub shown: u64,
    /// Answers to a position that said `complete`, those of them with messages, and those that said `gap`.
    pub complete: u64,
    /// See [`Checks::complete`].
    pub complete_with_messages: u64,
    /// See [`Checks::complete`].
    pub gaps: u64,
    /// POSTs of which the outcome is unknown and nothing was ever seen.
    pub vanished: u64,
    /// Positions of which no answer of the history is the source: the log cannot vouch for them.
    pub foreign: u64,
    /// Messages of streams, each held against the one before it.
    pub linked: u64,
    /// Parts of streams that said `complete` and had messages, and those that began with a gap.
    pub streamed: u64,
    /// See [`Checks::streamed`].
    pub streamed_gaps: u64,
    /// Times that a channel surely was over between two POSTs to it.
    pub ended: u64,
}

impl Checks {
    /// Adds those of another history.
    pub fn add(&mut self, more: &Self) {
        self.messages += more.messages;
        self.required_on_bus += more.required_on_bus;
        self.required_on_channels += more.required_on_channels;
        self.shown += more.shown;
        self.complete += more.complete;
        self.complete_with_messages += more.complete_with_messages;
        self.gaps += more.gaps;
        self.vanished += more.vanished;
        self.foreign += more.foreign;
        self.linked += more.linked;
        self.streamed += more.streamed;
        self.streamed_gaps += more.streamed_gaps;
        self.ended += more.ended;
    }
}

impl Findings {
    /// Counts a violation, and keeps the first of its kind in words.
    pub fn add(&mut self, kind: Kind, what: impl FnOnce() -> String) {
        let (count, words) = self.violations.entry(kind).or_default();
        *count += 1;
        if words.len() < KEPT {
            words.push(what());
        }
    }

    /// Prints each kind that was found: how often, and the first of them in words.
    pub fn print(&self) {
        for (kind, count, words) in self.violations() {
            println!("VIOLATION {kind}: {count}");
            for one in words {
                println!("  {one}");
            }
        }
    }

    /// Each kind that was found: how often, and the first of them in words.
    pub fn violations(&self) -> impl Iterator<Item = (Kind, u64, &[String])> {
        self.violations.iter().map(|(kind, (count, words))| (*kind, *count, &words[..]))
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Checks a whole history; `rules` has one element for each bus.
pub fn check(history: &History, rules: &[Rules]) -> Findings {
    let mut findings = Findings::default();
    for failure in &history.failures {
        findings.add(Kind::Failed, || failure.clone());
    }
    for one in &history.stretches {
        stretch::chained(one, &mut findings);
    }
    let sides = sides::of(history, rules);
    let (history, rules) = sides.as_ref().map_or((history, rules), |(history, rules)| (history, &rules[..]));
    let catalogue = catalogue::Catalogue::of(history, &mut findings);
    let timelines = timeline::Timelines::of(history, &catalogue, rules, &mut findings);
    let streamed = history.stretches.iter().map(|stretch| &stretch.retrieval);
    let epochs: HashSet<u64> =
        history.retrievals.iter().chain(streamed).map(|read| read.answer.next.epoch).collect();
    for retrieval in &history.retrievals {
        retrieval::check(retrieval, &timelines, rules, &epochs, &mut findings);
    }
    for one in &history.stretches {
        stretch::check(one, &timelines, rules, &epochs, &mut findings);
    }
    order::rising(history, &catalogue, rules.len(), &mut findings);
    order::gone(history, &mut findings);
    findings
}
