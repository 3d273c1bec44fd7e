//! Privileged tokens.

use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::Duration;

use aws_lc_rs::rand;
use backplane_actors::{BusName, Clock, Timestamp};
use futures::future::select;

use tokio::sync::{Mutex, Semaphore, oneshot, watch};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::access::ledger::{
    Challenge, CodeWish, Exchange, FRESH_LENGTH, Fresh, Granted, Introspection, IssueError, Issued, Ledger,
    LedgerSettings, Privileged, Step, TokenChange, TokenError,
};
use crate::access::{ClientName, ClientUrl, GrantId, Scope, TokenText};
use crate::config::{Config, Tokens};
use crate::store::{StoreError, TokenStore};

/// How long a stream that was told of a change waits before it looks again: many changes are one look, well within a second.
const GATHERING: Duration = Duration::from_millis(250);
/// Changes that wait at the same time, for a disk that hangs or for each other.
pub(super) const WAITING_MAX: usize = 1_024;
/// The longest that a stream sleeps before it looks at the clock again, which may have been set.
const LOOKING: Duration = Duration::from_mins(1);

/// Bounds and patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthoritySettings {
    /// Of the ledger.
    pub ledger: LedgerSettings,
    /// How long somebody waits for a disk that does not answer.
    pub patience: Duration,
}

impl AuthoritySettings {
    /// Of a server with this configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let Tokens { client_lifetime, client_refresh_lifetime, per_client, max, .. } = config.tokens;
        let (access, refresh) = (client_lifetime, client_refresh_lifetime);
        let ledger = LedgerSettings { access, refresh, per_client, total: max };
        Self { ledger, patience: config.limits.log_patience }
    }
}

/// Why nothing was issued or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// It is refused.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store could not keep it: nothing is issued, and what was to end is refused until a restart.
    #[error("it cannot be kept now; nothing was issued")]
    Store,
    /// As many as may wait for the store do (I-5).
    #[error("too many ask for tokens at the same time")]
    Busy,
    /// It takes longer than anybody waits: it may happen yet.
    #[error("it takes longer than expected; it may happen yet")]
    Unknown,
    /// The system has no randomness to give.
    #[error("the system's source of randomness failed")]
    Randomness,
}

/// The one owner of privileged tokens. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    ledger: RwLock<Ledger>,
    /// Whoever changes anything has it until that is kept; who came first is the next.
    turn: Mutex<()>,
    waiting: Arc<Semaphore>,
    store: Arc<dyn TokenStore>,
    granted: Arc<dyn Granted>,
    clock: Arc<dyn Clock>,
    settings: AuthoritySettings,
    /// Counts what may have ended something.
    ends: watch::Sender<u64>,
}

impl Authority {
    /// With what the store keeps.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn open(
        store: Arc<dyn TokenStore>,
        granted: Arc<dyn Granted>,
        clock: Arc<dyn Clock>,
        settings: AuthoritySettings,
    ) -> Result<Self, StoreError> {
        let ledger = RwLock::new(Ledger::of(store.load_tokens()?));
        let (turn, waiting) = (Mutex::new(()), Arc::new(Semaphore::new(WAITING_MAX)));
        let ends = watch::Sender::new(0);
        Ok(Self(Arc::new(Inner { ledger, turn, waiting, store, granted, clock, settings, ends })))
    }

    /// An access token for a client that has proved who it is (V2-TOK-1).
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub async fn client_credentials(
        &self,
        client: ClientName,
        asked: Scope,
    ) -> Result<Issued, AuthorityError> {
        let fresh = fresh()?;
        let issue = move |it: &Inner, ledger: &Ledger, now| {
            let wish = (&client, &asked);
            ledger.client_credentials(&it.settings.ledger, wish, &*it.granted, now, &fresh)
        };
        Ok(self.change(issue).await??)
    }

    /// A code for what the owner of buses has just granted; the user is sent to `redirect` with it (V2-AUTHZ-1).
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub async fn code(
        &self,
        client: ClientName,
        redirect: ClientUrl,
        challenge: Challenge,
        scope: Scope,
        granted: Vec<(BusName, GrantId)>,
    ) -> Result<TokenText, AuthorityError> {
        let fresh = fresh()?;
        let issue = move |it: &Inner, ledger: &Ledger, now| {
            let (client, redirect, scope, granted) = (&client, &redirect, &scope, &*granted);
            let wish = CodeWish { client, redirect, challenge, scope, granted };
            ledger.code(&it.settings.ledger, &wish, &*it.granted, now, &fresh)
        };
        Ok(self.change(issue).await??)
    }

    /// Tokens for a code (V2-TOK-3).
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub async fn exchange(
        &self,
        client: ClientName,
        code: Zeroizing<String>,
        redirect: String,
        verifier: Zeroizing<String>,
    ) -> Result<Issued, AuthorityError> {
        let fresh = fresh()?;
        let issue = move |it: &Inner, ledger: &Ledger, now| {
            let exchange =
                Exchange { client: &client, code: &code, redirect: &redirect, verifier: &verifier };
            ledger.exchange(&it.settings.ledger, &exchange, &*it.granted, now, &fresh)
        };
        Ok(self.change(issue).await??)
    }

    /// The next tokens for a refresh token (V2-TOK-4).
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub async fn refresh(
        &self,
        client: ClientName,
        text: Zeroizing<String>,
        asked: Option<Scope>,
    ) -> Result<Issued, AuthorityError> {
        let fresh = fresh()?;
        let issue = move |it: &Inner, ledger: &Ledger, now| {
            let wish = (&client, text.as_str(), asked.as_ref());
            ledger.refresh(&it.settings.ledger, wish, &*it.granted, now, &fresh)
        };
        Ok(self.change(issue).await??)
    }

    /// Ends a token of this client (RFC 7009); nothing is told of any other.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`], but nothing is refused or random.
    pub async fn revoke(&self, client: ClientName, text: Zeroizing<String>) -> Result<(), AuthorityError> {
        self.change(move |_, ledger, _| ledger.revoke(&text, &client)).await
    }

    /// Ends all tokens of pages of this bus that were issued until now.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`], but nothing is refused or random.
    pub async fn end_pages(&self, bus: BusName) -> Result<(), AuthorityError> {
        self.change(move |_, ledger, now| ledger.end_pages(bus, now)).await
    }

    /// Forgets what [`Authority::end_pages`] said of a bus that is no more.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`], but nothing is refused or random.
    pub async fn forget_bus(&self, bus: BusName) -> Result<(), AuthorityError> {
        self.change(move |_, ledger, _| ledger.forget_bus(&bus)).await
    }

    /// From when on tokens of pages of this bus are good; nothing: all are.
    #[must_use]
    pub fn pages_not_before(&self, bus: &BusName) -> Option<Timestamp> {
        self.0.ledger().pages_not_before(bus)
    }

    /// What an access token is good for, now: for each request. No disk is asked.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn check(&self, text: &str) -> Result<Arc<Privileged>, TokenError> {
        let token = self.0.ledger().find(text)?;
        token.is_good(&*self.0.granted, self.0.clock.wall())?;
        Ok(token)
    }

    /// What a token of this client is (RFC 7662); nothing where it is none, not good, or another client's.
    #[must_use]
    pub fn introspect(&self, client: &ClientName, text: &str) -> Option<Introspection> {
        self.0.ledger().introspect(text, client, &*self.0.granted, self.0.clock.wall())
    }

    /// Something that was granted may have been taken back: open streams look whether they may go on.
    pub fn notice(&self) {
        self.0.ends.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes with each token that ends before its time, and with [`Authority::notice`]; not with those that are over.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.ends.subscribe()
    }

    /// Returns once this access token is good no longer, with the reason: within a second after it was revoked, what it was
    /// granted was taken back, or its time is over.
    ///
    /// Needs a tokio runtime with time.
    pub async fn ended(&self, text: &str) -> TokenError {
        let mut changes = self.changes();
        loop {
            let left = match self.check(text) {
                Ok(token) => token.expires.since(self.0.clock.wall()),
                Err(error) => return error,
            };
            // It was looked at after this was called: no change in between is missed.
            let over = pin!(sleep(left.min(LOOKING)));
            select(over, pin!(changes.changed())).await;
            sleep(left.min(GATHERING)).await;
        }
    }

    /// Privileged tokens that are kept, as families; for metrics.
    #[must_use]
    pub fn families(&self) -> usize {
        self.0.ledger().len()
    }

    /// Whoever asks may go away meanwhile: what was begun is brought to its end.
    async fn change<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Inner, &Ledger, Timestamp) -> Step<T> + Send + 'static,
    ) -> Result<T, AuthorityError> {
        let it = Arc::clone(&self.0);
        let place = Arc::clone(&it.waiting).try_acquire_owned().map_err(|_| AuthorityError::Busy)?;
        let change = tokio::spawn(async move {
            let _place = place;
            it.carry_out(step).await
        });
        match timeout(self.0.settings.patience, change).await {
            Ok(Ok(carried_out)) => carried_out,
            Ok(Err(_)) | Err(_) => Err(AuthorityError::Unknown),
        }
    }
}

impl Inner {
    fn ledger(&self) -> RwLockReadGuard<'_, Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn carry_out<T>(
        &self,
        step: impl FnOnce(&Self, &Ledger, Timestamp) -> Step<T>,
    ) -> Result<T, AuthorityError> {
        let _turn = self.turn.lock().await;
        let Step { changes, outcome } = step(self, &self.ledger(), self.clock.wall());
        if changes.is_empty() {
            return Ok(outcome);
        }
        let changes = Arc::<[TokenChange]>::from(changes);
        let kept = self.keep(Arc::clone(&changes)).await;
        let is_kept = kept.is_ok();
        if let Err(error) = kept {
            let error = chain(&error);
            tracing::error!(error, "tokens could not be kept; none is issued before a restart");
        }
        let ends_something = {
            let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
            // What was to end ends, whether it is kept or not.
            let counts = |change: &&TokenChange| is_kept || ledger.only_ends(change);
            let counting: Vec<_> = changes.iter().filter(counts).cloned().collect();
            let ends_something = counting.iter().any(|change| ledger.may_end(change));
            ledger.apply(counting);
            ends_something
        };
        if ends_something {
            self.ends.send_modify(|count| *count = count.wrapping_add(1));
        }
        if is_kept { Ok(outcome) } else { Err(AuthorityError::Store) }
    }

    async fn keep(&self, changes: Arc<[TokenChange]>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let (done, kept) = oneshot::channel();
        // A thread of its own: the end of a process waits for threads of a runtime, also where the disk hangs.
        let keep = move || drop(done.send(store.commit_tokens(&changes)));
        if let Err(error) = thread::Builder::new().name("tokens".to_owned()).spawn(keep) {
            return Err(StoreError::Io { path: "a thread".into(), error });
        }
        // It panics only if the engine does: then nobody knows, as after a failed write.
        kept.await.unwrap_or_else(|_| Err(StoreError::Failed { path: "the store".into() }))
    }
}

fn fresh() -> Result<Fresh, AuthorityError> {
    let mut bytes = Zeroizing::new([0; FRESH_LENGTH]);
    rand::fill(&mut *bytes).map_err(|_| AuthorityError::Randomness)?;
    Ok(Fresh::new(bytes))
}

/// An error with those that it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
