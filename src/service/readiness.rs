//! Whether the service would accept a POST now: a message of its own says so, on its way through ids, log and bus.
//!
//! Probes come from many sides and without credentials, so a message is under way once at most, whoever asks; and
//! probes give up soon, so each is answered within a second whatever the disk does.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::error::{ApiError, ErrorCode};

/// How long an answer is good for.
const AGE: Duration = Duration::from_secs(1);
/// How long a probe waits for its answer.
const PATIENCE: Duration = Duration::from_millis(900);

/// What became of the message.
type Outcome = Result<(), ApiError>;
/// A message under way, or the time when it was known what became of it.
type Flight = watch::Receiver<Option<(Instant, Outcome)>>;
/// Sends the message. Called on a thread with an actix runtime.
type Canary = Box<dyn Fn() -> LocalBoxFuture<'static, Outcome> + Send + Sync>;

pub(super) struct Readiness {
    canary: Canary,
    last: Mutex<Option<Flight>>,
}

impl Readiness {
    pub(super) fn new(canary: impl Fn() -> LocalBoxFuture<'static, Outcome> + Send + Sync + 'static) -> Self {
        Self { canary: Box::new(canary), last: Mutex::new(None) }
    }

    /// Asks, or hears what others who asked are told.
    ///
    /// # Errors
    ///
    /// What a poster would meet; [`ErrorCode::Unavailable`] also when it is not known in time.
    pub(super) async fn ask(&self) -> Outcome {
        let mut flight = self.flight();
        let landed = timeout(PATIENCE, flight.wait_for(Option::is_some)).await;
        match landed.ok().and_then(Result::ok).and_then(|landed| landed.clone()) {
            Some((_, outcome)) => outcome,
            None => Err(ApiError::new(ErrorCode::Unavailable, "the log does not answer")),
        }
    }

    /// The message under way, or the last one if it is not long ago, or a new one.
    fn flight(&self) -> Flight {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = last.as_ref().filter(|flight| is_of_use(flight)) {
            return flight.clone();
        }
        let (landed, flight) = watch::channel(None);
        let message = (self.canary)();
        // It goes on without the probe that sent it: the next one must not send another.
        actix_web::rt::spawn(async move {
            let outcome = message.await;
            landed.send_replace(Some((Instant::now(), outcome)));
        });
        *last = Some(flight.clone());
        flight
    }
}

fn is_of_use(flight: &Flight) -> bool {
    match &*flight.borrow() {
        Some((at, _)) => at.elapsed() < AGE,
        // Its thread may have ended meanwhile.
        None => flight.has_changed().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    /// A log that answers as often as the test lets it.
    struct Log {
        lets: Arc<Semaphore>,
        asked: Arc<AtomicUsize>,
        readiness: Arc<Readiness>,
    }

    impl Log {
        fn new() -> Self {
            tokio::time::pause();
            let (lets, asked) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
            let (semaphore, count) = (Arc::clone(&lets), Arc::clone(&asked));
            let readiness = Readiness::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
                let semaphore = Arc::clone(&semaphore);
                async move {
                    semaphore.acquire().await.unwrap().forget();
                    Ok(())
                }
                .boxed_local()
            });
            Self { lets, asked, readiness: Arc::new(readiness) }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    #[actix_web::test]
    async fn probes_at_the_same_time_share_one_message() {
        let log = Log::new();
        let probes = [0; 3].map(|_| {
            let readiness = Arc::clone(&log.readiness);
            actix_web::rt::spawn(async move { readiness.ask().await })
        });
        tokio::task::yield_now().await;
        log.lets.add_permits(1);
        for probe in probes {
            assert!(probe.await.unwrap().is_ok());
        }
        assert_eq!(log.asked(), 1);
        // The answer is good for a while, and then no more.
        assert!(log.readiness.ask().await.is_ok());
        assert_eq!(log.asked(), 1);
        tokio::time::advance(AGE).await;
        log.lets.add_permits(1);
        assert!(log.readiness.ask().await.is_ok());
        assert_eq!(log.asked(), 2);
    }

    #[actix_web::test]
    async fn a_log_that_hangs_is_told_within_a_second_and_asked_once() {
        let log = Log::new();
        for _ in 0..3 {
            let began = Instant::now();
            let error = log.readiness.ask().await.unwrap_err();
            assert_eq!(error.code(), ErrorCode::Unavailable);
            assert_eq!(error.description(), "the log does not answer");
            // The time of the test, which passes only while everybody waits.
            assert!(began.elapsed() < Duration::from_secs(1));
        }
        assert_eq!(log.asked(), 1);
        log.lets.add_permits(1);
        assert!(log.readiness.ask().await.is_ok(), "it answers again");
        assert_eq!(log.asked(), 1);
    }

    #[actix_web::test]
    async fn a_probe_that_hangs_up_leaves_the_message_to_the_next() {
        let log = Log::new();
        assert!(log.readiness.ask().now_or_never().is_none());
        log.lets.add_permits(1);
        assert!(log.readiness.ask().await.is_ok());
        assert_eq!(log.asked(), 1);
    }
}
