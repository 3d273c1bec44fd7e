//! Writes groups of records and makes them durable. One thread drives it; it knows no thread itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::bytes::TooLong;
use super::content::{Note, Stamp};
use super::file::{StoredFile, write_all};
use super::group::Group;
use super::history::History;
use super::keep::Keep;
use super::keeper::Keeper;
use super::parts::{Active, Limits, Sealed};
use super::refusal::{is_full, refusal};
use super::segment::{Broken, HEADER_LENGTH, Header, place, push_frame};
use crate::clock::Clock;
use crate::log::{LogError, Timeline};
use crate::model::MessageId;

/// How far ids are reserved ahead.
const AHEAD: Duration = Duration::from_secs(10);

/// The place where groups are written.
pub(crate) struct Writer {
    active: Active,
    /// What the frames that are written tell.
    history: History,
    /// A run has begun, and the note that says so is still to be written.
    begun: Option<Note>,
    /// Ids up to here are reserved, in this segment.
    reserved: MessageId,
    limits: Limits,
    keeper: Arc<Keeper>,
    /// The log's time, and what syncs are measured by. `None` for a log that is only copied.
    time: Option<(Timeline, Arc<dyn Clock>)>,
}

impl Writer {
    /// A writer that goes on behind what was read.
    pub(crate) fn new(active: Active, history: History, limits: Limits, keeper: Arc<Keeper>) -> Self {
        let reserved = MessageId::ZERO;
        Self { active, history, begun: None, reserved, limits, keeper, time: None }
    }

    /// A run has begun, which `note` says, and which the history knows. The note goes before all that the run writes.
    #[must_use]
    pub(crate) fn run(mut self, note: Note, timeline: Timeline, clock: Arc<dyn Clock>) -> Self {
        (self.begun, self.time) = (Some(note), Some((timeline, clock)));
        self.count();
        self
    }

    /// Writes that the run has begun, durably, unless that is written.
    pub(crate) fn announce(&mut self) -> Result<(), LogError> {
        if let Some(note) = &self.begun {
            if self.active.is_old {
                // What goes on in an old segment could be opened by a program that knows no kept files.
                return self.next_segment(&mut [], false);
            }
            let frame = encoded(note)?;
            self.write_note(frame)?;
            self.begun = None;
        }
        Ok(())
    }

    /// Whether that the run has begun is written.
    pub(crate) const fn is_announced(&self) -> bool {
        self.begun.is_none()
    }

    /// Sees to it that the ids of a group, which is told committed before it is synced, are never given out again
    /// (I-1): a power loss may take the group, and the clock may step back. One sync lasts for a while.
    pub(crate) fn reserve(&mut self, group: &Group) -> Result<(), LogError> {
        if let Some((last, _)) = group.last
            && last > self.reserved
        {
            self.announce()?;
            let up_to = last.later(AHEAD);
            self.note(&Note::Reserved(up_to))?;
            self.reserved = up_to;
        }
        Ok(())
    }

    /// Writes a group; durable once [`Writer::sync`] has been called.
    ///
    /// After [`LogError::Full`] nothing of it is left, also after a crash, and there may be another attempt.
    pub(crate) fn write(&mut self, group: &mut Group) -> Result<(), LogError> {
        self.announce()?;
        let length = length(&group.bytes)?;
        if !self.active.keep.is_nothing() && self.active.at.saturating_add(length) > self.limits.segment {
            self.next_segment(&mut group.bytes, false)?;
            self.active.keep = group.keep.clone();
        } else {
            let Active { number, file, at, synced, keep, .. } = &mut self.active;
            place(&mut group.bytes, *number, *at, *synced).map_err(broken)?;
            put(&**file, &group.bytes, *at)?;
            *at = at.checked_add(length).ok_or_else(|| broken(Broken))?;
            keep.and(group.keep.clone());
        }
        if let Some((last, at)) = group.last {
            self.history.records(last, at);
        }
        self.count();
        Ok(())
    }

    /// Ends the segment if it is ripe: what is over in it can go then, also from a log that takes nothing.
    /// Returns whether it was.
    pub(crate) fn roll(&mut self) -> Result<bool, LogError> {
        let keep = &self.active.keep;
        if let Some(now) = self.now().map(|now| now.moment)
            && keep.is_ripe(now, self.active.at)
        {
            let is_over = keep.is_over(now);
            self.next_segment(&mut [], is_over)?;
            self.count();
            return Ok(true);
        }
        Ok(false)
    }

    /// Begins the next segment, with these frames: nothing waits for a sync between its header and them.
    /// The one before it is `over` when nothing in it is needed any more.
    fn next_segment(&mut self, group: &mut [u8], over: bool) -> Result<(), LogError> {
        // A segment is only begun once the one before it is durable: that is how a torn end is told from damage.
        self.sync()?;
        let mut carried = match self.history.carried(self.now()) {
            Some(note) => encoded(&note)?,
            None => Vec::new(),
        };
        let whole = [length(&carried)?, length(group)?].into_iter().fold(HEADER_LENGTH, u64::saturating_add);
        let spare = self.keeper.take_spare(whole, over)?;
        let header = Header::new(spare.number, self.history.written());
        let mut bytes = header.encode().to_vec();
        place(&mut carried, spare.number, HEADER_LENGTH, 0).map_err(broken)?;
        bytes.append(&mut carried);
        place(group, spare.number, length(&bytes)?, 0).map_err(broken)?;
        bytes.extend_from_slice(group);
        if let Err(error) = put(&*spare.file, &bytes, 0) {
            if error == LogError::Full {
                self.keeper.give_back(spare);
            }
            return Err(error);
        }
        self.timed(|| spare.file.sync())?;
        let end = length(&bytes)?;
        let (number, file) = (spare.number, spare.file);
        let next = Active { number, is_old: false, file, at: end, synced: end, keep: Keep::NOTHING };
        let Active { number, file, at, keep, .. } = std::mem::replace(&mut self.active, next);
        // What was noted there goes with its segment, and this one may outlive that. It begins with the run.
        (self.reserved, self.begun) = (MessageId::ZERO, None);
        let length = at.max(self.limits.segment);
        let last = self.history.written();
        self.keeper.seal(Sealed { number, last, keep, used: at, length, tail: Some((file, at)) });
        Ok(())
    }

    fn now(&self) -> Option<Stamp> {
        self.time.as_ref().map(|(time, _)| Stamp { moment: time.now(), wall: time.wall() })
    }

    /// A sync, and how long it took.
    fn timed(&self, sync: impl FnOnce() -> io::Result<()>) -> Result<(), LogError> {
        let uptime = || self.time.as_ref().map(|(_, clock)| clock.uptime());
        let before = uptime();
        sync().map_err(|error| failed(&error))?;
        if let (Some(before), Some(after)) = (before, uptime()) {
            self.keeper.gauges.synced(after.saturating_sub(before));
        }
        Ok(())
    }

    fn count(&self) {
        let (bytes, oldest) = (self.active.at.max(self.limits.segment), self.active.keep.oldest());
        self.keeper.gauges.set(|numbers| (numbers.active, numbers.active_oldest) = (bytes, oldest));
    }

    /// Whether something is written that is not durable.
    pub(crate) fn is_dirty(&self) -> bool {
        self.active.synced < self.active.at
    }

    /// Makes what was written durable. It fails once and for all: a second sync may say that all is well
    /// although the data of the first are lost.
    pub(crate) fn sync(&mut self) -> Result<(), LogError> {
        debug_assert!(self.active.synced <= self.active.at, "what is durable was written");
        if self.is_dirty() {
            self.timed(|| self.active.file.sync())?;
            self.active.synced = self.active.at;
        }
        Ok(())
    }

    /// Leaves a log that says of itself that all of it is durable, and that ids up to `issued` were given out.
    pub(crate) fn close(&mut self, issued: MessageId) -> Result<(), LogError> {
        self.announce()?;
        match self.now() {
            Some(now) => self.note(&self.history.mark(issued, now)),
            None => self.sync(),
        }
    }

    /// Writes something that is no record, behind what is durable, durably.
    pub(crate) fn note(&mut self, note: &Note) -> Result<(), LogError> {
        let frame = encoded(note)?;
        self.write_note(frame)?;
        self.history.note(note).map_err(|_| broken(Broken))
    }

    fn write_note(&mut self, mut frame: Vec<u8>) -> Result<(), LogError> {
        self.sync()?;
        place(&mut frame, self.active.number, self.active.at, self.active.synced).map_err(broken)?;
        put(&*self.active.file, &frame, self.active.at)?;
        self.active.at = self.active.at.checked_add(length(&frame)?).ok_or_else(|| broken(Broken))?;
        self.sync()
    }
}

/// A note as a frame.
fn encoded(note: &Note) -> Result<Vec<u8>, LogError> {
    let mut frame = Vec::new();
    // A note is bounded: what does not fit is not what was to be written.
    push_frame(&mut frame, |into| note.encode(into)).map_err(|TooLong| broken(Broken))?;
    Ok(frame)
}

fn length(bytes: &[u8]) -> Result<u64, LogError> {
    u64::try_from(bytes.len()).map_err(|_| broken(Broken))
}

/// What was to be written is not what the format says: nothing is written any more.
fn broken(_: Broken) -> LogError {
    tracing::error!(
        "the log was to write what its format does not know; nothing is accepted until a restart"
    );
    LogError::Failed
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
