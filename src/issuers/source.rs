//! The keys of an issuer, and when they are asked for: by whoever finds that they are old or that one is missing, one at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use backplane_actors::Clock;
use tokio::sync::watch;
use tokio::time::timeout;

use super::fetch::{FETCH_TIME, FetchError, fetch};
use crate::access::foreign::{Ask, Freshness, IssuerName, KeySet};
use crate::config::KeysAt;

/// How long a question may take before another one is asked: that one is over by then, or nobody is there to end it.
const PATIENCE: Duration = FETCH_TIME.saturating_mul(2);

pub(super) struct Source {
    name: IssuerName,
    at: KeysAt,
    keys: ArcSwapOption<KeySet>,
    freshness: Mutex<Freshness>,
    /// Counts questions that are over.
    over: watch::Sender<u64>,
    came: AtomicU64,
    failed: AtomicU64,
}

impl Source {
    pub(super) fn new(name: &IssuerName, at: &KeysAt) -> Self {
        Self {
            name: name.clone(),
            at: at.clone(),
            keys: ArcSwapOption::empty(),
            freshness: Mutex::default(),
            over: watch::Sender::new(0),
            came: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Whether the keys come from there.
    pub(super) fn is_at(&self, at: &KeysAt) -> bool {
        self.at == *at
    }

    /// How often they came, and how often they did not.
    pub(super) fn asked(&self) -> (u64, u64) {
        (self.came.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// The keys that came last.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys.load_full()
    }

    /// The same, if they are not too old to be believed.
    pub(super) fn usable(&self, clock: &Arc<dyn Clock>) -> Option<Arc<KeySet>> {
        let are_usable = self.freshness().are_usable(clock.uptime());
        self.keys().filter(|_| are_usable)
    }

    /// Asks for keys where those that are there are so old. Nobody waits for it.
    pub(super) fn look(self: &Arc<Self>, refresh: Duration, clock: &Arc<dyn Clock>) {
        let ask = self.freshness().look(clock.uptime(), refresh, PATIENCE);
        if ask == Ask::Now {
            self.ask(clock);
        }
    }

    /// Asks for keys because one is missing, or waits while somebody does, but no longer than that may take.
    pub(super) async fn missed(self: &Arc<Self>, clock: &Arc<dyn Clock>) {
        // It listens before it asks: no end is missed.
        let mut over = self.over.subscribe();
        let ask = self.freshness().miss(clock.uptime(), PATIENCE);
        match ask {
            Ask::Now => self.ask(clock),
            Ask::UnderWay => {}
            Ask::NotNow => return,
        }
        // Whatever came of it is seen in the keys.
        _ = timeout(PATIENCE, over.changed()).await;
    }

    /// A task of its own: whoever made it necessary may hang up.
    fn ask(self: &Arc<Self>, clock: &Arc<dyn Clock>) {
        let (source, clock) = (Arc::clone(self), Arc::clone(clock));
        actix_web::rt::spawn(async move {
            let answer = fetch(&source.at).await;
            source.take(answer, &clock);
        });
    }

    fn take(&self, answer: Result<KeySet, FetchError>, clock: &Arc<dyn Clock>) {
        let came = answer.is_ok();
        match answer {
            Ok(keys) => {
                self.came.fetch_add(1, Ordering::Relaxed);
                // The same keys stay the same, and with them what they verified.
                if !self.keys().is_some_and(|known| known.is_same_as(&keys)) {
                    let (of_use, passed_by) = (keys.len(), keys.passed_by());
                    tracing::info!(issuer = %self.name, of_use, passed_by, "the issuer's keys are new");
                    self.keys.store(Some(Arc::new(keys)));
                }
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let error: &dyn std::error::Error = &error;
                let text = "the issuer's keys cannot be had; those that are there are used for a day at most";
                tracing::warn!(issuer = %self.name, error, "{text}");
            }
        }
        self.freshness().done(clock.uptime(), came);
        self.over.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Nothing in here panics half way.
    fn freshness(&self) -> MutexGuard<'_, Freshness> {
        self.freshness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
