//! What an embedder sets. Every bound (I-5) has its default here.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::model::Poster;

/// How a bus treats its messages and channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusSettings {
    /// Time without posts after which a channel expires (RET-8). Default 30 minutes, at least 1 millisecond.
    pub channel_idle: Duration,
    /// Time that a message is kept that comes without a wish (RET-9). Default 30 minutes, at least 1 millisecond.
    pub retention: Duration,
    /// Time that a sticky message is kept, and the longest that a message may ask for (RET-9). Default 8 hours. Where it is
    /// below `retention`, that holds.
    pub retention_max: Duration,
    /// Most messages in a channel's window. Default 100.
    pub channel_window: NonZeroUsize,
    /// Most messages in the bus's window. Default 10 000.
    pub bus_window: NonZeroUsize,
    /// Who may post, each once: to each of them a part of the bus's bounds is guaranteed (I-5). Others may post all the
    /// same, as far as it is for the broker; to them nothing is guaranteed. Default nobody: who comes first gets all.
    pub posters: Vec<Poster>,
    /// Most channels that exist at a time, shared among the posters. Default [`BrokerLimits::channels_per_bus`].
    pub channels: Option<usize>,
    /// Most bytes that the windows of the bus hold, overhead included: half is free, the other half is guaranteed to the
    /// posters in equal parts, as far as the part of the bus goes. Default: what [`BrokerLimits::window_memory`] leaves to it.
    pub memory: Option<usize>,
    /// Most subscriptions; one to several channels counts once for each. Default [`BrokerLimits::subscribers_per_bus`].
    pub subscribers: Option<usize>,
}

impl Default for BusSettings {
    fn default() -> Self {
        const HALF_AN_HOUR: Duration = Duration::from_mins(30);
        Self {
            channel_idle: HALF_AN_HOUR,
            retention: HALF_AN_HOUR,
            retention_max: Duration::from_hours(8),
            channel_window: const { NonZeroUsize::new(100).unwrap() },
            bus_window: const { NonZeroUsize::new(10_000).unwrap() },
            posters: Vec::new(),
            channels: None,
            memory: None,
            subscribers: None,
        }
    }
}

/// The bounds of a broker (I-5).
///
/// Of those that are shared half is free for whoever comes first; the other half is guaranteed in equal parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerLimits {
    /// Most channels of one bus that exist at a time, shared among its posters. Default 1 000 000.
    pub channels_per_bus: usize,
    /// Most bytes that all windows together hold, overhead included, shared among the buses and then among the posters of
    /// each. Default 1 GiB.
    pub window_memory: usize,
    /// Most idempotency keys of one bus remembered at a time, shared among its posters. Default 100 000.
    pub idempotency_keys: usize,
    /// How long an idempotency key is remembered. Default 10 minutes.
    pub idempotency_window: Duration,
    /// Most POSTs to one bus that wait for their answers at a time. Default 10 000.
    pub pending_posts: usize,
    /// How long a POST waits for a log that does not answer, and after which more are refused. Default 5 seconds; what
    /// passes is noticed a second later at most.
    pub log_patience: Duration,
    /// Most subscriptions of all buses. Default 1 000 000.
    pub subscribers: usize,
    /// Most subscriptions of one bus; one to several channels counts once for each. Default 1 000 000.
    pub subscribers_per_bus: usize,
    /// Most subscriptions of one channel. Default 100 000.
    pub subscribers_per_channel: usize,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            channels_per_bus: 1_000_000,
            window_memory: 1 << 30,
            idempotency_keys: 100_000,
            idempotency_window: Duration::from_mins(10),
            pending_posts: 10_000,
            log_patience: Duration::from_secs(5),
            subscribers: 1_000_000,
            subscribers_per_bus: 1_000_000,
            subscribers_per_channel: 100_000,
        }
    }
}
