//! Signals: those that end the server, and those that do not. SIGHUP is `reload`'s.

use std::io;

use futures::future::{Either, select};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::backplane::Backplane;

/// Completes at SIGTERM or SIGINT.
///
/// # Errors
///
/// The handlers cannot be installed.
pub fn termination() -> io::Result<impl Future<Output = ()>> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        let (term, interrupt) = (std::pin::pin!(term.recv()), std::pin::pin!(interrupt.recv()));
        select(term, interrupt).await;
    })
}

/// SIGUSR1 and SIGUSR2, which other servers do something at. Here they are a line of the log; by themselves they would end
/// the process at once.
#[derive(Debug)]
pub struct UserSignals {
    first: Signal,
    second: Signal,
}

impl UserSignals {
    /// From now on they end the process no more. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The handlers cannot be installed.
    pub fn new() -> io::Result<Self> {
        Ok(Self { first: signal(SignalKind::user_defined1())?, second: signal(SignalKind::user_defined2())? })
    }

    /// Waits for them, again and again, until dropped.
    pub async fn run(mut self, backplane: Backplane) {
        loop {
            let (first, second) = (std::pin::pin!(self.first.recv()), std::pin::pin!(self.second.recv()));
            let (came, signal) = match select(first, second).await {
                Either::Left((came, _)) => (came, "SIGUSR1"),
                Either::Right((came, _)) => (came, "SIGUSR2"),
            };
            if came.is_none() {
                return;
            }
            let (requests, buses) = (backplane.active_requests(), backplane.broker().buses().len());
            tracing::info!(
                signal,
                requests,
                buses,
                "this signal does nothing here; SIGHUP reads the configuration again"
            );
        }
    }
}
