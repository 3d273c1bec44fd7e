//! From checked values to the configuration: each setting is read here once, with the checks between keys.

mod bus;
mod issuer;
mod listen;
mod made;

use std::collections::HashSet;
use std::num::NonZeroUsize;

use backplane_actors::log::{DiskSettings, Durability};

pub(super) use self::bus::Policy;
use self::bus::WrittenBus;
use self::issuer::WrittenIssuer;
pub use self::made::{Defaults, made_bus};
use super::error::{ConfigErrors, Problems};
use super::layers::Layers;
use super::read::{Reader, Reading};
use super::resolved::{Config, Limits, LogFormat, LogSettings, Provision, Storage, Tls, Tokens, User};
use super::units::show_bytes;
use super::values::{LogLevel, Network, PublicUrl, StrongHash, WrittenRate};
use crate::auth::{AuthSettings, FailureLimit};
use crate::rates::Rate;

/// How many times the largest body fits into the memory for traffic: one sender gets half of that, and an envelope is in memory
/// six times while it is checked.
const TRAFFIC_PER_BODY: usize = 12;
/// What may be made at run time where nothing is said of it.
const USERS_MADE: usize = 10_000;
const CLIENTS_MADE: usize = 1_000;
const BUSES_MADE: usize = 1_000;
const GRANTS_MADE: usize = 10_000;

/// The configuration, and the layers without their values.
pub(super) fn resolve(
    layers: Layers,
    demo: bool,
    problems: Problems,
) -> Result<(Config, Layers), ConfigErrors> {
    let mut reader = Reader::new(layers, problems);
    let (mut config, buses, issuers) = read(&mut reader, demo)?;
    if demo {
        config.admin = config.admin.or_else(|| listen::beside(&config.listen));
    }
    let mut judge = Judge::new(reader.finish()?);
    judge.listeners(&config);
    judge.unique("user", config.users.iter().map(|user| user.name.as_str()));
    judge.unique("bus", buses.iter().map(|bus| bus.name.as_str()));
    if buses.is_empty() && !makes_buses(&judge.layers) {
        let allowed =
            "at least one [[bus]]; none with [provision], or without [[user]] for the demonstration";
        judge.refuse("bus", "there is no bus", allowed);
    }
    let names: Vec<_> = buses.iter().map(|bus| bus.name.clone()).collect();
    let buses = buses.into_iter().enumerate();
    config.buses = buses.filter_map(|(i, bus)| judge.bus(i, bus, &config.users)).collect();
    config.issuers = judge.issuers(issuers, (!makes_buses(&judge.layers)).then_some(&names));
    judge.message_fits_body(&config.limits);
    judge.body_fits_traffic(&config.limits);
    judge.problems.check()?;
    Ok((config, judge.layers))
}

/// The configuration without its buses and issuers, and those as they are written.
fn read(reader: &mut Reader, demo: bool) -> Reading<(Config, Vec<WrittenBus>, Vec<WrittenIssuer>)> {
    let workers = reader.maybe("workers", Reader::count::<usize, _>)?.unwrap_or_else(processors);
    let networks = reader.texts::<Network>("trusted_proxies")?;
    let users = (0..reader.entries("user")).map(|i| user(reader, i)).collect::<Reading<_>>()?;
    let defaults = Policy::read(reader, "defaults", None)?;
    let buses = (0..reader.entries("bus")).map(|i| WrittenBus::read(reader, i, &defaults));
    let buses = buses.collect::<Reading<_>>()?;
    let issuers = (0..reader.entries("issuer")).map(|i| WrittenIssuer::read(reader, i));
    let issuers = issuers.collect::<Reading<_>>()?;
    let config = Config {
        listen: reader.texts("listen")?,
        public_url: reader.maybe("public_url", Reader::text::<PublicUrl>)?.map(|url| url.0),
        insecure_auth: reader.switch("insecure_auth")?,
        trusted_proxies: networks.into_iter().map(|network| network.0).collect(),
        shutdown_grace: reader.span("shutdown_grace")?,
        workers,
        core_dumps: reader.switch("core_dumps")?,
        tls: reader.maybe("tls", tls)?,
        admin: reader.maybe("admin", listen::admin)?,
        log: LogSettings {
            format: reader.choice("log.format", &[("human", LogFormat::Human), ("json", LogFormat::Json)])?,
            level: reader.text::<LogLevel>("log.level")?.0,
        },
        storage: storage(reader, demo)?,
        auth: auth(reader, workers)?,
        limits: limits(reader)?,
        provision: Provision {
            public: reader.maybe("provision.public", Reader::switch)?.unwrap_or_default(),
            users: reader.maybe("provision.users", Reader::number)?.unwrap_or(USERS_MADE),
            clients: reader.maybe("provision.clients", Reader::number)?.unwrap_or(CLIENTS_MADE),
            buses: reader.maybe("provision.buses", Reader::number)?.unwrap_or(BUSES_MADE),
            grants: reader.maybe("provision.grants", Reader::number)?.unwrap_or(GRANTS_MADE),
        },
        tokens: tokens(reader)?,
        issuers: Vec::new(),
        users,
        buses: Vec::new(),
        defaults: Defaults::new(defaults),
        demo,
    };
    Ok((config, buses, issuers))
}

/// Whether somebody has said that users and buses are made at run time: then none need be configured.
pub(super) fn makes_buses(layers: &Layers) -> bool {
    let keys = ["public", "users", "clients", "buses", "grants"];
    layers.is_written("provision")
        || keys.into_iter().any(|key| layers.is_written(&format!("provision.{key}")))
}

fn tls(reader: &mut Reader, _: &str) -> Reading<Tls> {
    Ok(Tls {
        listen: reader.texts("tls.listen")?,
        cert: reader.text("tls.cert")?,
        key: reader.text("tls.key")?,
        hsts: reader.span("tls.hsts")?,
    })
}

fn user(reader: &mut Reader, i: usize) -> Reading<User> {
    Ok(User {
        name: reader.text(&format!("user[{i}].name"))?,
        password_hash: reader.text::<StrongHash>(&format!("user[{i}].password_hash"))?.0,
    })
}

/// Nothing stands for the usual kind: the demonstration forgets, everybody else does not.
fn storage(reader: &mut Reader, demo: bool) -> Reading<Storage> {
    let kinds = [("disk", false), ("memory", true)];
    let in_memory = reader.maybe("storage.kind", |reader, path| reader.choice(path, &kinds))?;
    let interval = reader.span("storage.interval")?;
    let durabilities = [("sync", Durability::Sync), ("interval", Durability::Interval(interval))];
    let disk = DiskSettings {
        path: reader.text("storage.path")?,
        durability: reader.choice("storage.durability", &durabilities)?,
        segment: reader.number("storage.segment")?,
        max: reader.maybe("storage.max", Reader::number)?,
    };
    Ok(if in_memory.unwrap_or(demo) { Storage::Memory } else { Storage::Disk(disk) })
}

fn limits(reader: &mut Reader) -> Reading<Limits> {
    Ok(Limits {
        body: reader.number("limits.body")?,
        messages_per_post: reader.number("limits.messages_per_post")?,
        message: reader.number("limits.message")?,
        json_depth: reader.number("limits.json_depth")?,
        channels_per_bus: reader.number("limits.channels_per_bus")?,
        window_memory: reader.number("limits.window_memory")?,
        traffic_memory: reader.number("limits.traffic_memory")?,
        idempotency_keys: reader.number("limits.idempotency_keys")?,
        idempotency_window: reader.span("limits.idempotency_window")?,
        pending_posts: reader.number("limits.pending_posts")?,
        log_patience: reader.span("limits.log_patience")?,
        connections: reader.number("limits.connections")?,
        connections_per_address: reader.number("limits.connections_per_address")?,
        handshakes: reader.number("limits.handshakes")?,
        handshake_timeout: reader.span("limits.handshake_timeout")?,
        head: reader.number("limits.head")?,
        lateness: reader.span("limits.lateness")?,
        header_timeout: reader.span("limits.header_timeout")?,
        body_timeout: reader.span("limits.body_timeout")?,
        answer_timeout: reader.span("limits.answer_timeout")?,
        keep_alive: reader.span("limits.keep_alive")?,
        streams: reader.number("limits.streams")?,
        streams_per_bus: reader.number("limits.streams_per_bus")?,
        streams_per_channel: reader.number("limits.streams_per_channel")?,
        streams_per_address: reader.number("limits.streams_per_address")?,
        posts_per_user: rate(reader, "limits.posts_per_user")?,
        posts_per_address: rate(reader, "limits.posts_per_address")?,
        reads_per_user: rate(reader, "limits.reads_per_user")?,
        reads_per_address: rate(reader, "limits.reads_per_address")?,
        new_streams_per_user: rate(reader, "limits.new_streams_per_user")?,
        new_streams_per_address: rate(reader, "limits.new_streams_per_address")?,
        channels_per_stream: reader.number("limits.channels_per_stream")?,
        block: reader.span("limits.block")?,
        heartbeat: reader.span("limits.heartbeat")?,
    })
}

fn tokens(reader: &mut Reader) -> Reading<Tokens> {
    Ok(Tokens {
        key_file: reader.maybe("tokens.key_file", Reader::text)?,
        page_lifetime: reader.span("tokens.page_lifetime")?,
        page_refresh_lifetime: reader.span("tokens.page_refresh_lifetime")?,
        client_lifetime: reader.span("tokens.client_lifetime")?,
        client_refresh_lifetime: reader.span("tokens.client_refresh_lifetime")?,
        per_client: reader.number("tokens.per_client")?,
        max: reader.number("tokens.max")?,
    })
}

fn rate(reader: &mut Reader, path: &str) -> Reading<Option<Rate>> {
    Ok(reader.text::<WrittenRate>(path)?.0)
}

fn auth(reader: &mut Reader, workers: NonZeroUsize) -> Reading<AuthSettings> {
    let mut failures = |of: &str| {
        Ok(FailureLimit {
            burst: reader.count::<u32, _>(&format!("auth.{of}.burst"))?,
            refill: reader.span(&format!("auth.{of}.refill"))?,
        })
    };
    let failures_per_address: Reading<_> = failures("failures_per_address");
    let failures_per_account: Reading<_> = failures("failures_per_account");
    let threads = reader.maybe("auth.hashing_threads", Reader::count::<usize, _>)?;
    Ok(AuthSettings {
        verified_ttl: reader.span("auth.verified_ttl")?,
        hashing_threads: threads.unwrap_or(workers),
        hashing_queue: reader.number("auth.hashing_queue")?,
        failures_per_address: failures_per_address?,
        failures_per_account: failures_per_account?,
    })
}

/// Cross-checks, with the origins that a refusal names.
struct Judge {
    layers: Layers,
    problems: Problems,
    /// A file that names no poster is a mistake; at run time the last one may leave.
    may_be_without_posters: bool,
}

impl Judge {
    fn new(layers: Layers) -> Self {
        Self { layers, problems: Problems::default(), may_be_without_posters: false }
    }

    fn listeners(&mut self, config: &Config) {
        let tls = config.tls.as_ref().map_or(&[][..], |tls| &tls.listen);
        let admin = config.admin.as_ref().map_or(&[][..], |admin| &admin.listen);
        self.addresses("listen", &config.listen, &[]);
        if config.tls.is_some() {
            self.some_address("tls.listen", tls);
            self.addresses("tls.listen", tls, &config.listen);
        } else if config.listen.is_empty() {
            let allowed = "at least one address with a port; none beside [tls], for a server with TLS alone";
            self.refuse("listen", "the list is empty, and there is no [tls]: nobody could connect", allowed);
        }
        if config.admin.is_some() {
            self.some_address("admin.listen", admin);
            self.addresses("admin.listen", admin, &[&config.listen, tls].concat());
        }
        if config.demo {
            self.loopback("listen", &config.listen);
            self.loopback("tls.listen", tls);
            self.loopback("admin.listen", admin);
        }
    }

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

    /// What one sender may never have would be refused for ever, and not for the moment.
    fn body_fits_traffic(&mut self, limits: &Limits) {
        if limits.body <= limits.traffic_memory / TRAFFIC_PER_BODY {
            return;
        }
        let [body, traffic] = [limits.body, limits.traffic_memory].map(size);
        if self.layers.is_written("limits.body") {
            let reason = format!("{body:?} is more than a twelfth of limits.traffic_memory");
            let allowed =
                format!("at most a twelfth of {traffic:?}, or more with limits.traffic_memory raised");
            self.refuse("limits.body", reason, allowed);
        } else {
            let reason = format!("{traffic:?} is less than 12 times limits.body");
            let allowed = format!("at least 12 times {body:?}, or less with limits.body lowered");
            self.refuse("limits.traffic_memory", reason, allowed);
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

fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn size(bytes: usize) -> String {
    show_bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
}
