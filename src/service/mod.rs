//! What all requests share: the broker, the accounts, the buses as HTTP sees them, and the bookkeeping.
//!
//! | module | what lives there |
//! |---|---|
//! | `apply` | a new configuration while the service runs |
//! | `callers` | servers that answer only to certain callers |
//! | `checks` | how many POSTs have their signatures checked at a time |
//! | `clients` | the clients of version 2.0 with their grants, and whose the buses are |
//! | `doorway` | the door as the configuration describes it, and what it counts |
//! | `drain` | the end of the service, and how many requests are under way |
//! | `log_metrics` | what the message log says of itself, in the same form |
//! | `metrics` | what is counted, in the form that Prometheus reads |
//! | `observe` | the books of all requests, as a layer around scopes |
//! | `owners` | owners of buses, who sign in at a form |
//! | `probes` | `/healthz`, `/readyz`, `/metrics` |
//! | `readiness` | what the service is able to do now |
//! | `quotas` | who may do how much in a time, and who has |
//! | `reader` | whether a reader that waits still may |
//! | `settings` | what requests are judged by, which may change while the server runs |
//! | `tokens` | tokens of version 2.0, and who was granted what |
//! | `streams` | how many readers wait, and of whom |

mod apply;
mod callers;
mod checks;
mod clients;
mod doorway;
mod drain;
mod log_metrics;
mod metrics;
mod observe;
mod owners;
pub(crate) mod probes;
mod quotas;
mod reader;
mod readiness;
mod settings;
mod streams;
mod tokens;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use arc_swap::ArcSwap;
use backplane_actors::log::Durability;
use backplane_actors::{Broker, BusHandle, BusName, MessageLimits, PayloadRule, Poster, PromiseRule};
use foldhash::fast::RandomState;
use futures::FutureExt as _;

pub use self::apply::{RefusedBus, broker_of};
pub(crate) use self::apply::{accounts_of, cost_alike};
pub(crate) use self::callers::Callers;
use self::checks::Checks;
pub(crate) use self::clients::{Client, Clients, Grant};
pub(crate) use self::drain::Drain;
use self::metrics::Metrics;
use self::observe::Route;
pub(crate) use self::observe::{Around, Matched, readable, resource, scope};
pub(crate) use self::quotas::Work;
use self::quotas::{Asker, Quotas, Rates};
pub(crate) use self::reader::Reader;
use self::readiness::{Ability, Readiness};
use self::settings::Settings;
pub(crate) use self::streams::{OpenStream, Waiting, some_of};
use self::streams::{Streams, TooMany};
pub(crate) use self::tokens::Tokens;
use crate::access::ClientName;
use crate::address::Block;
use crate::auth::signatures::EnvelopePolicy;
use crate::auth::{self, Accounts, Authenticator, FamiliarError, FamiliarFile, Right, UserName};
use crate::config::{self, AllowedOrigins, Config, Limits, Requests, Storage};
pub(crate) use crate::door::Connection;
use crate::door::Door;
use crate::error::{ApiError, ErrorCode};
use crate::http::Budget;
use crate::issuers::Issuers;
use crate::rates::Fields;

/// A bus as HTTP sees it: the broker's, and who may do what from where.
pub(crate) struct Bus {
    handle: BusHandle,
    allowed_origins: AllowedOrigins,
    payload: PayloadRule,
    jsonp: bool,
    envelopes: EnvelopePolicy,
    quota: config::Quota,
    owner: Option<UserName>,
}

impl Bus {
    fn of(bus: &config::Bus, handle: BusHandle) -> Self {
        Self {
            handle,
            allowed_origins: bus.allowed_origins.clone(),
            payload: bus.payload,
            jsonp: bus.jsonp,
            envelopes: bus.envelopes.clone(),
            quota: bus.quota,
            owner: bus.owner.clone(),
        }
    }

    pub(crate) fn name(&self) -> &BusName {
        self.handle.name()
    }

    /// For posting and reading: what the request found it stays with.
    pub(crate) const fn handle(&self) -> &BusHandle {
        &self.handle
    }

    pub(crate) fn allowed_origins(&self) -> &AllowedOrigins {
        &self.allowed_origins
    }

    /// Whether pages of all origins may read its channels, and none is named.
    pub(crate) fn allows_all_pages(&self) -> bool {
        self.allowed_origins == AllowedOrigins::Any
    }

    /// Whether a script may read its channels, which pages of every origin can load.
    pub(crate) const fn jsonp(&self) -> bool {
        self.jsonp
    }

    pub(crate) fn envelopes(&self) -> &EnvelopePolicy {
        &self.envelopes
    }
}

/// Who holds bytes under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// Who has signed in.
    User(UserName),
    /// A client of version 2.0.
    Client(ClientName),
    /// A client of an issuer that is trusted.
    Foreign(Arc<str>),
    /// Those who make users and buses.
    Operators,
    /// Everybody else together.
    Anybody,
}

pub(crate) struct Service {
    broker: Broker,
    authenticator: Authenticator,
    /// Checks the secrets of clients, whose names are no users'.
    client_authenticator: Authenticator,
    tokens: Tokens,
    issuers: Issuers,
    settings: ArcSwap<Settings>,
    buses: ArcSwap<HashMap<BusName, Arc<Bus>, RandomState>>,
    traffic: Arc<Budget<Holder>>,
    /// `Strict-Transport-Security` of answers over TLS.
    strict_transport: Option<HeaderValue>,
    door: Door,
    checks: Arc<Checks>,
    metrics: Metrics,
    drain: Arc<Drain>,
    streams: Arc<Streams>,
    quotas: Arc<Quotas>,
    /// Quotas count time from here.
    began: Instant,
    /// How often the accounts, clients or buses were replaced: readers that wait look whether they still may.
    changes: AtomicU64,
    durability: HeaderValue,
    readiness: Readiness,
    familiar_file: Option<FamiliarFile>,
    saving: Mutex<()>,
}

impl Service {
    /// Around a broker that has the configuration's buses; gives back the name of one that it lacks.
    pub(crate) fn new(
        config: &Config,
        broker: Broker,
        authenticator: Authenticator,
        (client_authenticator, tokens): (Authenticator, Tokens),
        familiar_file: Option<FamiliarFile>,
    ) -> Result<Self, BusName> {
        let buses = config.buses.iter().map(|bus| {
            let handle = broker.bus(bus.name.as_str()).ok_or_else(|| bus.name.clone())?;
            Ok((bus.name.clone(), Arc::new(Bus::of(bus, handle))))
        });
        let buses = buses.collect::<Result<_, _>>()?;
        let asked = broker.clone();
        let readiness = Readiness::new(move || {
            let broker = asked.clone();
            async move { broker.canary().await }.boxed_local()
        });
        let traffic = Budget::new(config.limits.traffic_memory);
        let door = Door::new(doorway::settings_of(&Requests::of(config)));
        let issuers = Issuers::new(&config.issuers, broker.clock());
        let (streams, quotas) = (Arc::new(Streams::default()), Arc::new(Quotas::default()));
        #[expect(clippy::disallowed_methods, reason = "only measured")]
        let began = Instant::now();
        Ok(Self {
            buses: ArcSwap::from_pointee(buses),
            settings: ArcSwap::from_pointee(Settings::of(&Requests::of(config))),
            metrics: Metrics::new(
                broker.clone(),
                [authenticator.clone(), client_authenticator.clone()],
                Arc::clone(&traffic),
                Arc::clone(door.stats()),
                Arc::clone(&streams),
                Arc::clone(&quotas),
                issuers.clone(),
            ),
            traffic,
            strict_transport: strict_transport(config),
            door,
            checks: Checks::new(config.workers),
            broker,
            authenticator,
            client_authenticator,
            tokens,
            issuers,
            drain: Drain::new(config.shutdown_grace),
            streams,
            quotas,
            began,
            changes: AtomicU64::new(0),
            durability: durability_of(&config.storage),
            readiness,
            familiar_file,
            saving: Mutex::new(()),
        })
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The limits as they are now. A request keeps those that it began with.
    pub(crate) fn limits(&self) -> Limits {
        self.settings.load().limits
    }

    /// What bodies and answers under way may hold together.
    pub(crate) fn traffic(&self) -> &Arc<Budget<Holder>> {
        &self.traffic
    }

    /// The door that the configuration describes.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// Whose signatures are being checked.
    pub(crate) fn checks(&self) -> &Arc<Checks> {
        &self.checks
    }

    /// The bounds of messages as they are now, for this bus and a version of the protocol.
    pub(crate) fn message_limits(&self, bus: &Bus, promises: PromiseRule) -> MessageLimits {
        MessageLimits { payload: bus.payload, promises, ..self.settings.load().message_limits }
    }

    /// Who else issues tokens that are good here.
    pub(crate) const fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// The buses as they are now.
    pub(crate) fn buses(&self) -> Vec<Arc<Bus>> {
        self.buses.load().values().cloned().collect()
    }

    /// The bus as it is now. A request keeps it until its end, whatever becomes of the bus.
    pub(crate) fn bus(&self, name: &str) -> Option<Arc<Bus>> {
        self.buses.load().get(name).cloned()
    }

    /// What URLs start with outside, without a slash at the end, if the operator said so.
    pub(crate) fn public_base(&self) -> Option<Arc<str>> {
        self.settings.load().public_base.clone()
    }

    /// From now on requests are judged by this.
    pub(crate) fn replace_settings(&self, requests: &Requests) {
        self.traffic.set_most(requests.limits.traffic_memory);
        self.door.change(doorway::settings_of(requests));
        self.settings.store(Arc::new(Settings::of(requests)));
    }

    /// From now on these users have these rights. What was verified for others counts no more.
    pub(crate) fn replace_accounts(&self, accounts: Accounts) {
        self.authenticator.replace_accounts(accounts);
        self.note_change();
    }

    /// Takes this work from the quotas of whoever asks (I-5). What the client is told of them, where there are any.
    pub(crate) fn take_quota(
        &self,
        work: Work,
        request: &HttpRequest,
        user: Option<&Poster>,
        bus: &Bus,
    ) -> Result<Option<Fields>, ApiError> {
        let settings = self.settings.load();
        let rates = Rates::of(work, &settings.limits, &bus.quota);
        if rates.are_none() {
            return Ok(None);
        }
        let asker = Asker { address: client_of(&settings, request), user, bus: bus.name() };
        self.quotas.take(work, &asker, rates, self.began.elapsed())
    }

    /// Lets a reader wait, within what its address may have (I-5).
    pub(crate) fn open_stream(
        &self,
        request: &HttpRequest,
        waiting: Waiting,
    ) -> Result<OpenStream, ApiError> {
        let settings = self.settings.load();
        let client = client_of(&settings, request);
        let open = self.streams.enter(waiting, client, settings.limits.streams_per_address);
        let open = open.map_err(|TooMany| {
            let text =
                "as many streams and long polls wait at this address as may (limits.streams_per_address)";
            ApiError::new(ErrorCode::TooManyStreams, text)
        })?;
        if let Some(connection) = request.conn_data::<Connection>() {
            match waiting {
                Waiting::Sse => connection.streams(),
                // It may still be refused, and is a request as long as it is not upgraded.
                Waiting::LongPoll | Waiting::WebSocket => {}
            }
        }
        Ok(open)
    }

    /// How long one of those who wait may stay once the service is ending.
    pub(crate) fn farewell(&self) -> Duration {
        some_of(self.drain.spread(self.streams.all()))
    }

    /// What becomes of an answered POST: a token for `Backplane-Durability`.
    pub(crate) fn durability(&self) -> HeaderValue {
        self.durability.clone()
    }

    /// From now on requests find these buses as they are here, and no more those that are gone.
    pub(crate) fn replace_buses(&self, here: &[config::Bus], gone: &[BusName]) {
        self.buses.rcu(|before| {
            let mut buses = HashMap::clone(before);
            buses.retain(|name, _| !gone.contains(name));
            // One that the broker has closed meanwhile is not found.
            buses.extend(here.iter().filter_map(|bus| {
                let handle = self.broker.bus(bus.name.as_str())?;
                Some((bus.name.clone(), Arc::new(Bus::of(bus, handle))))
            }));
            buses
        });
        self.note_change();
    }

    /// Who asks (V1-AUTH-1, V1-AUTH-2). On a transport where credentials may not travel they are not even
    /// looked at, nor asked for.
    pub(crate) async fn authenticate(&self, request: &HttpRequest) -> Result<UserName, ApiError> {
        let client = self.admit_credentials(request)?;
        let values = auth::authorization(request);
        self.authenticator.authenticate(values, client).await.map_err(ApiError::from)
    }

    /// The address of a client whose credentials may travel as its request does (V1-AUTH-1).
    pub(crate) fn admit_credentials(&self, request: &HttpRequest) -> Result<IpAddr, ApiError> {
        let transport = auth::transport(&self.settings.load().transport, request);
        if transport.credentials_allowed {
            return Ok(transport.client);
        }
        if auth::authorization(request).next().is_some() {
            self.authenticator.note_exposed(transport.client);
        }
        let text = if transport.proxied {
            "this call needs credentials, and those are accepted over HTTPS only: the address that this request \
             came from is one of trusted_proxies, and it does not say that the client used HTTPS \
             (X-Forwarded-Proto: https, or Forwarded: proto=https)"
        } else {
            "this call needs credentials, and those are accepted over HTTPS only"
        };
        Err(ApiError::new(ErrorCode::HttpsRequired, text))
    }

    /// Whether the user has the right on the bus (V1-AUTH-2).
    pub(crate) fn authorize(
        &self,
        request: &HttpRequest,
        user: &UserName,
        bus: &Bus,
        right: Right,
    ) -> Result<(), ApiError> {
        if self.authenticator.may(user, bus.name(), right) {
            return Ok(());
        }
        let client = auth::transport(&self.settings.load().transport, request).client;
        self.authenticator.note_forbidden(user, bus.name(), right, client);
        let text = match right {
            Right::Read => "this user may not read this bus",
            Right::Post => "this user may not post to this bus",
        };
        Err(ApiError::new(ErrorCode::Forbidden, text))
    }

    /// Keeps the familiar addresses over a restart, if they have changed and there is a file for them. Blocks on the disk.
    pub(crate) fn save_familiar(&self) -> Result<(), FamiliarError> {
        let Some(file) = &self.familiar_file else { return Ok(()) };
        // One at a time: both would write the same file.
        let _one = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        match self.authenticator.familiar_if_changed() {
            Some(familiar) => Ok(file.save(&familiar)?),
            None => Ok(()),
        }
    }

    /// The service's end, and the requests under way.
    pub(crate) fn drain(&self) -> &Arc<Drain> {
        &self.drain
    }

    /// What the service can do for its clients now. Known within a second.
    pub(crate) async fn ability(&self) -> Ability {
        if self.drain.has_begun() {
            return Ability::Unable("the server is shutting down".into());
        }
        self.readiness.ask().await
    }
}

/// The client that a request is counted for. A proxy that does not say whom it comes for comes for many.
fn client_of(settings: &Settings, request: &HttpRequest) -> Option<Block> {
    let client = auth::transport(&settings.transport, request).client;
    (!settings.transport.trusts(client)).then(|| Block::of(client))
}

fn durability_of(storage: &Storage) -> HeaderValue {
    HeaderValue::from_static(match storage {
        Storage::Memory => "memory",
        Storage::Disk(disk) => match disk.durability {
            Durability::Sync => "disk",
            Durability::Interval(_) => "interval",
        },
    })
}

/// Hosts are meant, and no others below them: what runs there is not known here.
fn strict_transport(config: &Config) -> Option<HeaderValue> {
    let hsts = config.tls.as_ref().map(|tls| tls.hsts).filter(|hsts| !hsts.is_zero())?;
    HeaderValue::try_from(format!("max-age={}", hsts.as_secs())).ok()
}
