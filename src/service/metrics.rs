//! Prometheus metrics: what the HTTP side counts, and what the broker's actors counted when asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backplane_actors::{Broker, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Route, log_metrics};
use crate::auth::Authenticator;
use crate::http::Budget;

/// Upper ends of the buckets for the time to answer, in seconds.
const SECONDS: [f64; 8] = [0.0001, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: &'static str,
}

pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram>,
}

impl Metrics {
    pub(crate) fn new(broker: Broker, authenticator: Authenticator, answers: Arc<Budget>) -> Self {
        let requests = Family::default();
        let seconds: Family<Asked, Histogram> = Family::new_with_constructor(|| Histogram::new(SECONDS));
        let mut registry = Registry::with_prefix("backplane");
        registry.register("requests", "Requests answered", requests.clone());
        registry.register(
            "request_seconds",
            "Time from a request's head to its answer's head",
            seconds.clone(),
        );
        registry.register_collector(Box::new(Readings { broker, authenticator, answers }));
        Self { registry, requests, seconds }
    }

    pub(crate) fn record(&self, route: Route, status: u16, took: Duration) {
        let route = route.as_str();
        self.requests.get_or_create(&Answered { route, status }).inc();
        self.seconds.get_or_create(&Asked { route }).observe(took.as_secs_f64());
    }

    /// All metrics in the `OpenMetrics` text format.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Reads what others count when somebody asks: they pay nothing for it.
struct Readings {
    broker: Broker,
    authenticator: Authenticator,
    answers: Arc<Budget>,
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readings")
    }
}

type Reading = fn(&Stats) -> u64;
type Holding = fn(&Stats) -> usize;

/// Counters of each bus: name, help, where to read them.
const BUS_COUNTERS: [(&str, &str, Reading); 10] = [
    ("posts", "POSTs accepted", |stats| stats.posts),
    ("messages", "Messages accepted", |stats| stats.messages),
    ("replays", "POSTs answered from an idempotency key", |stats| stats.replays),
    ("channels_begun", "Channels that came into being", |stats| stats.begun),
    ("channels_spawned", "Channel actors started, of channels that were read", |stats| stats.spawned),
    ("channels_reaped", "Channels expired", |stats| stats.reaped),
    ("channels_reprieved", "Channels that were posted to just before they were reaped", |stats| {
        stats.reprieved
    }),
    ("channels_overtaken", "Expired channels met by a request before the reaper", |stats| stats.overtaken),
    ("actor_panics", "Panics caught in actors", |stats| stats.crashed),
    ("channels_revived", "Channels brought back whose actor was gone", |stats| stats.revived),
];

/// What each bus holds, and may hold.
const BUS_GAUGES: [(&str, &str, Holding); 3] = [
    ("channels", "Channels that exist", |stats| stats.channels),
    ("bus_window_bytes", "Bytes that the windows of a bus hold", |stats| stats.bus_memory),
    ("bus_window_bytes_max", "Bytes that they may hold as things are", |stats| stats.bus_memory_max),
];

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut buses = self.broker.buses();
        buses.sort();
        let stats: Vec<_> =
            buses.iter().filter_map(|bus| Some((bus.as_str(), self.broker.bus_stats(bus)?))).collect();
        for (name, help, read) in BUS_COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (bus, stats) in &stats {
                ConstCounter::new(read(stats)).encode(family.encode_family(&[("bus", *bus)])?)?;
            }
        }
        for (name, help, read) in BUS_GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (bus, stats) in &stats {
                let now = i64::try_from(read(stats)).unwrap_or(i64::MAX);
                ConstGauge::new(now).encode(family.encode_family(&[("bus", *bus)])?)?;
            }
        }
        let bytes = stats.first().map_or(0, |(_, stats)| stats.window_memory);
        let help = "Bytes that all windows hold, overhead included";
        let memory = encoder.encode_descriptor("window_bytes", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX)).encode(memory)?;
        let help = "Bytes that answers under way hold: references to messages, and buffers";
        let answers = encoder.encode_descriptor("answer_bytes", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(self.answers.held()).unwrap_or(i64::MAX)).encode(answers)?;
        log_metrics::encode(&self.broker.log_health(), &mut encoder)?;
        let help = "Passwords hashed: credentials that were not known to be right";
        let hashes = encoder.encode_descriptor("password_hashes", help, None, MetricType::Counter)?;
        ConstCounter::new(self.authenticator.hashes()).encode(hashes)
    }
}
