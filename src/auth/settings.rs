//! What an operator can set about checking passwords.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use crate::rates::Pace;

/// How many wrong passwords are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimit {
    /// Failures in a row before further attempts are refused.
    pub burst: NonZeroU32,
    /// How soon one more failure is forgiven. Zero: no limit.
    pub refill: Duration,
}

impl FailureLimit {
    /// A limit; a `burst` of 0 counts as 1.
    #[must_use]
    pub const fn new(burst: u32, refill: Duration) -> Self {
        let burst = match NonZeroU32::new(burst) {
            Some(burst) => burst,
            None => NonZeroU32::MIN,
        };
        Self { burst, refill }
    }

    /// The same as a bucket.
    pub(super) const fn pace(self) -> Pace {
        Pace { burst: self.burst.get(), refill: self.refill }
    }
}

/// How passwords are checked, and how guessing is slowed down.
///
/// The default is what a configuration without `[auth]` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthSettings {
    /// How long a verified credential is accepted without hashing it again; zero: not at all.
    pub verified_ttl: Duration,
    /// Hashes computed at the same time, each on a blocking thread.
    pub hashing_threads: NonZeroUsize,
    /// Attempts that wait for one of them; more are answered [`super::AuthError::Busy`].
    pub hashing_queue: usize,
    /// Wrong passwords from one client address (IPv6: from one /64).
    pub failures_per_address: FailureLimit,
    /// Wrong passwords for one user, from addresses that did not lately give the right one.
    pub failures_per_account: FailureLimit,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            verified_ttl: Duration::from_mins(5),
            hashing_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            hashing_queue: 64,
            failures_per_address: FailureLimit::new(20, Duration::from_secs(3)),
            failures_per_account: FailureLimit::new(100, Duration::from_secs(1)),
        }
    }
}
