//! How much of a quota is used, as the time at which all of it is there again.

use std::time::Duration;

/// A bucket: so many at once, and one more per `refill`. Zero: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) burst: u32,
    pub(crate) refill: Duration,
}

/// A bucket's level. Times are since any fixed origin; new ones are full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Level(Duration);

impl Level {
    /// How long until so many are there; zero: they are.
    pub(crate) fn wait(self, pace: Pace, amount: u32, now: Duration) -> Duration {
        let spent = self.0.max(now).saturating_add(pace.refill.saturating_mul(amount));
        spent.saturating_sub(now.saturating_add(pace.refill.saturating_mul(pace.burst)))
    }

    /// Takes one, whether it is there or not.
    pub(crate) fn take(&mut self, pace: Pace, now: Duration) {
        self.0 = self.0.max(now).saturating_add(pace.refill);
    }

    /// Gives one back that was taken.
    pub(crate) fn give_back(&mut self, pace: Pace) {
        self.0 = self.0.saturating_sub(pace.refill);
    }

    /// How many are there.
    pub(crate) fn left(self, pace: Pace, now: Duration) -> u32 {
        let owed = self.0.saturating_sub(now).as_nanos();
        let taken = match pace.refill.as_nanos() {
            0 => 0,
            refill => owed.div_ceil(refill),
        };
        pace.burst.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// What is owed of another pace is no more than all of this one: whoever was held to it is not held for longer.
    pub(crate) fn keep_to(&mut self, pace: Pace, now: Duration) {
        self.0 = self.0.min(now.saturating_add(pace.refill.saturating_mul(pace.burst)));
    }

    /// When it is full again if nothing is taken until then.
    pub(crate) const fn full_at(self) -> Duration {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rates::Rate;

    /// Moments at which somebody tries, in milliseconds.
    fn tries() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(prop_oneof![4 => 0u64..50, 1 => 0u64..5_000], 1..300).prop_map(|gaps| {
            gaps.into_iter()
                .scan(0, |at, gap| {
                    *at += gap;
                    Some(*at)
                })
                .collect()
        })
    }

    /// The rule as it is written: a bucket that is filled drop by drop.
    struct Bucket {
        /// In parts of one, of which there are as many as the window has nanoseconds.
        parts: u128,
        at: Duration,
    }

    impl Bucket {
        fn try_take(&mut self, rate: Rate, now: Duration) -> bool {
            let (whole, burst) = (rate.window().as_nanos(), u128::from(rate.times()));
            self.parts = (whole * burst).min(self.parts + now.abs_diff(self.at).as_nanos() * burst);
            self.at = now;
            let there = self.parts >= whole;
            if there {
                self.parts -= whole;
            }
            there
        }
    }

    /// Takes one if it is there.
    fn try_take(level: &mut Level, pace: Pace, now: Duration) -> bool {
        let there = level.wait(pace, 1, now).is_zero();
        if there {
            level.take(pace, now);
        }
        there
    }

    proptest! {
        /// It is the bucket of the rule, wherever a window can be divided; and nowhere is anybody refused who is not by the rule.
        #[test]
        fn a_level_is_the_bucket_of_the_rule(
            times in prop::sample::select(vec![1u32, 2, 5, 10, 100]),
            seconds in 1u64..4,
            tries in tries(),
        ) {
            let rate = Rate::new(times, Duration::from_secs(seconds)).unwrap();
            let (mut level, pace) = (Level::default(), rate.pace());
            let mut bucket = Bucket { parts: rate.window().as_nanos() * u128::from(times), at: Duration::ZERO };
            for at in tries {
                let now = Duration::from_millis(at);
                prop_assert_eq!(try_take(&mut level, pace, now), bucket.try_take(rate, now));
            }
        }

        /// No window has more than twice the quota, and no two of them together more than three times.
        #[test]
        fn no_window_has_more_than_the_rule_says(times in 1u32..20, seconds in 1u64..4, tries in tries()) {
            let rate = Rate::new(times, Duration::from_secs(seconds)).unwrap();
            let (mut level, pace) = (Level::default(), rate.pace());
            let passed: Vec<Duration> = tries
                .into_iter()
                .map(Duration::from_millis)
                .filter(|now| try_take(&mut level, pace, *now))
                .collect();
            for (n, first) in passed.iter().enumerate() {
                for windows in 1..3u32 {
                    let within = passed[n..].iter().filter(|at| at.abs_diff(*first) < rate.window() * windows).count();
                    prop_assert!(within <= usize::try_from(times * (windows + 1)).unwrap());
                }
            }
        }

        /// Whoever keeps to the quota in every window is never refused.
        #[test]
        fn nobody_within_the_quota_is_refused(times in 1u32..20, seconds in 1u64..4, tries in tries()) {
            let rate = Rate::new(times, Duration::from_secs(seconds)).unwrap();
            let (mut level, pace) = (Level::default(), rate.pace());
            let mut taken: Vec<Duration> = Vec::new();
            for now in tries.into_iter().map(Duration::from_millis) {
                let within = taken.iter().filter(|at| now.abs_diff(**at) < rate.window()).count();
                if within < usize::try_from(times).unwrap() {
                    prop_assert!(try_take(&mut level, pace, now));
                    taken.push(now);
                }
            }
        }

        /// What is told is true: so many are there, and one more after the wait, not before.
        #[test]
        fn what_is_left_and_how_long_to_wait_is_true(times in 1u32..20, seconds in 1u64..4, tries in tries()) {
            let rate = Rate::new(times, Duration::from_secs(seconds)).unwrap();
            let (mut level, pace) = (Level::default(), rate.pace());
            for now in tries.into_iter().map(Duration::from_millis) {
                try_take(&mut level, pace, now);
                let left = level.left(pace, now);
                prop_assert!(left < times);
                let takes = |now| {
                    let mut level = level;
                    (0..=times).take_while(|_| try_take(&mut level, pace, now)).count()
                };
                prop_assert_eq!(takes(now), usize::try_from(left).unwrap());
                let wait = level.wait(pace, left + 1, now);
                prop_assert!(!wait.is_zero());
                prop_assert_eq!(takes(now + wait), usize::try_from(left).unwrap() + 1);
                prop_assert_eq!(takes((now + wait).saturating_sub(Duration::from_nanos(1))), usize::try_from(left).unwrap());
            }
        }

        /// To take and to give back is to have done nothing, also if others took meanwhile.
        #[test]
        fn what_is_given_back_was_never_taken(before in 0u64..5_000, now in 0u64..5_000, others in 0u32..3) {
            let pace = Pace { burst: 5, refill: Duration::from_millis(100) };
            let now = Duration::from_millis(now);
            let (mut level, mut other) = (Level(Duration::from_millis(before)), Level(Duration::from_millis(before)));
            level.take(pace, now);
            for _ in 0..others {
                level.take(pace, now);
                other.take(pace, now);
            }
            level.give_back(pace);
            prop_assert_eq!(level.0.max(now), other.0.max(now));
        }
    }

    #[test]
    fn what_has_no_refill_has_no_limit() {
        let (mut level, pace) = (Level::default(), Pace { burst: 2, refill: Duration::ZERO });
        for _ in 0..10 {
            level.take(pace, Duration::ZERO);
        }
        assert_eq!(
            (level.wait(pace, 1, Duration::ZERO), level.left(pace, Duration::ZERO)),
            (Duration::ZERO, 2)
        );
    }

    #[test]
    fn another_pace_holds_nobody_for_longer_than_its_window() {
        let slow = Rate::new(2, Duration::from_hours(1)).unwrap().pace();
        let fast = Rate::new(2, Duration::from_secs(1)).unwrap().pace();
        let mut level = Level::default();
        (0..2).for_each(|_| level.take(slow, Duration::ZERO));
        level.keep_to(fast, Duration::ZERO);
        assert_eq!(
            (level.left(fast, Duration::ZERO), level.wait(fast, 1, Duration::ZERO)),
            (0, Duration::from_millis(500))
        );
    }
}
