//! What an operator can set about checking passwords.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How many wrong passwords are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimit {
    /// Failures allowed in a row; 0 counts as 1.
    pub burst: u32,
    /// Time after which one more is allowed. Zero: no limit.
    pub refill: Duration,
}

/// How passwords are checked, and how often somebody may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthSettings {
    /// How long a verified credential is accepted without hashing it again.
    pub verified_ttl: Duration,
    /// Hashes computed at the same time, each on a blocking thread; 0 counts as 1.
    pub hashing_threads: usize,
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
            verified_ttl: Duration::from_secs(5 * 60),
            hashing_threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            hashing_queue: 64,
            failures_per_address: FailureLimit { burst: 20, refill: Duration::from_secs(3) },
            failures_per_account: FailureLimit { burst: 100, refill: Duration::from_secs(1) },
        }
    }
}
