//! The service as one handle: start it, mount its routes in an actix-web application, shut it down.

use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use backplane_actors::log::{DiskLog, Durability, Progress, RecoveryError};
use backplane_actors::{Broker, BusName};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::auth::{Accounts, AccountsError, Authenticator, FamiliarAddresses, FamiliarFile, PasswordHash};
use crate::authority::{KeyFile, KeyFileError, Keys};
use crate::config::{Config, Storage};
use crate::door::Door;
use crate::error::{ApiError, ErrorCode};
use crate::protocol;
use crate::provision::{self, Registrar, TakeOverError, TakenOver};
use crate::service::{self, Callers, Service, Tokens, accounts_of, broker_of, probes};
use crate::store::{
    AdminName, DiskStore, Made, MemoryStore, MemoryTokens, MergeError, Merged, Store, StoreError, TokenStore,
    merge,
};
use crate::web::consent::{self, Consent};
use crate::web::demo::{self, Stage};
use crate::web::description::{self, Described};
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
pub struct Backplane(Arc<Service>, Arc<Registrar>, Arc<Keys>, Arc<Consent>);

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log cannot be opened, or is damaged; `backplane check-log` tells more.
    #[error("the message log cannot be opened")]
    Log(#[from] RecoveryError),
    /// What was made at run time cannot be read.
    #[error("the store of users and buses cannot be opened")]
    Store(#[from] StoreError),
    /// What was made at run time does not go with the configuration.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Users and rights contradict each other.
    #[error("the accounts contradict each other")]
    Accounts(#[from] AccountsError),
    /// A broker that the caller has started lacks a bus of the configuration.
    #[error("the broker has no bus {0}, and the configuration has")]
    NoBus(BusName),
    /// The keys of pages' tokens cannot be used.
    #[error("the keys of tokens cannot be used")]
    TokenKeys(#[from] KeyFileError),
    /// The system has no randomness to give.
    #[error("the system's source of randomness failed")]
    Randomness,
}

/// Something could not be made at run time; the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it could not be made, the log says why")]
pub struct NotMade;

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
        let settings = match &config.storage {
            Storage::Memory => {
                let made = if config.demo { demo_cast(config) } else { Made::default() };
                let Merged { config: in_force, .. } = merge(config, &made)?;
                let broker = broker_of(&in_force).start()?;
                return Self::assemble(
                    config,
                    made.clone(),
                    in_force,
                    broker,
                    (Arc::new(MemoryStore::with(made)), Arc::<MemoryTokens>::default()),
                    (None, Keys::of(config)?),
                );
            }
            Storage::Disk(settings) => settings,
        };
        if let Durability::Interval(every) = settings.durability {
            tracing::info!(
                "storage.durability is \"interval\": a kill of the server loses nothing, a power loss or a crash \
                 of the system may take what was posted during the last {}",
                humantime::format_duration(every)
            );
        }
        let log = DiskLog::open(settings.clone())?.progress(report);
        // The folder is there, and this server's alone, from now on.
        let store = DiskStore::open(&settings.path)?;
        let made = store.load()?;
        let Merged { config: in_force, notes } = merge(config, &made)?;
        // Only now: a configuration that is refused ends nothing.
        let made = provision::settled(&store, &made, config)?;
        for note in notes {
            tracing::warn!("{note}");
        }
        let broker = broker_of(&in_force).log(log).start()?;
        let familiar = FamiliarFile::of(&settings.path);
        let files = (Some(familiar), Keys::of(config)?);
        let store = Arc::new(store);
        let stores: (Arc<dyn Store>, Arc<dyn TokenStore>) = (store.clone(), store);
        Self::assemble(config, made, in_force, broker, stores, files)
    }

    /// The service around a broker that the caller has started, say from [`broker_of`] with a clock or log
    /// of its own. The broker has the configuration's buses. What is made at run time ends with the process.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn around(config: &Config, broker: Broker) -> Result<Self, StartError> {
        let made = Made::default();
        let named = config.tokens.key_file.clone().map(KeyFile::named);
        let files = (None, named.map_or_else(Keys::in_memory, Keys::of_file)?);
        let stores: (Arc<MemoryStore>, Arc<MemoryTokens>) = Default::default();
        Self::assemble(config, made, config.clone(), broker, (stores.0, stores.1), files)
    }

    fn assemble(
        base: &Config,
        made: Made,
        in_force: Config,
        broker: Broker,
        (store, tokens): (Arc<dyn Store>, Arc<dyn TokenStore>),
        (file, keys): (Option<FamiliarFile>, Keys),
    ) -> Result<Self, StartError> {
        let accounts = accounts_of(&in_force.users, &in_force.buses)?;
        let kept = match file.as_ref().map(FamiliarFile::load).transpose() {
            Ok(kept) => kept.flatten(),
            Err(error) => {
                let text = "the file of familiar addresses is ignored, and will be written anew";
                tracing::warn!(%error, "{text}");
                None
            }
        };
        let familiar = kept.map_or_else(FamiliarAddresses::none, Ok).map_err(|_| StartError::Randomness)?;
        let authenticator = Authenticator::with_familiar(accounts, in_force.auth, familiar)
            .map_err(|_| StartError::Randomness)?;
        let clients = Authenticator::of_realm("clients", Accounts::new(), in_force.auth)
            .map_err(|_| StartError::Randomness)?;
        let keys = Arc::new(keys);
        let tokens = Tokens::open(&in_force, tokens, Arc::clone(&keys), broker.clock())?;
        let service = Service::new(&in_force, broker, authenticator, (clients, tokens), file);
        let service = service.map_err(StartError::NoBus)?;
        let service = Arc::new(service);
        let registrar = Registrar::new(base.clone(), made, in_force, Arc::clone(&service), store);
        let registrar = Arc::new(registrar.map_err(|_| StartError::Randomness)?);
        let consent = Arc::new(Consent::new(Arc::clone(&registrar)));
        Ok(Self(service, registrar, keys, consent))
    }

    /// A secret with which `POST /admin/v1/admins` makes the first admin, once; nothing where there is an admin. Another one is
    /// made each time that it is asked for, and the one before is of no use then. It ends with the process.
    ///
    /// # Errors
    ///
    /// [`StartError::Randomness`].
    pub fn setup_secret(&self) -> Result<Option<Zeroizing<String>>, StartError> {
        self.1.setup_secret().transpose().map_err(|_| StartError::Randomness)
    }

    /// Whether anybody may make users and buses over HTTP.
    #[must_use]
    pub fn has_admins(&self) -> bool {
        self.1.has_admins()
    }

    /// Makes an admin, or gives one this password. `backplane admin create` is the way of people.
    ///
    /// Needs an actix system.
    ///
    /// # Errors
    ///
    /// [`NotMade`].
    pub async fn make_admin(&self, name: AdminName, password: PasswordHash) -> Result<(), NotMade> {
        self.1.make_admin(name, password).await.map_err(|_| NotMade)
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

    /// Keeps the keys of identity providers fresh ([`Config::issuers`]), until dropped. [`server::run`](crate::server::run) does so; an
    /// application that serves the routes itself should, too. Without it keys are asked for when the first token that needs them comes, or
    /// comes after they have become old.
    ///
    /// Needs an actix system.
    pub async fn keep_issuers_keys(&self) {
        self.0.issuers().keep().await;
    }

    /// Takes a configuration over, with what was made at run time beside it, without a restart: see
    /// [`plan`](crate::config::plan()). No connection is closed, and requests under way end as they began. The level of the log
    /// is left to the caller.
    ///
    /// # Errors
    ///
    /// [`TakeOverError`]: nothing has changed.
    pub async fn take_over(&self, config: &Config) -> Result<TakenOver, TakeOverError> {
        self.1.take_over(config).await
    }

    /// Reads the keys of pages' tokens again, after `backplane rotate-token-key`: what the key before signed stays good. Blocks.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]: they stay as they were.
    pub fn reload_token_keys(&self) -> Result<(), KeyFileError> {
        self.2.reload()
    }

    /// The broker, for posting and reading without HTTP.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        self.0.broker()
    }

    /// The door that the configuration describes: bounds and deadlines for connections, to serve an application behind
    /// ([`Door::serve`]). Its counters are among the metrics, and [`Backplane::take_over`] changes it.
    ///
    /// An application in a plain `actix_web::HttpServer` does without: nothing there bounds connections of one address, ends
    /// clients that read or send too slowly, or keeps pipelined requests from piling up.
    #[must_use]
    pub fn door(&self) -> &Door {
        self.0.door()
    }

    /// The protocol's routes (`/v1/…` to `/v1.3/…`, and without a version `/bus/…`) and the browser library (`/v1/backplane.js`, also as
    /// `/backplane.js`, and `/backplane.mjs` with its types), and the pages on which owners of buses let clients use them
    /// (`/v2/authorize`, `/v2/authenticate`, `/v2/grants`), for `App::configure` or `Scope::configure`. Where an application has paths
    /// of its own that begin so, it adds them before, or mounts these in a scope.
    ///
    /// Call it inside the factory that `HttpServer::new` takes: each worker then offers its thread to the
    /// broker's actors, which halves what a request costs.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let (service, consent) = (Arc::clone(&self.0), Arc::clone(&self.3));
        move |config| {
            service.broker().join_arbiter();
            config.app_data(web::Data::from(Arc::clone(&service)));
            library::routes(&service, config);
            protocol::v1::routes(&service, config);
            // Before what answers all else below the same path.
            consent::routes(&consent, config);
            protocol::v2::routes(&service, config);
        }
    }

    /// `/admin/v1` and the historical provisioning calls: users and buses are made there. For operators: give it a listener of its
    /// own, as [`Backplane::metrics`].
    pub fn provisioning(&self) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let registrar = Arc::clone(&self.1);
        move |config| {
            provision::resource_routes(&registrar, config);
            provision::historical_routes(&registrar, config);
        }
    }

    /// The historical provisioning calls alone, where clients reach them. Add them before [`Backplane::routes`].
    pub fn historical_provisioning(&self) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let registrar = Arc::clone(&self.1);
        move |config| provision::historical_routes(&registrar, config)
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

    /// `/openapi.json`, which describes what is answered, in `OpenAPI` 3.1, and `/openapi`, the same for people.
    pub fn description(&self, described: Described) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let service = Arc::clone(&self.0);
        move |config| description::routes(&service, described, config)
    }

    /// A page at `/` that shows a bus at work, and one at `/demo/identity` that shows the same by version 2.0: whoever opens them posts to
    /// that bus without credentials. The second one wants the clients that the demonstration has.
    pub fn demo(&self, bus: BusName) -> impl FnOnce(&mut ServiceConfig) + 'static {
        let stage = Stage::new(self.broker().clone(), bus);
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

/// Who there is in the demonstration.
fn demo_cast(config: &Config) -> Made {
    let users = config.users.iter().map(|user| (&user.name, &user.password_hash));
    demo::cast(users, &config.buses.iter().map(|bus| bus.name.clone()).collect())
}
