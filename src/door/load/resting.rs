//! Addresses that were refused lately. Pure.

use std::collections::HashSet;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::REST;
use crate::address::Block;

/// Most addresses that are remembered in the time of one rest (I-5). Further ones are refused by each of their requests.
const MOST: usize = 65_536;

/// Who is not listened to. Each stays for the time of a rest at least, and for two at most.
#[derive(Debug, Default)]
pub(in crate::door) struct Resting {
    newer: HashSet<Block, RandomState>,
    older: HashSet<Block, RandomState>,
    /// When the newer ones began to be gathered.
    since: Duration,
}

impl Resting {
    /// This address was refused.
    pub(in crate::door) fn note(&mut self, block: Block, now: Duration) {
        self.turn(now);
        if self.newer.len() < MOST {
            self.newer.insert(block);
        }
    }

    /// Whether it was refused lately.
    pub(in crate::door) fn contains(&mut self, block: Block, now: Duration) -> bool {
        self.turn(now);
        self.newer.contains(&block) || self.older.contains(&block)
    }

    /// Whether nobody was refused lately.
    pub(in crate::door) fn is_empty(&self) -> bool {
        self.newer.is_empty() && self.older.is_empty()
    }

    fn turn(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.since);
        if passed < REST {
            return;
        }
        let newer = std::mem::take(&mut self.newer);
        self.older = if passed < REST * 2 { newer } else { HashSet::default() };
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_refused_rests_for_a_rest_and_not_for_long() {
        let block = |last: u8| Block::of([192, 0, 2, last].into());
        let at = Duration::from_millis;
        let mut resting = Resting::default();
        resting.note(block(1), at(5_000));
        resting.note(block(2), at(5_900));
        for millis in [5_900, 6_000, 6_899] {
            assert!(resting.contains(block(2), at(millis)), "{millis}");
        }
        assert!(!resting.contains(block(3), at(6_900)));
        assert!(!resting.contains(block(1), at(7_100)) && !resting.contains(block(2), at(7_900)));
        assert!(resting.is_empty());
        resting.note(block(1), at(9_000));
        assert!(!resting.contains(block(1), at(60_000)), "nobody looked for long");
    }
}
