//! The end of the service: something that requests can ask about and wait for, and that waits for requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use tokio::sync::{Notify, watch};

/// Whether the service is ending, and how many requests are under way.
#[derive(Debug)]
pub(crate) struct Drain {
    bell: watch::Sender<()>,
    /// Has never looked: for it the bell has changed as soon as it has rung.
    listener: watch::Receiver<()>,
    active: AtomicUsize,
    idle: Notify,
}

/// A request under way: from its head until its answer's body has ended, or nobody wants it any more.
#[derive(Debug)]
pub(crate) struct Active(Arc<Drain>);

impl Drain {
    pub(crate) fn new() -> Arc<Self> {
        let (bell, listener) = watch::channel(());
        Arc::new(Self { bell, listener, active: AtomicUsize::new(0), idle: Notify::new() })
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
        let drain = Drain::new();
        assert!(!drain.has_begun());
        assert!(drain.begun().now_or_never().is_none());
        let mut waiting = std::pin::pin!(drain.begun());
        assert!(waiting.as_mut().now_or_never().is_none());
        drain.begin();
        assert!(drain.has_begun());
        assert!(waiting.now_or_never().is_some(), "who waited is told");
        assert!(drain.begun().now_or_never().is_some(), "who comes later, too");
    }

    #[test]
    fn it_is_done_when_the_last_request_has_gone() {
        let drain = Drain::new();
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
    fn nobody_under_way_is_done_at_once() {
        let drain = Drain::new();
        drop(drain.enter());
        assert!(drain.done().now_or_never().is_none(), "it has not begun");
        drain.begin();
        assert!(drain.done().now_or_never().is_some());
    }
}
