//! What is refused when more is asked than a thread can answer. Pure: how late the thread is and what time it is are arguments.
//!
//! A thread that is behind makes everybody wait, whoever asks. So it refuses a part of what comes, before anything is
//! read or looked up: first what writes, whose senders are servers that come again, then what reads. The part grows
//! while the thread is behind and shrinks when it is not. By itself no flood of writes makes a thread late: they take turns
//! ([`Turns`]), and are refused when these are too few. Who was refused is not listened to for a while
//! ([`Rests`]), nor are new connections of its address: otherwise the refusals themselves would keep the thread busy.

mod resting;
mod rests;
mod turns;

use std::time::Duration;

pub(super) use self::resting::Resting;
pub(super) use self::rests::Rests;
pub(super) use self::turns::Turns;
#[cfg(test)]
pub(super) use self::turns::{LONGEST as LONGEST_TURN, MOST as MOST_IN_A_TURN};

/// How often a thread that is asked something looks how late it is.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// How long a thread must be behind before it refuses anything: a large body is no overload.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a connection is not listened to after a refusal, at least; what `Retry-After` says.
pub(super) const REST: Duration = Duration::from_secs(1);

/// A thread that refuses something is behind already when it is half as late: who comes back is noticed sooner than who came.
/// But not below this: timers are no finer than a millisecond, and a thread that is in time would never be found in time.
const FINEST: Duration = Duration::from_millis(3);

/// All of one kind, in thousandths.
const ALL: u32 = 1_000;
/// What is refused at most: everything that writes, and nine tenths of what reads. The rest shows how it goes.
const MOST: u32 = ALL + 900;
/// By how much the refused part grows with each look that finds the thread behind.
const GROWTH: u32 = 100;
/// By how much it shrinks with each other look: what of reads is refused soon, what of writes by and by. While everything is
/// tried again there is a moment in which it is too much again, and readers wait in it: there should be few of these.
const DECLINE_OF_READS: u32 = 15;
const DECLINE_OF_WRITES: u32 = 5;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Write,
    Read,
}

/// How busy one thread is, and what it refuses for it.
#[derive(Debug, Default)]
pub(super) struct Load {
    behind_since: Option<Duration>,
    /// The refused part: up to [`ALL`] of what writes, beyond that of what reads.
    refused: u32,
    /// What of each kind was refused too little, in thousandths of a request.
    owed: [u32; 2],
}

impl Load {
    /// The thread came `late` to something at `now`; it may be `most` behind. Zero: as far as it likes.
    pub(super) fn observe(&mut self, late: Duration, most: Duration, now: Duration) {
        if most.is_zero() {
            *self = Self::default();
        } else if late >= self.tolerates(most) {
            let since = *self.behind_since.get_or_insert(now);
            if self.refused > 0 || now.saturating_sub(since) >= PATIENCE {
                self.grow(late);
            }
        } else {
            self.behind_since = None;
            let decline = if self.refused > ALL { DECLINE_OF_READS } else { DECLINE_OF_WRITES };
            self.refused = self.refused.saturating_sub(decline);
        }
    }

    /// How far it may be behind now, if it may be `most` behind at first.
    fn tolerates(&self, most: Duration) -> Duration {
        if self.refused == 0 { most } else { (most / 2).max(FINEST).min(most) }
    }

    /// A thread that is late looks seldom: it makes up for the looks that it missed. What reads is refused step by step all the
    /// same, for by then what writes is refused and that has yet to show.
    fn grow(&mut self, late: Duration) {
        let looks = u32::try_from(late.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX).max(1);
        self.refused = if self.refused < ALL {
            GROWTH.saturating_mul(looks).saturating_add(self.refused).min(ALL)
        } else {
            (self.refused + GROWTH).min(MOST)
        };
    }

    /// Nobody asked anything for a while.
    pub(super) fn rested(&mut self) {
        *self = Self::default();
    }

    /// Whether the next request of this kind is answered.
    pub(super) fn admits(&mut self, kind: Kind) -> bool {
        let (part, owed) = match kind {
            Kind::Write => (self.refused.min(ALL), &mut self.owed[0]),
            Kind::Read => (self.refused.saturating_sub(ALL), &mut self.owed[1]),
        };
        *owed += part;
        if *owed >= ALL {
            *owed -= ALL;
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests;
