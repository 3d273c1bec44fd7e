//! Pure: what a frame holds, as bytes and back. Beside POSTs these are notes that a log makes for itself.
//!
//! ```text
//! content  = kind (1) fields
//! mark     = highest (8) stamp          stamp  = moment (8) wall (8)
//! lost     = up to (8)
//! reserved = up to (8)
//! run      = start                      start  = epoch (8) from (8) moment (8) uptime (8) boot wall (8)
//! carried  = count (4) runs start stamp run    = epoch (8) from (8) up to (8)
//! retired  = bus next (8)               boot   = 0 (1) | 1 (1) number (16)
//! settled  = first (8) lost sticky (8)
//! ```
//!
//! What a POST looks like is written in `record`.

use std::time::Duration;

use super::bytes::{Malformed, Reader, TooLong, push_length, push_short, push_u64};
use super::record;
use crate::clock::Boot;
use crate::log::{Anchor, Incarnation, Record, Run};
use crate::model::{BusName, Epoch, MessageId, Moment, Timestamp};

/// A moment of the log, and what a wall clock showed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) moment: Moment,
    pub(crate) wall: Timestamp,
}

/// How a run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) epoch: Epoch,
    /// Its ids are above this one.
    pub(crate) from: MessageId,
    pub(crate) anchor: Anchor,
}

impl Settled {
    /// The same when one segment more is stood for, and sticky messages up to this one are lost.
    pub(crate) fn past(self, sticky: MessageId) -> Self {
        Self { first: self.first.saturating_add(1), lost_sticky: self.lost_sticky.max(sticky) }
    }
}

/// What a log says beside POSTs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// All is durable, and ids up to this one may have been given out: an end in order.
    Mark { highest: MessageId, at: Stamp },
    /// Messages up to this one may be missing among the records: the log was salvaged from a damaged one.
    Lost(MessageId),
    /// Ids up to this one may have been given out before their records were durable.
    Reserved(MessageId),
    /// A run begins.
    Run(Start),
    /// What the segments before this one know and later ones must not forget with them.
    Carried { past: Vec<Run>, run: Start, at: Stamp },
    /// A bus was closed for good.
    Retired { bus: BusName, next: Incarnation },
    /// In a kept file: what comes before this is whole.
    Settled(Settled),
}

/// What a kept file says of what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    /// The number of the first segment that it does not stand for.
    pub(crate) first: u64,
    /// Sticky messages up to this one may have been in the segments before that, and are not to be had any more.
    pub(crate) lost_sticky: MessageId,
}

/// What a frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A POST.
    Post(Record),
    /// Something else.
    Note(Note),
}

/// Why the content of a whole frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// No program has written that.
    Malformed,
    /// A newer program has.
    Newer(&'static str),
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Of the time before posters had shares: it is read, and not written any more.
const OLD_POST: u8 = 1;
const MARK: u8 = 2;
const LOST: u8 = 3;
const RESERVED: u8 = 4;
const RUN: u8 = 5;
const CARRIED: u8 = 6;
const RETIRED: u8 = 7;
const POST: u8 = 8;
const SETTLED: u8 = 9;

/// Appends a POST to `into`; what it appended before it failed is to be cut off again.
pub(crate) fn encode(record: &Record, into: &mut Vec<u8>) -> Result<(), TooLong> {
    into.push(POST);
    record::encode(record, into)
}

impl Note {
    /// Appends the note to `into`; what it appended before it failed is to be cut off again.
    pub(crate) fn encode(&self, into: &mut Vec<u8>) -> Result<(), TooLong> {
        match self {
            Self::Mark { highest, at } => {
                id(MARK, *highest, into);
                at.encode(into);
            }
            Self::Lost(up_to) => id(LOST, *up_to, into),
            Self::Reserved(up_to) => id(RESERVED, *up_to, into),
            Self::Run(start) => {
                into.push(RUN);
                start.encode(into)?;
            }
            Self::Carried { past, run, at } => {
                into.push(CARRIED);
                push_length(past.len(), into)?;
                for Run { epoch, from, up_to } in past {
                    for number in [epoch.as_u64(), from.as_u64(), up_to.as_u64()] {
                        push_u64(number, into);
                    }
                }
                run.encode(into)?;
                at.encode(into);
            }
            Self::Retired { bus, next } => {
                into.push(RETIRED);
                push_short(bus.as_str(), into)?;
                push_u64(next.0.as_u64(), into);
            }
            Self::Settled(Settled { first, lost_sticky }) => {
                into.push(SETTLED);
                push_u64(*first, into);
                push_u64(lost_sticky.as_u64(), into);
            }
        }
        Ok(())
    }
}

fn id(kind: u8, id: MessageId, into: &mut Vec<u8>) {
    into.push(kind);
    push_u64(id.as_u64(), into);
}

impl Stamp {
    fn encode(self, into: &mut Vec<u8>) {
        push_u64(self.moment.as_millis(), into);
        push_u64(self.wall.as_millis(), into);
    }

    fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let moment = Moment::from_millis(bytes.u64()?);
        Ok(Self { moment, wall: Timestamp::from_millis(bytes.u64()?) })
    }
}

impl Start {
    fn encode(self, into: &mut Vec<u8>) -> Result<(), TooLong> {
        let Self { epoch, from, anchor: Anchor { moment, uptime, boot, wall } } = self;
        let uptime = u64::try_from(uptime.as_millis()).map_err(|_| TooLong)?;
        for number in [epoch.as_u64(), from.as_u64(), moment.as_millis(), uptime] {
            push_u64(number, into);
        }
        match boot {
            None => into.push(0),
            Some(boot) => {
                into.push(1);
                into.extend_from_slice(&boot.as_u128().to_le_bytes());
            }
        }
        push_u64(wall.as_millis(), into);
        Ok(())
    }

    fn decode(bytes: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let (epoch, from) = (Epoch::from_u64(bytes.u64()?), MessageId::from_u64(bytes.u64()?));
        let (moment, uptime) = (Moment::from_millis(bytes.u64()?), Duration::from_millis(bytes.u64()?));
        let boot = match bytes.u8()? {
            0 => None,
            1 => Some(Boot::from_u128(bytes.u128()?)),
            _ => return Err(Unreadable::Newer("an unknown kind of boot")),
        };
        let wall = Timestamp::from_millis(bytes.u64()?);
        Ok(Self { epoch, from, anchor: Anchor { moment, uptime, boot, wall } })
    }
}

/// Reads what a frame holds. All its bytes are to be used up: what follows is a newer program's.
pub(crate) fn decode(bytes: &[u8]) -> Result<Content, Unreadable> {
    let mut rest = Reader(bytes);
    let content = content(&mut rest)?;
    if rest.0.is_empty() {
        Ok(content)
    } else {
        Err(Unreadable::Newer("something follows that is not known"))
    }
}

fn content(rest: &mut Reader<'_>) -> Result<Content, Unreadable> {
    let note = match rest.u8()? {
        POST => return record::decode(rest, record::Names::Poster).map(Content::Post),
        OLD_POST => return record::decode(rest, record::Names::KeyOwner).map(Content::Post),
        MARK => Note::Mark { highest: MessageId::from_u64(rest.u64()?), at: Stamp::decode(rest)? },
        LOST => Note::Lost(MessageId::from_u64(rest.u64()?)),
        RESERVED => Note::Reserved(MessageId::from_u64(rest.u64()?)),
        RUN => Note::Run(Start::decode(rest)?),
        CARRIED => {
            let past = runs(rest)?;
            Note::Carried { past, run: Start::decode(rest)?, at: Stamp::decode(rest)? }
        }
        RETIRED => {
            let bus = BusName::recovered(rest.short()?);
            Note::Retired { bus, next: Incarnation(MessageId::from_u64(rest.u64()?)) }
        }
        SETTLED => {
            Note::Settled(Settled { first: rest.u64()?, lost_sticky: MessageId::from_u64(rest.u64()?) })
        }
        _ => return Err(Unreadable::Newer("an unknown kind of record")),
    };
    Ok(Content::Note(note))
}

/// The note that settles what is before it in a kept file, if a frame holds one. Other contents are not looked at.
pub(crate) fn settled(bytes: &[u8]) -> Option<Settled> {
    if bytes.first() != Some(&SETTLED) {
        return None;
    }
    match decode(bytes) {
        Ok(Content::Note(Note::Settled(settled))) => Some(settled),
        _ => None,
    }
}

fn runs(rest: &mut Reader<'_>) -> Result<Vec<Run>, Malformed> {
    let count = rest.length()?;
    // The count is only believed as far as there are bytes: each run takes 24.
    let mut runs = Vec::with_capacity(count.min(rest.0.len() / 24));
    for _ in 0..count {
        let epoch = Epoch::from_u64(rest.u64()?);
        let [from, up_to] = [rest.u64()?, rest.u64()?].map(MessageId::from_u64);
        runs.push(Run { epoch, from, up_to });
    }
    Ok(runs)
}

#[cfg(test)]
mod tests;
