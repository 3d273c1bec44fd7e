//! A service with two buses, users with different rights, and a clock that stands still.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use backplane::config::{Admin, Bus, Config};
use backplane_actors::log::Log;
use backplane_actors::{BrokerBuilder, Clock, ManualClock, Stats, Work};

use crate::users::{self, BUS, OTHER_BUS};
use crate::{Client, Raw, START, Service};

/// What a server is started from.
pub struct Setup {
    config: Config,
    manual: Arc<ManualClock>,
    clock: Arc<dyn Clock>,
    fail_points: Option<Hook>,
    log: Option<Box<dyn FnOnce(BrokerBuilder) -> BrokerBuilder + Send>>,
}

/// Told what an actor has just done; may panic.
type Hook = Box<dyn Fn(Work) + Send + Sync>;

impl Setup {
    /// [`BUS`] and [`OTHER_BUS`] with the settings of the demonstration, on a free port, with two workers and a listener for operators.
    pub fn new() -> Self {
        let mut config = Config::demo().unwrap();
        config.demo = false;
        config.listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.admin = Some(Admin { listen: config.listen.clone(), hosts: Vec::new() });
        config.workers = 2.try_into().unwrap();
        // A machine that runs many tests at a time is late without being asked too much.
        config.limits.lateness = Duration::ZERO;
        config.users = users::all();
        let like_demo = config.buses.pop().unwrap();
        config.buses = vec![
            Bus {
                name: BUS.parse().unwrap(),
                post: users::posters(),
                read: users::readers(),
                ..like_demo.clone()
            },
            Bus {
                name: OTHER_BUS.parse().unwrap(),
                post: vec![users::name("alice")],
                read: vec![users::name("alice")],
                ..like_demo
            },
        ];
        let manual = Arc::new(ManualClock::at(START));
        Self { config, clock: Arc::clone(&manual) as Arc<dyn Clock>, manual, fail_points: None, log: None }
    }

    /// Changes the configuration.
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Changes [`BUS`].
    pub fn bus(self, change: impl FnOnce(&mut Bus)) -> Self {
        self.config(|config| change(&mut config.buses[0]))
    }

    /// Another clock than [`Server::clock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Has actors meet this after each piece of work.
    pub fn fail_points(mut self, hook: impl Fn(Work) + Send + Sync + 'static) -> Self {
        self.fail_points = Some(Box::new(hook));
        self
    }

    /// Keeps messages in this log.
    pub fn log(mut self, log: impl Log) -> Self {
        self.log = Some(Box::new(|broker| broker.log(log)));
        self
    }

    /// Starts the server.
    pub fn start(self) -> Server {
        let Self { config, manual, clock, fail_points, log } = self;
        let broker = move |broker: BrokerBuilder| {
            let broker = broker.clock(clock);
            let broker = match log {
                Some(log) => log(broker),
                None => broker,
            };
            match fail_points {
                Some(hook) => broker.fail_points(hook),
                None => broker,
            }
        };
        Server { service: Service::start_with(config, broker, |_| ()).0, clock: manual }
    }
}

/// A running server: a [`Service`], with what most tests want of it.
pub struct Server {
    /// Where time stands for it.
    pub clock: Arc<ManualClock>,
    service: Service,
}

impl Deref for Server {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Service {
        &mut self.service
    }
}

impl Server {
    /// As [`Setup::new`] has it.
    pub fn start() -> Self {
        Setup::new().start()
    }

    /// The address of the first plain listener, as seen from here: an unspecified address is reached by loopback.
    pub fn address(&self) -> SocketAddr {
        let mut address = self.plain[0];
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        address
    }

    /// A client of it, which knows its listener for operators.
    pub fn client(&self) -> Client {
        let client = Client::of(&format!("http://{}", self.address()));
        match self.admin.first() {
            Some(admin) => client.with_admin(*admin),
            None => client,
        }
    }

    /// A socket to it.
    pub fn raw(&self) -> Raw {
        Raw::connect(self.address())
    }

    /// Says that errors will be logged.
    pub fn expect_errors(&mut self) {
        self.service.expect_errors();
    }

    /// Connects to it from an address of this machine.
    pub fn raw_from(&self, from: [u8; 4]) -> Raw {
        Raw::connect_from(from, self.address())
    }

    /// Moves its clock.
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// What [`BUS`] has done and holds.
    pub fn stats(&self) -> Stats {
        self.backplane.broker().bus_stats(&BUS.parse().unwrap()).unwrap()
    }
}
