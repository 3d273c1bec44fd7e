//! One token bucket of failures, some of them on their way. Pure.

use std::time::Duration;

use crate::auth::FailureLimit;
use crate::rates::Level;

/// Allows `burst` failures at once and one more per `refill`. Times are since any fixed origin.
///
/// An attempt first reserves its token, because its outcome is known only a hash later; a right password gives it
/// back. Reserved tokens are counted apart from spent ones: they refill nothing while they are out, so that
/// attempts that succeed do not make room for more that fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::auth) struct Bucket {
    level: Level,
    reserved: u32,
}

impl Bucket {
    /// How long until another attempt may start; zero: now.
    pub(in crate::auth) fn wait(&self, limit: FailureLimit, now: Duration) -> Duration {
        self.level.wait(limit.pace(), self.reserved.saturating_add(1), now)
    }

    /// An attempt starts. The caller has asked [`Bucket::wait`].
    pub(in crate::auth) fn reserve(&mut self) {
        self.reserved = self.reserved.saturating_add(1);
    }

    /// An attempt ends.
    pub(in crate::auth) fn settle(&mut self, failed: bool, limit: FailureLimit, now: Duration) {
        self.reserved = self.reserved.saturating_sub(1);
        if failed {
            self.level.take(limit.pace(), now);
        }
    }

    /// Whether forgetting this bucket changes nothing.
    pub(in crate::auth) fn is_full(&self, now: Duration) -> bool {
        !self.is_reserved() && self.level.full_at() <= now
    }

    /// Whether an attempt is on its way.
    pub(in crate::auth) fn is_reserved(&self) -> bool {
        self.reserved > 0
    }

    /// When it will be full again if nothing fails until then.
    pub(in crate::auth) fn full_at(&self) -> Duration {
        self.level.full_at()
    }
}
