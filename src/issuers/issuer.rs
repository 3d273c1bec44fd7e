//! An issuer, and which of its tokens were verified with the keys that it has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use backplane_actors::Clock;
use foldhash::fast::RandomState;

use super::KeyCounts;
use super::source::Source;
use crate::access::Digest;
use crate::access::foreign::{Foreign, ForeignError, KeySet, Presented, Trust};
use crate::config;

/// Tokens of one issuer that are known to be good, at most (I-5). Each takes some hundred bytes, and up to 16 KiB where it names as much.
const VERIFIED_MAX: usize = 4_096;

pub(super) struct Issuer {
    trust: Trust,
    refresh: Duration,
    source: Arc<Source>,
    verified: ArcSwapOption<Verified>,
}

/// Tokens that are good by these keys and by what the issuer is trusted with.
struct Verified {
    keys: Arc<KeySet>,
    tokens: Mutex<HashMap<Digest, Arc<Foreign>, RandomState>>,
}

impl Issuer {
    /// With the keys that it had before, where they come from the same place. What was verified is forgotten: it may be trusted with less.
    pub(super) fn new(settings: &config::Issuer, before: &[Arc<Self>]) -> Self {
        let config::Issuer { trust, keys, refresh } = settings;
        let known = before.iter().find(|it| it.source.is_at(keys) && it.trust.issuer == trust.issuer);
        let source =
            known.map_or_else(|| Arc::new(Source::new(&trust.name, keys)), |it| Arc::clone(&it.source));
        Self { trust: trust.clone(), refresh: *refresh, source, verified: ArcSwapOption::empty() }
    }

    pub(super) fn url(&self) -> &str {
        self.trust.issuer.as_str()
    }

    pub(super) const fn refresh(&self) -> Duration {
        self.refresh
    }

    pub(super) const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    pub(super) fn counts(&self) -> KeyCounts {
        let (came, failed) = self.source.asked();
        let keys = self.source.keys().map_or(0, |keys| keys.len());
        KeyCounts { name: self.trust.name.as_str().to_owned(), keys, came, failed }
    }

    /// What is known of a token that was verified before with the same keys; nothing: it was not.
    pub(super) fn known(
        &self,
        digest: &Digest,
        clock: &Arc<dyn Clock>,
    ) -> Option<Result<Arc<Foreign>, ForeignError>> {
        let verified = self.verified.load();
        let verified = verified.as_ref()?;
        let keys = self.source.usable(clock)?;
        if !Arc::ptr_eq(&keys, &verified.keys) {
            return None;
        }
        self.source.look(self.refresh, clock);
        let found = verified.tokens().get(digest).cloned()?;
        Some(found.is_good(clock.wall()).map(|()| found))
    }

    /// What a token of its is good for, by the keys that are there.
    pub(super) fn check(
        &self,
        presented: &Presented<'_>,
        digest: Digest,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<Foreign>, ForeignError> {
        self.source.look(self.refresh, clock);
        let keys = self.source.usable(clock).ok_or(ForeignError::NoKeys)?;
        let now = clock.wall();
        let found = Arc::new(Foreign::of(presented, &self.trust, &keys, now)?);
        let verified = match self.verified.load_full() {
            Some(verified) if Arc::ptr_eq(&verified.keys, &keys) => verified,
            _ => {
                let verified = Arc::new(Verified { keys, tokens: Mutex::default() });
                self.verified.store(Some(Arc::clone(&verified)));
                verified
            }
        };
        let mut tokens = verified.tokens();
        if tokens.len() >= VERIFIED_MAX {
            tokens.retain(|_, token| now < token.expires());
            // They are verified once more when they come.
            if tokens.len() >= VERIFIED_MAX {
                tokens.clear();
            }
        }
        tokens.insert(digest, Arc::clone(&found));
        Ok(found)
    }
}

impl Verified {
    /// Nothing in here panics half way.
    fn tokens(&self) -> MutexGuard<'_, HashMap<Digest, Arc<Foreign>, RandomState>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
