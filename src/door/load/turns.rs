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

/// The turns of one thread, and the line of those who wait for theirs: `T` is one of them.
#[derive(Debug)]
pub(in crate::door) struct Turns<T> {
    number: u64,
    gone: usize,
    line: VecDeque<(Duration, T)>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { number: 0, gone: 0, line: VecDeque::new() }
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
    pub(in crate::door) fn wait(&mut self, who: T, now: Duration) {
        self.line.push_back((now, who));
    }

    /// Whether nobody may go on before the next turn.
    pub(in crate::door) fn is_over(&self) -> bool {
        self.gone >= MOST || !self.line.is_empty()
    }

    /// The next turn. Calls those who have waited longest, as many as may go on; `call` tells whether that one is still there.
    pub(in crate::door) fn next(&mut self, mut call: impl FnMut(T) -> bool) {
        self.number += 1;
        self.gone = 0;
        while self.gone < MOST {
            let Some((_, who)) = self.line.pop_front() else { return };
            self.gone += usize::from(call(who));
        }
    }

    /// Whether somebody has waited for so long that nobody else should begin to. Zero: that is never so.
    pub(in crate::door) fn is_too_much(&self, now: Duration, most: Duration) -> bool {
        let waited = self.line.front().map(|(since, _)| now.saturating_sub(*since));
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
    fn who_has_waited_for_long_is_too_much_and_who_goes_on_is_not() {
        let (mut turns, most) = (Turns::default(), at(50));
        while turns.take() {}
        assert!(!turns.is_too_much(at(1_000), most), "nobody waits");
        for (who, since) in (0..=MOST).zip([100, 100, 120, 120, 120]) {
            turns.wait(who, at(since));
        }
        assert!(!turns.is_too_much(at(149), most));
        assert!(turns.is_too_much(at(150), most));
        assert!(!turns.is_too_much(at(150), Duration::ZERO), "they may wait as long as they like");
        turns.next(|_| true);
        assert!(!turns.is_too_much(at(150), most), "the first of those who wait came later");
        assert!(turns.is_over());
        turns.next(|_| false);
        assert!(turns.take(), "whoever has left takes nobody's turn");
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
                turns.next(|who| {
                    // Some leave while they wait.
                    let stays = !leaves || who % 2 == 0;
                    went.extend(stays.then_some(who));
                    stays
                });
                for who in came..came + count {
                    if turns.take() {
                        went.push(who);
                    } else {
                        turns.wait(who, Duration::ZERO);
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
