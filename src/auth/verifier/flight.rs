//! One check per credential at a time: whoever comes with the same one meanwhile waits for its verdict.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::watch;

use super::Tag;
use crate::auth::UserName;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Right(UserName),
    Wrong,
    /// Refused before hashing, for this long.
    Throttled(Duration),
    /// The account changed meanwhile.
    Outdated,
}

/// Resolves to the verdict, or to None when the check was given up.
pub(super) type Wait = watch::Receiver<Option<Verdict>>;

/// The checks on their way. As many as may wait for a hash, hence bounded by the queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Tag, Wait, RandomState>>>);

/// The duty to bring one check to its end. Dropped without [`Flight::land`], those who wait look for themselves.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Flights,
    tag: Tag,
    verdict: watch::Sender<Option<Verdict>>,
}

/// What [`Flights::join_or`] found.
#[derive(Debug)]
pub(super) enum Joined {
    /// Somebody checks it already.
    Passenger(Wait),
    /// The caller is to check it.
    Pilot(Flight, Wait),
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<Tag, Wait, RandomState>> {
        // Nothing is left half done in the map when a holder panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the check of this credential or starts one, after `may_start` agreed. `may_start` runs while nothing
    /// can land: what it finds missing, no landed check has brought.
    pub(super) fn join_or<E>(
        &self,
        tag: &Tag,
        may_start: impl FnOnce() -> Result<(), E>,
    ) -> Result<Joined, E> {
        match self.lock().entry(*tag) {
            Entry::Occupied(flying) => Ok(Joined::Passenger(flying.get().clone())),
            Entry::Vacant(free) => {
                may_start()?;
                let (verdict, wait) = watch::channel(None);
                free.insert(wait.clone());
                Ok(Joined::Pilot(Flight { flights: self.clone(), tag: *tag, verdict }, wait))
            }
        }
    }
}

impl Flight {
    /// Ends the check.
    pub(super) fn land(self, verdict: Verdict) {
        let announce = self.verdict.clone();
        // First off the list: who comes after the verdict is known must not get an old one.
        drop(self);
        announce.send_replace(Some(verdict));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.tag);
    }
}

/// Waits for the verdict of a check.
pub(super) async fn verdict(mut wait: Wait) -> Option<Verdict> {
    wait.wait_for(Option::is_some).await.ok().and_then(|verdict| verdict.clone())
}
