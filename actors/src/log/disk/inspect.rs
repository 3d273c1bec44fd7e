//! Looking at a log without changing it.

use std::path::{Path, PathBuf};

use super::bytes::length;
use super::content::{Content, Note};
use super::file::Folder;
use super::folder::OsFolder;
use super::history::History;
use super::kept;
use super::kept::read::generations;
use super::read::{Visit, read, segments};
use super::segment::{HEADER, name};
use super::walk::{Found, Frames, walk};
use crate::log::RecoveryError;
use crate::model::{MessageId, Timestamp};

/// What a log holds.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The folder.
    pub path: PathBuf,
    /// A process has the log open and may be writing to it.
    pub in_use: bool,
    /// The file with what was promised in segments that are gone, if there is one; also others of its kind, which a crash
    /// has left.
    pub kept: Vec<SegmentReport>,
    /// Its segments, in order.
    pub segments: Vec<SegmentReport>,
    /// The highest id that is known to have been given out.
    pub highest: MessageId,
    /// The log was salvaged from a damaged one, which had lost messages up to this id.
    pub salvaged: Option<MessageId>,
    /// Bytes at the end that a crash has torn; the next start cuts them off. They were never acknowledged.
    pub torn: Option<Damage>,
    /// Why the log cannot be opened as it is, the first reason.
    pub refusal: Option<RecoveryError>,
}

impl Inspection {
    /// Records that are whole. Of what a crash has left of kept files none counts.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.kept.iter().take(1).chain(&self.segments).map(|file| file.records).sum()
    }
}

/// What one segment file holds, or a kept file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentReport {
    /// The file.
    pub file: PathBuf,
    /// Its length in bytes, including room that is taken beforehand.
    pub length: u64,
    /// Bytes up to the end of the last whole record.
    pub used: u64,
    /// Records that are whole.
    pub records: u64,
    /// Messages in them.
    pub messages: u64,
    /// Whole records that a newer version of this program wrote, and that this one does not know.
    pub newer: u64,
    /// The first and the last id.
    pub ids: Option<(MessageId, MessageId)>,
    /// When the first and the last record were accepted.
    pub accepted: Option<(Timestamp, Timestamp)>,
    /// Stretches before the last whole record in which no record is whole.
    pub holes: Vec<Damage>,
}

/// A stretch of a file that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where it begins, in bytes from the file's start.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
}

/// Looks at the log in a folder. Nothing is changed, and a server may be running meanwhile; what it writes
/// at that moment may look torn.
///
/// # Errors
///
/// [`RecoveryError::Io`] when the folder or a file in it cannot be read.
pub fn inspect(path: &Path) -> Result<Inspection, RecoveryError> {
    look(&OsFolder::existing(path)?, path)
}

pub(super) fn look(folder: &dyn Folder, path: &Path) -> Result<Inspection, RecoveryError> {
    let io = |name: &str| {
        let path = folder.path(name);
        move |error| RecoveryError::Io { path, error }
    };
    let mut inspection = Inspection {
        path: path.to_owned(),
        in_use: folder.is_locked(),
        kept: Vec::new(),
        segments: Vec::new(),
        highest: MessageId::ZERO,
        salvaged: None,
        torn: None,
        refusal: None,
    };
    let numbers = segments(folder).map_err(io(""))?;
    for generation in generations(folder).map_err(io(""))? {
        let name = kept::name(generation);
        let bytes = folder.read(&name).map_err(io(&name))?;
        let end = settled_end(&bytes, kept::owner(generation), numbers.first().copied());
        let (report, highest) = file(folder.path(&name), &bytes, kept::owner(generation), end);
        inspection.kept.push(report);
        inspection.highest = inspection.highest.max(highest);
    }
    for number in numbers {
        let name = name(number);
        let bytes = folder.read(&name).map_err(io(&name))?;
        let (report, highest) = file(folder.path(&name), &bytes, number, usize::MAX);
        inspection.segments.push(report);
        inspection.highest = inspection.highest.max(highest);
    }
    match read(folder, &mut Visit { kept: &mut |_| (), progress: &mut |_| () }) {
        Ok(reading) => {
            inspection.salvaged = reading.history.as_ref().and_then(History::salvaged);
            let torn = reading.torn.filter(|_| reading.cut > 0).map(|(segment, offset)| Damage {
                file: folder.path(&name(segment)),
                offset,
                length: reading.cut,
            });
            let cut = reading.kept.filter(|_| reading.kept_cut > 0).map(|kept| Damage {
                file: folder.path(&kept::name(kept.generation)),
                offset: kept.length,
                length: reading.kept_cut,
            });
            inspection.torn = torn.or(cut);
        }
        Err(error) => inspection.refusal = Some(error),
    }
    Ok(inspection)
}

/// Up to where the records of a kept file count beside a segment `first`: what comes later is in that. All of them where
/// nobody can tell.
fn settled_end(bytes: &[u8], owner: u64, first: Option<u64>) -> usize {
    let mut end = None;
    for frame in Frames::of(bytes, owner, HEADER) {
        if let Ok(Content::Note(Note::Settled(settled))) = frame.content {
            if first.is_some_and(|first| settled.first > first) {
                return end.unwrap_or(usize::MAX);
            }
            end = Some(frame.at);
        }
    }
    usize::MAX
}

/// What a file holds, of which the records that begin before `end` count.
fn file(file: PathBuf, bytes: &[u8], number: u64, end: usize) -> (SegmentReport, MessageId) {
    let length_of_file = length(bytes.len());
    let mut report = SegmentReport {
        file,
        length: length_of_file,
        used: 0,
        records: 0,
        messages: 0,
        newer: 0,
        ids: None,
        accepted: None,
        holes: Vec::new(),
    };
    let mut highest = MessageId::ZERO;
    let used = walk(bytes, number, &mut |found| match found {
        Found::Header(id) => highest = highest.max(id),
        Found::Hole(from, to) => {
            let (file, offset, length) = (report.file.clone(), length(from), length(to - from));
            report.holes.push(Damage { file, offset, length });
        }
        Found::Frame(frame) => match &frame.content {
            Ok(Content::Post(_)) if frame.at >= end => {}
            Ok(Content::Post(record)) => {
                report.records += 1;
                report.messages += length(record.items.len());
                highest = highest.max(record.last());
                let (first, earliest) = (report.ids.map(|ids| ids.0), report.accepted.map(|times| times.0));
                report.ids = Some((first.unwrap_or(record.first()), record.last()));
                report.accepted = Some((earliest.unwrap_or(record.accepted), record.accepted));
            }
            Ok(Content::Note(Note::Mark { highest: id, .. } | Note::Lost(id))) => highest = highest.max(*id),
            // Nobody knows of any ids that they speak of.
            Ok(Content::Note(_)) => {}
            Err(_) => report.newer += 1,
        },
    });
    report.used = length(used);
    (report, highest)
}
