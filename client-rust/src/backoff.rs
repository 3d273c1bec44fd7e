//! When to try again. Pure: time and chance are arguments.

use std::time::Duration;

use crate::error::Error;

/// Longest wait that a server's word is taken for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// How long to wait after failures: at least `soonest`, and at most twice as long after each one more, drawn anew each time so
/// that clients do not come back in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Never sooner than this.
    pub soonest: Duration,
    /// At most this after the first failure.
    pub first: Duration,
    /// At most this after any number of them.
    pub longest: Duration,
}

impl Default for Backoff {
    /// 100 ms, 2 s, 1 min.
    fn default() -> Self {
        Self {
            soonest: Duration::from_millis(100),
            first: Duration::from_secs(2),
            longest: Duration::from_mins(1),
        }
    }
}

impl Backoff {
    /// The wait after so many failures in a row before this one; `chance` is 0 to 1.
    pub(crate) fn wait(&self, failures: u32, chance: f64) -> Duration {
        let most =
            self.first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(self.longest);
        spread(self.soonest, most.saturating_sub(self.soonest), chance)
    }
}

/// At least `least`, and up to `more` beyond it.
pub(crate) fn spread(least: Duration, more: Duration, chance: f64) -> Duration {
    let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 0.5 };
    least.saturating_add(Duration::try_from_secs_f64(more.as_secs_f64() * chance).unwrap_or(more))
}

/// A server's wait: never less, up to a quarter more, so that those who were told the same do not come back together.
pub(crate) fn asked(wait: Duration, chance: f64) -> Duration {
    let wait = wait.min(RETRY_AFTER_MAX);
    spread(wait, wait / 4, chance)
}

/// A `Retry-After` in seconds (RFC 9110 section 10.2.3). A date needs the time of day, which this client does not ask for.
pub(crate) fn retry_after(header: &str) -> Option<Duration> {
    let text = header.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(RETRY_AFTER_MAX))
}

/// How often and for how long a request is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    /// Tries in all.
    pub(crate) tries: u32,
    /// No try begins later than this after the first.
    pub(crate) patience: Duration,
    pub(crate) backoff: Backoff,
}

impl Retries {
    /// How long to wait before the next try. `None`: this error is the answer. `made`: tries until now.
    pub(crate) fn next(&self, made: u32, spent: Duration, error: &Error, chance: f64) -> Option<Duration> {
        if !error.is_temporary() || made >= self.tries {
            return None;
        }
        let wait = self.backoff.wait(made.saturating_sub(1), chance);
        let wait = error.retry_after().map_or(wait, |told| asked(told, chance).max(wait));
        (spent.saturating_add(wait) <= self.patience).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Refusal;

    fn refused(status: u16, retry_after: Option<u64>) -> Error {
        let retry_after = retry_after.map(Duration::from_secs);
        Error::Refused(Refusal { status, code: None, description: String::new(), retry_after })
    }

    #[test]
    fn retry_after_is_seconds() {
        for (text, seconds) in
            [("0", Some(0)), (" 10 ", Some(10)), ("9999999999999999999999", Some(3600)), ("4000", Some(3600))]
        {
            assert_eq!(retry_after(text), seconds.map(Duration::from_secs), "{text}");
        }
        for none in ["", "-1", "1.5", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(retry_after(none), None, "{none}");
        }
    }

    #[test]
    fn only_what_is_safe_and_may_help_is_tried_again() {
        let retries = Retries { tries: 3, patience: Duration::from_mins(1), backoff: Backoff::default() };
        let next = |made, spent, error: &Error| retries.next(made, Duration::from_secs(spent), error, 0.5);
        for status in [408, 429, 502, 503, 504, 507] {
            assert!(next(1, 0, &refused(status, None)).is_some(), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 405, 413, 415, 421, 422, 500, 501] {
            assert_eq!(next(1, 0, &refused(status, Some(1))), None, "{status}");
        }
        for error in [Error::TimedOut, Error::Silent, Error::Cut] {
            assert!(next(1, 0, &error).is_some(), "{error}");
        }
        assert_eq!(next(1, 0, &Error::InTheClear), None);
        assert!(next(2, 0, &Error::TimedOut).is_some());
        assert_eq!(next(3, 0, &Error::TimedOut), None, "three tries are made");
        assert_eq!(next(1, 60, &Error::TimedOut), None, "the time is over");
        let told = next(1, 0, &refused(503, Some(20))).unwrap();
        assert!((20..=25).contains(&told.as_secs()), "{told:?}");
        assert_eq!(next(1, 0, &refused(503, Some(61))), None, "it would be too late");
    }

    proptest! {
        #[test]
        fn waits_stay_within_their_bounds(failures in 0u32..100, chance in 0.0f64..=1.0) {
            let backoff = Backoff::default();
            let wait = backoff.wait(failures, chance);
            prop_assert!(wait >= backoff.soonest && wait <= backoff.longest);
            prop_assert!(backoff.wait(failures + 1, chance) >= wait);
            prop_assert!(backoff.wait(0, chance) <= backoff.first);
            let told = asked(Duration::from_secs(8), chance);
            prop_assert!(told >= Duration::from_secs(8) && told <= Duration::from_secs(10));
        }

        #[test]
        fn no_settings_break_it(soonest in any::<u64>(), first in any::<u64>(), longest in any::<u64>(), failures: u32, chance: f64) {
            let [soonest, first, longest] = [soonest, first, longest].map(Duration::from_secs);
            let backoff = Backoff { soonest, first, longest };
            prop_assert!(backoff.wait(failures, chance) >= soonest);
        }
    }
}
