//! What a log has beside the segment that is written, and what is to be done about it next.

use std::collections::VecDeque;

use super::kept::KeptFile;
use super::parts::Sealed;
use crate::model::{MessageId, Moment};

/// What is over in the kept file and not worth writing it anew; less where segments are short.
const SLACK: u64 = 1 << 20;

/// Segments that are complete, and what is kept of those before them.
pub(crate) struct Stock {
    /// The oldest first.
    pub(crate) sealed: VecDeque<Sealed>,
    pub(crate) kept: KeptFile,
    /// The generation before that of the kept file, and its bytes, while it is there.
    pub(crate) former: Option<(u64, u64)>,
    /// The segment that is written is of the format without kept files: there must be none yet.
    pub(crate) is_old: bool,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Nothing.
    Rest,
    /// The generation of the kept file before this one goes.
    Forget(u64),
    /// The oldest segment goes: nothing in it is needed, or it was carried.
    Remove(u64),
    /// There is no kept file yet.
    Begin,
    /// The oldest segment, of which nothing is needed, is to go: then this is the last sticky message that is lost.
    Settle(MessageId),
    /// What is promised in the oldest segment, of which so many bytes were written, is to be carried.
    Carry(u64, u64),
    /// The kept file is to be written anew.
    Renew,
}

impl Stock {
    pub(crate) fn new(sealed: Vec<Sealed>, kept: KeptFile, is_old: bool) -> Self {
        Self { sealed: sealed.into(), kept, former: None, is_old }
    }

    /// What is to be done next. Segments are so long; each task leads to another one until there is rest.
    pub(crate) fn next(&self, now: Moment, segment: u64) -> Task {
        if let Some((generation, _)) = self.former {
            // While it is there it is what counts.
            return Task::Forget(generation);
        }
        if let Some(oldest) = self.sealed.front() {
            let is_over = oldest.keep.is_over(now);
            if oldest.number < self.kept.settled.first || (self.is_old && is_over) {
                return Task::Remove(oldest.number);
            }
            if !self.is_old && self.pays(now) {
                let closes_kept = oldest.keep.retires && !self.kept.buses.is_empty();
                return match self.kept.is_there() {
                    false => Task::Begin,
                    true if is_over && !closes_kept => Task::Settle(oldest.keep.sticky()),
                    true => Task::Carry(oldest.number, oldest.used),
                };
            }
        }
        if self.kept.is_there() && self.kept.is_stale(now, (segment / 4).min(SLACK)) {
            Task::Renew
        } else {
            Task::Rest
        }
    }

    /// Whether some of the oldest segments can go, and at most as much is to be written for that as there is to
    /// remove: what lives is not carried around.
    fn pays(&self, now: Moment) -> bool {
        let (mut live, mut dead) = (0u64, 0u64);
        for sealed in &self.sealed {
            if !sealed.keep.is_plain_over(now) {
                return false;
            }
            let lives = sealed.keep.live(now);
            live = live.saturating_add(lives);
            dead = dead.saturating_add(sealed.used.saturating_sub(lives));
            if dead >= live {
                return true;
            }
        }
        false
    }

    /// The oldest segment is gone.
    pub(crate) fn removed(&mut self) {
        if let Some(gone) = self.sealed.pop_front()
            && !self.kept.is_there()
        {
            // Nobody has noted which sticky messages were in it: what comes after it says up to where they may have been.
            self.kept.settled.first = gone.number.saturating_add(1);
            self.kept.settled.lost_sticky = self.kept.settled.lost_sticky.max(gone.last);
        }
    }

    /// Bytes of all of it.
    pub(crate) fn bytes(&self) -> u64 {
        let kept = self.former.map_or(0, |(_, bytes)| bytes).saturating_add(self.kept.length);
        self.sealed.iter().fold(kept, |sum, sealed| sum.saturating_add(sealed.length))
    }

    /// When the oldest record of it was accepted, as a wall clock showed it.
    pub(crate) fn oldest(&self) -> Option<crate::model::Timestamp> {
        let sealed = || self.sealed.iter().find_map(|sealed| sealed.keep.oldest());
        self.kept.keep.oldest().or_else(sealed)
    }
}
