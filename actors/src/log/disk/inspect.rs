//! Looking at a log without changing it.

use std::path::{Path, PathBuf};

use super::content::{Content, Note};
use super::file::Folder;
use super::folder::OsFolder;
use super::history::History;
use super::read::{Visit, length, read, segments};
use super::segment::name;
use super::walk::{Found, walk};
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
    /// Records that are whole.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.segments.iter().map(|segment| segment.records).sum()
    }
}

/// What one segment file holds.
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
        segments: Vec::new(),
        highest: MessageId::ZERO,
        salvaged: None,
        torn: None,
        refusal: None,
    };
    for number in segments(folder).map_err(io(""))? {
        let name = name(number);
        let bytes = folder.read(&name).map_err(io(&name))?;
        let (report, highest) = segment(folder.path(&name), &bytes, number);
        inspection.segments.push(report);
        inspection.highest = inspection.highest.max(highest);
    }
    match read(folder, &mut Visit { kept: &mut |_| (), progress: &mut |_| () }) {
        Ok(reading) => {
            inspection.salvaged = reading.history.as_ref().and_then(History::salvaged);
            inspection.torn = reading.torn.filter(|_| reading.cut > 0).map(|(segment, offset)| Damage {
                file: folder.path(&name(segment)),
                offset,
                length: reading.cut,
            });
        }
        Err(error) => inspection.refusal = Some(error),
    }
    Ok(inspection)
}

fn segment(file: PathBuf, bytes: &[u8], number: u64) -> (SegmentReport, MessageId) {
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
