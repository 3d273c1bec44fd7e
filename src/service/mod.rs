//! What all requests share: the broker, the accounts, the buses as HTTP sees them, and the bookkeeping.
//!
//! | module | what lives there |
//! |---|---|
//! | `drain` | the end of the service, and how many requests are under way |
//! | `log_metrics` | what the message log says of itself, in the same form |
//! | `metrics` | what is counted, in the form that Prometheus reads |
//! | `observe` | the books of all requests, as a layer around scopes |
//! | `probes` | `/healthz`, `/readyz`, `/metrics` |
//! | `readiness` | whether a POST would be accepted now |

mod drain;
mod log_metrics;
mod metrics;
mod observe;
pub(crate) mod probes;
mod readiness;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderName, VIA, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use backplane_actors::{Broker, BusName, MessageLimits};
use foldhash::fast::RandomState;
use futures::FutureExt as _;

pub(crate) use self::drain::Drain;
use self::metrics::Metrics;
use self::observe::Route;
pub(crate) use self::observe::{Around, Matched, resource, scope};
use self::readiness::Readiness;
use crate::auth::signatures::EnvelopePolicy;
use crate::auth::{self, Authenticator, Right, TransportPolicy, UserName};
use crate::config::{AllowedOrigins, Config, Limits};
use crate::error::{ApiError, ErrorCode};
use crate::http::Budget;

/// A bus as HTTP sees it.
pub(crate) struct Bus {
    name: BusName,
    allowed_origins: AllowedOrigins,
    envelopes: EnvelopePolicy,
}

impl Bus {
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

/// Headers that only proxies add.
const BY_PROXIES: [HeaderName; 4] = [FORWARDED, VIA, X_FORWARDED_FOR, X_FORWARDED_PROTO];

pub(crate) struct Service {
    broker: Broker,
    authenticator: Authenticator,
    transport: TransportPolicy,
    buses: HashMap<BusName, Bus, RandomState>,
    limits: Limits,
    message_limits: MessageLimits,
    public_base: Option<String>,
    answers: Arc<Budget>,
    metrics: Metrics,
    drain: Arc<Drain>,
    readiness: Readiness,
}

impl Service {
    pub(crate) fn new(config: &Config, broker: Broker, authenticator: Authenticator) -> Self {
        let buses = config.buses.iter().map(|bus| {
            let seen = Bus {
                name: bus.name.clone(),
                allowed_origins: bus.allowed_origins.clone(),
                envelopes: bus.envelopes.clone(),
            };
            (bus.name.clone(), seen)
        });
        let asked = broker.clone();
        let readiness = Readiness::new(move || {
            let broker = asked.clone();
            async move { broker.canary().await.map_err(ApiError::from) }.boxed_local()
        });
        let answers = Budget::new(config.limits.answer_memory);
        Self {
            buses: buses.collect(),
            transport: TransportPolicy {
                insecure_auth: config.insecure_auth,
                trusted_proxies: config.trusted_proxies.clone(),
            },
            message_limits: MessageLimits {
                messages: config.limits.messages_per_post,
                message: config.limits.message,
                depth: config.limits.json_depth,
            },
            limits: config.limits.clone(),
            public_base: config.public_base().map(str::to_owned),
            metrics: Metrics::new(broker.clone(), authenticator.clone(), Arc::clone(&answers)),
            answers,
            broker,
            authenticator,
            drain: Drain::new(),
            readiness,
        }
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What all answers under way may hold together.
    pub(crate) fn answers(&self) -> &Arc<Budget> {
        &self.answers
    }

    pub(crate) fn message_limits(&self) -> &MessageLimits {
        &self.message_limits
    }

    pub(crate) fn bus(&self, name: &str) -> Option<&Bus> {
        self.buses.get(name)
    }

    /// What URLs start with outside, without a slash at the end, if the operator said so.
    pub(crate) fn public_base(&self) -> Option<&str> {
        self.public_base.as_deref()
    }

    /// Who asks (V1-AUTH-1, V1-AUTH-2). On a transport where credentials may not travel they are not even
    /// looked at, nor asked for.
    pub(crate) async fn authenticate(&self, request: &HttpRequest) -> Result<UserName, ApiError> {
        let transport = auth::transport(&self.transport, request);
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

    /// The service's end, and the requests under way.
    pub(crate) fn drain(&self) -> &Arc<Drain> {
        &self.drain
    }

    /// Whether a POST would be accepted and become durable now. Known within a second.
    pub(crate) async fn ready(&self) -> Result<(), ApiError> {
        if self.drain.has_begun() {
            return Err(ApiError::new(ErrorCode::Unavailable, "the server is shutting down"));
        }
        self.readiness.ask().await
    }
}
