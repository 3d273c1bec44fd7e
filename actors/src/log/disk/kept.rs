//! Pure: the kept file. It holds what was promised in segments that are gone, for as long as that lives.
//!
//! ```text
//! kept file = header, groups
//! group     = frames of POSTs and of buses that were closed, in the order of their ids; a note that settles it
//! ```
//!
//! Header and frames are those of a segment, whose number is the file's generation with its highest bit set. All ids in the
//! file are below those in the segments that are there, so it is read before them, and ids rise (I-1).
//!
//! **Segments become groups.** When all that lives of the oldest segment was promised, that is appended here as one group, and
//! made durable; then the segment is removed. The note at the group's end names the first segment that the file does
//! not stand for. While a segment is there a group that speaks for it counts for nothing, and a start cuts it off: the crash came
//! between the two, and what it says is in the segment. And when the first segment is a later one than the last
//! whole group names, something that was promised is missing, which is damage.
//!
//! **Generations.** When more of the file is over than lives, the next generation is written: one group with
//! what lives. It is made durable, then the one before it is removed, durably, and only then anything else happens. So while an older
//! generation is there, it is whole and says all that a later one does: the oldest counts. Only the first one begins
//! empty, while all segments are there: it alone may be found torn, and is nothing then.
//!
//! **Which bus.** That a bus was closed is carried along with what the file has of that bus; the next generation leaves both out.

pub(super) mod read;

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::bytes::{TooLong, length};
use super::content::{Content, Note, Settled, encode};
use super::keep::Keep;
use super::segment::{Broken, HEADER, HEADER_LENGTH, Header, place, push_frame};
use super::walk::Frames;
use crate::log::{Incarnation, Record};
use crate::model::{BusName, MessageId, Moment};

/// Digits in the name of a kept file.
const DIGITS: usize = 16;
const SUFFIX: &str = ".kept";
/// What tells the frames of a kept file from those of a segment.
const OWNER: u64 = 1 << 63;

/// The name of the kept file of this generation.
pub(crate) fn name(generation: u64) -> String {
    format!("{generation:0DIGITS$}{SUFFIX}")
}

/// The generation of the kept file with this name, if it is one.
pub(crate) fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX).filter(|digits| digits.len() == DIGITS)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The number that its header and its frames are bound to.
pub(crate) const fn owner(generation: u64) -> u64 {
    generation | OWNER
}

/// What is known of the kept file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptFile {
    /// 0: there is none.
    pub(crate) generation: u64,
    /// Its bytes, all of them durable.
    pub(crate) length: u64,
    /// What it says of the segments before those that are there.
    pub(crate) settled: Settled,
    /// Of its records.
    pub(crate) keep: Keep,
    /// The buses that it has records of.
    pub(crate) buses: HashSet<BusName, RandomState>,
}

impl KeptFile {
    /// There is none, and nothing is known of sticky messages up to an id, before the segment `first`.
    pub(crate) fn none(first: u64, lost_sticky: MessageId) -> Self {
        let settled = Settled { first, lost_sticky };
        Self { generation: 0, length: 0, settled, keep: Keep::NOTHING, buses: HashSet::default() }
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.generation > 0
    }

    /// So much of it is over that it is to be written anew; `slack` bytes more do not matter.
    pub(crate) fn is_stale(&self, now: Moment, slack: u64) -> bool {
        let live = self.keep.live(now);
        let dead = self.length.saturating_sub(HEADER_LENGTH).saturating_sub(live);
        dead > live.saturating_add(slack)
    }

    /// A group was written behind what is there.
    pub(crate) fn grow(&mut self, group: Group) {
        self.length = self.length.saturating_add(length(group.bytes.len()));
        self.settled = group.settled;
        self.keep.and(group.keep);
        self.buses.extend(group.buses);
    }
}

/// What is to be written at once.
pub(crate) struct Group {
    /// Frames that have no place yet.
    pub(crate) bytes: Vec<u8>,
    pub(crate) settled: Settled,
    pub(crate) keep: Keep,
    pub(crate) buses: HashSet<BusName, RandomState>,
}

/// What was read is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not as it was written")]
pub(crate) struct NotAsWritten;

impl From<TooLong> for NotAsWritten {
    fn from(_: TooLong) -> Self {
        Self
    }
}

impl Group {
    /// Nothing but the note.
    pub(crate) fn settling(settled: Settled) -> Result<Self, TooLong> {
        let mut group = Self::begun(settled);
        group.settle()?;
        Ok(group)
    }

    /// These frames, which another log had.
    pub(crate) fn copied(frames: Vec<u8>, settled: Settled) -> Result<Self, TooLong> {
        let mut group = Self { bytes: frames, ..Self::begun(settled) };
        group.settle()?;
        Ok(group)
    }

    /// What is promised and lives in a file of which `end` bytes were written, and that buses were closed which are in `kept`.
    /// The last sticky message that is left out is lost; `settled` says what else is.
    pub(crate) fn of(
        file: (&[u8], u64),
        end: u64,
        now: Moment,
        kept: &HashSet<BusName, RandomState>,
        settled: Settled,
    ) -> Result<Self, NotAsWritten> {
        let closed = closed(file, end)?;
        let mut group = Self::begun(settled);
        for frame in Frames::of(file.0, file.1, HEADER) {
            match frame.content.map_err(|_| NotAsWritten)? {
                Content::Post(record) => {
                    // Somebody had the name before.
                    let former = closed.get(&record.bus).is_some_and(|next| record.incarnation < *next);
                    group.carry(&record, |until| !former && until > now)?;
                }
                Content::Note(note @ Note::Retired { .. }) => {
                    if let Note::Retired { bus, .. } = &note
                        && kept.contains(bus)
                    {
                        push_frame(&mut group.bytes, |into| note.encode(into))?;
                        group.keep.retires = true;
                    }
                }
                Content::Note(_) => {}
            }
        }
        group.settle()?;
        Ok(group)
    }

    fn begun(settled: Settled) -> Self {
        Self { bytes: Vec::new(), settled, keep: Keep::NOTHING, buses: HashSet::default() }
    }

    fn carry(&mut self, record: &Record, lives: impl Fn(Moment) -> bool) -> Result<(), TooLong> {
        let is_carried = |until, any: bool| any && lives(until);
        for (id, item) in record.numbered() {
            if item.promise.sticky && !lives(item.until) {
                self.settled.lost_sticky = self.settled.lost_sticky.max(id);
            }
        }
        for part in record.parts(|item| is_carried(item.until, item.promise.is_any())) {
            push_frame(&mut self.bytes, |into| encode(&part, into))?;
            self.keep.add(&part);
            if !self.buses.contains(&part.bus) {
                self.buses.insert(part.bus.clone());
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), TooLong> {
        push_frame(&mut self.bytes, |into| Note::Settled(self.settled).encode(into))
    }

    /// A new file of this generation that begins with the group, as bytes, and what is known of it then.
    pub(crate) fn into_file(mut self, generation: u64) -> Result<(Vec<u8>, KeptFile), Broken> {
        place(&mut self.bytes, owner(generation), HEADER_LENGTH, 0)?;
        let header = Header::new(owner(generation), MessageId::ZERO);
        let bytes = [&header.encode()[..], &self.bytes].concat();
        let Self { settled, keep, buses, .. } = self;
        let file = KeptFile { generation, length: length(bytes.len()), settled, keep, buses };
        Ok((bytes, file))
    }
}

/// Buses that a file says were closed, and what they are since. Also whether all that was written can be read.
fn closed(
    (bytes, owner): (&[u8], u64),
    end: u64,
) -> Result<HashMap<BusName, Incarnation, RandomState>, NotAsWritten> {
    let mut closed: HashMap<BusName, Incarnation, RandomState> = HashMap::default();
    let mut frames = Frames::of(bytes, owner, HEADER);
    for frame in frames.by_ref() {
        if let Content::Note(Note::Retired { bus, next }) = frame.content.map_err(|_| NotAsWritten)? {
            let known = closed.entry(bus).or_insert(next);
            *known = next.max(*known);
        }
    }
    if length(frames.end()) == end { Ok(closed) } else { Err(NotAsWritten) }
}

#[cfg(test)]
mod tests;
