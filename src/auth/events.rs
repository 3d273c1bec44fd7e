//! What the log says of who came in, who did not, and who may do what: lines of the target `backplane::security`.
//!
//! Never a password, nor the name of an account that does not exist: it may be a password, typed into the wrong field.
//! What clients can cause is bounded (I-5), because whoever can fill the log can fill the disk; each line says how many
//! of its kind were left out since the last one.

use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use backplane_actors::BusName;

use super::changes::Change;
use super::limiter::Bucket;
use super::{Accounts, FailureLimit, Right, UserName};

/// What operators can filter by.
const TARGET: &str = "backplane::security";
/// Lines about sign-ins: so many at once, ten more per second.
const SIGN_INS: FailureLimit = FailureLimit::new(100, Duration::from_millis(100));
/// Lines about what was refused: so many at once, one more per second.
const REFUSALS: FailureLimit = FailureLimit::new(20, Duration::from_secs(1));

/// Lines of one kind. Pure: time is an argument.
#[derive(Debug)]
struct Lines {
    limit: FailureLimit,
    bucket: Bucket,
    unreported: u64,
}

impl Lines {
    fn new(limit: FailureLimit) -> Mutex<Self> {
        Mutex::new(Self { limit, bucket: Bucket::default(), unreported: 0 })
    }

    /// Whether to write a line: then how many were not written since the last one.
    fn next(&mut self, now: Duration) -> Option<u64> {
        if self.bucket.wait(self.limit, now).is_zero() {
            self.bucket.reserve();
            self.bucket.settle(true, self.limit, now);
            Some(std::mem::take(&mut self.unreported))
        } else {
            self.unreported = self.unreported.saturating_add(1);
            None
        }
    }
}

fn next(lines: &Mutex<Lines>, now: Duration) -> Option<u64> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).next(now)
}

/// Writes the lines.
#[derive(Debug)]
pub(super) struct Events {
    /// `admins` or `clients`; nothing for users.
    realm: OnceLock<&'static str>,
    sign_ins: Mutex<Lines>,
    failures: Mutex<Lines>,
    refusals: Mutex<Lines>,
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            realm: OnceLock::new(),
            sign_ins: Lines::new(SIGN_INS),
            failures: Lines::new(REFUSALS),
            refusals: Lines::new(REFUSALS),
        }
    }

    /// From now on accounts are those of this realm.
    pub(super) fn are_of(&self, realm: &'static str) {
        _ = self.realm.set(realm);
    }

    fn realm(&self) -> Option<&'static str> {
        self.realm.get().copied()
    }

    /// Somebody came in: once per account, address and time that a password is known to be right.
    pub(super) fn signed_in(&self, account: &UserName, client: IpAddr, now: Duration) {
        if let Some(unreported) = next(&self.sign_ins, now) {
            tracing::info!(target: TARGET, realm = self.realm(), %account, %client, unreported, "sign-in");
        }
    }

    /// Somebody did not come in.
    pub(super) fn failed(&self, account: Option<&UserName>, client: IpAddr, reason: &str, now: Duration) {
        if let Some(unreported) = next(&self.failures, now) {
            let account = account.map_or("unknown", UserName::as_str);
            tracing::warn!(target: TARGET, realm = self.realm(), account, %client, reason, unreported, "sign-in failed");
        }
    }

    /// Somebody wanted what the account may not do.
    pub(super) fn forbidden(
        &self,
        account: &UserName,
        bus: &BusName,
        right: Right,
        client: IpAddr,
        now: Duration,
    ) {
        if let Some(unreported) = next(&self.refusals, now) {
            let reason = match right {
                Right::Read => "no right to read",
                Right::Post => "no right to post",
            };
            tracing::info!(target: TARGET, %account, %bus, %client, reason, unreported, "refused");
        }
    }

    /// Somebody sent credentials where they may not travel; they were not looked at.
    pub(super) fn exposed(&self, client: IpAddr, now: Duration) {
        if let Some(unreported) = next(&self.refusals, now) {
            let reason = "credentials without HTTPS";
            tracing::info!(target: TARGET, account = "unknown", %client, reason, unreported, "refused");
        }
    }
}

/// The configuration gives other rights than before.
pub(super) fn rights_changed(before: &Accounts, after: &Accounts) {
    for change in Change::between(before, after) {
        match change {
            Change::Added(account) => tracing::info!(target: TARGET, %account, "user added"),
            Change::Removed(account) => tracing::info!(target: TARGET, %account, "user removed"),
            Change::Password(account) => tracing::info!(target: TARGET, %account, "password changed"),
            Change::Gained(account, bus, right) => {
                tracing::info!(target: TARGET, %account, %bus, right = right.as_str(), "right gained");
            }
            Change::Lost(account, bus, right) => {
                tracing::info!(target: TARGET, %account, %bus, right = right.as_str(), "right lost");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_5_lines_are_bounded_and_tell_what_they_left_out() {
        let seconds = Duration::from_secs;
        let lines = Lines::new(REFUSALS);
        let written = (0..1000).filter(|_| next(&lines, seconds(0)).is_some()).count();
        assert_eq!(written, usize::try_from(REFUSALS.burst.get()).unwrap());
        assert_eq!(next(&lines, seconds(1)), Some(980));
        assert_eq!(next(&lines, seconds(2)), Some(0));
    }
}
