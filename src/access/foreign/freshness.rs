//! When the keys of an issuer are asked for: again and again, sooner where a key is missing, and never so often that whoever sends tokens makes
//! this server a nuisance. Pure: time is an argument.

use std::time::Duration;

/// The shortest time between two questions to one issuer, whatever tokens come.
pub const KEYS_AGAIN: Duration = Duration::from_secs(30);
/// How long keys are used while their issuer is not to be reached.
pub const KEYS_HELD_MAX: Duration = Duration::from_hours(24);

/// What is known of an issuer's keys in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    asked: Option<Duration>,
    got: Option<Duration>,
    under_way: bool,
}

/// Whether to ask an issuer for its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Whoever is told so asks, and tells the [end](Freshness::done) of it.
    Now,
    /// Somebody does.
    UnderWay,
    /// It was asked just now.
    NotNow,
}

impl Freshness {
    /// A key is missing.
    pub fn miss(&mut self, now: Duration, patience: Duration) -> Ask {
        let since = self.asked.map(|asked| now.saturating_sub(asked));
        // Whoever asks may be gone without a word, with its thread.
        if self.under_way && since.is_some_and(|since| since < patience) {
            return Ask::UnderWay;
        }
        if since.is_some_and(|since| since < KEYS_AGAIN) {
            return Ask::NotNow;
        }
        (self.asked, self.under_way) = (Some(now), true);
        Ask::Now
    }

    /// Nothing is missing, but they are `refresh` old.
    pub fn look(&mut self, now: Duration, refresh: Duration, patience: Duration) -> Ask {
        if self.got.is_some_and(|got| now.saturating_sub(got) < refresh) {
            return Ask::NotNow;
        }
        self.miss(now, patience)
    }

    /// That is over: keys came, or not.
    pub fn done(&mut self, now: Duration, came: bool) {
        self.under_way = false;
        if came {
            self.got = Some(now);
        }
    }

    /// Whether the keys that are there may still be used.
    #[must_use]
    pub fn are_usable(&self, now: Duration) -> bool {
        self.got.is_some_and(|got| now.saturating_sub(got) < KEYS_HELD_MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);
    const REFRESH: Duration = Duration::from_mins(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_missing_key_is_asked_for_once_and_others_wait_for_that() {
        let mut keys = Freshness::default();
        assert_eq!(keys.miss(at(1), PATIENCE), Ask::Now);
        assert_eq!(keys.miss(at(2), PATIENCE), Ask::UnderWay);
        keys.done(at(3), true);
        assert_eq!(keys.miss(at(4), PATIENCE), Ask::NotNow);
        assert_eq!(keys.miss(at(30), PATIENCE), Ask::NotNow);
        assert_eq!(keys.miss(at(31), PATIENCE), Ask::Now);
        // Whoever asked is gone.
        assert_eq!(keys.miss(at(36), PATIENCE), Ask::NotNow);
        assert_eq!(keys.miss(at(61), PATIENCE), Ask::Now);
    }

    #[test]
    fn keys_are_looked_at_again_and_used_while_their_issuer_is_away() {
        let mut keys = Freshness::default();
        assert!(!keys.are_usable(at(0)));
        assert_eq!(keys.look(at(0), REFRESH, PATIENCE), Ask::Now);
        keys.done(at(1), true);
        assert_eq!(keys.look(at(600), REFRESH, PATIENCE), Ask::NotNow);
        assert_eq!(keys.look(at(601), REFRESH, PATIENCE), Ask::Now);
        keys.done(at(602), false);
        assert_eq!(keys.look(at(610), REFRESH, PATIENCE), Ask::NotNow, "nor more often where it fails");
        assert_eq!(keys.look(at(631), REFRESH, PATIENCE), Ask::Now);
        let end = at(1) + KEYS_HELD_MAX;
        assert!(keys.are_usable(end.saturating_sub(at(1))) && !keys.are_usable(end));
    }

    proptest! {
        #[test]
        fn nobody_makes_it_ask_more_often(steps in prop::collection::vec((0u64..40, 0u8..3), 1..200)) {
            let (mut keys, mut now, mut asked) = (Freshness::default(), Duration::ZERO, None::<Duration>);
            for (wait, what) in steps {
                now += at(wait);
                let ask = match what {
                    0 => keys.miss(now, PATIENCE),
                    1 => keys.look(now, at(1), PATIENCE),
                    _ => { keys.done(now, wait % 2 == 0); Ask::NotNow }
                };
                if ask == Ask::Now {
                    prop_assert!(asked.is_none_or(|before| now.saturating_sub(before) >= KEYS_AGAIN));
                    asked = Some(now);
                }
            }
        }
    }
}
