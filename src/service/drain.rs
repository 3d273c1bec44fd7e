//! The end of the service: something that requests can ask about and wait for, and that waits for requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// The part of the grace over which those who wait are sent away, in percent: what they leave is for requests and the log.
const SPREAD: u32 = 70;
/// How many of those who wait are sent away each second, as long as the time suffices: all of them come back somewhere at once.
const PER_SECOND: u32 = 1_000;

/// Whether the service is ending, and how many requests are under way.
#[derive(Debug)]
pub(crate) struct Drain {
    bell: watch::Sender<()>,
    /// Has never looked: for it the bell has changed as soon as it has rung.
    listener: watch::Receiver<()>,
    active: AtomicUsize,
    idle: Notify,
    /// How long the end may take.
    grace: Duration,
}

/// A request under way: from its head until its answer's body has ended, or nobody wants it any more.
#[derive(Debug)]
pub(crate) struct Active(Arc<Drain>);

impl Drain {
    pub(crate) fn new(grace: Duration) -> Arc<Self> {
        let (bell, listener) = watch::channel(());
        Arc::new(Self { bell, listener, active: AtomicUsize::new(0), idle: Notify::new(), grace })
    }

    /// From now on the service is ending.
    pub(crate) fn begin(&self) {
        self.bell.send_replace(());
    }

    /// Whether the service is ending. Costs one load: each request asks.
    pub(crate) fn has_begun(&self) -> bool {
        self.listener.has_changed().unwrap_or(true)
    }

    /// Completes once the service is ending: whoever waits for something else should wait for this, too.
    pub(crate) async fn begun(&self) {
        // The other end lives as long as this one.
        _ = self.listener.clone().changed().await;
    }

    /// The same for whoever outlives the question.
    pub(crate) fn begins(&self) -> impl Future<Output = ()> + use<> {
        let mut listener = self.listener.clone();
        // A service that is gone has ended.
        async move { _ = listener.changed().await }
    }

    /// Over which time `many` who wait are to be sent away.
    pub(super) fn spread(&self, many: usize) -> Duration {
        let most = self.grace * SPREAD / 100;
        most.min(Duration::from_secs(1) * u32::try_from(many).unwrap_or(u32::MAX) / PER_SECOND)
    }

    /// Counts a request.
    pub(crate) fn enter(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::AcqRel);
        Active(Arc::clone(self))
    }

    /// Requests under way.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Acquire)
    }

    /// Completes once the service is ending and no request is under way.
    pub(crate) async fn done(&self) {
        self.begun().await;
        loop {
            let mut rung = std::pin::pin!(self.idle.notified());
            rung.as_mut().enable();
            // With the fence of the last request: it sees the beginning, or is seen to have gone.
            fence(Ordering::SeqCst);
            if self.active() == 0 {
                return;
            }
            rung.await;
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::AcqRel) == 1 {
            fence(Ordering::SeqCst);
            if self.0.has_begun() {
                self.0.idle.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn the_end_can_be_asked_about_and_waited_for() {
        let drain = Drain::new(Duration::from_secs(10));
        assert!(!drain.has_begun());
        assert!(drain.begun().now_or_never().is_none());
        let mut waiting = std::pin::pin!(drain.begun());
        assert!(waiting.as_mut().now_or_never().is_none());
        drain.begin();
        assert!(drain.has_begun());
        assert!(waiting.now_or_never().is_some(), "who waited is told");
        assert!(drain.begun().now_or_never().is_some(), "who comes later, too");
        assert!(drain.begins().now_or_never().is_some(), "and who outlives the question");
    }

    #[test]
    fn what_is_gone_has_ended() {
        let drain = Drain::new(Duration::from_secs(10));
        let mut begins = std::pin::pin!(drain.begins());
        assert!(begins.as_mut().now_or_never().is_none());
        drop(drain);
        assert!(begins.now_or_never().is_some());
    }

    #[test]
    fn it_is_done_when_the_last_request_has_gone() {
        let drain = Drain::new(Duration::from_secs(10));
        let mut done = std::pin::pin!(drain.done());
        let (first, second) = (drain.enter(), drain.enter());
        assert!(done.as_mut().now_or_never().is_none());
        drain.begin();
        assert!(done.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(drain.active(), 1);
        assert!(done.as_mut().now_or_never().is_none());
        drop(second);
        assert!(done.now_or_never().is_some());
    }

    #[test]
    fn few_are_sent_away_at_once_and_many_over_most_of_the_grace() {
        let drain = Drain::new(Duration::from_secs(10));
        assert_eq!(drain.spread(0), Duration::ZERO);
        assert_eq!(drain.spread(50), Duration::from_millis(50));
        assert_eq!(drain.spread(1_000_000), Duration::from_secs(7));
        assert_eq!(drain.spread(usize::MAX), Duration::from_secs(7));
        assert_eq!(Drain::new(Duration::ZERO).spread(50), Duration::ZERO);
    }

    #[test]
    fn nobody_under_way_is_done_at_once() {
        let drain = Drain::new(Duration::from_secs(10));
        drop(drain.enter());
        assert!(drain.done().now_or_never().is_none(), "it has not begun");
        drain.begin();
        assert!(drain.done().now_or_never().is_some());
    }
}
