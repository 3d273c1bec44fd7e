//! Writes groups of records and makes them durable. One thread drives it; it knows no thread itself.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use super::file::{StoredFile, write_all};
use super::keeper::Keeper;
use super::open::{Active, Keep, Sealed};
use super::record::{TooLong, encode, lost, mark, reserved};
use super::segment::{HEADER, Header, place, push_frame};
use crate::log::{LogError, Notify, Outcome, Record};
use crate::{BusName, MessageId};

/// How far ids are reserved ahead.
const AHEAD: Duration = Duration::from_secs(10);

/// Records that are written together.
pub(crate) struct Group {
    bytes: Vec<u8>,
    last: MessageId,
    keep: Keep,
    waiting: HashMap<BusName, (Notify, MessageId), RandomState>,
}

impl Group {
    pub(crate) fn new() -> Self {
        let waiting = HashMap::default();
        Self { bytes: Vec::new(), last: MessageId::ZERO, keep: Keep::NOTHING, waiting }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn push(&mut self, record: &Record, notify: &Notify) -> Result<(), TooLong> {
        push_frame(&mut self.bytes, |into| encode(record, into)).map_err(|_| TooLong)?;
        self.last = record.last();
        self.keep = self.keep.and(Keep::record(record.accepted, record.kept_until));
        match self.waiting.get_mut(&record.bus) {
            Some((_, last)) => *last = self.last,
            None => _ = self.waiting.insert(record.bus.clone(), (notify.clone(), self.last)),
        }
        Ok(())
    }

    /// Adds the content of a record that another log has kept.
    pub(crate) fn push_kept(&mut self, content: &[u8], last: MessageId, keep: Keep) -> Result<(), TooLong> {
        let copied = push_frame(&mut self.bytes, |into| {
            into.extend_from_slice(content);
            Ok::<(), TooLong>(())
        });
        copied.map_err(|_| TooLong)?;
        (self.last, self.keep) = (last, self.keep.and(keep));
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Tells each bus what became of its records, and empties the group.
    pub(crate) fn settle(&mut self, outcome: Result<(), LogError>) {
        for (notify, last) in self.waiting.values() {
            notify.tell(match outcome {
                Ok(()) => Outcome::Durable(*last),
                Err(error) => Outcome::Refused { up_to: *last, error },
            });
        }
        self.waiting.clear();
        self.bytes.clear();
        // A burst must not be remembered for ever.
        self.bytes.shrink_to(1 << 20);
        self.keep = Keep::NOTHING;
    }
}

/// The place where groups are written.
pub(crate) struct Writer {
    active: Active,
    /// The highest id that is written.
    highest: MessageId,
    /// Ids up to here may have been given out before this start.
    floor: MessageId,
    /// Ids up to here are reserved.
    reserved: MessageId,
    size: u64,
    keeper: Arc<Keeper>,
}

/// Whether an error means that there is no room.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What a poster is told of an error, after which nothing of the attempt is left.
fn refusal(error: &io::Error) -> LogError {
    if is_full(error) {
        return LogError::Full;
    }
    tracing::error!(%error, "the log failed; nothing is accepted until a restart");
    LogError::Failed
}

impl Writer {
    /// A writer that goes on behind `highest`, the highest id that is written, with ids above `floor`.
    pub(crate) fn new(
        active: Active,
        highest: MessageId,
        floor: MessageId,
        size: u64,
        keeper: Arc<Keeper>,
    ) -> Self {
        Self { active, highest, floor, reserved: MessageId::ZERO, size, keeper }
    }

    /// Sees to it that the ids of a group, which is told durable before it is synced, are never given out again
    /// (I-1): a power loss may take the group, and the clock may step back. One sync lasts for a while.
    pub(crate) fn reserve(&mut self, group: &Group) -> Result<(), LogError> {
        if group.last > self.reserved {
            let up_to = group.last.later(AHEAD);
            self.note(&reserved(up_to))?;
            self.reserved = up_to;
        }
        Ok(())
    }

    /// Writes a group; durable once [`Writer::sync`] has been called.
    ///
    /// After [`LogError::Full`] nothing of it is left, also after a crash, and there may be another attempt.
    pub(crate) fn write(&mut self, group: &mut Group) -> Result<(), LogError> {
        let length = u64::try_from(group.bytes.len()).unwrap_or(u64::MAX);
        let start = u64::try_from(HEADER).unwrap_or(u64::MAX);
        if self.active.at > start && self.active.at.saturating_add(length) > self.size {
            self.write_in_next(group, start, length)?;
        } else {
            let Active { number, file, at, synced, keep } = &mut self.active;
            place(&mut group.bytes, *number, *at, *synced);
            put(&**file, &group.bytes, *at)?;
            *at = at.saturating_add(length);
            *keep = keep.and(group.keep);
        }
        self.highest = group.last.max(self.highest);
        Ok(())
    }

    /// The group goes into the next segment, together with its header: nothing waits for a sync in between.
    fn write_in_next(&mut self, group: &mut Group, start: u64, length: u64) -> Result<(), LogError> {
        // A segment is only begun once the one before it is durable: that is how a torn end is told from damage.
        self.sync()?;
        let spare = self.keeper.take_spare().map_err(|error| refusal(&error))?;
        place(&mut group.bytes, spare.number, start, 0);
        let header = Header { number: spare.number, highest: self.highest };
        let bytes = [&header.encode()[..], &group.bytes].concat();
        if let Err(error) = put(&*spare.file, &bytes, 0) {
            if error == LogError::Full {
                self.keeper.give_back(spare);
            }
            return Err(error);
        }
        spare.file.sync().map_err(|error| failed(&error))?;
        let end = start.saturating_add(length);
        let next = Active { number: spare.number, file: spare.file, at: end, synced: end, keep: group.keep };
        let Active { number, file, at, keep, .. } = std::mem::replace(&mut self.active, next);
        // The reservation goes with its segment, and this one may outlive that.
        self.reserved = MessageId::ZERO;
        self.keeper.seal(Sealed { number, keep, since: Instant::now(), tail: Some((file, at)) });
        Ok(())
    }

    /// Whether something is written that is not durable.
    pub(crate) fn is_dirty(&self) -> bool {
        self.active.synced < self.active.at
    }

    /// Makes what was written durable. It fails once and for all: a second sync may say that all is well
    /// although the data of the first are lost.
    pub(crate) fn sync(&mut self) -> Result<(), LogError> {
        if self.is_dirty() {
            self.active.file.sync().map_err(|error| failed(&error))?;
            self.active.synced = self.active.at;
        }
        Ok(())
    }

    /// Ids up to this one may have been given out.
    pub(crate) fn raise(&mut self, highest: MessageId) {
        self.highest = self.highest.max(highest);
    }

    /// Notes that messages up to this one may be missing among the records.
    pub(crate) fn lose(&mut self, up_to: MessageId) -> Result<(), LogError> {
        self.note(&lost(up_to))
    }

    /// Leaves a log that says of itself that all of it is durable.
    pub(crate) fn close(&mut self) -> Result<(), LogError> {
        self.note(&mark(self.highest.max(self.floor)))
    }

    /// Writes something that is no record, behind what is durable, durably.
    fn note(&mut self, content: &[u8]) -> Result<(), LogError> {
        self.sync()?;
        let mut group = Group::new();
        let pushed = push_frame(&mut group.bytes, |into| {
            into.extend_from_slice(content);
            Ok::<(), TooLong>(())
        });
        // It is a few bytes long, never too long for a frame.
        if pushed.is_err() {
            return Ok(());
        }
        place(&mut group.bytes, self.active.number, self.active.at, self.active.synced);
        put(&*self.active.file, &group.bytes, self.active.at)?;
        self.active.at = self.active.at.saturating_add(u64::try_from(group.bytes.len()).unwrap_or(u64::MAX));
        self.sync()
    }
}

fn failed(error: &io::Error) -> LogError {
    tracing::error!(%error, "a sync of the log failed; nothing is accepted until a restart");
    LogError::Failed
}

/// Writes all of it, or nothing when there is no room (I-2): a refused POST must not come back after a crash.
fn put(file: &dyn StoredFile, bytes: &[u8], at: u64) -> Result<(), LogError> {
    let Err(error) = write_all(file, bytes, at) else { return Ok(()) };
    if is_full(&error) {
        file.set_len(at).and_then(|()| file.sync()).map_err(|error| failed(&error))?;
    }
    Err(refusal(&error))
}
