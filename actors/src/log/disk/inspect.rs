//! Looking at a log without changing it, and salvaging what is whole into another one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DiskSettings;
use super::file::{Folder, OsFolder};
use super::keeper::Keeper;
use super::open::{Keep, Progress, Visit, length, open, read, segments};
use super::record::{Content, decode};
use super::segment::{HEADER, Header, frame_from, name};
use super::writer::{Group, Writer};
use crate::log::{LogError, Recovered, RecoveryError};
use crate::{Clock, MessageId, SystemClock, Timestamp};

/// Bytes that are salvaged between two syncs.
const SALVAGE_GROUP: usize = 4 << 20;

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

/// Every whole record of a segment, also behind damage, and the holes between.
struct Walk<'a> {
    header: Option<Header>,
    hole: &'a mut dyn FnMut(usize, usize),
    post: &'a mut dyn FnMut(&[u8], &Recovered),
    mark: &'a mut dyn FnMut(MessageId),
}

impl Walk<'_> {
    /// Walks, and returns where the last whole record ends.
    fn over(&mut self, bytes: &[u8], number: u64) -> usize {
        self.header = Header::decode(bytes).ok();
        let mut end = if self.header.is_some() { HEADER } else { 0 };
        while let Some(frame) = frame_from(bytes, number, end) {
            let skipped = if end == 0 && frame.at == HEADER { 0 } else { end };
            if frame.at > skipped {
                (self.hole)(skipped, frame.at);
            }
            end = frame.content.end;
            let content = bytes.get(frame.content).unwrap_or_default();
            match decode(content) {
                Ok(Content::Post(record)) => (self.post)(content, &record),
                Ok(Content::Mark(highest)) => (self.mark)(highest),
                Err(_) => (self.hole)(frame.at, end),
            }
        }
        end
    }
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

fn look(folder: &dyn Folder, path: &Path) -> Result<Inspection, RecoveryError> {
    let io = |name: &str| {
        let path = folder.path(name);
        move |error| RecoveryError::Io { path, error }
    };
    let mut inspection = Inspection {
        path: path.to_owned(),
        in_use: folder.is_locked(),
        segments: Vec::new(),
        highest: MessageId::ZERO,
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
    let mut marked = MessageId::ZERO;
    let mut walk = Walk {
        header: None,
        hole: &mut |from, to| {
            holes.push(Damage { file: file.clone(), offset: length(from), length: length(to - from) });
        },
        post: &mut |_, record| {
            records += 1;
            messages += length(record.messages.len());
            highest = highest.max(record.last());
            ids = Some((ids.map_or(record.first, |(first, _)| first), record.last()));
            accepted = Some((accepted.map_or(record.accepted, |(first, _)| first), record.accepted));
        },
        mark: &mut |mark| marked = marked.max(mark),
    };
    let used = walk.over(bytes, number);
    let header = walk.header.map_or(MessageId::ZERO, |header| header.highest);
    let (length, used) = (length(bytes.len()), length(used));
    let report = SegmentReport { file, length, used, records, messages, ids, accepted, holes };
    (report, highest.max(marked).max(header))
}

/// Copies every whole record of the log in `from` into a new log in `to`, which must be empty or not there.
/// The old one is not changed. Returns the number of records.
///
/// # Errors
///
/// [`RecoveryError::InUse`] when a server has the old log open; [`RecoveryError::Io`] when the old one cannot
/// be read, or the new one is not empty or cannot be written.
pub fn repair(from: &Path, to: &Path) -> Result<u64, RecoveryError> {
    let old = OsFolder::existing(from);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| RecoveryError::Io { path, error }
    };
    if old.is_locked() {
        return Err(RecoveryError::InUse { path: from.to_owned() });
    }
    let new = OsFolder::create(to).map_err(io(to))?;
    if !new.list().map_err(io(to))?.is_empty() {
        return Err(io(to)(std::io::ErrorKind::DirectoryNotEmpty.into()));
    }
    let _lock = new.lock().map_err(io(to))?;
    salvage(&old, Arc::new(new))
}

fn salvage(old: &dyn Folder, new: Arc<dyn Folder>) -> Result<u64, RecoveryError> {
    let path = new.path("");
    let failed =
        |error: LogError| RecoveryError::Io { path: path.clone(), error: std::io::Error::other(error) };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let size = DiskSettings::at("").segment;
    let inspection = look(old, &old.path(""))?;
    // What lies before the first record is gone, and so may be ids above the last one.
    let first = inspection.segments.iter().find_map(|segment| segment.ids).map(|(first, _)| first);
    let lost =
        first.map_or(inspection.highest, |first| MessageId::from_u64(first.as_u64().saturating_sub(1)));
    let highest = inspection.highest.max(MessageId::first_at(clock.now()));
    let mut nothing = (|_: Recovered| (), |_: Progress| ());
    let opened = open(&new, size, lost, &mut Visit { record: &mut nothing.0, progress: &mut nothing.1 })?;
    let next = opened.active.number.saturating_add(1);
    let keeper = Arc::new(Keeper::new(new, clock, size, opened.sealed, next));
    let mut writer = Writer::new(opened.active, lost, size, keeper);
    let (mut group, mut newest, mut records) = (Group::new(), lost, 0);
    for number in segments(old).map_err(|error| RecoveryError::Io { path: old.path(""), error })? {
        let name = name(number);
        let bytes = old.read(&name).map_err(|error| RecoveryError::Io { path: old.path(&name), error })?;
        let mut written = Ok(());
        let mut walk = Walk {
            header: None,
            hole: &mut |_, _| (),
            post: &mut |content, record| {
                // Ids have to rise, whatever was damaged.
                if record.first <= newest || written.is_err() {
                    return;
                }
                let keep = Keep::record(record.accepted, record.kept_until);
                if group.push_kept(content, record.last(), keep).is_ok() {
                    newest = record.last();
                    records += 1;
                }
                if group.len() >= SALVAGE_GROUP {
                    written = flush(&mut writer, &mut group);
                }
            },
            mark: &mut |_| (),
        };
        walk.over(&bytes, number);
        written.map_err(failed)?;
    }
    flush(&mut writer, &mut group).map_err(failed)?;
    writer.raise(highest);
    writer.close().map_err(failed)?;
    Ok(records)
}

fn flush(writer: &mut Writer, group: &mut Group) -> Result<(), LogError> {
    if !group.is_empty() {
        writer.write(group)?;
        writer.sync()?;
        group.settle(Ok(()));
    }
    Ok(())
}
