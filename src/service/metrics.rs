//! Prometheus metrics: what the HTTP side counts, and what the broker's actors counted when asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backplane_actors::{Broker, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::quotas::Quotas;
use super::streams::Streams;
use super::{Holder, Route, Waiting, doorway, log_metrics};
use crate::auth::Authenticator;
use crate::door;
use crate::http::Budget;
use crate::issuers::{Issuers, KeyCounts};

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
    certificate_end: CertificateEnd,
}

/// Seconds since 1970; 0 as long as there is none.
type CertificateEnd = Arc<AtomicU64>;

impl Metrics {
    pub(crate) fn new(
        broker: Broker,
        authenticators: [Authenticator; 2],
        traffic: Arc<Budget<Holder>>,
        door: Arc<door::Stats>,
        streams: Arc<Streams>,
        quotas: Arc<Quotas>,
        issuers: Issuers,
    ) -> Self {
        let requests = Family::default();
        let seconds: Family<Asked, Histogram> = Family::new_with_constructor(|| Histogram::new(SECONDS));
        let mut registry = Registry::with_prefix("backplane");
        registry.register("requests", "Requests answered", requests.clone());
        registry.register(
            "request_seconds",
            "Time from a request's head to its answer's head",
            seconds.clone(),
        );
        let certificate_end = CertificateEnd::default();
        let seen = Arc::clone(&certificate_end);
        registry.register_collector(Box::new(Readings {
            broker,
            authenticators,
            traffic,
            door,
            streams,
            quotas,
            issuers,
            certificate_end: seen,
        }));
        Self { registry, requests, seconds, certificate_end }
    }

    /// From now on the TLS certificate in force ends then.
    pub(crate) fn note_certificate_end(&self, end: SystemTime) {
        let seconds = end.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.certificate_end.store(seconds, Ordering::Relaxed);
    }

    /// `took` is how long the answer took, where that says something.
    pub(crate) fn record(&self, route: Route, status: u16, took: Option<Duration>) {
        let route = route.as_str();
        self.requests.get_or_create(&Answered { route, status }).inc();
        if let Some(took) = took {
            self.seconds.get_or_create(&Asked { route }).observe(took.as_secs_f64());
        }
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
    /// Of users, and of clients.
    authenticators: [Authenticator; 2],
    traffic: Arc<Budget<Holder>>,
    door: Arc<door::Stats>,
    streams: Arc<Streams>,
    quotas: Arc<Quotas>,
    issuers: Issuers,
    certificate_end: CertificateEnd,
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
        let help = "Bytes under way: bodies, envelopes that are checked, and answers with their references to messages";
        let traffic = encoder.encode_descriptor("traffic_bytes", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(self.traffic.held()).unwrap_or(i64::MAX)).encode(traffic)?;
        let help = "Readers that wait, by how";
        let mut streams = encoder.encode_descriptor("streams", help, None, MetricType::Gauge)?;
        for waiting in Waiting::ALL {
            let now = i64::try_from(self.streams.count(waiting)).unwrap_or(i64::MAX);
            ConstGauge::new(now).encode(streams.encode_family(&[("kind", waiting.as_str())])?)?;
        }
        let help = "Requests refused because a quota was used up, by the quota";
        let mut refused = encoder.encode_descriptor("rate_limited", help, None, MetricType::Counter)?;
        for (quota, count) in self.quotas.refused() {
            ConstCounter::new(count).encode(refused.encode_family(&[("quota", quota)])?)?;
        }
        encode_keys(&self.issuers.counts(), &mut encoder)?;
        let end = self.certificate_end.load(Ordering::Relaxed);
        if end > 0 {
            let help = "When the TLS certificate in force ends, since 1970";
            let name = "tls_certificate_expiry_seconds";
            let gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(end).unwrap_or(i64::MAX)).encode(gauge)?;
        }
        log_metrics::encode(&self.broker.log_health(), &mut encoder)?;
        doorway::encode(&self.door, &mut encoder)?;
        let help = "Passwords and secrets of clients hashed: credentials that were not known to be right";
        let hashes = encoder.encode_descriptor("password_hashes", help, None, MetricType::Counter)?;
        ConstCounter::new(self.authenticators.iter().map(Authenticator::hashes).sum::<u64>()).encode(hashes)
    }
}

/// Where nobody is trusted there is nothing to say.
fn encode_keys(issuers: &[KeyCounts], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    if issuers.is_empty() {
        return Ok(());
    }
    let help = "Keys at hand of an identity provider that is trusted";
    let mut keys = encoder.encode_descriptor("issuer_keys", help, None, MetricType::Gauge)?;
    for issuer in issuers {
        let now = i64::try_from(issuer.keys).unwrap_or(i64::MAX);
        ConstGauge::new(now).encode(keys.encode_family(&[("issuer", issuer.name.as_str())])?)?;
    }
    let help = "How often an identity provider was asked for its keys, by what came of it";
    let mut asked = encoder.encode_descriptor("issuer_key_fetches", help, None, MetricType::Counter)?;
    for issuer in issuers {
        for (outcome, count) in [("ok", issuer.came), ("failed", issuer.failed)] {
            let labels = [("issuer", issuer.name.as_str()), ("outcome", outcome)];
            ConstCounter::new(count).encode(asked.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
