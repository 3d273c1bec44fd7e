//! When an operator hears that a certificate ends soon. Pure.

use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_hours(24);
/// How long before its end a certificate is spoken of: time enough for people who renew by hand.
const NOTICE: Duration = DAY.saturating_mul(30);

/// What is left of a certificate that ends at `end`, once that is soon; nothing, once it is over.
#[must_use]
pub fn left(end: SystemTime, now: SystemTime) -> Option<Duration> {
    let left = end.duration_since(now).unwrap_or(Duration::ZERO);
    (left < NOTICE).then_some(left)
}

/// Says it once, and then once a day, of each certificate.
#[derive(Debug, Default)]
pub struct Reminder {
    /// The end that was spoken of, and when.
    told: Option<(SystemTime, SystemTime)>,
}

impl Reminder {
    /// What is left, if it is time to say so.
    pub fn due(&mut self, end: SystemTime, now: SystemTime) -> Option<Duration> {
        let left = left(end, now)?;
        // A clock that was set back is no reason to say nothing for long.
        let was_told = |at: SystemTime| now.duration_since(at).is_ok_and(|since| since < DAY);
        if self.told.is_some_and(|(of, at)| of == end && was_told(at)) {
            return None;
        }
        self.told = Some((end, now));
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    fn at(days: u64) -> SystemTime {
        UNIX_EPOCH + DAY * u32::try_from(days).unwrap()
    }

    #[test]
    fn a_certificate_is_spoken_of_for_its_last_thirty_days() {
        let end = at(100);
        assert_eq!(left(end, at(0)), None);
        assert_eq!(left(end, at(70)), None);
        assert_eq!(left(end, at(70) + Duration::from_hours(1)), Some(Duration::from_hours(719)));
        assert_eq!(left(end, at(99)), Some(DAY));
        assert_eq!(left(end, at(101)), Some(Duration::ZERO));
    }

    #[test]
    fn it_is_said_once_a_day_and_at_once_of_another_one() {
        let mut reminder = Reminder::default();
        let (end, hour) = (at(100), Duration::from_hours(1));
        assert_eq!(reminder.due(end, at(60)), None);
        assert_eq!(reminder.due(end, at(90)), Some(DAY * 10));
        assert_eq!(reminder.due(end, at(90) + hour * 23), None);
        assert_eq!(reminder.due(end, at(91)), Some(DAY * 9));
        // Another one that does not last long either, and one that does.
        assert_eq!(reminder.due(at(95), at(91)), Some(DAY * 4));
        assert_eq!(reminder.due(at(300), at(91)), None);
        // The clock is set back by a day and a half.
        assert_eq!(reminder.due(at(95), at(90) - hour * 12), Some(DAY * 5 + hour * 12));
    }

    proptest! {
        /// Whoever looks often enough hears of it on each of the last thirty days, and not more often.
        #[test]
        fn each_of_the_last_days_hears_of_it_once(step in 1_u64..7_200, begun in 0_u64..86_400) {
            let (mut reminder, end) = (Reminder::default(), at(100));
            let mut now = at(60) + Duration::from_secs(begun);
            let mut told: Vec<SystemTime> = Vec::new();
            while now < end {
                if reminder.due(end, now).is_some() {
                    told.push(now);
                }
                now += Duration::from_secs(step);
            }
            prop_assert!((28..=30).contains(&told.len()), "{}", told.len());
            prop_assert!(told.windows(2).all(|two| two[1].duration_since(two[0]).unwrap() >= DAY));
            prop_assert!(told.iter().all(|at| left(end, *at).is_some()));
        }
    }
}
