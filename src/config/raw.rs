//! The configuration's shape: each key of the catalogue with its place and type. Nothing leaves [`super`] from here.

use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use backplane_actors::BusName;
use serde::{Deserialize, Deserializer, de};

use super::values::{LogLevel, Network, OriginPattern, PublicUrl};
use crate::auth::signatures::MagicKey;
use crate::auth::{PasswordHash, UserName};

/// A text that stands for something else.
#[derive(Debug)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// A duration; the check has made it milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "u64")]
pub(super) struct Millis(pub(super) Duration);

impl From<u64> for Millis {
    fn from(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) listen: Vec<Text<SocketAddr>>,
    pub(super) public_url: Option<Text<PublicUrl>>,
    pub(super) insecure_auth: bool,
    pub(super) trusted_proxies: Vec<Text<Network>>,
    pub(super) shutdown_grace: Millis,
    pub(super) workers: Option<NonZeroUsize>,
    pub(super) tls: Option<RawTls>,
    #[serde(default)]
    pub(super) metrics: RawMetrics,
    pub(super) log: RawLog,
    pub(super) storage: RawStorage,
    pub(super) auth: RawAuth,
    pub(super) limits: RawLimits,
    pub(super) defaults: RawDefaults,
    #[serde(default)]
    pub(super) user: Vec<RawUser>,
    #[serde(default)]
    pub(super) bus: Vec<RawBus>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) listen: Vec<Text<SocketAddr>>,
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMetrics {
    pub(super) listen: Option<Text<SocketAddr>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) format: RawLogFormat,
    pub(super) level: Text<LogLevel>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawLogFormat {
    Human,
    Json,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStorage {
    pub(super) kind: Option<RawStorageKind>,
    pub(super) path: PathBuf,
    pub(super) durability: RawDurability,
    pub(super) interval: Millis,
    pub(super) segment: u64,
    pub(super) max: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawStorageKind {
    Disk,
    Memory,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawDurability {
    Sync,
    Interval,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuth {
    pub(super) verified_ttl: Millis,
    pub(super) hashing_threads: Option<NonZeroUsize>,
    pub(super) hashing_queue: usize,
    pub(super) failures_per_address: RawFailures,
    pub(super) failures_per_account: RawFailures,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFailures {
    pub(super) burst: NonZeroU32,
    pub(super) refill: Millis,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) body: usize,
    pub(super) messages_per_post: usize,
    pub(super) message: usize,
    pub(super) json_depth: usize,
    pub(super) channels_per_bus: usize,
    pub(super) window_memory: usize,
    pub(super) answer_memory: usize,
    pub(super) idempotency_keys: usize,
    pub(super) idempotency_window: Millis,
    pub(super) pending_posts: usize,
    pub(super) log_patience: Millis,
    pub(super) connections: usize,
    pub(super) header_timeout: Millis,
    pub(super) body_timeout: Millis,
    pub(super) keep_alive: Millis,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDefaults {
    pub(super) channel_idle: Millis,
    pub(super) retention: Millis,
    pub(super) window: RawWindow<NonZeroUsize>,
    pub(super) allowed_origins: Vec<Text<OriginPattern>>,
    pub(super) envelope_keys: Vec<Text<MagicKey>>,
    pub(super) require_envelope: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWindow<T> {
    pub(super) channel: T,
    pub(super) bus: T,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUser {
    pub(super) name: Text<UserName>,
    pub(super) password_hash: Text<PasswordHash>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBus {
    pub(super) name: Text<BusName>,
    pub(super) post: Vec<Text<UserName>>,
    #[serde(default)]
    pub(super) read: Vec<Text<UserName>>,
    pub(super) channel_idle: Option<Millis>,
    pub(super) retention: Option<Millis>,
    #[serde(default)]
    pub(super) window: RawWindow<Option<NonZeroUsize>>,
    pub(super) allowed_origins: Option<Vec<Text<OriginPattern>>>,
    pub(super) envelope_keys: Option<Vec<Text<MagicKey>>>,
    pub(super) require_envelope: Option<bool>,
}
