//! When whoever was sent away comes back: not all at once.

use std::time::Duration;

use super::facts::Reason;
use crate::service::some_of;

/// How soon, at least and at most.
const BACK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// The same where an operator has to do something first.
const BACK_LATER: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(30));

/// For a reader whose stream is cut.
pub(super) fn soon() -> Duration {
    between(BACK)
}

/// For a reader who is told this; `None` where coming back makes no sense.
pub(super) fn retry_of(reason: Reason) -> Option<Duration> {
    match reason {
        Reason::Drain | Reason::Full => Some(soon()),
        Reason::Failed => Some(between(BACK_LATER)),
        Reason::Closed | Reason::Forbidden | Reason::Idle | Reason::Expired | Reason::Revoked => None,
    }
}

fn between((least, most): (Duration, Duration)) -> Duration {
    least + some_of(most.saturating_sub(least))
}
