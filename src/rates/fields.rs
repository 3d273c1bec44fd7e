//! What clients are told of quotas: `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-11 has them (23 May
//! 2026; a draft, which may change). Both are lists of strings with parameters (RFC 9651).

use std::fmt::Write as _;
use std::time::Duration;

use super::Rate;

/// How it stands with a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The name of the quota: letters, points and underscores.
    pub(crate) name: &'static str,
    pub(crate) rate: Rate,
    /// How many are left.
    pub(crate) left: u32,
    /// How long until there is one more.
    pub(crate) next: Duration,
}

/// The values of the two header fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    /// `RateLimit-Policy`: all quotas that a request draws on.
    pub(crate) policy: String,
    /// `RateLimit`: the one that is the nearest to being used up. `r` are there now, and after `t` seconds one more: whoever
    /// takes no more than `r` within `t`, as the draft wants it, is not refused.
    pub(crate) limit: String,
}

impl Fields {
    /// What is told of these quotas, of which `nearest` is the one that matters.
    pub(crate) fn new(policies: impl Iterator<Item = (&'static str, Rate)>, nearest: &Standing) -> Self {
        let mut policy = String::with_capacity(128);
        for (name, rate) in policies {
            let before = if policy.is_empty() { "" } else { ", " };
            // Writing to a text cannot fail.
            _ = write!(policy, "{before}\"{name}\";q={};w={}", rate.times(), rate.window().as_secs());
        }
        let Standing { name, left, next, .. } = nearest;
        Self { policy, limit: format!("\"{name}\";r={left};t={}", whole_seconds(*next)) }
    }
}

impl Standing {
    /// Whether this one is nearer to being used up: a smaller part of it is left.
    pub(crate) fn is_nearer_than(&self, other: &Self) -> bool {
        let part = |one: &Self, of: &Self| u64::from(one.left) * u64::from(of.rate.times());
        part(self, other) < part(other, self)
    }
}

/// Rounded up: a client that comes back a moment early would be refused again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(name: &'static str, rate: &str, left: u32) -> Standing {
        Standing { name, rate: rate.parse().unwrap(), left, next: Duration::from_millis(1_001) }
    }

    #[test]
    fn fields_are_lists_of_strings_with_parameters() {
        let (user, bus) =
            (standing("limits.posts_per_user", "100/s", 40), standing("quota.posts", "6000/min", 2_300));
        let fields = Fields::new([user, bus].iter().map(|one| (one.name, one.rate)), &bus);
        assert_eq!(fields.policy, r#""limits.posts_per_user";q=100;w=1, "quota.posts";q=6000;w=60"#);
        assert_eq!(fields.limit, r#""quota.posts";r=2300;t=2"#);
        assert!(bus.is_nearer_than(&user) && !user.is_nearer_than(&bus) && !user.is_nearer_than(&user));
    }
}
