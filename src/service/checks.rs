//! Checks of signatures take milliseconds that belong to other requests: few at a time, on threads that may be busy, with a
//! bounded number of POSTs that wait for their turn, and of each user a share (I-5).

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::UserName;
use crate::error::{ApiError, ErrorCode};

/// POSTs whose signatures are being checked or wait for it.
const PLACES: usize = 64;
/// Of one user: no flood of one keeps the others out.
const PLACES_OF_ONE: usize = 16;
/// When to come back.
const WAIT: Duration = Duration::from_secs(1);

/// Who checks, and who waits for it.
#[derive(Debug)]
pub(crate) struct Checks {
    turns: Arc<Semaphore>,
    places: Mutex<HashMap<UserName, usize, RandomState>>,
}

/// The right to check one POST's signatures now; to be kept until that is done, also when its client hangs up.
#[derive(Debug)]
pub(crate) struct Turn {
    _turn: OwnedSemaphorePermit,
    _place: Place,
}

/// One of the places of a user.
#[derive(Debug)]
struct Place {
    checks: Arc<Checks>,
    user: UserName,
}

impl Checks {
    /// Half of the workers' number at a time: the other half of the processors goes on with what is no envelope.
    pub(crate) fn new(workers: NonZeroUsize) -> Arc<Self> {
        let turns = workers.get().div_ceil(2).min(PLACES);
        Arc::new(Self { turns: Arc::new(Semaphore::new(turns)), places: Mutex::default() })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// Too many wait already, in all or of this user.
    pub(crate) async fn turn(self: &Arc<Self>, user: &UserName) -> Result<Turn, ApiError> {
        let place = self.place(user)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| busy())?;
        Ok(Turn { _turn: turn, _place: place })
    }

    fn place(self: &Arc<Self>, user: &UserName) -> Result<Place, ApiError> {
        let mut places = self.places();
        let own = places.get(user).copied().unwrap_or(0);
        if own >= PLACES_OF_ONE || places.values().sum::<usize>() >= PLACES {
            return Err(busy());
        }
        places.insert(user.clone(), own + 1);
        Ok(Place { checks: Arc::clone(self), user: user.clone() })
    }

    fn places(&self) -> MutexGuard<'_, HashMap<UserName, usize, RandomState>> {
        // Nothing is left half done in the map when a holder panics.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.checks.places();
        match places.get_mut(&self.user) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(places.remove(&self.user)),
        }
    }
}

fn busy() -> ApiError {
    let text = "too many signed messages are being checked; try again in 1 s";
    ApiError::new(ErrorCode::Busy, text).retry_after(WAIT)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::poll;

    use super::*;

    fn user(number: usize) -> UserName {
        format!("user{number}").parse().unwrap()
    }

    #[actix_web::test]
    async fn i_5_few_check_at_a_time_and_the_next_in_turn() {
        let checks = Checks::new(3.try_into().unwrap());
        let (first, second) = (checks.turn(&user(1)).await.unwrap(), checks.turn(&user(2)).await.unwrap());
        let someone = user(3);
        let mut third = pin!(checks.turn(&someone));
        assert!(poll!(&mut third).is_pending());
        drop(first);
        assert!(poll!(&mut third).is_ready());
        drop(second);
    }

    #[actix_web::test]
    async fn i_5_waiting_is_bounded_in_all_and_for_each() {
        let checks = Checks::new(1.try_into().unwrap());
        let mut places: Vec<_> = (0..PLACES_OF_ONE).map(|_| checks.place(&user(0)).unwrap()).collect();
        let refused = checks.turn(&user(0)).await.unwrap_err();
        assert_eq!((refused.code(), refused.code().is_temporary()), (ErrorCode::Busy, true));
        // Others come in all the same, until all places are taken.
        places.extend((PLACES_OF_ONE..PLACES).map(|number| checks.place(&user(number)).unwrap()));
        assert!(checks.place(&user(PLACES)).is_err());
        drop(places);
        assert!(checks.places().is_empty(), "who is gone is forgotten");
        assert!(checks.turn(&user(0)).await.is_ok());
    }

    #[actix_web::test]
    async fn who_hangs_up_while_waiting_leaves_the_place() {
        let checks = Checks::new(1.try_into().unwrap());
        let held = checks.turn(&user(1)).await.unwrap();
        {
            let someone = user(2);
            let mut waiting = pin!(checks.turn(&someone));
            assert!(poll!(&mut waiting).is_pending());
            assert_eq!(checks.places().len(), 2);
        }
        assert_eq!(checks.places().len(), 1);
        drop(held);
    }
}
