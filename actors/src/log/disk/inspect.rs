//! Looking at a log without changing it.

use std::path::{Path, PathBuf};

use super::file::{Folder, OsFolder};
use super::open::{Visit, length, read, segments};
use super::segment::name;
use super::walk::{Found, walk};
use crate::log::RecoveryError;
use crate::{MessageId, Timestamp};

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
    look(&OsFolder::existing(path), path)
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
    match read(folder, &mut Visit { record: &mut |_| (), progress: &mut |_| () }) {
        Ok(reading) => {
            inspection.salvaged = reading.salvaged;
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
    let (mut holes, mut records, mut messages, mut highest) = (Vec::new(), 0, 0, MessageId::ZERO);
    let (mut ids, mut accepted) = (None, None);
    let used = walk(bytes, number, &mut |found| match found {
        Found::Header(id) | Found::Mark(id) | Found::Lost(id) => highest = highest.max(id),
        // Nobody knows of any.
        Found::Reserved(_) => {}
        Found::Hole(from, to) => {
            holes.push(Damage { file: file.clone(), offset: length(from), length: length(to - from) });
        }
        Found::Post(_, record) => {
            records += 1;
            messages += length(record.messages.len());
            highest = highest.max(record.last());
            ids = Some((ids.map_or(record.first, |(first, _)| first), record.last()));
            accepted = Some((accepted.map_or(record.accepted, |(first, _)| first), record.accepted));
        }
    });
    let (length, used) = (length(bytes.len()), length(used));
    (SegmentReport { file, length, used, records, messages, ids, accepted, holes }, highest)
}
