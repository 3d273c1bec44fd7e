//! Pure: gives out ids that rise strictly, whatever the clock does.

use crate::model::{MessageId, Timestamp};

/// The source of ids (I-1): never the same or a lower one again, also when the clock steps back and,
/// started from the highest id of an earlier run, after a restart.
///
/// ```
/// use backplane_actors::log::Sequencer;
/// use backplane_actors::{MessageId, Timestamp};
/// let mut sequencer = Sequencer::after(MessageId::ZERO);
/// let first = sequencer.take(2, Timestamp::from_millis(1_000)).unwrap();
/// let later = sequencer.take(1, Timestamp::from_millis(500)).unwrap();
/// assert_eq!(later.as_u64(), first.as_u64() + 2);
/// ```
#[derive(Debug)]
pub struct Sequencer {
    highest: MessageId,
}

impl Sequencer {
    /// A sequencer whose ids are all above this one.
    #[must_use]
    pub const fn after(highest: MessageId) -> Self {
        Self { highest }
    }

    /// The highest id that was given out.
    #[must_use]
    pub const fn highest(&self) -> MessageId {
        self.highest
    }

    /// Takes `count` ids in a row and returns the first. `None` once the number range is used up,
    /// which takes until the year 2527.
    ///
    /// More ids than a millisecond's counter holds run into the next millisecond.
    #[must_use]
    pub fn take(&mut self, count: u32, now: Timestamp) -> Option<MessageId> {
        let next = self.highest.as_u64().checked_add(1)?.max(MessageId::first_at(now).as_u64());
        let end = next.checked_add(u64::from(count))?;
        self.highest = MessageId::from_u64(end.saturating_sub(1).max(self.highest.as_u64()));
        Some(MessageId::from_u64(next))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Posts, restarts and a clock that steps either way.
        #[test]
        fn i_1_ids_rise_strictly(steps in prop::collection::vec((0u64..1 << 44, 1u32..1000, any::<bool>()), 1..50)) {
            let mut sequencer = Sequencer::after(MessageId::ZERO);
            let mut shown = 0;
            for (now, count, restart) in steps {
                if restart {
                    sequencer = Sequencer::after(sequencer.highest());
                }
                let first = sequencer.take(count, Timestamp::from_millis(now)).unwrap().as_u64();
                prop_assert!(first > shown);
                shown = first + u64::from(count) - 1;
                prop_assert_eq!(sequencer.highest().as_u64(), shown);
            }
        }
    }

    #[test]
    fn ids_carry_the_time_when_the_clock_moves() {
        let mut sequencer = Sequencer::after(MessageId::ZERO);
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(sequencer.take(1, now), Some(MessageId::first_at(now)));
    }

    #[test]
    fn a_used_up_range_is_told_and_changes_nothing() {
        let last = MessageId::from_u64(u64::MAX - 1);
        let mut sequencer = Sequencer::after(last);
        assert_eq!(sequencer.take(2, Timestamp::EPOCH), None);
        assert_eq!(sequencer.highest(), last);
    }
}
