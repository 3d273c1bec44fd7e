//! Who may go on to write, turn by turn. Pure.
//!
//! A thread looks at the network, works on all that it has found, and looks again: whoever reads, and comes meanwhile, waits for
//! all of that. Most of it is what is written, for a body is read, checked and stored while a retrieval is a look into a table. So
//! only a few who write go on between two looks, and the others wait for a turn in the order in which they came. How long the first
//! of them has waited tells whether more is written than can be.

use std::collections::VecDeque;
use std::time::Duration;

/// So many go on in a turn. Fewer would cost a look at the network for each of them.
pub(in crate::door) const MOST: usize = 2;

/// A turn counts for no longer, however long it takes: a large body, or a processor that does other things, is no overload.
pub(in crate::door) const LONGEST: Duration = Duration::from_millis(3);

/// The turns of one thread, and the line of those who wait for theirs: `T` is one of them.
#[derive(Debug)]
pub(in crate::door) struct Turns<T> {
    number: u64,
    gone: usize,
    /// When it began.
    began: Duration,
    /// What all turns before it took, as they count.
    took: Duration,
    /// Each with what turns had taken by then.
    line: VecDeque<(Duration, T)>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { number: 0, gone: 0, began: Duration::ZERO, took: Duration::ZERO, line: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    /// Which turn it is.
    pub(in crate::door) fn number(&self) -> u64 {
        self.number
    }

    /// Whether one who has not waited may go on in this turn, and does. Whoever may not has [`Turns::wait`].
    pub(in crate::door) fn take(&mut self) -> bool {
        let may = !self.is_over();
        self.gone += usize::from(may);
        may
    }

    /// One more waits, from now on.
    pub(in crate::door) fn wait(&mut self, who: T) {
        self.line.push_back((self.took, who));
    }

    /// Whether nobody may go on before the next turn.
    pub(in crate::door) fn is_over(&self) -> bool {
        self.gone >= MOST || !self.line.is_empty()
    }

    /// The next turn, which begins now. Calls those who have waited longest, as many as may go on; `call` tells whether that one is still there.
    pub(in crate::door) fn next(&mut self, now: Duration, mut call: impl FnMut(T) -> bool) {
        self.took = self.took.saturating_add(now.saturating_sub(self.began).min(LONGEST));
        self.began = now;
        self.number += 1;
        self.gone = 0;
        while self.gone < MOST {
            let Some((_, who)) = self.line.pop_front() else { return };
            self.gone += usize::from(call(who));
        }
    }

    /// Whether somebody has waited for so long that nobody else should begin to. Zero: that is never so.
    pub(in crate::door) fn is_too_much(&self, most: Duration) -> bool {
        let waited = self.line.front().map(|(since, _)| self.took.saturating_sub(*since));
        !most.is_zero() && waited.is_some_and(|waited| waited >= most)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn who_has_waited_for_many_turns_is_too_much_and_for_a_long_one_is_not() {
        let (mut turns, most, long) = (Turns::default(), at(50), LONGEST * 20);
        while turns.take() {}
        for who in 0..100 {
            turns.wait(who);
        }
        turns.next(long, |_| true);
        assert!(!turns.is_too_much(most), "one turn");
        for turn in 2..17 {
            turns.next(long * turn, |_| true);
            assert!(!turns.is_too_much(most), "{turn}");
        }
        turns.next(long * 17, |_| true);
        assert!(turns.is_too_much(most));
        assert!(!turns.is_too_much(Duration::ZERO), "they may wait as long as they like");
        while turns.is_over() {
            turns.next(long * 18, |_| false);
        }
        assert!(!turns.is_too_much(most) && turns.take(), "whoever has left waits no more");
    }

    proptest! {
        /// Whoever comes and leaves: no more than may go on do so in a turn, in the order in which they came, and nobody waits in a
        /// turn that has room.
        #[test]
        fn i_5_those_who_write_take_turns_in_order(
            steps in prop::collection::vec((0usize..6, any::<bool>()), 0..100),
        ) {
            let (mut turns, mut came, mut went) = (Turns::default(), 0, Vec::new());
            for (count, leaves) in steps {
                let before = went.len();
                turns.next(Duration::ZERO, |who| {
                    // Some leave while they wait.
                    let stays = !leaves || who % 2 == 0;
                    went.extend(stays.then_some(who));
                    stays
                });
                for who in came..came + count {
                    if turns.take() {
                        went.push(who);
                    } else {
                        turns.wait(who);
                    }
                }
                came += count;
                let gone = went.len() - before;
                prop_assert!(gone <= MOST, "{gone} in a turn");
                prop_assert!(turns.line.is_empty() || gone == MOST);
            }
            prop_assert!(went.is_sorted(), "{went:?}");
        }
    }
}
