//! What the door is told.

use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

/// How long something may stand still, and how slow it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long not a byte may come, at most.
    pub patience: Duration,
    /// Bytes per second in the long run. Each byte buys its share of a second, up to `patience` in all: who sends a
    /// byte now and then does not get far.
    pub rate: NonZeroU32,
}

impl Pace {
    /// 500 bytes a second: a modem of 1990 is ten times as fast.
    const RATE: NonZeroU32 = NonZeroU32::new(500).unwrap();

    /// A pace of this patience at 500 bytes a second.
    #[must_use]
    pub const fn of(patience: Duration) -> Self {
        Self { patience, rate: Self::RATE }
    }
}

/// How long the door waits for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the whole head of a request, from its first byte; and for the first byte of a new connection.
    pub head: Duration,
    /// Between requests.
    pub idle: Duration,
    /// For a body that is being read.
    pub body: Pace,
    /// For a client that takes an answer.
    pub answer: Pace,
    /// For a client that takes what a stream has for it.
    pub stream: Pace,
}

/// What the door lets in, and how long it waits.
///
/// The defaults are those of the configuration of the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DoorSettings {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time of one address; of a /64 with IPv6.
    pub connections_per_address: usize,
    /// Connections beyond `connections` that are answered only at [`DoorSettings::reserved_paths`].
    pub reserve: usize,
    /// The paths that are answered in the reserve: probes.
    pub reserved_paths: Vec<String>,
    /// Addresses that are not counted one by one, neither their connections nor their handshakes: proxies, which come for many.
    pub trusted: Vec<IpNet>,
    /// TLS handshakes at the same time; a tenth of them of one address.
    pub handshakes: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Bytes of a request's head.
    pub head: usize,
    /// How late a thread may be for everything, and how long who writes may wait for a turn, before it refuses requests. Zero: as late
    /// as it likes.
    pub lateness: Duration,
    /// How long the door waits for a peer.
    pub patience: Patience,
}

impl Default for DoorSettings {
    fn default() -> Self {
        let half_a_minute = Pace::of(Duration::from_secs(30));
        Self {
            connections: 20_000,
            connections_per_address: 1_000,
            reserve: 64,
            reserved_paths: vec!["/healthz".to_owned(), "/readyz".to_owned()],
            trusted: Vec::new(),
            handshakes: 2_000,
            handshake_timeout: Duration::from_secs(3),
            head: 64 * 1024,
            lateness: Duration::from_millis(50),
            patience: Patience {
                head: Duration::from_secs(5),
                idle: Duration::from_secs(75),
                body: half_a_minute,
                answer: half_a_minute,
                stream: half_a_minute,
            },
        }
    }
}
