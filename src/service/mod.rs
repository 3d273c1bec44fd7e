//! What all requests share: the broker, the accounts, the buses as HTTP sees them, and the bookkeeping.
//!
//! | module | what lives there |
//! |---|---|
//! | `metrics` | what is counted, in the form that Prometheus reads |
//! | `probes` | `/healthz`, `/readyz`, `/metrics` |
//! | `settings` | what requests are judged by, which may change while the server runs |

mod metrics;
pub(crate) mod probes;
mod settings;

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header::{
    CONNECTION, FORWARDED, HeaderName, HeaderValue, VIA, X_FORWARDED_FOR, X_FORWARDED_PROTO,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use arc_swap::ArcSwap;
use backplane_actors::{Broker, BusName, MessageLimits};
use foldhash::fast::RandomState;

use self::metrics::Metrics;
pub(crate) use self::metrics::Route;
use self::settings::Settings;
use crate::auth::signatures::EnvelopePolicy;
use crate::auth::{self, Accounts, Authenticator, Right, UserName};
use crate::config::{self, AllowedOrigins, Config, Limits, Requests};
use crate::error::{ApiError, ErrorCode};

/// A bus as HTTP sees it.
pub(crate) struct Bus {
    name: BusName,
    allowed_origins: AllowedOrigins,
    envelopes: EnvelopePolicy,
}

impl Bus {
    fn of(bus: &config::Bus) -> Self {
        Self {
            name: bus.name.clone(),
            allowed_origins: bus.allowed_origins.clone(),
            envelopes: bus.envelopes.clone(),
        }
    }

    pub(crate) fn name(&self) -> &BusName {
        &self.name
    }

    pub(crate) fn allowed_origins(&self) -> &AllowedOrigins {
        &self.allowed_origins
    }

    pub(crate) fn envelopes(&self) -> &EnvelopePolicy {
        &self.envelopes
    }
}

/// How long an answer about readiness is good for: probes may come from many sides.
const READINESS_AGE: Duration = Duration::from_secs(1);

/// Headers that only proxies add.
const BY_PROXIES: [HeaderName; 4] = [FORWARDED, VIA, X_FORWARDED_FOR, X_FORWARDED_PROTO];

pub(crate) struct Service {
    broker: Broker,
    authenticator: Authenticator,
    settings: ArcSwap<Settings>,
    buses: ArcSwap<HashMap<BusName, Arc<Bus>, RandomState>>,
    metrics: Metrics,
    draining: AtomicBool,
    active: AtomicUsize,
    readiness: Mutex<Option<(Instant, Result<(), ApiError>)>>,
}

/// Counts a request for as long as it is being answered, also if the client hangs up.
struct Active<'s>(&'s AtomicUsize);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Service {
    pub(crate) fn new(config: &Config, broker: Broker, authenticator: Authenticator) -> Self {
        let buses = config.buses.iter().map(|bus| (bus.name.clone(), Arc::new(Bus::of(bus))));
        Self {
            buses: ArcSwap::from_pointee(buses.collect()),
            settings: ArcSwap::from_pointee(Settings::of(&Requests::of(config))),
            metrics: Metrics::new(broker.clone(), authenticator.clone()),
            broker,
            authenticator,
            draining: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            readiness: Mutex::new(None),
        }
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

    /// The bounds of messages as they are now.
    pub(crate) fn message_limits(&self) -> MessageLimits {
        self.settings.load().message_limits
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
        self.settings.store(Arc::new(Settings::of(requests)));
    }

    /// From now on these users have these rights. What was verified for others counts no more.
    pub(crate) fn replace_accounts(&self, accounts: Accounts) {
        self.authenticator.replace_accounts(accounts);
    }

    /// From now on requests find these buses as they are here, and no more those that are gone.
    pub(crate) fn replace_buses(&self, here: &[config::Bus], gone: &[BusName]) {
        self.buses.rcu(|before| {
            let mut buses = HashMap::clone(before);
            buses.retain(|name, _| !gone.contains(name));
            buses.extend(here.iter().map(|bus| (bus.name.clone(), Arc::new(Bus::of(bus)))));
            buses
        });
    }

    /// Who asks (V1-AUTH-1, V1-AUTH-2). On a transport where credentials may not travel they are not even
    /// looked at, nor asked for.
    pub(crate) async fn authenticate(&self, request: &HttpRequest) -> Result<UserName, ApiError> {
        let transport = auth::transport(&self.settings.load().transport, request);
        if !transport.credentials_allowed {
            let text = "this call needs credentials, and those are accepted over HTTPS only";
            return Err(ApiError::new(ErrorCode::HttpsRequired, text));
        }
        let values = auth::authorization(request);
        self.authenticator.authenticate(values, transport.client).await.map_err(ApiError::from)
    }

    /// Whether the user has the right on the bus (V1-AUTH-2).
    pub(crate) fn authorize(&self, user: &UserName, bus: &Bus, right: Right) -> Result<(), ApiError> {
        if self.authenticator.may(user, &bus.name, right) {
            return Ok(());
        }
        let text = match right {
            Right::Read => "this user may not read this bus",
            Right::Post => "this user may not post to this bus",
        };
        Err(ApiError::new(ErrorCode::Forbidden, text))
    }

    /// Whether the request came from this machine, not through a proxy on it.
    ///
    /// A proxy gives itself away by what it adds, whether it is configured as trusted or not: one that was
    /// forgotten in the configuration must not open to the world what is meant for this machine.
    pub(crate) fn is_local(request: &HttpRequest) -> bool {
        let is_here = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        is_here(request.app_config().local_addr())
            && request.peer_addr().is_some_and(is_here)
            && !BY_PROXIES.iter().any(|name| request.headers().contains_key(name))
    }

    /// Runs what answers a request, turns its error into an answer, and keeps the books.
    pub(crate) async fn observe(
        &self,
        route: Route,
        answer: impl Future<Output = Result<HttpResponse, ApiError>>,
    ) -> HttpResponse {
        self.active.fetch_add(1, Ordering::AcqRel);
        let active = Active(&self.active);
        let began = Instant::now();
        let mut response = answer.await.unwrap_or_else(|error| {
            tracing::debug!(route = route.as_str(), code = error.code().as_str(), "refused");
            error.error_response()
        });
        if self.is_draining() {
            // The client's next request belongs to another server.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        let (status, took) = (response.status().as_u16(), began.elapsed());
        self.metrics.record(route, status, took);
        tracing::debug!(
            route = route.as_str(),
            status,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        drop(active);
        response
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// From now on the server is not ready, and connections end after their answers.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Requests that are being answered now.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Acquire)
    }

    /// Whether a POST would be accepted and become durable now: a message of our own says so.
    pub(crate) async fn ready(&self) -> Result<(), ApiError> {
        if self.is_draining() {
            return Err(ApiError::new(ErrorCode::Unavailable, "the server is shutting down"));
        }
        let known = self.readiness.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, answer)) = known
            && at.elapsed() < READINESS_AGE
        {
            return answer;
        }
        let answer = self.broker.canary().await.map_err(ApiError::from);
        *self.readiness.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), answer.clone()));
        answer
    }
}
