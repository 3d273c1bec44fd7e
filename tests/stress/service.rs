//! The service, in this process: the server as the program runs it, with two workers, and arbiters beside it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_rt::{Arbiter, ArbiterHandle};
use backplane::Backplane;
use backplane::config::{Admin, Bus, Config};
use backplane_actors::log::{DiskLog, DiskSettings};
use backplane_actors::{Boot, Broker, BusName, ChannelName, Clock, Timestamp};
use testkit::{START, errors_in};

use crate::checker::Rules;
use crate::history::{ChannelKey, Nanos, View, millis};
use crate::plan::{BUSES, Keeping, STICKY, real};

/// How long the service is silent at most.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(20);

/// The clock of the broker and of the history. It goes with real time but never steps, as the wall clock may:
/// the checker concludes from it what must have expired and what cannot have.
#[derive(Clone, Copy)]
pub(crate) struct RunClock(Instant);

impl RunClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn nanos(self) -> Nanos {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Clock for RunClock {
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(START.as_millis() + millis(self.nanos()))
    }

    fn uptime(&self) -> Duration {
        self.0.elapsed()
    }

    fn boot(&self) -> Option<Boot> {
        Some(Boot::from_u128(1))
    }
}

/// A running service and what is needed to use it from any thread.
pub(crate) struct Service {
    pub(crate) clock: RunClock,
    pub(crate) broker: Broker,
    pub(crate) address: SocketAddr,
    /// Where its operators are.
    admin: SocketAddr,
    /// Beside the workers: one that runs actors as well, and one that does not.
    pub(crate) arbiters: [ArbiterHandle; 2],
    buses: Vec<(BusName, Vec<ChannelName>)>,
    /// Ends with this, and in order.
    running: Mutex<testkit::Service>,
}

impl Service {
    pub(crate) fn start(keeping: Keeping, clock: RunClock, folder: &Path) -> Self {
        // The smallest segments that there are, so that some go meanwhile.
        let disk = DiskSettings { segment: 1 << 20, ..DiskSettings::at(folder) };
        let (mut running, arbiters) = testkit::Service::start_with(
            config(&keeping.rules()),
            move |broker| match keeping {
                Keeping::Memory => broker.clock(Arc::new(clock)),
                Keeping::Disk => broker.clock(Arc::new(clock)).log(DiskLog::open(disk).unwrap()),
            },
            |backplane| {
                let arbiters = [Arbiter::new(), Arbiter::new()];
                let joining = backplane.broker().clone();
                arbiters[0].spawn_fn(move || joining.join_arbiter());
                arbiters.each_ref().map(Arbiter::handle)
            },
        );
        // The report tells them, with what else was wrong.
        running.expect_panics();
        let buses = BUSES.iter().map(|(name, channels)| {
            let channels = (0..*channels).map(|number| format!("c{number}").parse().unwrap());
            (name.parse().unwrap(), channels.collect())
        });
        let (broker, address, admin) =
            (running.backplane.broker().clone(), running.plain[0], running.admin[0]);
        Self { clock, broker, address, admin, arbiters, buses: buses.collect(), running: Mutex::new(running) }
    }

    /// A client of its listeners, for blocking calls.
    pub(crate) fn client(&self) -> testkit::Client {
        testkit::Client::of(&format!("http://{}", self.address)).with_admin(self.admin)
    }

    pub(crate) fn backplane(&self) -> Backplane {
        self.running.lock().unwrap().backplane.clone()
    }

    /// What it has logged as errors.
    pub(crate) fn errors(&self) -> Vec<String> {
        errors_in(&self.running.lock().unwrap().log()).into_iter().map(str::to_owned).collect()
    }

    /// Begins to end, as by a signal.
    pub(crate) fn begin_shutdown(&self) {
        self.running.lock().unwrap().begin_shutdown();
    }

    pub(crate) fn bus(&self, bus: u8) -> &BusName {
        &self.buses[usize::from(real(bus))].0
    }

    pub(crate) fn channel(&self, channel: ChannelKey) -> &ChannelName {
        &self.buses[usize::from(real(channel.bus))].1[channel.number as usize]
    }

    pub(crate) fn path(&self, view: View) -> String {
        let bus = self.bus(view.bus());
        let query = if view.bus() == STICKY { "?sticky=true" } else { "" };
        match view {
            View::Bus(_) => format!("/v1/bus/{bus}{query}"),
            View::Channel(channel) => {
                format!("/v1/bus/{bus}/channel/{}{query}", self.channel(channel).as_str())
            }
        }
    }
}

fn config(rules: &[Rules]) -> Config {
    let mut config = Config::demo().unwrap();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.admin = Some(Admin { listen: config.listen.clone(), hosts: Vec::new() });
    // It answers whoever asks, by whatever name.
    config.demo = false;
    config.workers = NonZeroUsize::new(2).unwrap();
    // To be late is what it is here for: what is refused for it is another test's affair.
    config.limits.lateness = Duration::ZERO;
    // Readers who wait for nothing learn soon up to where there is nothing.
    config.limits.heartbeat = HEARTBEAT;
    let demo = config.buses.pop().unwrap();
    let buses = BUSES.iter().zip(rules).map(|((name, _), rules)| Bus {
        name: name.parse().unwrap(),
        channel_idle: Duration::from_millis(rules.idle),
        retention: Duration::from_millis(rules.retention),
        retention_max: Duration::from_millis(rules.promised.unwrap_or(rules.retention)),
        window_channel: NonZeroUsize::new(rules.channel_window).unwrap(),
        window_bus: NonZeroUsize::new(rules.bus_window).unwrap(),
        ..demo.clone()
    });
    config.buses = buses.collect();
    config
}
