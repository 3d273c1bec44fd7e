//! The slow path: from limits through the queue to a hash on a blocking thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::flight::{Flight, Joined, Verdict, verdict};
use super::{Attempt, AuthError, Recalled, Shared};
use crate::auth::UserName;
use crate::auth::limiter::{Outcome, Reservation, Subject};

/// When to come back if the hashing queue is full.
const BUSY: AuthError = AuthError::Busy { retry_after: Duration::from_secs(1) };

/// What the log says of an attempt that was refused by a limit.
const THROTTLED: &str = "too many wrong passwords";

/// The right to wait for a hash.
enum Admission {
    /// Within the queue's bound, and to be limited once more when its turn comes.
    Ordinary { _place: OwnedSemaphorePermit },
    /// The credential was right before: no limit and no bound, there is one of these per user.
    Renewal,
}

/// Settles a reservation also when hashing panics: then as a failure.
struct Settlement<'a> {
    shared: &'a Shared,
    reservation: Option<Reservation>,
    outcome: Outcome,
}

impl Drop for Settlement<'_> {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let now = (self.shared.clock)();
            self.shared.limiter().settle(reservation, self.outcome, now);
        }
    }
}

impl Shared {
    pub(super) async fn check(self: &Arc<Self>, attempt: Arc<Attempt>) -> Result<UserName, AuthError> {
        // Each round ends with an answer or follows a check that somebody else brought to its end.
        loop {
            let mut admission = None;
            let joined = self.flights.join_or(&attempt.tag, || {
                admission = Some(self.admit(&attempt)?);
                Ok(())
            });
            let (verdict, own) = match (joined, admission) {
                (Err(settled), _) => {
                    if let Err(AuthError::Throttled { .. } | AuthError::Busy { .. }) = settled {
                        self.look_later(&attempt);
                    }
                    return settled;
                }
                (Ok(Joined::Pilot(flight, wait)), Some(admission)) => {
                    self.take_off(flight, attempt.clone(), admission).await?;
                    (verdict(wait).await, true)
                }
                (Ok(Joined::Passenger(wait) | Joined::Pilot(_, wait)), _) => (verdict(wait).await, false),
            };
            match (verdict, own) {
                (Some(Verdict::Right(user)), _) => return Ok(user),
                (Some(Verdict::Wrong), _) => return Err(AuthError::Wrong),
                (Some(Verdict::Throttled(retry_after)), true) => {
                    self.look_later(&attempt);
                    return Err(AuthError::Throttled { retry_after });
                }
                (None, true) => return Err(BUSY),
                // Another address's limit or lost connection is not this one's; or other accounts are in force.
                (Some(Verdict::Throttled(_)) | None, false) | (Some(Verdict::Outdated), _) => {}
            }
        }
    }

    /// Whether this attempt may wait for a hash; refuses early what would be refused when its turn comes. The error
    /// is the answer, which may be that the credential was verified meanwhile.
    fn admit(&self, attempt: &Attempt) -> Result<Admission, Result<UserName, AuthError>> {
        match self.recall(&attempt.user, &attempt.tag, attempt.client) {
            Recalled::Fresh(user) => return Err(Ok(user)),
            Recalled::Stale => return Ok(Admission::Renewal),
            Recalled::Unknown => {}
        }
        let (subject, now) = (self.subject(attempt), (self.clock)());
        let (checked, familiar) = {
            let limiter = self.limiter();
            let checked = limiter.check(attempt.client, &subject, now);
            (checked, limiter.is_familiar(attempt.client, &subject, now))
        };
        if let Err(retry_after) = checked {
            self.report(attempt, THROTTLED);
            return Err(Err(AuthError::Throttled { retry_after }));
        }
        let place = self.admission.clone().try_acquire_owned();
        let place =
            place.or_else(|full| if familiar { self.looks.clone().try_acquire_owned() } else { Err(full) });
        if let Ok(place) = place {
            return Ok(Admission::Ordinary { _place: place });
        }
        self.report(attempt, "too many passwords are being checked");
        Err(Err(BUSY))
    }

    fn subject(&self, attempt: &Attempt) -> Subject {
        match self.roll.load().slot(&attempt.user) {
            Some(slot) => Subject::User(slot.user.clone()),
            None => Subject::Nobody(self.limiter().marks().number(&attempt.user)),
        }
    }

    async fn take_off(
        self: &Arc<Self>,
        flight: Flight,
        attempt: Arc<Attempt>,
        admission: Admission,
    ) -> Result<(), AuthError> {
        let turn = self.hashing.clone().acquire_owned().await.map_err(|_| BUSY)?;
        let shared = self.clone();
        // All goes along, so that a client that hangs up neither frees the thread early nor escapes being counted.
        tokio::task::spawn_blocking(move || {
            let verdict = shared.decide(&attempt, &admission);
            drop((turn, admission));
            flight.land(verdict);
        });
        Ok(())
    }

    fn decide(&self, attempt: &Attempt, admission: &Admission) -> Verdict {
        let (subject, now) = (self.subject(attempt), (self.clock)());
        // Limits count here, not on arrival: at most as many attempts as threads are undecided at a time, so that
        // many users behind one address, all with the right password, do not use up its burst.
        let reservation = match admission {
            Admission::Renewal => None,
            Admission::Ordinary { .. } => {
                let reserved = self.limiter().reserve(attempt.client, subject, now);
                match reserved {
                    Ok(reservation) => Some(reservation),
                    Err(wait) => {
                        self.report(attempt, THROTTLED);
                        return Verdict::Throttled(wait);
                    }
                }
            }
        };
        self.judge(attempt, reservation)
    }

    /// Hashes, and settles what was reserved.
    pub(super) fn judge(&self, attempt: &Attempt, reservation: Option<Reservation>) -> Verdict {
        let mut settlement = Settlement { shared: self, reservation, outcome: Outcome::Wrong };

        let roll = self.roll.load_full();
        let own = roll.accounts.password_hash(&attempt.user);
        // Who is nobody is hashed like somebody, and time does not tell who exists: always like the same one, also
        // after a restart.
        let nobody = || self.limiter().marks().number(&attempt.user);
        let measured = own.or_else(|| roll.accounts.any_password_hash(nobody()));
        let matches = measured.is_some_and(|hash| {
            self.hashes.fetch_add(1, Ordering::Relaxed);
            hash.verify(attempt.password.as_bytes())
        });

        let roll_now = self.roll.load();
        if roll_now.accounts.password_hash(&attempt.user) != own {
            settlement.outcome = Outcome::Void;
            return Verdict::Outdated;
        }
        match roll_now.slot(&attempt.user) {
            Some(slot) if matches => {
                settlement.outcome = Outcome::Right;
                let now = (self.clock)();
                slot.remember(attempt.tag, now.saturating_add(self.settings.verified_ttl));
                // A renewal has no reservation whose settlement would do this.
                self.limiter().familiar(attempt.client, &slot.user, now);
                slot.note(attempt.client);
                self.events.signed_in(&slot.user, attempt.client, now);
                Verdict::Right(slot.user.clone())
            }
            _ => {
                self.report(attempt, "wrong credentials");
                Verdict::Wrong
            }
        }
    }

    /// Gives back what was reserved for an attempt that needs no hash any more.
    pub(super) fn release(&self, reservation: Reservation) {
        drop(Settlement { shared: self, reservation: Some(reservation), outcome: Outcome::Void });
    }

    fn report(&self, attempt: &Attempt, reason: &str) {
        let roll = self.roll.load();
        let account = roll.slot(&attempt.user).map(|slot| &slot.user);
        self.events.failed(account, attempt.client, reason, (self.clock)());
    }
}
