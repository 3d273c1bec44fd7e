//! The service in this process: as the program runs it, but on a clock of the test's choice.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use backplane::config::Config;
use backplane::server::{self, Listeners};
use backplane::{Backplane, broker_of};
use backplane_actors::{BrokerBuilder, Clock};
use futures::channel::oneshot;

use crate::PATIENCE;
use crate::log::{Log, errors_in};

/// A running service, in a thread of its own.
///
/// It ends with this value, and the test fails if it does not end in order, or if on its way an actor panicked or an
/// error was logged that was not announced.
pub struct Service {
    /// Where it listens without TLS.
    pub plain: Vec<SocketAddr>,
    /// Where it listens with TLS.
    pub tls: Vec<SocketAddr>,
    /// Where it listens for operators.
    pub admin: Vec<SocketAddr>,
    /// The service itself.
    pub backplane: Backplane,
    config: Config,
    log: Log,
    panics_expected: bool,
    errors_expected: bool,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Service {
    /// Starts it on this clock.
    pub fn start(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self::start_with(config, |broker| broker.clock(clock), |_| ()).0
    }

    /// Starts it around a broker that is made as the test wants it, and does something in its system before it serves.
    pub fn start_with<T: Send + 'static>(
        config: Config,
        broker: impl FnOnce(BrokerBuilder) -> BrokerBuilder + Send + 'static,
        first: impl FnOnce(&Backplane) -> T + Send + 'static,
    ) -> (Self, T) {
        let (started, starting) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let of_thread = config.clone();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let (config, log) = (of_thread, Log::of_this_system());
                let broker = broker(broker_of(&config)).start().unwrap();
                let backplane = Backplane::around(&config, broker).unwrap();
                let listeners = Listeners::open(&config).unwrap();
                let addresses = (listeners.plain(), listeners.tls(), listeners.admin());
                let first = first(&backplane);
                started.send((addresses, backplane.clone(), log, first)).ok().unwrap();
                // Whoever drops the other end means the same as who sends.
                let shutdown = async { _ = stopped.await };
                server::run(&config, listeners, &backplane, shutdown).await.map_err(|error| error.to_string())
            })
        });
        let ((plain, tls, admin), backplane, log, first) =
            starting.recv_timeout(PATIENCE).expect("the service starts");
        let (stop, thread) = (Some(stop), Some(thread));
        let (panics_expected, errors_expected) = (false, false);
        let service = Self {
            plain,
            tls,
            admin,
            backplane,
            config,
            log,
            panics_expected,
            errors_expected,
            stop,
            thread,
        };
        (service, first)
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Says that actors will panic. As each panic is logged, errors are expected as well.
    pub fn expect_panics(&mut self) {
        (self.panics_expected, self.errors_expected) = (true, true);
    }

    /// Says that errors will be logged.
    pub fn expect_errors(&mut self) {
        self.errors_expected = true;
    }

    /// Its errors and warnings until now.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Panics of actors until now.
    pub fn panics(&self) -> u64 {
        let broker = self.backplane.broker();
        self.config
            .buses
            .iter()
            .filter_map(|bus| broker.bus_stats(&bus.name))
            .map(|stats| stats.crashed)
            .sum()
    }

    /// Begins to shut down, as a signal would.
    pub fn begin_shutdown(&mut self) {
        drop(self.stop.take());
    }

    /// Shuts down and waits for the end.
    pub fn end(&mut self) -> Result<(), String> {
        self.begin_shutdown();
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or_else(|_| Err("the service's thread panicked".to_owned())),
            None => Ok(()),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let ended = self.end();
        // One failure is enough to be told.
        if std::thread::panicking() {
            return;
        }
        assert_eq!(ended, Ok(()), "the service ends in order");
        if !self.panics_expected {
            assert_eq!(self.panics(), 0, "actors panicked:\n{}", self.log());
        }
        if !self.errors_expected {
            assert_eq!(errors_in(&self.log()), [""; 0], "errors were logged");
        }
    }
}
