//! A second look at what was refused: because others were wrong too often, or because too many passwords wait.
//!
//! The answer is given and stays what it is; whoever is refused learns nothing from it, neither from what it says nor from
//! when it comes. But if the user exists, is right, and was not wrong from there lately, then the password is known to be
//! right when the client tries again, as it was told to. So a flood of names that nobody has neither locks a name out that
//! somebody has nor pushes it out of the queue; and as nobody sees who gets a second look, it tells no names.
//!
//! Where the queue is full, addresses that are familiar to the account wait in these places instead: only whoever is at such
//! an address can tell.

use std::sync::Arc;

use super::{Attempt, Recalled, Shared};

/// Second looks that wait or are being hashed (I-5): each is one attempt of a user who exists.
pub(super) const LOOKS: usize = 64;

impl Shared {
    /// Begins a second look, if it comes to one. Takes the caller the same time whoever it is about.
    pub(super) fn look_later(self: &Arc<Self>, attempt: &Arc<Attempt>) {
        tokio::spawn(self.clone().look(attempt.clone()));
    }

    async fn look(self: Arc<Self>, attempt: Arc<Attempt>) {
        let user = self.roll.load().slot(&attempt.user).map(|slot| slot.user.clone());
        let (Some(user), Ok(place)) = (user, self.looks.clone().try_acquire_owned()) else { return };
        let reservation = self.limiter().look(attempt.client, &user, (self.clock)());
        let Some(reservation) = reservation else { return };
        // In line with all others; there are at most as many before it as the queue has places.
        let Ok(turn) = self.hashing.clone().acquire_owned().await else { return };
        let hashing = tokio::task::spawn_blocking(move || {
            match self.recall(&attempt.user, &attempt.tag, attempt.client) {
                Recalled::Unknown => drop(self.judge(&attempt, Some(reservation))),
                Recalled::Fresh(_) | Recalled::Stale => self.release(reservation),
            }
            drop((turn, place));
        });
        // A hash that panicked was counted as a failure on its way.
        _ = hashing.await;
    }
}
