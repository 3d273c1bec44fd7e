//! What changes from one configuration to another, and what of that a running server can take over. Pure.

mod people;
#[cfg(test)]
mod tests;

use backplane_actors::BusName;
use ipnet::IpNet;
use url::Url;

use super::resolved::{
    Admin, Bus, Config, Issuer, Limits, LogSettings, Provision, Tls, Tokens, User, base_of,
};
use crate::auth::AuthSettings;

/// The way from one configuration to another. Made by [`plan`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What requests are judged by, if any of it changes.
    pub requests: Option<Requests>,
    /// All users and all rights, if any of them change.
    pub accounts: Option<People>,
    /// Buses that are new.
    pub opened: Vec<Bus>,
    /// Buses that are no more.
    pub closed: Vec<BusName>,
    /// Buses that were there and have something new.
    pub changed: Vec<ChangedBus>,
    /// How much may be made at run time, if that changes.
    pub provision: Option<Provision>,
    /// All issuers of other tokens, if any of them change.
    pub issuers: Option<Vec<Issuer>>,
    /// The new level of the log.
    pub log_level: Option<String>,
    /// The keys whose new values can be taken over, as the catalogue names them; `user`, `bus` and `issuer` stand for all of
    /// theirs.
    pub taken: Vec<&'static str>,
    /// The keys whose new values need a restart.
    pub restart: Vec<&'static str>,
}

/// What requests are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// See [`Config::public_url`].
    pub public_url: Option<Url>,
    /// See [`Config::insecure_auth`].
    pub insecure_auth: bool,
    /// See [`Config::trusted_proxies`].
    pub trusted_proxies: Vec<IpNet>,
    /// See [`Config::limits`]; those that need a restart are the old ones.
    pub limits: Limits,
}

/// Who may come in, and who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// All users.
    pub users: Vec<User>,
    /// All buses with their rights.
    pub buses: Vec<Bus>,
}

/// A bus that was there and has something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedBus {
    /// The bus as it is to be.
    pub bus: Bus,
    /// Whether it is to keep messages or channels otherwise than before: idle time, retention, windows or those
    /// who share its bounds are new.
    pub keeps_otherwise: bool,
}

impl Requests {
    /// As a configuration has them.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            public_url: config.public_url.clone(),
            insecure_auth: config.insecure_auth,
            trusted_proxies: config.trusted_proxies.clone(),
            limits: config.limits,
        }
    }

    /// See [`Config::public_base`].
    #[must_use]
    pub fn public_base(&self) -> Option<&str> {
        base_of(self.public_url.as_ref())
    }
}

impl Plan {
    /// Whether the two configurations are the same, but for the order of users and buses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.restart.is_empty()
    }

    /// The plan but for these buses, which stay as they were.
    #[must_use]
    pub fn without<'a>(mut self, buses: impl IntoIterator<Item = &'a BusName>) -> Self {
        for name in buses {
            self.opened.retain(|bus| bus.name != *name);
            self.closed.retain(|closed| closed != name);
            self.changed.retain(|changed| changed.bus.name != *name);
        }
        self
    }

    /// Makes the old configuration the new one, but for what needs a restart. Buses may stand in another order.
    pub fn apply_to(&self, config: &mut Config) {
        if let Some(requests) = &self.requests {
            let Requests { public_url, insecure_auth, trusted_proxies, limits } = requests.clone();
            config.public_url = public_url;
            config.insecure_auth = insecure_auth;
            config.trusted_proxies = trusted_proxies;
            config.limits = limits;
        }
        if let Some(People { users, .. }) = &self.accounts {
            config.users.clone_from(users);
        }
        config.buses.retain(|bus| !self.closed.contains(&bus.name));
        for ChangedBus { bus, .. } in &self.changed {
            config.buses.iter_mut().filter(|old| old.name == bus.name).for_each(|old| old.clone_from(bus));
        }
        config.buses.extend_from_slice(&self.opened);
        if let Some(provision) = self.provision {
            config.provision = provision;
        }
        if let Some(issuers) = &self.issuers {
            config.issuers.clone_from(issuers);
        }
        if let Some(level) = &self.log_level {
            config.log.level.clone_from(level);
        }
    }
}

/// What has to happen for a server that runs with `old` to run with `new`.
///
/// ```
/// use backplane::config::{Config, plan};
/// let old = Config::demo()?;
/// let mut new = old.clone();
/// new.limits.body *= 2;
/// new.workers = new.workers.saturating_add(1);
/// let plan = plan(&old, &new);
/// assert_eq!((plan.taken, plan.restart), (vec!["limits.body"], vec!["workers"]));
/// # Ok::<(), backplane::config::ConfigErrors>(())
/// ```
#[must_use]
pub fn plan(old: &Config, new: &Config) -> Plan {
    // No `..` here and below: whoever adds a setting decides where it belongs.
    let Config {
        listen,
        public_url,
        insecure_auth,
        trusted_proxies,
        shutdown_grace,
        workers,
        core_dumps,
        tls,
        admin,
        log: LogSettings { format, level },
        storage,
        auth,
        limits,
        provision: Provision { public, users: _, clients: _, buses: _, grants: _ },
        tokens,
        issuers,
        users: _,
        buses: _,
        // They are in the buses.
        defaults: _,
        demo,
    } = new;
    let mut plan = Plan::default();
    let restart = [
        ("listen", *listen != old.listen),
        ("shutdown_grace", *shutdown_grace != old.shutdown_grace),
        ("workers", *workers != old.workers),
        ("core_dumps", *core_dumps != old.core_dumps),
        ("log.format", *format != old.log.format),
        ("storage", *storage != old.storage),
        ("provision.public", *public != old.provision.public),
        // The demonstration has a page and a storage of its own.
        ("user", *demo != old.demo),
        ("bus", *demo != old.demo),
    ];
    plan.restart.extend(differing(restart));
    plan_tls(&mut plan, old.tls.as_ref(), tls.as_ref());
    plan_admin(&mut plan, old.admin.as_ref(), admin.as_ref());
    plan_auth(&mut plan, &old.auth, auth);
    plan_limits(&mut plan, &old.limits, limits);
    plan_tokens(&mut plan, &old.tokens, tokens);
    plan.taken.extend(differing([
        ("public_url", *public_url != old.public_url),
        ("insecure_auth", *insecure_auth != old.insecure_auth),
        ("trusted_proxies", *trusted_proxies != old.trusted_proxies),
    ]));
    if !plan.taken.is_empty() {
        plan.requests = Some(Requests {
            public_url: public_url.clone(),
            insecure_auth: *insecure_auth,
            trusted_proxies: trusted_proxies.clone(),
            limits: *limits,
        });
    }
    plan_provision(&mut plan, &old.provision, &new.provision);
    if *issuers != old.issuers {
        plan.taken.push("issuer");
        plan.issuers = Some(issuers.clone());
    }
    if *level != old.log.level {
        plan.taken.push("log.level");
        plan.log_level = Some(level.clone());
    }
    if *demo == old.demo {
        people::plan_into(&mut plan, old, new);
    }
    plan
}

fn differing<const N: usize>(keys: [(&'static str, bool); N]) -> impl Iterator<Item = &'static str> {
    keys.into_iter().filter_map(|(key, differs)| differs.then_some(key))
}

/// Which listeners take the calls is settled when they start.
fn plan_provision(plan: &mut Plan, old: &Provision, new: &Provision) {
    let Provision { public: _, users, clients, buses, grants } = new;
    let bounds = [
        ("provision.users", *users != old.users),
        ("provision.clients", *clients != old.clients),
        ("provision.buses", *buses != old.buses),
        ("provision.grants", *grants != old.grants),
    ];
    if bounds.iter().any(|(_, differs)| *differs) {
        plan.taken.extend(differing(bounds));
        plan.provision = Some(Provision { public: old.public, ..*new });
    }
}

/// The files are read again when they change; other files are found at a start only.
fn plan_tls(plan: &mut Plan, old: Option<&Tls>, new: Option<&Tls>) {
    let parts = |tls: Option<&Tls>| {
        tls.cloned().map(|Tls { listen, cert, key, hsts }| (listen, cert, key, hsts)).unwrap_or_default()
    };
    let (old, new) = (parts(old), parts(new));
    plan.restart.extend(differing([
        ("tls.listen", old.0 != new.0),
        ("tls.cert", old.1 != new.1),
        ("tls.key", old.2 != new.2),
        ("tls.hsts", old.3 != new.3),
    ]));
}

fn plan_admin(plan: &mut Plan, old: Option<&Admin>, new: Option<&Admin>) {
    let parts = |admin: Option<&Admin>| {
        admin.cloned().map(|Admin { listen, hosts }| (listen, hosts)).unwrap_or_default()
    };
    let (old, new) = (parts(old), parts(new));
    plan.restart.extend(differing([("admin.listen", old.0 != new.0), ("admin.hosts", old.1 != new.1)]));
}

/// Threads, queues and what is held against whom belong to the life of a process.
fn plan_auth(plan: &mut Plan, old: &AuthSettings, new: &AuthSettings) {
    let AuthSettings {
        verified_ttl,
        hashing_threads,
        hashing_queue,
        failures_per_address,
        failures_per_account,
    } = new;
    plan.restart.extend(differing([
        ("auth.verified_ttl", *verified_ttl != old.verified_ttl),
        ("auth.hashing_threads", *hashing_threads != old.hashing_threads),
        ("auth.hashing_queue", *hashing_queue != old.hashing_queue),
        ("auth.failures_per_address", *failures_per_address != old.failures_per_address),
        ("auth.failures_per_account", *failures_per_account != old.failures_per_account),
    ]));
}

/// Only the keys in the file may change while the server runs.
fn plan_tokens(plan: &mut Plan, old: &Tokens, new: &Tokens) {
    let Tokens {
        key_file,
        page_lifetime,
        page_refresh_lifetime,
        client_lifetime,
        client_refresh_lifetime,
        per_client,
        max,
    } = new;
    plan.restart.extend(differing([
        ("tokens.key_file", *key_file != old.key_file),
        ("tokens.page_lifetime", *page_lifetime != old.page_lifetime),
        ("tokens.page_refresh_lifetime", *page_refresh_lifetime != old.page_refresh_lifetime),
        ("tokens.client_lifetime", *client_lifetime != old.client_lifetime),
        ("tokens.client_refresh_lifetime", *client_refresh_lifetime != old.client_refresh_lifetime),
        ("tokens.per_client", *per_client != old.per_client),
        ("tokens.max", *max != old.max),
    ]));
}

/// Each of them may change while the server runs.
fn plan_limits(plan: &mut Plan, old: &Limits, new: &Limits) {
    let Limits {
        body,
        messages_per_post,
        message,
        json_depth,
        channels_per_bus,
        window_memory,
        traffic_memory,
        idempotency_keys,
        idempotency_window,
        pending_posts,
        log_patience,
        connections,
        connections_per_address,
        handshakes,
        handshake_timeout,
        head,
        lateness,
        header_timeout,
        body_timeout,
        answer_timeout,
        keep_alive,
        streams,
        streams_per_bus,
        streams_per_channel,
        streams_per_address,
        posts_per_user,
        posts_per_address,
        reads_per_user,
        reads_per_address,
        new_streams_per_user,
        new_streams_per_address,
        channels_per_stream,
        block,
        heartbeat,
    } = new;
    plan.taken.extend(differing([
        ("limits.body", *body != old.body),
        ("limits.messages_per_post", *messages_per_post != old.messages_per_post),
        ("limits.message", *message != old.message),
        ("limits.json_depth", *json_depth != old.json_depth),
        ("limits.channels_per_bus", *channels_per_bus != old.channels_per_bus),
        ("limits.window_memory", *window_memory != old.window_memory),
        ("limits.traffic_memory", *traffic_memory != old.traffic_memory),
        ("limits.idempotency_keys", *idempotency_keys != old.idempotency_keys),
        ("limits.idempotency_window", *idempotency_window != old.idempotency_window),
        ("limits.pending_posts", *pending_posts != old.pending_posts),
        ("limits.log_patience", *log_patience != old.log_patience),
        ("limits.connections", *connections != old.connections),
        ("limits.connections_per_address", *connections_per_address != old.connections_per_address),
        ("limits.handshakes", *handshakes != old.handshakes),
        ("limits.handshake_timeout", *handshake_timeout != old.handshake_timeout),
        ("limits.head", *head != old.head),
        ("limits.lateness", *lateness != old.lateness),
        ("limits.header_timeout", *header_timeout != old.header_timeout),
        ("limits.body_timeout", *body_timeout != old.body_timeout),
        ("limits.answer_timeout", *answer_timeout != old.answer_timeout),
        ("limits.keep_alive", *keep_alive != old.keep_alive),
        ("limits.streams", *streams != old.streams),
        ("limits.streams_per_bus", *streams_per_bus != old.streams_per_bus),
        ("limits.streams_per_channel", *streams_per_channel != old.streams_per_channel),
        ("limits.streams_per_address", *streams_per_address != old.streams_per_address),
        ("limits.posts_per_user", *posts_per_user != old.posts_per_user),
        ("limits.posts_per_address", *posts_per_address != old.posts_per_address),
        ("limits.reads_per_user", *reads_per_user != old.reads_per_user),
        ("limits.reads_per_address", *reads_per_address != old.reads_per_address),
        ("limits.new_streams_per_user", *new_streams_per_user != old.new_streams_per_user),
        ("limits.new_streams_per_address", *new_streams_per_address != old.new_streams_per_address),
        ("limits.channels_per_stream", *channels_per_stream != old.channels_per_stream),
        ("limits.block", *block != old.block),
        ("limits.heartbeat", *heartbeat != old.heartbeat),
    ]));
}
