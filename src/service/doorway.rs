//! The door as the configuration describes it, and what it counts in the form that Prometheus reads.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::config::Requests;
use crate::door::{DoorSettings, Pace, Patience, Stats};

/// A route that reads a body gives up after the time for it, and says so: the door waits until it has.
const AFTER_THE_ROUTE: Duration = Duration::from_secs(1);

/// The part of the configuration that the door keeps.
pub(super) fn settings_of(requests: &Requests) -> DoorSettings {
    let limits = &requests.limits;
    DoorSettings {
        connections: limits.connections,
        connections_per_address: limits.connections_per_address,
        trusted: requests.trusted_proxies.clone(),
        handshakes: limits.handshakes,
        handshake_timeout: limits.handshake_timeout,
        head: limits.head,
        lateness: limits.lateness,
        patience: Patience {
            head: limits.header_timeout,
            idle: limits.keep_alive,
            body: Pace::of(limits.body_timeout.saturating_add(AFTER_THE_ROUTE)),
            answer: Pace::of(limits.answer_timeout),
            stream: Pace::of(limits.answer_timeout),
        },
        ..DoorSettings::default()
    }
}

pub(super) fn encode(stats: &Stats, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    for (name, help, value) in [
        ("connections", "Connections that are open", stats.connections()),
        ("tls_handshakes", "TLS handshakes under way", stats.handshakes()),
    ] {
        let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    for (name, help, value) in [
        ("connections_accepted", "Connections that were let in", stats.accepted()),
        (
            "malformed_requests",
            "Connections that ended because what came was no HTTP request",
            stats.malformed_requests(),
        ),
        ("tls_handshakes_failed", "TLS handshakes that failed or took too long", stats.failed_handshakes()),
    ] {
        let counter = ConstCounter::new(value);
        counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    let help = "Connections that were refused, by the bound that they met";
    let mut refused = encoder.encode_descriptor("connections_refused", help, None, MetricType::Counter)?;
    for (reason, count) in stats.refused_by_reason() {
        ConstCounter::new(count).encode(refused.encode_family(&[("reason", reason.as_str())])?)?;
    }
    let help = "Requests that were refused because the server was asked more than it could answer";
    let mut shed = encoder.encode_descriptor("requests_shed", help, None, MetricType::Counter)?;
    for (kind, count) in stats.shed_requests() {
        ConstCounter::new(count).encode(shed.encode_family(&[("kind", kind)])?)?;
    }
    let help = "Connections that were closed because the peer was too slow, by what it was too slow at";
    let mut overdue = encoder.encode_descriptor("connections_overdue", help, None, MetricType::Counter)?;
    for (duty, count) in stats.overdue_by_duty() {
        ConstCounter::new(count).encode(overdue.encode_family(&[("duty", duty.as_str())])?)?;
    }
    Ok(())
}
