//! Making a log that was read ready for the next record: what a crash has torn is cut off, what was read is made durable.

use std::io;
use std::sync::Arc;

use super::bytes::length;
use super::carry::{Undone, remove};
use super::file::{Folder, StoredFile, reserve, write_all};
use super::history::History;
use super::keep::Keep;
use super::kept::{self, KeptFile};
use super::parts::Active;
use super::read::{Last, Reading, Visit, read};
use super::segment::{HEADER_LENGTH, Header, name};
use super::stock::Stock;
use crate::log::RecoveryError;
use crate::model::MessageId;

/// A log that was read and is ready to be written.
pub(crate) struct Opened {
    pub(crate) history: History,
    /// Messages up to here may have existed and are not to be had.
    pub(crate) lost: MessageId,
    /// The same of sticky messages alone.
    pub(crate) lost_sticky: MessageId,
    pub(crate) active: Active,
    pub(crate) stock: Stock,
    pub(crate) records: u64,
    /// Torn bytes that were cut off.
    pub(crate) cut: u64,
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
        remove(&**folder, &name).map_err(Undone::into_error).map_err(at(&name))?;
    }
    for generation in reading.unused_kept.iter().rev() {
        let name = kept::name(*generation);
        remove(&**folder, &name).map_err(Undone::into_error).map_err(at(&name))?;
    }
    let (lost, lost_sticky) = (reading.lost(), reading.lost_sticky());
    let Reading { history, last, sealed, kept, kept_cut, records, cut, .. } = reading;
    let kept = kept.unwrap_or_else(|| KeptFile::none(1, fresh));
    if kept_cut > 0 {
        let name = kept::name(kept.generation);
        let file = folder.open(&name).map_err(at(&name))?;
        file.set_len(kept.length).and_then(|()| file.sync()).map_err(at(&name))?;
    }
    let (Some(segment), Some(history)) = (last, history) else {
        let name = name(1);
        let file = begin(&**folder, &name, size, fresh).map_err(at(&name))?;
        let (begin, keep) = (HEADER_LENGTH, Keep::NOTHING);
        let active = Active { number: 1, is_old: false, file, at: begin, synced: begin, keep };
        let (history, stock) = (History::after(fresh), Stock::new(sealed, kept, false));
        return Ok(Opened { history, lost: fresh, lost_sticky: fresh, active, stock, records, cut });
    };
    let name = name(segment.number);
    let file = folder.open(&name).and_then(|file| go_on(file, &segment, size)).map_err(at(&name))?;
    folder.sync().map_err(at(""))?;
    let end = length(segment.end);
    let Last { number, is_old, keep, .. } = segment;
    let active = Active { number, is_old, file, at: end, synced: end, keep };
    Ok(Opened { history, lost, lost_sticky, active, stock: Stock::new(sealed, kept, is_old), records, cut })
}

/// The first segment of all.
fn begin(folder: &dyn Folder, name: &str, size: u64, highest: MessageId) -> io::Result<Box<dyn StoredFile>> {
    let file = folder.create(name)?;
    reserve(&*file, 0, size)?;
    write_all(&*file, &Header::new(1, highest).encode(), 0)?;
    file.sync()?;
    folder.sync()?;
    Ok(file)
}

/// Cuts what is torn, and makes durable what was read.
///
/// After a kill it may only be in the system's cache, and after a failed sync the cache may take it for
/// written although it is not: so what no later frame calls durable is written once more.
fn go_on(file: Box<dyn StoredFile>, last: &Last, size: u64) -> io::Result<Box<dyn StoredFile>> {
    let end = length(last.end);
    // A frame can only speak of what lies before it; one that speaks of more vouches for nothing here.
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
