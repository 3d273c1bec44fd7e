//! From the raw shape to the resolved one: what needs more than one key to be judged.

mod bus;
mod listen;

use std::collections::HashSet;
use std::num::NonZeroUsize;

use backplane_actors::log::{DiskSettings, Durability};
use toml::{Table, Value};

use super::check::{self, Known};
use super::error::{ConfigErrors, Problems};
use super::layers::Layers;
use super::raw::{
    Raw, RawAuth, RawDurability, RawFailures, RawLimits, RawLogFormat, RawStorage, RawStorageKind, Text,
};
use super::resolved::{Config, Limits, LogFormat, LogSettings, Storage, Tls, User};
use super::units::show_bytes;
use crate::auth::{AuthSettings, FailureLimit};

/// The configuration, and the layers without their values.
pub(super) fn resolve(
    mut layers: Layers,
    demo: bool,
    mut problems: Problems,
) -> Result<(Config, Layers), ConfigErrors> {
    let raw = raw(&mut layers, &mut problems);
    problems.check()?;
    let raw = raw?;
    let mut judge = Judge { layers, problems };

    let listen = texts(raw.listen);
    judge.addresses("listen", &listen, &[]);
    let tls = raw.tls.map(|tls| Tls { listen: texts(tls.listen), cert: tls.cert, key: tls.key });
    let tls_listen = tls.as_ref().map_or(&[][..], |tls| &tls.listen);
    if tls.is_some() {
        judge.addresses("tls.listen", tls_listen, &listen);
    }
    let metrics_listen = raw.metrics.listen.map(|Text(address)| address);
    if let Some(address) = metrics_listen {
        judge.addresses("metrics.listen", &[address], &[&listen, tls_listen].concat());
    }
    if demo {
        judge.loopback("listen", &listen);
        judge.loopback("tls.listen", tls_listen);
        judge.loopback("metrics.listen", metrics_listen.as_slice());
    }

    let users: Vec<User> = raw
        .user
        .into_iter()
        .map(|user| User { name: user.name.0, password_hash: user.password_hash.0 })
        .collect();
    judge.unique("user", users.iter().map(|user| user.name.as_str()));
    judge.unique("bus", raw.bus.iter().map(|bus| bus.name.0.as_str()));
    if raw.bus.is_empty() {
        let allowed = "at least one [[bus]]; none and no [[user]] for the demonstration";
        judge.refuse("bus", "there is no bus", allowed);
    }
    let buses = raw.bus.into_iter().enumerate();
    let buses = buses.filter_map(|(i, bus)| judge.bus(i, bus, &raw.defaults, &users)).collect();
    let limits = limits(&raw.limits);
    judge.message_fits_body(&limits);
    judge.problems.check()?;
    let workers = raw.workers.unwrap_or_else(processors);

    let config = Config {
        listen,
        public_url: raw.public_url.map(|Text(url)| url.0),
        insecure_auth: raw.insecure_auth,
        trusted_proxies: raw.trusted_proxies.into_iter().map(|Text(network)| network.0).collect(),
        shutdown_grace: raw.shutdown_grace.0,
        workers,
        tls,
        metrics_listen,
        log: LogSettings {
            format: match raw.log.format {
                RawLogFormat::Human => LogFormat::Human,
                RawLogFormat::Json => LogFormat::Json,
            },
            level: raw.log.level.0.0,
        },
        storage: storage(raw.storage, demo),
        auth: auth(&raw.auth, workers),
        limits,
        users,
        buses,
        demo,
    };
    Ok((config, judge.layers))
}

/// Parses every value. One that is refused gives way to the catalogue's example, so that those after it are
/// looked at as well; the caller goes on only without problems.
fn raw(layers: &mut Layers, problems: &mut Problems) -> Result<Raw, ConfigErrors> {
    loop {
        let values = Value::Table(layers.values.clone());
        let error = match serde_path_to_error::deserialize(values) {
            Ok(raw) => {
                layers.values = Table::new();
                return Ok(raw);
            }
            Err(error) => error,
        };
        let path = error.path().to_string();
        let refusal = layers.wrong(&path, error.inner().message().to_owned(), allowed(&path));
        // A refusal that comes again is not about the value that was replaced.
        if problems.know(&path) || !layers.replace(&path, example(&path)) {
            return Err(refusal.into());
        }
        problems.add(refusal);
    }
}

/// Cross-checks, with the origins that a refusal names.
struct Judge {
    layers: Layers,
    problems: Problems,
}

impl Judge {
    fn refuse(&mut self, path: &str, reason: impl Into<String>, allowed: impl Into<String>) {
        self.problems.add(self.layers.wrong(path, reason.into(), allowed.into()));
    }

    /// A longer message than the body it comes in would be a promise that cannot be kept.
    fn message_fits_body(&mut self, limits: &Limits) {
        if limits.message <= limits.body {
            return;
        }
        let [message, body] = [limits.message, limits.body].map(size);
        // Where only the body was made smaller, the operator looks for that line.
        if self.layers.is_written("limits.message") {
            let reason = format!("{message:?} is more than limits.body");
            self.refuse(
                "limits.message",
                reason,
                format!("at most {body:?}, or more with limits.body raised"),
            );
        } else {
            let reason = format!("{body:?} is less than limits.message");
            let allowed = format!("at least {message:?}, or less with limits.message lowered");
            self.refuse("limits.body", reason, allowed);
        }
    }

    fn unique<'a>(&mut self, section: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        for (i, name) in names.enumerate() {
            if !seen.insert(name) {
                let path = format!("{section}[{i}].name");
                self.refuse(&path, format!("there is another {section} {name:?}"), "each name once");
            }
        }
    }
}

fn storage(raw: RawStorage, demo: bool) -> Storage {
    match raw.kind {
        Some(RawStorageKind::Memory) => Storage::Memory,
        None if demo => Storage::Memory,
        Some(RawStorageKind::Disk) | None => Storage::Disk(DiskSettings {
            path: raw.path,
            durability: match raw.durability {
                RawDurability::Sync => Durability::Sync,
                RawDurability::Interval => Durability::Interval(raw.interval.0),
            },
            segment: raw.segment,
            max: raw.max,
        }),
    }
}

fn limits(raw: &RawLimits) -> Limits {
    Limits {
        body: raw.body,
        messages_per_post: raw.messages_per_post,
        message: raw.message,
        json_depth: raw.json_depth,
        channels_per_bus: raw.channels_per_bus,
        window_memory: raw.window_memory,
        answer_memory: raw.answer_memory,
        idempotency_keys: raw.idempotency_keys,
        idempotency_window: raw.idempotency_window.0,
        pending_posts: raw.pending_posts,
        log_patience: raw.log_patience.0,
        connections: raw.connections,
        header_timeout: raw.header_timeout.0,
        body_timeout: raw.body_timeout.0,
        keep_alive: raw.keep_alive.0,
    }
}

fn auth(raw: &RawAuth, workers: NonZeroUsize) -> AuthSettings {
    let limit = |raw: &RawFailures| FailureLimit { burst: raw.burst, refill: raw.refill.0 };
    AuthSettings {
        verified_ttl: raw.verified_ttl.0,
        hashing_threads: raw.hashing_threads.unwrap_or(workers),
        hashing_queue: raw.hashing_queue,
        failures_per_address: limit(&raw.failures_per_address),
        failures_per_account: limit(&raw.failures_per_account),
    }
}

fn texts<T>(list: Vec<Text<T>>) -> Vec<T> {
    list.into_iter().map(|Text(value)| value).collect()
}

fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn size(bytes: usize) -> String {
    show_bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// What the catalogue knows about a path with indices; entries of a list are what the list is.
fn known(path: &str) -> Option<Known> {
    let mut general = String::new();
    for part in path.split_inclusive(']') {
        match part.split_once('[') {
            Some((before, _)) => general.extend([before, "[]"]),
            None => general.push_str(part),
        }
    }
    check::find(general.trim_end_matches("[]"))
}

fn allowed(path: &str) -> String {
    match known(path) {
        Some(Known::Key(key)) => key.allowed(),
        _ => "what backplane.example.toml shows".to_owned(),
    }
}

/// A value that is good at a path.
fn example(path: &str) -> Option<Value> {
    match known(path) {
        Some(Known::Key(key)) => key.example(),
        _ => None,
    }
}
