//! The end of the server, as the connections of one thread see it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_server::GracefulShutdownSignal;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Whether the server ends, and who waits for it.
///
/// The server's own signal is shared by all threads, under a lock: each connection would take it with each request.
#[derive(Debug, Default)]
pub(super) struct Ends {
    is_over: Cell<bool>,
    wake: Notify,
}

impl Ends {
    /// On this thread, once the signal comes.
    pub(super) fn with(signal: GracefulShutdownSignal) -> Rc<Self> {
        let ends = Rc::<Self>::default();
        let told = Rc::clone(&ends);
        actix_web::rt::spawn(async move {
            signal.notified().await;
            told.come();
        });
        ends
    }

    fn come(&self) {
        // In this order: whoever is woken looks whether it is over.
        self.is_over.set(true);
        self.wake.notify_waiters();
    }

    /// Whether it has come. What waits in [`Ends::notified`] has been woken then, and not before.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Waits for it.
    pub(super) async fn notified(self: Rc<Self>) {
        if !self.is_over() {
            self.wake.notified().await;
        }
    }

    /// Rests for so long, and not beyond the end: that waits for nobody who rests.
    pub(super) async fn rest(self: Rc<Self>, time: Duration) {
        _ = timeout(time, self.notified()).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::load::REST;
    use super::*;

    #[actix_web::test]
    async fn who_waited_once_is_woken_and_finds_it_over() {
        let ends = Rc::<Ends>::default();
        let waits = Rc::clone(&ends);
        let waiting = actix_web::rt::spawn(async move {
            Rc::clone(&waits).notified().await;
            waits.is_over()
        });
        tokio::task::yield_now().await;
        assert!(!ends.is_over());
        ends.come();
        assert!(waiting.await.unwrap());
        // Who comes later waits for nothing.
        Rc::clone(&ends).notified().await;
    }

    #[actix_web::test]
    async fn the_end_waits_for_nobody_who_rests() {
        tokio::time::pause();
        let (ends, began) = (Rc::<Ends>::default(), Instant::now());
        Rc::clone(&ends).rest(REST).await;
        assert_eq!(began.elapsed().as_secs(), REST.as_secs());
        let resting = actix_web::rt::spawn(Rc::clone(&ends).rest(REST));
        tokio::task::yield_now().await;
        let began = Instant::now();
        ends.come();
        resting.await.unwrap();
        Rc::clone(&ends).rest(REST).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
