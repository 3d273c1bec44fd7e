//! The service in this process: two buses, users with different rights, a clock that stands still.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use backplane::Backplane;
use backplane::auth::{PasswordHash, UserName};
use backplane::config::{Bus, Config, User};
use backplane::server::{self, Listeners};
use backplane_actors::{Clock, ManualClock, Stats, Timestamp};
use futures::channel::oneshot;

use super::{Client, PATIENCE, Raw};

/// The bus that most tests use.
pub(crate) const BUS: &str = "customer.com";
/// Another one, so that tests can tell them apart.
pub(crate) const OTHER_BUS: &str = "other.org";
/// Any day will do.
const START: Timestamp = Timestamp::from_millis(1_763_683_200_000);

/// Users and their rights on [`BUS`]. Each has the own name, reversed, as password. `alice` alone may use [`OTHER_BUS`].
const USERS: [(&str, bool, bool); 4] =
    [("alice", true, true), ("poster", true, false), ("reader", false, true), ("nobody", false, false)];

static HASHES: LazyLock<BTreeMap<&'static str, PasswordHash>> =
    LazyLock::new(|| USERS.iter().map(|(name, ..)| (*name, password_hash(&password_of(name)))).collect());

/// The password of one of the harness's users.
pub(crate) fn password_of(user: &str) -> String {
    user.chars().rev().collect()
}

/// A real hash at the lowest cost that argon2 has: tests sign in hundreds of times.
pub(crate) fn password_hash(password: &str) -> PasswordHash {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    argon2.hash_password(password.as_bytes()).unwrap().to_string().parse().unwrap()
}

/// What a server is started from.
pub(crate) struct Setup {
    config: Config,
    manual: Arc<ManualClock>,
    clock: Arc<dyn Clock>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let mut config = Config::demo().unwrap();
        let name = |text: &str| text.parse::<UserName>().unwrap();
        let with = |right: fn(&(&str, bool, bool)) -> bool| {
            USERS.iter().filter(|user| right(user)).map(|(user, ..)| name(user)).collect::<Vec<_>>()
        };
        config.demo = false;
        config.listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.workers = 2.try_into().unwrap();
        config.users = USERS
            .iter()
            .map(|(user, ..)| User { name: name(user), password_hash: HASHES[user].clone() })
            .collect();
        let like_demo = config.buses.pop().unwrap();
        config.buses = vec![
            Bus {
                name: BUS.parse().unwrap(),
                post: with(|user| user.1),
                read: with(|user| user.2),
                ..like_demo.clone()
            },
            Bus {
                name: OTHER_BUS.parse().unwrap(),
                post: vec![name("alice")],
                read: vec![name("alice")],
                ..like_demo
            },
        ];
        let manual = Arc::new(ManualClock::at(START));
        Self { config, clock: Arc::clone(&manual) as Arc<dyn Clock>, manual }
    }

    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Changes [`BUS`].
    pub(crate) fn bus(self, change: impl FnOnce(&mut Bus)) -> Self {
        self.config(|config| change(&mut config.buses[0]))
    }

    /// Another clock than [`Server::clock`].
    pub(crate) fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) fn start(self) -> Server {
        let Self { config, manual, clock } = self;
        let (started, starting) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let listeners = Listeners::open(&config).unwrap();
                let broker = backplane::broker_of(&config).clock(clock).start().unwrap();
                let backplane = Backplane::around(&config, broker).unwrap();
                let addresses = (listeners.plain(), listeners.tls(), listeners.metrics());
                started.send((addresses, backplane.clone())).unwrap();
                // Whoever drops the other end means the same as who sends.
                let shutdown = async { _ = stopped.await };
                server::run(&config, listeners, &backplane, shutdown).await.map_err(|error| error.to_string())
            })
        });
        let ((plain, tls, metrics), backplane) = starting.recv_timeout(PATIENCE).expect("the server starts");
        Server { plain, tls, metrics, clock: manual, backplane, stop: Some(stop), thread: Some(thread) }
    }
}

/// A running server. It ends with the test, and the test fails if it does not end in order.
pub(crate) struct Server {
    pub(crate) plain: Vec<SocketAddr>,
    pub(crate) tls: Vec<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) backplane: Backplane,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Setup::new().start()
    }

    /// The address of the first plain listener, as seen from here: an unspecified address is reached by loopback.
    pub(crate) fn address(&self) -> SocketAddr {
        let mut address = self.plain[0];
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        address
    }

    pub(crate) fn client(&self) -> Client {
        Client::of(&format!("http://{}", self.address()))
    }

    pub(crate) fn raw(&self) -> Raw {
        Raw::connect(self.address())
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// What [`BUS`] has done and holds.
    pub(crate) fn stats(&self) -> Stats {
        self.backplane.broker().bus_stats(&BUS.parse().unwrap()).unwrap()
    }

    /// Begins to shut down, as a signal would.
    pub(crate) fn begin_shutdown(&mut self) {
        drop(self.stop.take());
    }

    /// Shuts down and waits for the end.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        self.begin_shutdown();
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or_else(|_| Err("the server's thread panicked".to_owned())),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.end();
        if !std::thread::panicking() {
            assert_eq!(ended, Ok(()), "the server ends in order");
        }
    }
}
