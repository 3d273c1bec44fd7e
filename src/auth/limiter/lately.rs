//! Who was wrong about whom lately: in two generations of a minute each, the older of which is forgotten as a whole.
//!
//! It is bounded: what does not fit is forgotten, and its address may draw on the name's reserve once more.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Subject;
use crate::address::Block;

/// A generation's time: a failure is remembered for one to two of them.
const GENERATION: Duration = Duration::from_mins(1);
/// Most failures of one generation; each takes some 10 bytes.
const FAILURES_MAX: usize = 65_536;

/// Pairs of address and name, as hashes that nobody can aim.
#[derive(Debug, Default)]
pub(super) struct Lately {
    began: Duration,
    current: HashSet<u64, RandomState>,
    previous: HashSet<u64, RandomState>,
    hasher: RandomState,
}

impl Lately {
    pub(super) fn insert(&mut self, address: Block, subject: &Subject, now: Duration) {
        let age = now.saturating_sub(self.began);
        if age >= GENERATION {
            self.previous = std::mem::take(&mut self.current);
            self.began = now;
        }
        if age >= GENERATION * 2 {
            self.previous.clear();
        }
        if self.current.len() < FAILURES_MAX {
            self.current.insert(self.hasher.hash_one((address, subject)));
        }
    }

    pub(super) fn contains(&self, address: Block, subject: &Subject, now: Duration) -> bool {
        let (age, hash) = (now.saturating_sub(self.began), self.hasher.hash_one((address, subject)));
        age < GENERATION * 2 && self.current.contains(&hash)
            || age < GENERATION && self.previous.contains(&hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_for_one_to_two_generations() {
        let (address, whose) = (Block::of([192, 0, 2, 1].into()), Subject::Nobody(1));
        let seconds = Duration::from_secs;
        let mut lately = Lately::default();
        lately.insert(address, &whose, seconds(30));
        for (then, known) in [(30, true), (119, true), (120, false)] {
            assert_eq!(lately.contains(address, &whose, seconds(then)), known, "{then}");
        }
        assert!(!lately.contains(address, &Subject::Nobody(2), seconds(30)));
        assert!(!lately.contains(Block::of([192, 0, 2, 2].into()), &whose, seconds(30)));
        // The next generation began in between.
        lately.insert(address, &Subject::Nobody(2), seconds(70));
        assert!(lately.contains(address, &whose, seconds(129)));
        assert!(!lately.contains(address, &whose, seconds(130)));
        lately.insert(address, &Subject::Nobody(3), seconds(1000));
        assert!(lately.previous.is_empty() || !lately.contains(address, &whose, seconds(1000)));
    }

    #[test]
    fn i_5_it_is_bounded() {
        let mut lately = Lately::default();
        for number in 0..=65_540 {
            lately.insert(Block::of([192, 0, 2, 1].into()), &Subject::Nobody(number), Duration::ZERO);
        }
        assert_eq!(lately.current.len(), FAILURES_MAX);
    }
}
