//! Copying what is whole in a damaged log into a new one.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::DiskSettings;
use super::file::{Folder, OsFolder};
use super::inspect::look;
use super::keeper::Keeper;
use super::open::{Keep, Progress, Visit, open, segments};
use super::segment::{Header, name};
use super::walk::{Found, walk};
use super::writer::{Group, Writer};
use crate::log::{LogError, Recovered, RecoveryError};
use crate::{Clock, MessageId, SystemClock};

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
/// [`RecoveryError::InUse`] when a server has the old log open; [`RecoveryError::Io`] when the old one cannot
/// be read, or the new one is not empty or cannot be written.
pub fn repair(from: &Path, to: &Path) -> Result<Salvaged, RecoveryError> {
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
        return Err(io(to)(io::ErrorKind::DirectoryNotEmpty.into()));
    }
    let _lock = new.lock().map_err(io(to))?;
    salvage(&old, Arc::new(new), DiskSettings::at(to).segment)
}

/// Where messages are missing.
struct Holes {
    /// The highest id that the log has spoken of so far.
    seen: MessageId,
    /// Something is missing here; the next record says up to which id.
    open: bool,
    /// The end of the last hole.
    lost: Option<MessageId>,
}

impl Holes {
    /// A segment begins, and before it this was the highest id.
    fn header(&mut self, highest: MessageId) {
        self.open |= highest != self.seen;
        self.mark(highest);
    }

    fn mark(&mut self, highest: MessageId) {
        self.seen = self.seen.max(highest);
    }

    fn lost(&mut self, id: MessageId) {
        self.lost = self.lost.max(Some(id));
        self.mark(id);
    }

    fn post(&mut self, record: &Recovered) {
        if std::mem::take(&mut self.open) {
            self.lost(MessageId::from_u64(record.first.as_u64().saturating_sub(1)));
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut highest = look(old, &old.path(""))?.highest.max(MessageId::first_at(clock.now()));
    // What went before the first segment had expired.
    let before = match numbers.first() {
        Some(first) => Header::decode(&read(&name(*first))?).map_or(MessageId::ZERO, |header| header.highest),
        None => MessageId::ZERO,
    };
    let mut nothing = (|_: Recovered| (), |_: Progress| ());
    let opened = open(&new, size, before, &mut Visit { record: &mut nothing.0, progress: &mut nothing.1 })?;
    let next = opened.active.number.saturating_add(1);
    let keeper = Arc::new(Keeper::new(new, clock, size, opened.sealed, next));
    let mut writer = Writer::new(opened.active, before, before, size, keeper);
    let mut holes = Holes { seen: before, open: false, lost: None };
    let (mut group, mut newest, mut records) = (Group::new(), before, 0);
    for number in numbers {
        let mut written = Ok(());
        walk(&read(&name(number))?, number, &mut |found| match found {
            Found::Header(highest) => holes.header(highest),
            Found::Hole(..) => holes.open = true,
            Found::Mark(highest) => holes.mark(highest),
            Found::Lost(id) => holes.lost(id),
            Found::Reserved(id) => highest = highest.max(id),
            // Ids have to rise, whatever was damaged.
            Found::Post(_, record) if record.first <= newest => holes.open = true,
            Found::Post(content, record) => {
                holes.post(&record);
                newest = record.last();
                let keep = Keep::record(record.accepted, record.kept_until);
                if written.is_ok() {
                    written = group.push_kept(content, newest, keep).map_err(|_| LogError::Full);
                    records += 1;
                }
                if written.is_ok() && group.len() >= GROUP {
                    written = flush(&mut writer, &mut group);
                }
            }
        });
        written.map_err(failed)?;
    }
    flush(&mut writer, &mut group).map_err(failed)?;
    let lost = holes.end(highest);
    if let Some(lost) = lost {
        writer.lose(lost).map_err(failed)?;
    }
    writer.raise(highest);
    writer.close().map_err(failed)?;
    Ok(Salvaged { records, lost })
}

fn flush(writer: &mut Writer, group: &mut Group) -> Result<(), LogError> {
    if !group.is_empty() {
        writer.write(group)?;
        writer.sync()?;
        group.settle(Ok(()));
    }
    Ok(())
}
