//! Addresses that were refused lately. Pure.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::{REST, Rests};
use crate::address::Block;

/// Most addresses that are remembered at a time (I-5). Further ones are refused by each of their requests.
const MOST: usize = 65_536;

/// Who is not listened to, and until when: for one rest to two, each for itself. Whoever was refused in one moment would come back
/// in one otherwise, and be too much again.
#[derive(Debug, Default)]
pub(in crate::door) struct Resting {
    until: HashMap<Block, Duration, RandomState>,
    rests: Rests,
    /// When those were last forgotten whose rest is over.
    swept: Duration,
}

impl Resting {
    /// This address was refused.
    pub(in crate::door) fn note(&mut self, block: Block, now: Duration) {
        self.sweep(now);
        if self.until.len() < MOST || self.until.contains_key(&block) {
            self.until.insert(block, now.saturating_add(self.rests.next()));
        }
    }

    /// Whether it was refused lately.
    pub(in crate::door) fn contains(&mut self, block: Block, now: Duration) -> bool {
        self.sweep(now);
        self.until.get(&block).is_some_and(|until| now < *until)
    }

    /// Whether nobody was refused lately.
    pub(in crate::door) fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    fn sweep(&mut self, now: Duration) {
        if now.saturating_sub(self.swept) >= REST {
            self.swept = now;
            self.until.retain(|_, until| now < *until);
            // A crowd that has gone leaves no table behind.
            if self.until.len() < self.until.capacity() / 4 {
                self.until.shrink_to_fit();
            }
        }
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
        for last in 1..=100 {
            resting.note(block(last), at(5_000));
        }
        let left =
            |resting: &mut Resting, now| (1..=100).filter(|last| resting.contains(block(*last), now)).count();
        assert_eq!((left(&mut resting, at(5_000)), left(&mut resting, at(5_999))), (100, 100));
        assert!(!resting.contains(block(101), at(5_999)));
        assert!((40..=60).contains(&left(&mut resting, at(6_500))), "they come back by and by");
        assert_eq!(left(&mut resting, at(7_001)), 0);
        assert!(!resting.contains(block(1), at(9_000)) && resting.is_empty());
        resting.note(block(1), at(9_000));
        assert!(!resting.contains(block(1), at(60_000)), "nobody looked for long");
    }
}
