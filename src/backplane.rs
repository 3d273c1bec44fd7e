//! The service as one handle: start it, mount its routes in an actix-web application, shut it down.

use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use backplane_actors::log::{DiskLog, Durability, Progress, RecoveryError};
use backplane_actors::{Broker, BrokerLimits, BusError, BusName, BusSettings, Poster};
use tokio::sync::oneshot;

use crate::auth::{Accounts, AccountsError, Authenticator, FamiliarAddresses, FamiliarFile, Right, UserName};
use crate::config::{Bus, Config, Limits, Plan, Storage, User};
use crate::door::Door;
use crate::error::{ApiError, ErrorCode};
use crate::protocol;
use crate::service::{self, Callers, Service, probes};
use crate::web::demo::{self, Stage};
use crate::web::library;

/// The Backplane service inside an actix-web application. Cheap to clone; all clones are one.
///
/// ```
/// use actix_web::{App, web};
/// use backplane::{Backplane, config::Config};
///
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let backplane = Backplane::start(&Config::demo()?)?;
/// let app = actix_web::test::init_service(
///     App::new()
///         .route("/", web::get().to(|| async { "the application's own" }))
///         .service(web::scope("/backplane").configure(backplane.routes())),
/// )
/// .await;
/// let request = actix_web::test::TestRequest::get().uri("/backplane/v1/bus/demo/channel/c").to_request();
/// assert_eq!(actix_web::test::call_and_read_body(&app, request).await, "[]");
/// backplane.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Backplane(Arc<Service>);

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log cannot be opened, or is damaged; `backplane check-log` tells more.
    #[error("the message log cannot be opened")]
    Log(#[from] RecoveryError),
    /// Users and rights contradict each other.
    #[error("the accounts contradict each other")]
    Accounts(#[from] AccountsError),
    /// A broker that the caller has started lacks a bus of the configuration.
    #[error("the broker has no bus {0}, and the configuration has")]
    NoBus(BusName),
    /// The system has no randomness to give.
    #[error("the system's source of randomness failed")]
    Randomness,
}

/// A bus that [`Backplane::apply`] left as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedBus {
    /// The bus.
    pub bus: BusName,
    /// Why.
    pub reason: String,
}

impl Backplane {
    /// Starts a broker with the configuration's buses, bounds and storage, and the service around it. A log on
    /// disk is read first, which takes seconds for millions of messages.
    ///
    /// Only listeners, TLS, workers and logging are left to the caller: they belong to the application.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_with_progress(config, |_| ())
    }

    /// Like [`Backplane::start`], and tells `report` how far the reading of a log on disk has come: after each
    /// of its files. `report` delays the start by what it takes itself.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start_with_progress(
        config: &Config,
        report: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Self, StartError> {
        let mut familiar = None;
        let broker = match &config.storage {
            Storage::Memory => broker_of(config),
            Storage::Disk(settings) => {
                if let Durability::Interval(every) = settings.durability {
                    tracing::info!(
                        "storage.durability is \"interval\": a kill of the server loses nothing, a power loss or a crash \
                         of the system may take what was posted during the last {}",
                        humantime::format_duration(every)
                    );
                }
                let log = DiskLog::open(settings.clone())?.progress(report);
                // The folder is there, and this server's alone, from now on.
                familiar = Some(FamiliarFile::of(&settings.path));
                broker_of(config).log(log)
            }
        };
        Self::assemble(config, broker.start()?, familiar)
    }

    /// The service around a broker that the caller has started, say from [`broker_of`] with a clock or log
    /// of its own. The broker has the configuration's buses.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn around(config: &Config, broker: Broker) -> Result<Self, StartError> {
        Self::assemble(config, broker, None)
    }

    fn assemble(config: &Config, broker: Broker, file: Option<FamiliarFile>) -> Result<Self, StartError> {
        let accounts = accounts_of(&config.users, &config.buses)?;
        let kept = match file.as_ref().map(FamiliarFile::load).transpose() {
            Ok(kept) => kept.flatten(),
            Err(error) => {
                let text = "the file of familiar addresses is ignored, and will be written anew";
                tracing::warn!(%error, "{text}");
                None
            }
        };
        let familiar = kept.map_or_else(FamiliarAddresses::none, Ok).map_err(|_| StartError::Randomness)?;
        let authenticator = Authenticator::with_familiar(accounts, config.auth, familiar)
            .map_err(|_| StartError::Randomness)?;
        Service::new(config, broker, authenticator, file).map(Arc::new).map(Self).map_err(StartError::NoBus)
    }

    /// Keeps over a restart which addresses lately gave right passwords, if that has changed: with storage on disk, in the
    /// file `familiar` of its folder. [`server::run`](crate::server::run) does so each minute and [`Backplane::shutdown`] at
    /// the end; an application that serves the routes itself should do the former.
    ///
    /// What goes wrong is told in the log: familiarity is a convenience, not a truth.
    pub async fn save_familiar(&self) {
        let service = Arc::clone(&self.0);
        let (done, saved) = oneshot::channel();
        // A thread of its own: the end of a process waits for threads of a runtime, also where the disk hangs.
        let save = move || drop(done.send(service.save_familiar()));
        let saved = match thread::Builder::new().name("familiar".to_owned()).spawn(save) {
            Ok(_) => saved.await.unwrap_or(Ok(())),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = saved {
            tracing::warn!(%error, "the file of familiar addresses cannot be written");
        }
    }

    /// Takes over what is new in a configuration, without a restart: see [`plan`](crate::config::plan()). No connection
    /// is closed, and requests under way end as they began. The level of the log is left to the caller.
    ///
    /// Gives back the buses that stay as they were, with the reason; all else is taken over.
    ///
    /// # Errors
    ///
    /// [`AccountsError`]: users and rights contradict each other, which no configuration that was loaded does. Nothing
    /// has changed then.
    pub async fn apply(&self, plan: &Plan) -> Result<Vec<RefusedBus>, AccountsError> {
        let accounts = plan.accounts.as_ref();
        let accounts = accounts.map(|people| accounts_of(&people.users, &people.buses)).transpose()?;
        // Whoever loses a right loses it first.
        if let Some(accounts) = accounts {
            self.0.replace_accounts(accounts);
        }
        if let Some(requests) = &plan.requests {
            self.broker().change_limits(limits_of(&requests.limits));
            self.0.replace_settings(requests);
        }
        let refused = self.turn_buses(plan).await;
        let is_taken = |name: &BusName| !refused.iter().any(|refused| refused.bus == *name);
        let opened = plan.opened.iter().filter(|bus| is_taken(&bus.name)).cloned();
        // Who may read a bus from a page, and how envelopes are treated, is no matter of the broker.
        let changed = plan.changed.iter().map(|changed| changed.bus.clone());
        let here: Vec<_> = changed.chain(opened).collect();
        let gone: Vec<_> = plan.closed.iter().filter(|name| is_taken(name)).cloned().collect();
        if !here.is_empty() || !gone.is_empty() {
            self.0.replace_buses(&here, &gone);
        }
        Ok(refused)
    }

    /// The broker's part of a plan: buses that are opened, closed, or keep messages otherwise. Gives back those that stay as
    /// they were.
    async fn turn_buses(&self, plan: &Plan) -> Vec<RefusedBus> {
        let broker = self.broker();
        let mut refused = Vec::new();
        let mut note = |bus: &BusName, turned: Result<(), BusError>| {
            if let Err(error) = turned {
                refused.push(RefusedBus { bus: bus.clone(), reason: error.to_string() });
            }
        };
        for name in &plan.closed {
            note(name, broker.close_bus(name).await);
        }
        for bus in &plan.opened {
            note(&bus.name, broker.open_bus(bus.name.clone(), settings_of(bus)).await.map(drop));
        }
        for changed in plan.changed.iter().filter(|changed| changed.keeps_otherwise) {
            note(&changed.bus.name, broker.change_bus(&changed.bus.name, settings_of(&changed.bus)));
        }
        refused
    }

    /// The broker, for posting and reading without HTTP.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        self.0.broker()
    }

    /// The door that the configuration describes: bounds and deadlines for connections, to serve an application behind
    /// ([`Door::serve`]). Its counters are among the metrics, and [`Backplane::apply`] changes it.
    ///
    /// An application in a plain `actix_web::HttpServer` does without: nothing there bounds connections of one address, ends
    /// clients that read or send too slowly, or keeps pipelined requests from piling up.
    #[must_use]
    pub fn door(&self) -> &Door {
        self.0.door()
    }

    /// The protocol's routes (`/v1/…`, `/v1.1/…`, and without a version `/bus/…`) and the browser library (`/v1/backplane.js`, also as
    /// `/backplane.js`, and `/backplane.mjs` with its types), for `App::configure` or `Scope::configure`. Where an application has paths
    /// of its own that begin so, it adds them before, or mounts these in a scope.
    ///
    /// Call it inside the factory that `HttpServer::new` takes: each worker then offers its thread to the
    /// broker's actors, which halves what a request costs.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let service = Arc::clone(&self.0);
        move |config| {
            service.broker().join_arbiter();
            config.app_data(web::Data::from(Arc::clone(&service)));
            library::routes(&service, config);
            protocol::v1::routes(&service, config);
        }
    }

    /// `/healthz` and `/readyz`, for whoever asks.
    pub fn operations(&self) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let service = Arc::clone(&self.0);
        move |config| {
            probes::routes(&service, config);
            config.app_data(web::Data::from(service));
        }
    }

    /// `/metrics`, for whoever can reach it: give it a listener of its own, and let that one answer only to names that you
    /// know, or pages reach it whose name was made to point there.
    pub fn metrics(&self) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let service = Arc::clone(&self.0);
        move |config| {
            probes::metrics_routes(&service, config);
            config.app_data(web::Data::from(service));
        }
    }

    /// A page at `/` that shows a bus at work: whoever opens it posts to that bus without credentials.
    pub fn demo(&self, bus: BusName) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let stage = Stage { broker: self.broker().clone(), bus };
        let service = Arc::clone(&self.0);
        move |config| demo::routes(&service, stage, config)
    }

    /// Answers all but these callers: add it first.
    pub(crate) fn only(&self, callers: Callers) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let service = Arc::clone(&self.0);
        move |config| callers.mount(&service, config)
    }

    /// Answers what nobody else does with 404, in the shape of all errors: add it last.
    pub(crate) fn rest(&self) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let service = Arc::clone(&self.0);
        move |config| {
            config.service(service::scope("", &service).default_service(web::to(nothing_here)));
        }
    }

    /// Tells the metrics when the TLS certificate in force ends.
    pub(crate) fn note_certificate_end(&self, end: SystemTime) {
        self.0.metrics().note_certificate_end(end);
    }

    /// Accepts no more POSTs, and returns when those accepted are answered.
    pub async fn shutdown(&self) {
        self.0.drain().begin();
        self.0.broker().shutdown().await;
        self.save_familiar().await;
    }

    /// From now on `/readyz` says `unable`, and connections end after their answers.
    pub fn drain(&self) {
        self.0.drain().begin();
    }

    /// Requests under way: each from its head until its answer's body has ended, or the client has hung up.
    #[must_use]
    pub fn active_requests(&self) -> usize {
        self.0.drain().active()
    }

    /// Completes once [`Backplane::drain`] was called and no request is under way any more.
    pub async fn drained(&self) {
        self.0.drain().done().await;
    }
}

async fn nothing_here() -> Result<HttpResponse, ApiError> {
    let text = "there is nothing at this path; the protocol is below /v1/bus/";
    Err(ApiError::new(ErrorCode::NotFound, text).closing())
}

fn accounts_of(users: &[User], buses: &[Bus]) -> Result<Accounts, AccountsError> {
    let mut accounts = Accounts::new();
    for user in users {
        accounts.add(user.name.clone(), user.password_hash.clone())?;
    }
    for bus in buses {
        for (users, right) in [(&bus.post, Right::Post), (&bus.read, Right::Read)] {
            for user in users {
                accounts.grant(user, bus.name.clone(), right)?;
            }
        }
    }
    Ok(accounts)
}

/// Whether all passwords of a configuration take the same time to be hashed.
pub(crate) fn cost_alike(config: &Config) -> bool {
    accounts_of(&config.users, &config.buses).is_ok_and(|accounts| accounts.cost_alike())
}

/// A broker with the configuration's buses and bounds, ready to be given a clock or a log, and started.
pub fn broker_of(config: &Config) -> backplane_actors::BrokerBuilder {
    let builder = Broker::builder().limits(limits_of(&config.limits));
    config.buses.iter().fold(builder, |builder, bus| builder.bus(bus.name.clone(), settings_of(bus)))
}

/// The part of the limits that the broker keeps.
fn limits_of(limits: &Limits) -> BrokerLimits {
    BrokerLimits {
        channels_per_bus: limits.channels_per_bus,
        window_memory: limits.window_memory,
        idempotency_keys: limits.idempotency_keys,
        idempotency_window: limits.idempotency_window,
        pending_posts: limits.pending_posts,
        log_patience: limits.log_patience,
        subscribers: limits.streams,
        subscribers_per_bus: limits.streams_per_bus,
        subscribers_per_channel: limits.streams_per_channel,
    }
}

/// Who may post to a bus, each once, as the broker knows them.
fn posters_of(bus: &Bus) -> Vec<Poster> {
    let mut names: Vec<&UserName> = bus.post.iter().collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(UserName::poster).collect()
}

/// The part of a bus that the broker keeps.
fn settings_of(bus: &Bus) -> BusSettings {
    BusSettings {
        channel_idle: bus.channel_idle,
        retention: bus.retention,
        channel_window: bus.window_channel,
        bus_window: bus.window_bus,
        posters: posters_of(bus),
    }
}
