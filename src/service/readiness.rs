//! What the service is able to do now: a message of its own says so, on its way through ids, log and bus.
//!
//! A server that refuses POSTs still has what its readers want, and no other server has it: only one that can do nothing
//! for anybody is to be passed by.
//!
//! Probes come from many sides and without credentials, so a message is under way once at most, whoever asks; and
//! probes give up soon, so each is answered within a second whatever the disk does.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backplane_actors::PostError;
use backplane_actors::log::LogError;
use futures::future::LocalBoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// How long an answer is good for.
const AGE: Duration = Duration::from_secs(1);
/// How long a probe waits for its answer.
const PATIENCE: Duration = Duration::from_millis(900);

/// What the service can do for its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ability {
    /// All of it.
    Able,
    /// Reads are answered; POSTs are not, or some bus is not served.
    Degraded(Cow<'static, str>),
    /// Nothing, or not for long.
    Unable(Cow<'static, str>),
}

impl Ability {
    /// What a message that was posted tells.
    fn of(outcome: Result<(), PostError>) -> Self {
        match outcome {
            Ok(()) => Self::Able,
            Err(
                error @ (PostError::Closed
                | PostError::BusClosed
                | PostError::UnknownBus
                | PostError::Log(LogError::Closed)),
            ) => Self::Unable(error.to_string().into()),
            // It may be any of them.
            Err(PostError::BusFailed) => {
                Self::Degraded("a bus failed, and answers nobody until a restart".into())
            }
            Err(error) => Self::Degraded(error.to_string().into()),
        }
    }
}

/// A message under way, or the time when it was known what became of it.
type Flight = watch::Receiver<Option<(Instant, Ability)>>;
/// Sends the message. Called on a thread with an actix runtime.
type Canary = Box<dyn Fn() -> LocalBoxFuture<'static, Result<(), PostError>> + Send + Sync>;

pub(super) struct Readiness {
    canary: Canary,
    last: Mutex<Option<Flight>>,
}

impl Readiness {
    pub(super) fn new(
        canary: impl Fn() -> LocalBoxFuture<'static, Result<(), PostError>> + Send + Sync + 'static,
    ) -> Self {
        Self { canary: Box::new(canary), last: Mutex::new(None) }
    }

    /// Asks, or hears what others who asked are told.
    pub(super) async fn ask(&self) -> Ability {
        let mut flight = self.flight();
        let landed = timeout(PATIENCE, flight.wait_for(Option::is_some)).await;
        match landed.ok().and_then(Result::ok).and_then(|landed| landed.clone()) {
            Some((_, ability)) => ability,
            None => Ability::Degraded("the log does not answer".into()),
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
            let ability = Ability::of(message.await);
            landed.send_replace(Some((Instant::now(), ability)));
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
            assert_eq!(probe.await.unwrap(), Ability::Able);
        }
        assert_eq!(log.asked(), 1);
        // The answer is good for a while, and then no more.
        assert_eq!(log.readiness.ask().await, Ability::Able);
        assert_eq!(log.asked(), 1);
        tokio::time::advance(AGE).await;
        log.lets.add_permits(1);
        assert_eq!(log.readiness.ask().await, Ability::Able);
        assert_eq!(log.asked(), 2);
    }

    #[actix_web::test]
    async fn a_log_that_hangs_is_told_within_a_second_and_asked_once() {
        let log = Log::new();
        for _ in 0..3 {
            let began = Instant::now();
            assert_eq!(log.readiness.ask().await, Ability::Degraded("the log does not answer".into()));
            // The time of the test, which passes only while everybody waits.
            assert!(began.elapsed() < Duration::from_secs(1));
        }
        assert_eq!(log.asked(), 1);
        log.lets.add_permits(1);
        assert_eq!(log.readiness.ask().await, Ability::Able, "it answers again");
        assert_eq!(log.asked(), 1);
    }

    #[actix_web::test]
    async fn a_probe_that_hangs_up_leaves_the_message_to_the_next() {
        let log = Log::new();
        assert!(log.readiness.ask().now_or_never().is_none());
        log.lets.add_permits(1);
        assert_eq!(log.readiness.ask().await, Ability::Able);
        assert_eq!(log.asked(), 1);
    }

    #[test]
    fn a_server_that_still_answers_reads_is_degraded_and_one_that_is_closed_is_unable() {
        let degraded = [
            PostError::Log(LogError::Full),
            PostError::Log(LogError::Failed),
            PostError::Log(LogError::NoMoreIds),
            PostError::MemoryFull(1),
            PostError::TooManyPending(1),
            PostError::Stalled(Duration::from_secs(5)),
            PostError::LogStalled,
            PostError::BusFailed,
            PostError::Crashed,
        ];
        for error in degraded {
            assert!(matches!(Ability::of(Err(error.clone())), Ability::Degraded(_)), "{error}");
        }
        for error in [PostError::Closed, PostError::Log(LogError::Closed), PostError::BusClosed] {
            assert!(matches!(Ability::of(Err(error.clone())), Ability::Unable(_)), "{error}");
        }
    }
}
