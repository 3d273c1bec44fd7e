//! Reading a log back, and making it ready for the next record.
//!
//! A crash leaves at most one torn place, behind everything that was acknowledged: a group is written after
//! the one before it is durable, and a segment after the one before it is durable to its end. What is torn is
//! cut off. Everything else that is not as it was written is damage, and the log is not opened.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::file::{Folder, StoredFile, write_all};
pub(crate) use super::parts::{Active, Keep, Sealed};
use super::record::{Content, decode};
use super::segment::{End, HEADER, Header, NoHeader, VERSION, frame_at, judge, name, number};
use crate::MessageId;
use crate::log::{Extent, Recovered, RecoveryError};

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

/// A log that was read and is ready to be written.
pub(crate) struct Opened {
    pub(crate) extent: Extent,
    /// The highest id that the log's records and marks name; ids above it were only reserved.
    pub(crate) written: MessageId,
    pub(crate) active: Active,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) records: u64,
    /// Torn bytes that were cut off.
    pub(crate) cut: u64,
}

/// What is told while a log is read.
pub(crate) struct Visit<'a> {
    pub(crate) record: &'a mut dyn FnMut(Recovered),
    pub(crate) progress: &'a mut dyn FnMut(Progress),
}

pub(crate) struct Reading<'a> {
    folder: &'a dyn Folder,
    pub(crate) extent: Option<Extent>,
    sealed: Vec<Sealed>,
    last: Option<Last>,
    /// The first place that a crash may have torn: nothing may follow it.
    pub(crate) torn: Option<(u64, u64)>,
    /// The log was salvaged: messages up to here may be missing.
    pub(crate) salvaged: Option<MessageId>,
    /// Ids up to here may have been given out since the last mark.
    reserved: MessageId,
    /// Segments without anything that counts.
    unused: Vec<u64>,
    records: u64,
    pub(crate) cut: u64,
}

/// The last segment with a header.
struct Last {
    number: u64,
    bytes: Vec<u8>,
    end: usize,
    synced: u64,
    keep: Keep,
}

/// Reads the log in a folder and makes it ready. `fresh` is the highest id of a log that begins now.
pub(crate) fn open(
    folder: &Arc<dyn Folder>,
    size: u64,
    fresh: MessageId,
    visit: &mut Visit<'_>,
) -> Result<Opened, RecoveryError> {
    let at = |name: &str| {
        let path = folder.path(name);
        move |error| RecoveryError::Io { path, error }
    };
    let reading = read(&**folder, visit)?;
    // From the last one back, each durably: no crash may leave a hole in the numbers.
    for segment in reading.unused.iter().rev() {
        let name = name(*segment);
        folder.unlink(&name).and_then(|()| folder.sync()).map_err(at(&name))?;
    }
    let Reading { extent, last, sealed, records, cut, salvaged, reserved, .. } = reading;
    let (Some(last), Some(mut extent)) = (last, extent) else {
        let name = name(1);
        let file = begin(&**folder, &name, size, fresh).map_err(at(&name))?;
        let after_header = length(HEADER);
        let active = Active { number: 1, file, at: after_header, synced: after_header, keep: Keep::NOTHING };
        let extent = Extent { highest: fresh, lost: fresh };
        return Ok(Opened { extent, written: fresh, active, sealed, records, cut });
    };
    let written = extent.highest;
    extent.highest = written.max(reserved);
    extent.lost = extent.lost.max(salvaged.unwrap_or(MessageId::ZERO));
    let name = name(last.number);
    let file = folder.open(&name).and_then(|file| go_on(file, &last, size)).map_err(at(&name))?;
    folder.sync().map_err(at(""))?;
    let end = length(last.end);
    let active = Active { number: last.number, file, at: end, synced: end, keep: last.keep };
    Ok(Opened { extent, written, active, sealed, records, cut })
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
        extent: None,
        sealed: Vec::new(),
        last: None,
        torn: None,
        salvaged: None,
        reserved: MessageId::ZERO,
        unused: Vec::new(),
        records: 0,
        cut: 0,
    };
    for (n, segment) in numbers.iter().enumerate() {
        let name = name(*segment);
        let bytes = folder.read(&name).map_err(at(&name))?;
        let expected = numbers.first().map(|first| first.saturating_add(length(n)));
        if expected != Some(*segment) {
            return Err(reading.damaged(*segment, 0, "the segment before this one is missing"));
        }
        reading.segment(*segment, bytes, visit)?;
        (visit.progress)(Progress { segments: n + 1, of: numbers.len(), records: reading.records });
    }
    match numbers.first() {
        // Without its segments nobody knows which ids were given out (I-1).
        Some(first) if *first != 1 && reading.last.is_none() => {
            Err(reading.damaged(*first, 0, "the header is missing"))
        }
        _ => Ok(reading),
    }
}

/// The numbers of the segments in a folder, rising.
pub(crate) fn segments(folder: &dyn Folder) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = folder.list()?.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The first segment of all.
fn begin(folder: &dyn Folder, name: &str, size: u64, highest: MessageId) -> io::Result<Box<dyn StoredFile>> {
    let file = folder.create(name)?;
    reserve(&*file, 0, size)?;
    write_all(&*file, &Header { number: 1, highest }.encode(), 0)?;
    file.sync()?;
    folder.sync()?;
    Ok(file)
}

/// Takes room beforehand if there is some; without, writing shows how far it goes.
pub(crate) fn reserve(file: &dyn StoredFile, used: u64, size: u64) -> io::Result<()> {
    if used < size && file.reserve(size).is_err() {
        file.set_len(used)?;
    }
    Ok(())
}

/// Cuts what is torn, and makes durable what was read.
///
/// After a kill it may only be in the system's cache, and after a failed sync the cache may take it for
/// written although it is not: so what no later frame calls durable is written once more.
fn go_on(file: Box<dyn StoredFile>, last: &Last, size: u64) -> io::Result<Box<dyn StoredFile>> {
    let end = length(last.end);
    let from = usize::try_from(last.synced).unwrap_or(0).min(last.end);
    write_all(&*file, last.bytes.get(from..last.end).unwrap_or_default(), length(from))?;
    let zeros_follow = last.bytes.get(last.end..).unwrap_or_default().iter().all(|byte| *byte == 0);
    if !zeros_follow {
        file.set_len(end)?;
        file.sync()?;
    }
    reserve(&*file, end, size)?;
    file.sync()?;
    Ok(file)
}

pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Reading<'_> {
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
        let before = self.extent.map_or(header.highest, |extent| extent.highest);
        if header.number != number {
            return Err(self.damaged(number, 0, "the header belongs to another segment"));
        }
        if header.highest != before {
            return Err(self.damaged(
                number,
                0,
                "records are missing between this segment and the one before",
            ));
        }
        self.extent = self.extent.or(Some(Extent { highest: before, lost: before }));
        if let Some(last) = self.last.take() {
            let (number, keep) = (last.number, last.keep);
            self.sealed.push(Sealed { number, keep, since: Instant::now(), tail: None });
        }
        let last = self.frames(number, bytes, visit)?;
        self.last = Some(last);
        Ok(())
    }

    fn frames(&mut self, number: u64, bytes: Vec<u8>, visit: &mut Visit<'_>) -> Result<Last, RecoveryError> {
        let (mut at, mut keep, mut synced) = (HEADER, Keep::NOTHING, 0);
        while let Some(frame) = frame_at(&bytes, number, at) {
            let highest = self.extent.map_or(MessageId::ZERO, |extent| extent.highest);
            let content = bytes.get(frame.content.clone()).map(decode);
            let highest = match content {
                Some(Ok(Content::Post(record))) if record.first > highest => {
                    let last = record.last();
                    keep = keep.and(Keep::record(record.accepted, record.kept_until));
                    self.records += 1;
                    (visit.record)(record);
                    last
                }
                Some(Ok(Content::Mark(mark))) if mark >= highest => {
                    // It knows all that was given out.
                    self.reserved = MessageId::ZERO;
                    mark
                }
                Some(Ok(Content::Reserved(id))) => {
                    self.reserved = self.reserved.max(id);
                    highest
                }
                Some(Ok(Content::Lost(id))) => {
                    self.salvaged = self.salvaged.max(Some(id));
                    highest.max(id)
                }
                Some(Ok(_)) => return Err(self.damaged(number, length(at), "the ids fall")),
                Some(Err(_)) | None => {
                    return Err(self.damaged(number, length(at), "the record has another form"));
                }
            };
            if let Some(extent) = &mut self.extent {
                extent.highest = highest;
            }
            synced = frame.synced;
            at = frame.content.end;
        }
        match judge(&bytes, number, at) {
            End::Clean(_) => {}
            End::Torn(_) => self.tear(number, &bytes, at),
            End::Damaged(_) => {
                return Err(self.damaged(number, length(at), "the record is not as it was written"));
            }
        }
        Ok(Last { number, bytes, end: at, synced, keep })
    }

    fn tear(&mut self, number: u64, bytes: &[u8], at: usize) {
        self.torn = Some((number, length(at)));
        let rest = bytes.get(at..).unwrap_or_default();
        self.cut += length(rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    }
}
