//! The configuration as the server sees it: typed and checked, every value there.
//!
//! `backplane.example.toml` states the bounds that files, variables and flags are held to. Programs that build a
//! [`Config`] themselves are free of them: tests use milliseconds where a file may not.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backplane_actors::log::DiskSettings;
use backplane_actors::{BusName, PayloadRule};
use ipnet::IpNet;
use url::Url;

use super::resolve::Defaults;
use crate::access::foreign::Trust;
use crate::auth::signatures::EnvelopePolicy;
use crate::auth::{AuthSettings, PasswordHash, UserName};
use crate::rates::Rate;

/// The name of the demonstration's bus, its user and its password.
pub const DEMO_NAME: &str = "demo";
/// The hash of the password `demo`, at the usual cost.
pub(super) const DEMO_PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Dkawlecv2WGOXpOfpHhGPQ$o3bxQ3V5K0Cey3eH36h8lMWBbspfCbBfjqxa1m2paBg";

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Listeners for plain HTTP: none twice, and at least one unless there is one with TLS.
    pub listen: Vec<SocketAddr>,
    /// What the URLs that the server hands out start with (http or https, no user, query or fragment), or nothing:
    /// taken from each request. A path does not end in a slash; [`Config::public_base`] has none at all at its end.
    pub public_url: Option<Url>,
    /// Whether credentials are accepted over plain HTTP. Listeners on loopback do in any case.
    pub insecure_auth: bool,
    /// Whose `X-Forwarded-Proto` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long requests that are being answered may take after SIGTERM.
    pub shutdown_grace: Duration,
    /// Threads that serve requests.
    pub workers: NonZeroUsize,
    /// Whether the program may leave core dumps. Other programs decide for themselves.
    pub core_dumps: bool,
    /// Listeners with TLS, beside those above or alone.
    pub tls: Option<Tls>,
    /// Listeners for operators; without them there are no metrics.
    pub admin: Option<Admin>,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Where messages are kept.
    pub storage: Storage,
    /// How passwords are checked.
    pub auth: AuthSettings,
    /// Bounds on what clients may use.
    pub limits: Limits,
    /// Users and buses that are made at run time.
    pub provision: Provision,
    /// Tokens of version 2.0.
    pub tokens: Tokens,
    /// Whose tokens are good with version 2.0 beside those issued here; no name and no issuer twice.
    pub issuers: Vec<Issuer>,
    /// Who may come in; no name twice.
    pub users: Vec<User>,
    /// The buses; no name twice.
    pub buses: Vec<Bus>,
    /// What holds for buses that are made at run time and do not say otherwise.
    pub defaults: Defaults,
    /// Whether this is the demonstration, because neither users nor buses were configured. The server answers its own
    /// machine alone then.
    pub demo: bool,
}

/// Listeners with TLS and their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Where to listen: at least one address, none that [`Config::listen`] has.
    pub listen: Vec<SocketAddr>,
    /// A PEM file with the certificate and those between it and the root.
    pub cert: PathBuf,
    /// A PEM file with the certificate's private key.
    pub key: PathBuf,
    /// How long browsers are told to use nothing but HTTPS with this host; zero: they are not told.
    pub hsts: Duration,
}

/// Listeners for operators: metrics and probes, over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where to listen: at least one address, none that the other listeners have.
    pub listen: Vec<SocketAddr>,
    /// Names that requests may have in `Host`, in lower case, besides addresses and `localhost`.
    pub hosts: Vec<String>,
}

/// Users, clients, buses and grants that are made at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provision {
    /// Whether the listeners for clients take the historical provisioning calls, too.
    pub public: bool,
    /// Users that may be made.
    pub users: usize,
    /// Clients that may be made.
    pub clients: usize,
    /// Buses that may be made.
    pub buses: usize,
    /// Grants that there may be.
    pub grants: usize,
}

/// Tokens of version 2.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The file with the keys of pages' tokens; none: one in the folder of [`Config::storage`], or none at all.
    pub key_file: Option<PathBuf>,
    /// How long a page's access token is good.
    pub page_lifetime: Duration,
    /// How long a page's refresh token is good.
    pub page_refresh_lifetime: Duration,
    /// How long a client's access token is good.
    pub client_lifetime: Duration,
    /// How long a client's refresh token is good.
    pub client_refresh_lifetime: Duration,
    /// Families of tokens that one client has at the same time.
    pub per_client: usize,
    /// The same of all clients together.
    pub max: usize,
}

/// An identity provider whose access tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// What it is trusted with.
    pub trust: Trust,
    /// Where its keys are.
    pub keys: KeysAt,
    /// How old they may be before they are looked at again.
    pub refresh: Duration,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAt {
    /// It publishes them: an https URL, or an http URL of a loopback address or `localhost`.
    Url(Url),
    /// In a file of this machine.
    File(PathBuf),
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The form of a line.
    pub format: LogFormat,
    /// Directives that `tracing_subscriber::EnvFilter` understands, such as `info`.
    pub level: String,
}

/// The form of a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// Where messages are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// In memory: a restart forgets them.
    Memory,
    /// On disk.
    Disk(DiskSettings),
}

impl Storage {
    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Disk(settings) => Some(&settings.path),
        }
    }
}

/// Bounds on what clients may use (I-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Messages in one POST.
    pub messages_per_post: usize,
    /// Bytes of one message; not more than `body`.
    pub message: usize,
    /// How deep arrays and objects lie within each other.
    pub json_depth: usize,
    /// Channels that one bus has at the same time.
    pub channels_per_bus: usize,
    /// Bytes of all messages held, over all buses and channels.
    pub window_memory: usize,
    /// Bytes under way: bodies that arrive, envelopes that are checked, and answers until they are read; at least 12 times `body`.
    pub traffic_memory: usize,
    /// `Idempotency-Key` values that one bus remembers.
    pub idempotency_keys: usize,
    /// How long an `Idempotency-Key` is remembered.
    pub idempotency_window: Duration,
    /// POSTs to one bus that wait for their answers at the same time.
    pub pending_posts: usize,
    /// How long a POST waits for a disk that does not answer.
    pub log_patience: Duration,
    /// Connections at the same time, over all workers and listeners.
    pub connections: usize,
    /// Connections at the same time of one address.
    pub connections_per_address: usize,
    /// TLS handshakes at the same time.
    pub handshakes: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Bytes of a request's head.
    pub head: usize,
    /// How late the threads may be, and how long a POST may wait for its turn, before they refuse requests; zero: they refuse none.
    pub lateness: Duration,
    /// How long a client may take to send a request's head.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub answer_timeout: Duration,
    /// How long a connection without a request stays open.
    pub keep_alive: Duration,
    /// Readers that wait for messages at the same time, by event streams and long polls.
    pub streams: usize,
    /// The same of one bus.
    pub streams_per_bus: usize,
    /// The same of one channel.
    pub streams_per_channel: usize,
    /// The same of one client's address.
    pub streams_per_address: usize,
    /// POSTs of one user in a time; none: any number.
    pub posts_per_user: Option<Rate>,
    /// The same of one client's address.
    pub posts_per_address: Option<Rate>,
    /// Retrievals of buses by one user in a time; none: any number.
    pub reads_per_user: Option<Rate>,
    /// Retrievals by one client's address in a time; none: any number.
    pub reads_per_address: Option<Rate>,
    /// Event streams and WebSocket connections that one user opens in a time; none: any number.
    pub new_streams_per_user: Option<Rate>,
    /// The same of one client's address.
    pub new_streams_per_address: Option<Rate>,
    /// Channels that one request may ask for.
    pub channels_per_stream: usize,
    /// The longest that a reader may have its answer wait for a message; zero: not at all.
    pub block: Duration,
    /// How long an event stream is silent before it says that it is there; at least 1 millisecond.
    pub heartbeat: Duration,
}

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name to sign in with.
    pub name: UserName,
    /// The argon2id hash of the password.
    pub password_hash: PasswordHash,
}

/// A bus: its rights and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bus {
    /// The name, in every URL of the bus.
    pub name: BusName,
    /// Who may post: some of [`Config::users`]; at least one, unless the bus was made at run time.
    pub post: Vec<UserName>,
    /// Who may read the whole bus: some of [`Config::users`].
    pub read: Vec<UserName>,
    /// Who grants clients access to the bus: one of [`Config::users`] (V2-AUTHZ-1).
    pub owner: Option<UserName>,
    /// Web pages that may read channels of the bus.
    pub allowed_origins: AllowedOrigins,
    /// Whether pages may read with a `callback`, which pages of every origin can.
    pub jsonp: bool,
    /// Which JSON messages consist of.
    pub payload: PayloadRule,
    /// How long a channel is kept that nobody posts to (RET-8).
    pub channel_idle: Duration,
    /// How long a message is kept that does not ask for another time.
    pub retention: Duration,
    /// How long a sticky message is kept, and the longest time that a message may ask for (RET-9). Never below `retention`.
    pub retention_max: Duration,
    /// Messages held for one channel.
    pub window_channel: NonZeroUsize,
    /// Messages held for the bus.
    pub window_bus: NonZeroUsize,
    /// How signed messages (magic envelopes) are treated.
    pub envelopes: EnvelopePolicy,
    /// What of the server the bus may use.
    pub quota: Quota,
}

/// Bounds of one bus alone (I-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// POSTs in a time; none: any number.
    pub posts: Option<Rate>,
    /// Retrievals in a time; none: any number.
    pub reads: Option<Rate>,
    /// Event streams and WebSocket connections that are opened in a time; none: any number.
    pub new_streams: Option<Rate>,
    /// Channels at the same time; none: [`Limits::channels_per_bus`].
    pub channels: Option<usize>,
    /// Bytes of all messages held; none: what [`Limits::window_memory`] leaves to it.
    pub memory: Option<usize>,
    /// Readers that wait for messages at the same time; none: [`Limits::streams_per_bus`].
    pub streams: Option<usize>,
}

/// Web pages that may read channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Every page.
    Any,
    /// Pages of these origins, in serialized form (`https://www.example.com`), each once; none: no page.
    List(Vec<String>),
}

impl AllowedOrigins {
    /// Whether pages of this origin, as a request's `Origin` header has it, may read. Browsers serialize origins in
    /// one way only, hence nothing but the same bytes is the same origin.
    #[must_use]
    pub fn allows(&self, origin: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::List(list) => list.iter().any(|allowed| allowed.as_bytes() == origin),
        }
    }
}

impl Config {
    /// [`Config::public_url`] without a slash at its end: a path of the server follows right after it.
    #[must_use]
    pub fn public_base(&self) -> Option<&str> {
        base_of(self.public_url.as_ref())
    }
}

pub(super) fn base_of(public_url: Option<&Url>) -> Option<&str> {
    public_url.map(|url| url.as_str().trim_end_matches('/'))
}
