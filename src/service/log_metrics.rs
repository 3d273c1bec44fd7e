//! What the message log says of itself, in the form that Prometheus reads.

use std::fmt;

use backplane_actors::log::{LogHealth, LogState, SyncTimes};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Microseconds in a second.
const MICROS: f64 = 1_000_000.0;

pub(super) fn encode(health: &LogHealth, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "Whether the message log takes POSTs: 1 for the state that it is in";
    let mut family = encoder.encode_descriptor("log_state", help, None, MetricType::Gauge)?;
    for state in LogState::ALL {
        let is_it = ConstGauge::new(i64::from(state == health.state));
        is_it.encode(family.encode_family(&[("state", state.as_str())])?)?;
    }
    let oldest = health.oldest.map(|oldest| oldest.as_millis() / 1_000);
    for (name, help, value) in [
        ("log_bytes", "Bytes of the message log's files", health.bytes),
        ("log_segments", "Files of the message log", health.segments),
        ("log_free_bytes", "Bytes that are free on the disk of the message log", health.free),
        (
            "log_oldest_record_seconds",
            "When the oldest record in the message log was accepted, since 1970",
            oldest,
        ),
    ] {
        // A log that is not on a disk has none of these.
        let Some(value) = value else { continue };
        let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    health.syncs.map_or(Ok(()), |syncs| encode_syncs(&syncs, encoder))
}

fn encode_syncs(syncs: &SyncTimes, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "Time that the message log's syncs to the disk took";
    let mut metric = encoder.encode_descriptor("log_sync_seconds", help, None, MetricType::Histogram)?;
    let ends = SyncTimes::BOUNDS.iter().map(|micros| f64::from(*micros) / MICROS).chain([f64::MAX]);
    let buckets: Vec<_> = ends.zip(syncs.counts).collect();
    metric.encode_histogram::<NoLabelSet>(
        syncs.total.as_secs_f64(),
        syncs.counts.iter().sum(),
        &buckets,
        None,
    )
}
