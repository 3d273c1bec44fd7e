//! The order of the end, and its one deadline.
//!
//! Workers that answer requests also run the actors, so they end last. Everything spends the same grace: what one
//! stage leaves of it is all that the next ones have.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The part of the grace that requests leave to the broker: a client that never ends must not keep the log from
/// being closed.
const KEPT_FOR_THE_LOG: u32 = 10;

/// How far an end came within its grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// All requests were answered, and their answers handed over.
    pub(super) answered: bool,
    /// All that was accepted is settled, and the log is closed.
    pub(super) settled: bool,
    /// The server stopped: nothing of it is left that somebody could wait for.
    pub(super) stopped: bool,
}

impl Ended {
    /// Whether nothing was cut off.
    pub(super) fn is_in_order(self) -> bool {
        self.answered && self.settled && self.stopped
    }
}

/// Ends within `grace`: waits for requests, then for the broker, then for the server's workers.
///
/// `stop` is told whether to wait for connections. It is not, once something was cut off: those would be waited for
/// in vain, and a stop that waits for nobody takes no time.
pub(super) async fn end<S: Future>(
    grace: Duration,
    answered: impl Future,
    settled: impl Future,
    stop: impl FnOnce(bool) -> S,
) -> Ended {
    let deadline = Instant::now() + grace;
    let answered = timeout_at(deadline - grace / KEPT_FOR_THE_LOG, answered).await.is_ok();
    let settled = timeout_at(deadline, settled).await.is_ok();
    if answered && settled {
        let stopped = timeout_at(deadline, stop(true)).await.is_ok();
        return Ended { answered, settled, stopped };
    }
    stop(false).await;
    Ended { answered, settled, stopped: true }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use futures::FutureExt as _;
    use tokio::time::sleep;

    use super::*;

    const GRACE: Duration = Duration::from_secs(10);
    const ALL: Ended = Ended { answered: true, settled: true, stopped: true };

    /// How it ended, in how much of the test's time, and whether the stop waited for connections.
    async fn ended(
        answered: Option<u64>,
        settled: Option<u64>,
        stopped: Option<u64>,
    ) -> (Ended, u64, Option<bool>) {
        // A stage begins when it is waited for.
        let after = |seconds: Option<u64>| async move {
            match seconds {
                Some(seconds) => sleep(Duration::from_secs(seconds)).await,
                None => pending().await,
            }
        };
        let (began, waited) = (Instant::now(), Cell::new(None));
        let stop = |waits| {
            waited.set(Some(waits));
            if waits { after(stopped).left_future() } else { ready(()).right_future() }
        };
        let ended = end(GRACE, after(answered), after(settled), stop).await;
        (ended, began.elapsed().as_secs(), waited.get())
    }

    #[actix_web::test]
    async fn an_end_in_order_takes_what_it_takes() {
        tokio::time::pause();
        assert_eq!(ended(Some(0), Some(0), Some(0)).await, (ALL, 0, Some(true)));
        assert_eq!(ended(Some(4), Some(3), Some(2)).await, (ALL, 9, Some(true)));
    }

    #[actix_web::test]
    async fn the_grace_is_spent_once() {
        tokio::time::pause();
        // Requests that end late leave connections what is left of it.
        let (end, took, _) = ended(Some(8), Some(0), Some(9)).await;
        assert_eq!((end, took), (Ended { stopped: false, ..ALL }, 10));
        assert!(!end.is_in_order());
        // A reader that does not read leaves the log its time; a disk that hangs; both.
        let cut = [
            (ended(None, Some(0), None).await, Ended { answered: false, ..ALL }, 9),
            (ended(Some(6), None, None).await, Ended { settled: false, ..ALL }, 10),
            (ended(None, None, None).await, Ended { answered: false, settled: false, ..ALL }, 10),
        ];
        for ((end, took, waited), expected, within) in cut {
            assert_eq!((end, took, waited), (expected, within, Some(false)));
            assert!(!end.is_in_order());
        }
    }
}
