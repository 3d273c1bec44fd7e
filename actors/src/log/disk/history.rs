//! Pure: what a log has been through, as its frames tell it one after the other.
//!
//! Reading a log folds its frames into a [`History`], writing one goes on with it; so what a new segment carries over
//! is what a reader of the segments before it would know.

use std::sync::Arc;

use super::content::{Content, Note, Stamp, Start};
use crate::clock::Clock;
use crate::log::{RUNS_MAX, Record, Run, Runs, Timeline};
use crate::model::{Epoch, MessageId};

/// What the frames of a log have told so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    /// The highest id that records and marks name.
    written: MessageId,
    /// Ids up to here may have been given out since the last mark.
    reserved: MessageId,
    /// The log was salvaged: messages up to here may be missing.
    salvaged: Option<MessageId>,
    /// The runs before the last one.
    past: Vec<Run>,
    /// The last run.
    run: Option<Start>,
    /// The latest moment that is known.
    last: Option<Stamp>,
}

/// An id is not above those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Falls;

impl History {
    /// Of a log or a suffix of one before which `highest` is the highest id.
    pub(crate) const fn after(highest: MessageId) -> Self {
        Self {
            written: highest,
            reserved: MessageId::ZERO,
            salvaged: None,
            past: Vec::new(),
            run: None,
            last: None,
        }
    }

    /// The highest id that records and marks name; ids above it were only reserved.
    pub(crate) const fn written(&self) -> MessageId {
        self.written
    }

    /// Messages up to here may be missing: the log was salvaged from a damaged one.
    pub(crate) const fn salvaged(&self) -> Option<MessageId> {
        self.salvaged
    }

    /// A frame follows.
    pub(crate) fn apply(&mut self, content: &Content) -> Result<(), Falls> {
        match content {
            Content::Post(record) => self.post(record),
            Content::Note(note) => self.note(note),
        }
    }

    fn post(&mut self, record: &Record) -> Result<(), Falls> {
        if record.first() <= self.written {
            return Err(Falls);
        }
        self.records(record.last(), Stamp { moment: record.at, wall: record.accepted });
        Ok(())
    }

    /// Records follow, of which the last has these ids and the latest was accepted then.
    pub(crate) fn records(&mut self, last: MessageId, at: Stamp) {
        debug_assert!(last > self.written, "ids rise");
        self.written = self.written.max(last);
        self.seen(at);
    }

    /// A note follows.
    pub(crate) fn note(&mut self, note: &Note) -> Result<(), Falls> {
        match note {
            Note::Mark { highest, at } => {
                if *highest < self.written {
                    return Err(Falls);
                }
                // It knows all that was given out.
                (self.written, self.reserved) = (*highest, MessageId::ZERO);
                self.seen(*at);
            }
            Note::Lost(up_to) => {
                self.salvaged = self.salvaged.max(Some(*up_to));
                self.written = self.written.max(*up_to);
            }
            Note::Reserved(up_to) => self.reserve(*up_to),
            Note::Run(start) => {
                self.end_run();
                self.begin_run(*start);
            }
            Note::Carried { past, run, at } => {
                self.past.clone_from(past);
                self.begin_run(*run);
                self.seen(*at);
            }
            Note::Retired { next, .. } => self.reserve(next.0),
            // It speaks of segments that are gone.
            Note::Settled(_) => {}
        }
        Ok(())
    }

    fn seen(&mut self, at: Stamp) {
        if self.last.is_none_or(|last| last.moment <= at.moment) {
            self.last = Some(at);
        }
    }

    fn reserve(&mut self, up_to: MessageId) {
        self.reserved = self.reserved.max(up_to);
    }

    /// The last run left nothing beyond what is written: positions up to there can be believed (I-10).
    fn end_run(&mut self) {
        if let Some(Start { epoch, from, .. }) = self.run.take() {
            self.past.push(Run { epoch, from, up_to: self.written.max(from) });
        }
    }

    fn begin_run(&mut self, start: Start) {
        // Readers are told it before the first record comes.
        self.reserve(start.from);
        self.seen(Stamp { moment: start.anchor.moment, wall: start.anchor.wall });
        self.run = Some(start);
    }

    /// A run begins now. Messages up to `lost` are not to be had, whoever asks.
    ///
    /// Its ids are above all that were given out, and above all that may have been by a log of which this one is an
    /// older copy, as far as the wall clock can tell.
    pub(crate) fn begin(&mut self, epoch: Epoch, lost: MessageId, clock: Arc<dyn Clock>) -> Begun {
        let timeline = match (self.run, self.last) {
            (Some(run), Some(Stamp { moment, wall })) => Timeline::resume(clock, run.anchor, moment, wall),
            _ => Timeline::fresh(clock),
        };
        let from = self.written.max(self.reserved).max(MessageId::first_at(timeline.wall()));
        let start = Start { epoch, from, anchor: timeline.anchor() };
        self.end_run();
        // A position below what is lost to everybody is a gap, whichever run it is of.
        self.past.retain(|run| run.up_to >= lost);
        self.past.drain(..self.past.len().saturating_sub(RUNS_MAX));
        self.begin_run(start);
        Begun { start, timeline, runs: Runs::new(self.past.clone(), epoch, from) }
    }

    /// Whether any run is known. One is in every segment, unless older programs alone wrote it.
    pub(crate) const fn knows_runs(&self) -> bool {
        self.run.is_some()
    }

    /// What a new segment begins with, at this moment. `None` in a log without runs.
    pub(crate) fn carried(&self, now: Option<Stamp>) -> Option<Note> {
        let (run, at) = (self.run?, now.or(self.last)?);
        Some(Note::Carried { past: self.past.clone(), run, at })
    }

    /// What an end in order says, if ids up to `issued` were given out.
    pub(crate) fn mark(&self, issued: MessageId, at: Stamp) -> Note {
        Note::Mark { highest: self.written.max(issued), at }
    }
}

/// A run that has begun.
pub(crate) struct Begun {
    pub(crate) start: Start,
    pub(crate) timeline: Timeline,
    pub(crate) runs: Runs,
}
