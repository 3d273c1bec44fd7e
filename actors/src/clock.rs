//! Time as the broker reads it: injected, so that tests and simulators decide what it is.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// One run of the machine, from power-on to power-off. Uptimes of the same boot can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot(u128);

impl Boot {
    /// The boot with this number.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(number)
    }

    /// The boot's number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

/// Where the broker reads the time.
///
/// Ids and people go by the wall clock, which may step either way. Ends are kept by the uptime, which may not (I-11).
pub trait Clock: Send + Sync + 'static {
    /// The present, as a wall clock shows it.
    fn wall(&self) -> Timestamp;

    /// Time since the machine was started, its sleep included. Never less than before within one boot.
    fn uptime(&self) -> Duration;

    /// Which boot [`Clock::uptime`] counts from, if that is known.
    fn boot(&self) -> Option<Boot>;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn wall(&self) -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::EPOCH.after(since_1970)
    }

    fn uptime(&self) -> Duration {
        // Unlike `Instant` it counts the time that the machine was asleep: a message must not outlive its end by it.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
    }

    fn boot(&self) -> Option<Boot> {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        u128::from_str_radix(&digits, 16).ok().map(Boot)
    }
}

/// A clock that stands still until it is told otherwise: for tests of time-outs without waiting.
///
/// ```
/// use std::time::Duration;
/// use backplane_actors::{Clock, ManualClock, Timestamp};
/// let clock = ManualClock::at(Timestamp::from_millis(1_000));
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.wall().as_millis(), 3_000);
/// clock.step_wall(Timestamp::from_millis(500));
/// assert_eq!((clock.wall().as_millis(), clock.uptime()), (500, Duration::from_secs(2)));
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<Hands>);

#[derive(Debug)]
struct Hands {
    wall: Timestamp,
    uptime: Duration,
    boot: u128,
}

impl ManualClock {
    /// A clock whose wall shows this time, on a machine that was started just now.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        Self(Mutex::new(Hands { wall, uptime: Duration::ZERO, boot: 1 }))
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        let mut hands = self.hands();
        hands.wall = hands.wall.after(span);
        hands.uptime = hands.uptime.saturating_add(span);
    }

    /// Sets the wall clock, forwards or back. No time passes.
    pub fn step_wall(&self, to: Timestamp) {
        self.hands().wall = to;
    }

    /// Starts the machine anew: the uptime counts from zero, the wall clock goes on.
    pub fn reboot(&self) {
        let mut hands = self.hands();
        hands.uptime = Duration::ZERO;
        hands.boot = hands.boot.wrapping_add(1);
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        self.hands().wall
    }

    fn uptime(&self) -> Duration {
        self.hands().uptime
    }

    fn boot(&self) -> Option<Boot> {
        Some(Boot(self.hands().boot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_11_the_machines_uptime_only_rises_within_its_boot() {
        let (first, second) = (SystemClock.uptime(), SystemClock.uptime());
        assert!(first <= second && first > Duration::ZERO);
        assert_eq!(SystemClock.boot(), SystemClock.boot());
    }
}
