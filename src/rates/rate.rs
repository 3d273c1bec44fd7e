//! A rate as it is configured.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use super::Pace;

/// The longest window.
const WINDOW_MAX: Duration = Duration::from_hours(24);
/// How soon one more may be there at the soonest: what is finer than this could not be told from nothing.
const REFILL_MIN: Duration = Duration::from_micros(1);
/// Words for windows of one of them.
const UNITS: [(&str, Duration); 4] = [
    ("s", Duration::from_secs(1)),
    ("min", Duration::from_mins(1)),
    ("h", Duration::from_hours(1)),
    ("day", Duration::from_hours(24)),
];

/// So many times in a window of whole seconds, such as `100/s`, `6000/min` or `10/30s`.
///
/// ```
/// use backplane::config::Rate;
/// let rate: Rate = "6000/min".parse()?;
/// assert_eq!((rate.times(), rate.window().as_secs()), (6000, 60));
/// assert!("0/s".parse::<Rate>().is_err());
/// # Ok::<(), backplane::config::RateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    times: NonZeroU32,
    window: Duration,
}

/// Why something is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// It is not a number, a slash and a time.
    #[error("{0:?} is not a number, a slash and a time")]
    Form(String),
    /// The number is 0.
    #[error("nothing could be done at all")]
    Never,
    /// The window is no whole number of seconds, or none, or longer than a day.
    #[error("the time is not one of whole seconds, up to a day")]
    Window,
    /// More than a million a second.
    #[error("it is more than 1000000 a second")]
    TooOften,
}

impl Rate {
    /// So many times in so long.
    ///
    /// # Errors
    /// [`RateError`] for what cannot be kept, or told to clients: see there.
    pub fn new(times: u32, window: Duration) -> Result<Self, RateError> {
        let times = NonZeroU32::new(times).ok_or(RateError::Never)?;
        if window.is_zero() || window > WINDOW_MAX || window.subsec_nanos() > 0 {
            return Err(RateError::Window);
        }
        if window / times.get() < REFILL_MIN {
            return Err(RateError::TooOften);
        }
        Ok(Self { times, window })
    }

    /// How many times.
    #[must_use]
    pub const fn times(self) -> u32 {
        self.times.get()
    }

    /// In how long.
    #[must_use]
    pub const fn window(self) -> Duration {
        self.window
    }

    /// The same as a bucket. Of a part of a nanosecond nobody is deprived.
    pub(crate) fn pace(self) -> Pace {
        Pace { burst: self.times(), refill: self.window / self.times() }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let form = || RateError::Form(text.to_owned());
        let (times, window) = text.split_once('/').ok_or_else(form)?;
        let (times, window) = (times.trim(), window.trim());
        if !times.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(form());
        }
        let times = times.parse().map_err(|_| form())?;
        let known = UNITS.iter().find(|(name, _)| *name == window).map(|(_, unit)| *unit);
        let window = match known {
            Some(unit) => unit,
            None => humantime::parse_duration(window).map_err(|_| form())?,
        };
        Self::new(times, window)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, unit)| *unit == self.window) {
            Some((name, _)) => write!(f, "{}/{name}", self.times),
            None => write!(f, "{}/{}", self.times, humantime::format_duration(self.window)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_write_rates() {
        for (text, times, seconds) in [
            ("100/s", 100, 1),
            ("6000/min", 6000, 60),
            ("5/h", 5, 3600),
            ("7/day", 7, 86_400),
            ("10 / 30s", 10, 30),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.times(), rate.window()), (times, Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!("1000000/s".parse::<Rate>().unwrap().pace().refill, Duration::from_micros(1));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for bad in
            ["", "100", "/s", "100/", "-1/s", "+1/s", "1.5/s", "100/second/s", "many/s", "99999999999/s"]
        {
            assert_eq!(bad.parse::<Rate>(), Err(RateError::Form(bad.to_owned())), "{bad}");
        }
        assert_eq!("0/s".parse::<Rate>(), Err(RateError::Never));
        for bad in ["1/500ms", "1/1s 500ms", "1/2days", "1/0s"] {
            assert_eq!(bad.parse::<Rate>(), Err(RateError::Window), "{bad}");
        }
        assert_eq!("1000001/s".parse::<Rate>(), Err(RateError::TooOften));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(times in 1u32..1_000_000, seconds in 1u64..=86_400) {
            let rate = Rate::new(times, Duration::from_secs(seconds)).unwrap();
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }
}
