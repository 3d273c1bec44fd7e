//! The one owner of what is in force: changes and new configurations come one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use aws_lc_rs::error::Unspecified;
use backplane_actors::BusName;
use futures::lock::{Mutex, MutexGuard};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::books::Books;
use super::kind::Kind;
use super::order::{Done, GrantWish, OnlyIf, Order, Outcome, PersonWish, Refusal};
use super::outcome::{self, carry_out};
use super::random;
use super::setup::Setup;
use super::taken::{admins_of, clients_of};
use super::who::{Who, audit};
use crate::access::{ClientName, GrantId};
use crate::auth::{AccountsError, Authenticator, PasswordHash, UserName};
use crate::config::{Config, Plan, plan};
use crate::service::{RefusedBus, Service, accounts_of};
use crate::store::{AdminName, Change, Made, MergeError, Merged, Note, Store, StoreError, merge};

/// What is in force, and of what it is made.
#[derive(Debug)]
pub(crate) struct State {
    /// What was configured, as it was last read.
    base: Config,
    made: Made,
    /// Both together, but for what needs a restart or was refused.
    in_force: Config,
}

impl State {
    pub(crate) fn books(&self) -> Books<'_> {
        Books { base: &self.base, made: &self.made, in_force: &self.in_force }
    }
}

/// A configuration that was taken over.
#[derive(Debug)]
pub struct TakenOver {
    /// What was new in it.
    pub plan: Plan,
    /// Buses that stay as they were; the next configuration or change tries again.
    pub refused: Vec<RefusedBus>,
    /// What was made at run time and is not in force with it.
    pub notes: Vec<Note>,
}

/// Why a configuration is not taken over. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// It does not go with what was made at run time.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Users and rights contradict each other.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// With it grants would end, and the store cannot note that.
    #[error("the grants that end with it cannot be noted")]
    Store(#[from] StoreError),
}

/// Why orders are not carried out.
#[derive(Debug)]
pub(crate) enum ChangeError {
    /// For each order why not, or nothing where others are in its way. Nothing has changed.
    Refused(Vec<Option<Refusal>>),
    /// The store could not keep it. Nothing has changed for clients.
    Store,
    /// Buses that could not be taken over: they stay as they were, all else has changed.
    Stays(Vec<RefusedBus>),
    /// Nobody knows yet: it takes longer than anybody waits.
    Unknown,
    /// The first admin was made meanwhile.
    Late,
    /// It would contradict itself: a mistake of ours.
    Impossible,
}

/// See the module.
pub(crate) struct Registrar {
    service: Arc<Service>,
    store: Arc<dyn Store>,
    admins: Authenticator,
    setup: Setup,
    state: ArcSwap<State>,
    turn: Mutex<()>,
}

impl Registrar {
    /// Of a service that runs with what `base` and `made` are together.
    pub(crate) fn new(
        base: Config,
        made: Made,
        in_force: Config,
        service: Arc<Service>,
        store: Arc<dyn Store>,
    ) -> Result<Self, Unspecified> {
        let admins = Authenticator::of_realm("admins", admins_of(&made), base.auth)?;
        service.replace_clients(clients_of(&made));
        let state = ArcSwap::from_pointee(State { base, made, in_force });
        Ok(Self { service, store, admins, setup: Setup::default(), state, turn: Mutex::new(()) })
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Checks the passwords of admins.
    pub(crate) fn admins(&self) -> &Authenticator {
        &self.admins
    }

    /// All as it is now.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// What a change survives.
    pub(crate) fn durability(&self) -> &'static str {
        self.store.durability()
    }

    /// Nothing changes while somebody has it.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub(crate) fn has_admins(&self) -> bool {
        !self.state.load().made.admins.is_empty()
    }

    /// A secret that makes the first admin; nothing where there is an admin.
    pub(crate) fn setup_secret(&self) -> Option<Result<Zeroizing<String>, Unspecified>> {
        (!self.has_admins()).then(|| self.setup.issue())
    }

    pub(crate) fn is_setup_secret(&self, text: &str) -> bool {
        self.setup.is(text)
    }

    /// Makes an admin for the program around the service.
    pub(crate) async fn make_admin(
        self: &Arc<Self>,
        name: AdminName,
        password: PasswordHash,
    ) -> Result<(), ChangeError> {
        let order = Order::Admin { name, wish: PersonWish::Password(password), only_if: OnlyIf::Always };
        self.change(Who::Program, vec![order]).await.map(drop)
    }

    /// Lets a client use these buses, in the name of their owner (V2-AUTHZ-1): refused unless the owner owns each of them.
    pub(crate) async fn grant(
        self: &Arc<Self>,
        owner: UserName,
        client: ClientName,
        buses: BTreeSet<BusName>,
    ) -> Result<GrantId, ChangeError> {
        let id = random::grant_id().map_err(|_| ChangeError::Impossible)?;
        let who = Who::Owner(owner);
        let wish = GrantWish::Make { client, buses, by: who.grantor() };
        let order = Order::Grant { id: id.clone(), wish, only_if: OnlyIf::Absent };
        self.change(who, vec![order]).await.map(|_| id)
    }

    /// Carries out all of these orders, or none.
    ///
    /// Whoever asks may go away meanwhile: what was begun is brought to its end.
    pub(crate) async fn change(
        self: &Arc<Self>,
        who: Who,
        orders: Vec<Order>,
    ) -> Result<Vec<Done>, ChangeError> {
        let patience = self.service.limits().log_patience;
        let it = Arc::clone(self);
        let change = actix_web::rt::spawn(async move { it.carry_out(&who, orders.into()).await });
        match timeout(patience, change).await {
            Ok(Ok(carried_out)) => carried_out,
            Ok(Err(_)) | Err(_) => Err(ChangeError::Unknown),
        }
    }

    async fn carry_out(&self, who: &Who, orders: Arc<[Order]>) -> Result<Vec<Done>, ChangeError> {
        let _turn = self.turn.lock().await;
        let before = self.state.load_full();
        if *who == Who::Setup && !before.made.admins.is_empty() {
            return Err(ChangeError::Late);
        }
        // Thousands of buses take a while, which belongs to other requests.
        let judging = (Arc::clone(&before), Arc::clone(&orders));
        let judged = spawn_blocking(move || judge(&judging.0, &judging.1)).await;
        let (Outcome { made, done, followed }, wanted) = judged.map_err(|_| ChangeError::Unknown)??;
        let changes = made.since(&before.made);
        if changes.is_empty() {
            return Ok(done);
        }
        self.keep(changes).await.map_err(|error| {
            tracing::error!(error = %chain(&error), "a change could not be kept; nothing has changed");
            ChangeError::Store
        })?;
        // Whoever loses a grant loses it before a bus of that name can be another one.
        self.have_clients(&before.made, &made);
        let way = plan(&before.in_force, &wanted);
        let refused = self.service.apply(&way).await.map_err(|error| impossible(&error))?;
        let ordered = |bus: &RefusedBus| {
            orders.iter().any(|order| order.kind() == Kind::Buses && order.name() == bus.bus.as_str())
        };
        let stays: Vec<_> = refused.iter().filter(|bus| ordered(bus)).cloned().collect();
        let mut in_force = before.in_force.clone();
        way.without(refused.iter().map(|refused| &refused.bus)).apply_to(&mut in_force);
        let made = if stays.is_empty() { made } else { self.take_back(&before, made, &stays).await? };
        // What stays has its grants again.
        let followed =
            if stays.is_empty() { followed } else { outcome::followed(&before.made, &made, &done) };
        let gone = before.made.buses.keys().filter(|bus| !made.buses.contains_key(*bus)).cloned();
        let gone: Vec<_> = gone.collect();
        self.settle(State { base: before.base.clone(), made, in_force });
        self.forget_pages(gone).await;
        let is_done =
            |done: &Done| !stays.iter().any(|bus| done.kind == Kind::Buses && done.name == bus.bus.as_str());
        let happened: Vec<_> = done.iter().chain(&followed).filter(|done| is_done(done)).cloned().collect();
        audit(who, &happened);
        if stays.is_empty() { Ok(done) } else { Err(ChangeError::Stays(stays)) }
    }

    /// What the service has not taken over is in the store as it was before, and so are the rights on it.
    async fn take_back(&self, before: &State, made: Made, stays: &[RefusedBus]) -> Result<Made, ChangeError> {
        let mut settled = made.clone();
        for RefusedBus { bus, reason } in stays {
            tracing::error!(%bus, reason, "this bus stays as it was");
            settled.restore_bus(bus, &before.made);
        }
        settled.settle(&before.base);
        if let Err(error) = self.keep(settled.since(&made)).await {
            let error = chain(&error);
            tracing::error!(error, "what stays as it was is kept otherwise; it changes with a restart");
        }
        let Merged { config, .. } = merge(&before.base, &settled).map_err(|error| impossible(&error))?;
        let accounts = accounts_of(&config.users, &config.buses).map_err(|error| impossible(&error))?;
        self.service.replace_accounts(accounts);
        self.have_clients(&made, &settled);
        Ok(settled)
    }

    /// From now on these clients have these grants.
    fn have_clients(&self, before: &Made, after: &Made) {
        let of = |made: &Made| made.buses.values().map(|bus| bus.tenancy).collect::<Vec<_>>();
        let is_same = (&before.clients, &before.grants) == (&after.clients, &after.grants);
        if !is_same || of(before) != of(after) {
            self.service.replace_clients(clients_of(after));
        }
    }

    /// From now on this is so.
    fn settle(&self, state: State) {
        if state.made.admins != self.state.load().made.admins {
            self.admins.set_accounts(admins_of(&state.made));
            if !state.made.admins.is_empty() {
                self.setup.end();
            }
        }
        self.state.store(Arc::new(state));
    }

    async fn keep(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let (done, kept) = oneshot::channel();
        // A thread of its own: the end of a process waits for threads of a runtime, also where the disk hangs.
        let keep = move || drop(done.send(store.commit(&changes)));
        if let Err(error) = thread::Builder::new().name("store".to_owned()).spawn(keep) {
            return Err(StoreError::Io { path: "a thread".into(), error });
        }
        // It panics only if the engine does: then nobody knows, as after a failed write.
        kept.await.unwrap_or_else(|_| Err(StoreError::Failed { path: "the store".into() }))
    }

    /// Takes a configuration over, with what was made beside it.
    pub(crate) async fn take_over(&self, config: &Config) -> Result<TakenOver, TakeOverError> {
        let _turn = self.turn.lock().await;
        let before = self.state.load_full();
        let Merged { config: wanted, notes } = merge(config, &before.made)?;
        // The demonstration and a configuration are not made of each other before a restart.
        let base = if config.demo == before.base.demo { config } else { &before.base };
        let mut made = before.made.clone();
        made.settle(base);
        let ended = made.since(&before.made);
        if !ended.is_empty() {
            // What would be refused further on is refused before anything changes.
            drop(accounts_of(&wanted.users, &wanted.buses)?);
            self.keep(ended).await?;
            self.have_clients(&before.made, &made);
            audit(&Who::Configuration, &outcome::followed(&before.made, &made, &[]));
        }
        let plan = plan(&before.in_force, &wanted);
        let refused = self.service.apply(&plan).await?;
        let mut in_force = before.in_force.clone();
        plan.clone().without(refused.iter().map(|refused| &refused.bus)).apply_to(&mut in_force);
        let state = State { base: base.clone(), made, in_force };
        self.state.store(Arc::new(state));
        Ok(TakenOver { plan, refused, notes })
    }
}

/// What comes of these orders, and what is to be in force then.
fn judge(before: &State, orders: &[Order]) -> Result<(Outcome, Config), ChangeError> {
    let occasion = random::occasion().map_err(|error| impossible(&error))?;
    let outcome = carry_out(&before.books(), orders, occasion).map_err(ChangeError::Refused)?;
    // Buses that nobody ordered anything of are as good as they were.
    let wanted = merge(&before.base, &outcome.made).map_err(|error| impossible(&error))?;
    Ok((outcome, wanted.config))
}

fn impossible(error: &dyn std::error::Error) -> ChangeError {
    tracing::error!(%error, "a change that was checked cannot be taken over");
    ChangeError::Impossible
}

/// An error with those that it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
