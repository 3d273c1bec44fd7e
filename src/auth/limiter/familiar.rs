//! The addresses that lately gave the right password of one account, each with a bucket of its own.

use std::time::Duration;

use super::bucket::Bucket;
use crate::auth::FailureLimit;
use crate::auth::familiar::{Entry, Mark};

/// Addresses remembered per account; the one that was not used for longest goes.
pub(super) const FAMILIAR_MAX: usize = 16;
/// How long they are remembered.
pub(super) const FAMILIAR_FOR: Duration = Duration::from_hours(24);
/// The end of a familiar address is moved by no less than this: daily use must not be news each minute.
pub(super) const WORTH_KEEPING: Duration = Duration::from_hours(1);

/// The familiar addresses of one account.
#[derive(Debug, Default)]
pub(super) struct Familiar(Vec<Known>);

#[derive(Debug)]
struct Known {
    mark: Mark,
    until: Duration,
    bucket: Bucket,
}

impl Familiar {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long this address has to wait; None: it is a stranger.
    pub(super) fn wait(&self, mark: &Mark, limit: FailureLimit, now: Duration) -> Option<Duration> {
        let known = self.0.iter().find(|known| known.mark == *mark && known.until > now)?;
        Some(known.bucket.wait(limit, now))
    }

    /// The bucket of an address.
    pub(super) fn bucket(&mut self, mark: &Mark) -> Option<&mut Bucket> {
        self.0.iter_mut().find(|known| known.mark == *mark).map(|known| &mut known.bucket)
    }

    /// This address gave the right password. Whether that is worth keeping over a restart.
    pub(super) fn remember(&mut self, mark: Mark, now: Duration) -> bool {
        let until = now.saturating_add(FAMILIAR_FOR);
        if let Some(known) = self.0.iter_mut().find(|known| known.mark == mark) {
            let moves = until.saturating_sub(known.until) >= WORTH_KEEPING;
            if moves {
                known.until = until;
            }
            return moves;
        }
        self.0.retain(|known| known.until > now || known.bucket.is_reserved());
        if self.0.len() >= FAMILIAR_MAX {
            let idle = self.0.iter().enumerate().filter(|(_, known)| !known.bucket.is_reserved());
            match idle.min_by_key(|(_, known)| known.until).map(|(index, _)| index) {
                Some(index) => drop(self.0.swap_remove(index)),
                // All of them are trying at this moment; this one stays a stranger.
                None => return false,
            }
        }
        self.0.push(Known { mark, until, bucket: Bucket::default() });
        true
    }

    /// What is to be kept over a restart.
    pub(super) fn entries(&self, account: Mark, now: Duration) -> impl Iterator<Item = Entry> {
        let alive = self.0.iter().filter(move |known| known.until > now);
        alive.map(move |known| Entry { account, pair: known.mark, left: known.until.saturating_sub(now) })
    }

    /// Takes back what was kept.
    pub(super) fn recall(&mut self, entry: &Entry, now: Duration) {
        if self.0.len() < FAMILIAR_MAX {
            let until = now.saturating_add(entry.left.min(FAMILIAR_FOR));
            self.0.push(Known { mark: entry.pair, until, bucket: Bucket::default() });
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
