//! Copying what is whole in a damaged log into a new one.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::DiskSettings;
use super::bytes::TooLong;
use super::carry::{Undone, begin};
use super::content::{Content, Note, Settled};
use super::file::Folder;
use super::folder::OsFolder;
use super::group::Group;
use super::inspect::look;
use super::keeper::Keeper;
use super::kept;
use super::kept::read::generations;
use super::open::open;
use super::parts::Limits;
use super::read::{Progress, Visit, segments};
use super::rescue::{Behind, Rescued, rescue};
use super::segment::{Header, NoHeader, name};
use super::walk::{Found, Whole, walk};
use super::writer::Writer;
use crate::clock::{Clock, SystemClock};
use crate::log::{Kept, LogError, Record, RecoveryError};
use crate::model::MessageId;

/// Bytes that are salvaged between two syncs.
const GROUP: usize = 4 << 20;

/// What a salvage saved, and what not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// Records that were copied.
    pub records: u64,
    /// Messages up to this id may be missing among them. A server that starts from the new log tells readers
    /// who come from below it of a gap (RET-4).
    pub lost: Option<MessageId>,
}

/// Copies every whole record of the log in `from` into a new log in `to`, which must be empty or not there.
/// The old one is not changed.
///
/// # Errors
///
/// [`RecoveryError::InUse`] when a server has the old log open; [`RecoveryError::NotPrivate`] when others may
/// change the new one; [`RecoveryError::Io`] when the old one cannot be read, or the new one is not empty or cannot be
/// written.
pub fn repair(from: &Path, to: &Path) -> Result<Salvaged, RecoveryError> {
    let old = OsFolder::existing(from)?;
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| RecoveryError::Io { path, error }
    };
    if old.is_locked() {
        return Err(RecoveryError::InUse { path: from.to_owned() });
    }
    let new = OsFolder::create(to)?;
    if !new.list().map_err(io(to))?.is_empty() {
        return Err(io(to)(io::ErrorKind::DirectoryNotEmpty.into()));
    }
    let _lock = new.lock().map_err(io(to))?;
    salvage(&old, Arc::new(new), DiskSettings::at(to).segment)
}

/// Where messages are missing.
struct Holes {
    /// The highest id that the log has spoken of so far.
    seen: MessageId,
    /// There was something that this program does not know, and that may have named ids.
    unknown: bool,
    /// Something is missing here; the next record says up to which id.
    open: bool,
    /// The end of the last hole.
    lost: Option<MessageId>,
}

impl Holes {
    /// A segment begins, and before it this was the highest id.
    fn header(&mut self, highest: MessageId) {
        self.open |= highest != self.seen && !std::mem::take(&mut self.unknown);
        self.mark(highest);
    }

    fn mark(&mut self, highest: MessageId) {
        self.seen = self.seen.max(highest);
    }

    fn lost(&mut self, id: MessageId) {
        self.lost = self.lost.max(Some(id));
        self.mark(id);
    }

    fn post(&mut self, record: &Record) {
        if std::mem::take(&mut self.open) {
            self.lost(MessageId::from_u64(record.first().as_u64().saturating_sub(1)));
        }
        self.mark(record.last());
    }

    fn end(mut self, highest: MessageId) -> Option<MessageId> {
        if self.open {
            self.lost(highest);
        }
        self.lost
    }
}

/// Segments of the new log have `size` bytes.
pub(super) fn salvage(old: &dyn Folder, new: Arc<dyn Folder>, size: u64) -> Result<Salvaged, RecoveryError> {
    let path = new.path("");
    let failed = |error: LogError| RecoveryError::Io { path: path.clone(), error: io::Error::other(error) };
    let read = |name: &str| old.read(name).map_err(|error| RecoveryError::Io { path: old.path(name), error });
    let numbers = segments(old).map_err(|error| RecoveryError::Io { path: old.path(""), error })?;
    let highest = look(old, &old.path(""))?.highest.max(MessageId::first_at(SystemClock.wall()));
    // What went before the first segment had expired, or was promised and is kept.
    let (rescued, before) = rescued(old, numbers.first().copied(), &read)?;
    let mut nothing = (|_: Kept| (), |_: Progress| ());
    let opened = open(&new, size, before, &mut Visit { kept: &mut nothing.0, progress: &mut nothing.1 })?;
    let lost = if rescued.has_holes { Some(before) } else { None };
    if !rescued.frames.is_empty() || !rescued.has_holes && rescued.lost_sticky < before {
        let settled = Settled { first: 1, lost_sticky: lost.unwrap_or(rescued.lost_sticky) };
        let whole = kept::Group::copied(rescued.frames, settled).map_err(Undone::from);
        // Not the first one, which may be found torn.
        whole.and_then(|group| begin(&*new, 2, group)).map_err(|undone| {
            let error = undone.into_error();
            RecoveryError::Io { path: new.path(&kept::name(2)), error }
        })?;
    }
    let next = opened.active.number.saturating_add(1);
    let limits = Limits { segment: size, max: None };
    let keeper = Arc::new(Keeper::new(new, None, limits, opened.stock, next));
    let mut copy = Copy {
        writer: Writer::new(opened.active, opened.history, limits, keeper),
        group: Group::new(),
        holes: Holes { seen: before, unknown: false, open: false, lost },
        newest: before,
        highest,
        records: rescued.records,
    };
    for number in numbers {
        let mut copied = Ok(());
        walk(&read(&name(number))?, number, &mut |found| {
            if copied.is_ok() {
                copied = copy.found(&found);
            }
        });
        copied.map_err(failed)?;
    }
    copy.end().map_err(failed)
}

/// What can be copied of what an old log keeps of segments that are gone, and the highest id before the first one that
/// is there.
fn rescued(
    old: &dyn Folder,
    first: Option<u64>,
    read: &dyn Fn(&str) -> Result<Vec<u8>, RecoveryError>,
) -> Result<(Rescued, MessageId), RecoveryError> {
    let number = first.unwrap_or(u64::MAX);
    let header = match first {
        Some(number) => Header::decode(&read(&name(number))?),
        None => Err(NoHeader::Missing),
    };
    let highest = header.map(|header| header.highest);
    let before = highest.unwrap_or(MessageId::ZERO);
    let io = |error| RecoveryError::Io { path: old.path(""), error };
    let Some(generation) = generations(old).map_err(io)?.first().copied() else {
        let may_be_none = number == 1 || first.is_none() || header.is_ok_and(|header| header.is_old());
        return Ok((Rescued::nothing(!may_be_none, before), before));
    };
    let name = kept::name(generation);
    let rescued = rescue(&read(&name)?, generation, Behind { number, highest }).map_err(|TooLong| {
        let error = io::ErrorKind::InvalidData.into();
        RecoveryError::Io { path: old.path(&name), error }
    })?;
    let before = before.max(rescued.newest);
    Ok((rescued, before))
}

/// What was copied so far.
struct Copy {
    writer: Writer,
    group: Group,
    holes: Holes,
    /// The highest id that the new log names.
    newest: MessageId,
    /// Ids up to here may have been given out.
    highest: MessageId,
    records: u64,
}

impl Copy {
    fn found(&mut self, found: &Found<'_>) -> Result<(), LogError> {
        match found {
            Found::Header(highest) => self.holes.header(*highest),
            Found::Hole(..) => self.holes.open = true,
            Found::Frame(Whole { bytes, content, .. }) => match content {
                Ok(Content::Post(record)) => self.post(bytes, record)?,
                Ok(Content::Note(note)) => self.note(note)?,
                Err(_) => {
                    // What it means, a newer program knows.
                    self.holes.unknown = true;
                    self.kept(bytes, None)?;
                }
            },
        }
        Ok(())
    }

    fn post(&mut self, bytes: &[u8], record: &Record) -> Result<(), LogError> {
        if record.first() <= self.newest {
            // Ids have to rise, whatever was damaged.
            self.holes.open = true;
            return Ok(());
        }
        self.holes.post(record);
        self.newest = record.last();
        self.records += 1;
        self.kept(bytes, Some(record))
    }

    fn kept(&mut self, bytes: &[u8], record: Option<&Record>) -> Result<(), LogError> {
        self.group.push_kept(bytes, record).map_err(|_| LogError::TooLong)?;
        if self.group.len() >= GROUP { self.flush() } else { Ok(()) }
    }

    fn note(&mut self, note: &Note) -> Result<(), LogError> {
        match note {
            Note::Mark { highest, .. } => {
                self.holes.mark(*highest);
                if *highest < self.newest {
                    return Ok(());
                }
                self.newest = *highest;
            }
            Note::Lost(id) => {
                // The end of the copy says it again.
                self.holes.lost(*id);
                return Ok(());
            }
            Note::Reserved(id) => {
                self.highest = self.highest.max(*id);
                return Ok(());
            }
            // What it speaks of is not beside the new log.
            Note::Settled(_) => return Ok(()),
            Note::Run(_) | Note::Carried { .. } | Note::Retired { .. } => {}
        }
        self.flush()?;
        self.writer.note(note)
    }

    fn flush(&mut self) -> Result<(), LogError> {
        if !self.group.is_empty() {
            self.writer.write(&mut self.group)?;
            self.writer.sync()?;
            // Nobody waits for it.
            _ = self.group.settle(Ok(()));
        }
        Ok(())
    }

    fn end(mut self) -> Result<Salvaged, LogError> {
        self.flush()?;
        let lost = self.holes.end(self.highest);
        if let Some(lost) = lost {
            self.writer.note(&Note::Lost(lost))?;
        }
        // No mark: it would vouch for the end of the last run, which may be what is missing.
        self.writer.note(&Note::Reserved(self.highest))?;
        Ok(Salvaged { records: self.records, lost })
    }
}
