//! Reading a log back. Nothing is changed here.
//!
//! A crash leaves at most one torn place, behind everything that was acknowledged: a group is written after
//! the one before it is durable, and a segment after the one before it is durable to its end. Everything else that
//! is not as it was written is damage, and the log is not opened.

use std::io;

use super::bytes::length;
use super::content::{Content, Note, Unreadable};
use super::file::Folder;
use super::history::History;
use super::keep::Keep;
use super::kept::read::{Recalled, generations, recall};
use super::kept::{self, KeptFile};
use super::parts::Sealed;
use super::segment::{End, HEADER, HEADER_LENGTH, Header, NoHeader, VERSION, judge, name, number};
use super::walk::Frames;
use crate::log::{Kept, RecoveryError};
use crate::model::MessageId;

/// How far the reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Segments read.
    pub segments: usize,
    /// Segments in all.
    pub of: usize,
    /// Records found.
    pub records: u64,
}

/// What is told while a log is read.
pub(crate) struct Visit<'a> {
    pub(crate) kept: &'a mut dyn FnMut(Kept),
    pub(crate) progress: &'a mut dyn FnMut(Progress),
}

/// What was read so far.
pub(crate) struct Reading<'a> {
    folder: &'a dyn Folder,
    /// What the frames tell. `None` without a header.
    pub(crate) history: Option<History>,
    /// The highest id before the first segment: what was there has expired.
    pub(crate) before: MessageId,
    /// What is kept of the segments before the first one. `None` without a header.
    pub(crate) kept: Option<KeptFile>,
    /// Bytes behind what counts of it, without the zeros at their end.
    pub(crate) kept_cut: u64,
    /// Generations of kept files in which nothing counts.
    pub(crate) unused_kept: Vec<u64>,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) last: Option<Last>,
    /// The first place that a crash may have torn: nothing may follow it.
    pub(crate) torn: Option<(u64, u64)>,
    /// Segments without anything that counts.
    pub(crate) unused: Vec<u64>,
    pub(crate) records: u64,
    /// Torn bytes.
    pub(crate) cut: u64,
}

/// The last segment with a header.
pub(crate) struct Last {
    pub(crate) number: u64,
    /// It is of the format without kept files.
    pub(crate) is_old: bool,
    pub(crate) bytes: Vec<u8>,
    /// Where its last whole frame ends.
    pub(crate) end: usize,
    /// Up to where its last whole frame says that it was durable.
    pub(crate) synced: u64,
    pub(crate) keep: Keep,
}

/// Reads the log in a folder, and changes nothing.
pub(crate) fn read<'a>(folder: &'a dyn Folder, visit: &mut Visit<'_>) -> Result<Reading<'a>, RecoveryError> {
    let at = |name: &str| {
        let path = folder.path(name);
        move |error| RecoveryError::Io { path, error }
    };
    let numbers = segments(folder).map_err(at(""))?;
    let mut reading = Reading {
        folder,
        history: None,
        before: MessageId::ZERO,
        kept: None,
        kept_cut: 0,
        unused_kept: Vec::new(),
        sealed: Vec::new(),
        last: None,
        torn: None,
        unused: Vec::new(),
        records: 0,
        cut: 0,
    };
    let mut expected = numbers.first().copied();
    for (n, segment) in numbers.iter().enumerate() {
        let name = name(*segment);
        let bytes = folder.read(&name).map_err(at(&name))?;
        if expected != Some(*segment) {
            return Err(reading.damaged(*segment, 0, "the segment before this one is missing"));
        }
        expected = segment.checked_add(1);
        reading.segment(*segment, bytes, visit)?;
        (visit.progress)(Progress { segments: n + 1, of: numbers.len(), records: reading.records });
    }
    if reading.last.is_none() {
        // Without its segments nobody knows which ids were given out (I-1).
        let first = numbers.first().copied().unwrap_or(1);
        if first != 1 {
            return Err(reading.damaged(first, 0, "the header is missing"));
        }
        if let Some(generation) = generations(folder).map_err(at(""))?.first() {
            let file = folder.path(&kept::name(*generation));
            let problem = "the segments behind it are missing";
            return Err(RecoveryError::Damaged { file, offset: 0, problem });
        }
    }
    Ok(reading)
}

/// The numbers of the segments in a folder, rising.
pub(crate) fn segments(folder: &dyn Folder) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = folder.list()?.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

impl Reading<'_> {
    /// Messages up to here may have existed and are not to be had.
    pub(crate) fn lost(&self) -> MessageId {
        let salvaged = self.history.as_ref().and_then(History::salvaged);
        salvaged.map_or(self.before, |salvaged| salvaged.max(self.before))
    }

    /// The same of sticky messages alone: what is gone was looked at, unless nobody knows what is missing.
    pub(crate) fn lost_sticky(&self) -> MessageId {
        let kept = self.kept.as_ref().map_or(MessageId::ZERO, |kept| kept.settled.lost_sticky);
        self.history.as_ref().and_then(History::salvaged).unwrap_or(kept).max(kept).min(self.lost())
    }

    fn damaged(&self, segment: u64, offset: u64, problem: &'static str) -> RecoveryError {
        RecoveryError::Damaged { file: self.folder.path(&name(segment)), offset, problem }
    }

    fn segment(&mut self, number: u64, bytes: Vec<u8>, visit: &mut Visit<'_>) -> Result<(), RecoveryError> {
        if let Some((segment, offset)) = self.torn {
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(self.damaged(segment, offset, "no whole record, and other segments follow"));
            }
            self.unused.push(number);
            return Ok(());
        }
        let header = match Header::decode(&bytes) {
            Ok(header) => header,
            Err(NoHeader::Version(found)) => {
                let file = self.folder.path(&name(number));
                return Err(RecoveryError::Version { file, found, known: VERSION });
            }
            Err(NoHeader::Missing) => {
                if matches!(judge(&bytes, number, 0), End::Damaged(_)) {
                    return Err(self.damaged(number, 0, "the header is not as it was written"));
                }
                self.tear(number, &bytes, 0);
                self.unused.push(number);
                return Ok(());
            }
        };
        if header.number != number {
            return Err(self.damaged(number, 0, "the header belongs to another segment"));
        }
        let is_first = self.history.is_none();
        let mut history = match self.history.take() {
            Some(history) if history.written() != header.highest => {
                let problem = "records are missing between this segment and the one before";
                return Err(self.damaged(number, 0, problem));
            }
            Some(history) => history,
            None => {
                self.before = header.highest;
                let Recalled { file, cut, unused, records } = recall(self.folder, header, visit.kept)?;
                (self.kept, self.kept_cut, self.unused_kept) = (Some(file), cut, unused);
                self.records += records;
                History::after(header.highest)
            }
        };
        if let Some(Last { number, keep, end, bytes, .. }) = self.last.take() {
            let (used, length, last) = (length(end), length(bytes.len()), header.highest);
            self.sealed.push(Sealed { number, last, keep, used, length, tail: None });
        }
        let last = self.frames(number, header.is_old(), bytes, &mut history, visit)?;
        if is_first && number > 1 && !header.is_old() && !history.knows_runs() {
            // It was durable before the segments before it went; without it the log's time would begin anew (I-11).
            let problem = "what it says of the segments before it is not as it was written";
            return Err(self.damaged(number, HEADER_LENGTH, problem));
        }
        (self.last, self.history) = (Some(last), Some(history));
        Ok(())
    }

    fn frames(
        &mut self,
        number: u64,
        is_old: bool,
        bytes: Vec<u8>,
        history: &mut History,
        visit: &mut Visit<'_>,
    ) -> Result<Last, RecoveryError> {
        let (mut keep, mut synced) = (Keep::NOTHING, 0);
        let mut frames = Frames::of(&bytes, number, HEADER);
        for frame in frames.by_ref() {
            let place = length(frame.at);
            let content = match frame.content {
                Ok(content) => content,
                Err(Unreadable::Newer(problem)) => {
                    let file = self.folder.path(&name(number));
                    return Err(RecoveryError::Newer { file, offset: place, problem });
                }
                Err(Unreadable::Malformed) => {
                    return Err(self.damaged(number, place, "the record has another form"));
                }
            };
            history.apply(&content).map_err(|_| self.damaged(number, place, "the ids fall"))?;
            match content {
                Content::Post(record) => {
                    keep.add(&record);
                    self.records += 1;
                    (visit.kept)(Kept::Record(record));
                }
                Content::Note(Note::Retired { bus, next }) => {
                    keep.retires = true;
                    (visit.kept)(Kept::Retired { bus, next });
                }
                Content::Note(Note::Settled(_)) => {
                    return Err(self.damaged(number, place, "the note belongs to a kept file"));
                }
                Content::Note(_) => {}
            }
            synced = frame.synced;
        }
        let end = frames.end();
        match judge(&bytes, number, end) {
            End::Clean(_) => {}
            End::Torn(_) => self.tear(number, &bytes, end),
            End::Damaged(_) => {
                return Err(self.damaged(number, length(end), "the record is not as it was written"));
            }
        }
        Ok(Last { number, is_old, bytes, end, synced, keep })
    }

    fn tear(&mut self, number: u64, bytes: &[u8], at: usize) {
        self.torn = Some((number, length(at)));
        let rest = bytes.get(at..).unwrap_or_default();
        self.cut += length(rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    }
}
