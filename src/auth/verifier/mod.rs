//! From an `Authorization` header to a user.
//!
//! The fast path, every request but the first: parse, one HMAC, one look into a table that is never locked. The slow
//! path hashes on a blocking thread: bounded in number, in queue and in failures, one hash per credential however
//! many come with it at once.
//!
//! What is refused for what others do (limits, a full queue) is looked at once more afterwards, out of sight: see `look`.
//!
//! Rightful users do not feel an attack on their account: what was verified once is compared before any limit, and
//! when its time is over it is hashed again without asking limits or queue bound, because it is known to be right.

mod check;
mod encoded;
mod flight;
mod look;
mod roll;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use aws_lc_rs::{error::Unspecified, hmac, rand};
use backplane_actors::BusName;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::flight::Flights;
use self::roll::{Memory, Roll};
use super::basic::{self, BasicError, Credentials, Scratch};
use super::events::{Events, rights_changed};
use super::limiter::Limiter;
use super::{Accounts, AuthSettings, FamiliarAddresses, Right, UserName};

/// HMAC-SHA256 of a credential under the key of this process.
type Tag = [u8; 32];

/// Why a request has no user. It never repeats what the client sent (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization` header (401).
    #[error("credentials are needed: HTTP Basic")]
    Missing,
    /// Another scheme than Basic, not RFC 7617, or several headers (401).
    #[error(transparent)]
    Basic(#[from] BasicError),
    /// A user and password, or a client and secret, that do not belong together (401).
    #[error("the credentials are wrong")]
    Wrong,
    /// Too many failures from this address or for this user (429).
    #[error("too many wrong passwords; try again in {} s", seconds(*retry_after))]
    Throttled {
        /// When the next attempt is looked at.
        retry_after: Duration,
    },
    /// Too many passwords wait to be checked (503).
    #[error("too many passwords are being checked; try again in {} s", seconds(*retry_after))]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
}

impl AuthError {
    /// What to say in `Retry-After`, in whole seconds, at least 1.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled { retry_after } | Self::Busy { retry_after } => Some(seconds(*retry_after)),
            Self::Missing | Self::Basic(_) | Self::Wrong => None,
        }
    }
}

/// Rounded up: a client that comes back a moment early is refused again.
fn seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)).max(1)
}

/// Checks credentials. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Authenticator(Arc<Shared>);

type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

struct Shared {
    settings: AuthSettings,
    key: hmac::Key,
    clock: Clock,
    roll: ArcSwap<Roll>,
    limiter: Mutex<Limiter>,
    flights: Flights,
    // Waiting and being hashed.
    admission: Arc<Semaphore>,
    // Being hashed.
    hashing: Arc<Semaphore>,
    // Looked at once more, waiting or being hashed.
    looks: Arc<Semaphore>,
    events: Events,
    hashes: AtomicU64,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// A credential that is not in the cache, with what is needed to check it.
struct Attempt {
    tag: Tag,
    // May be a password as well, typed into the wrong field.
    user: Zeroizing<String>,
    password: Zeroizing<String>,
    client: IpAddr,
}

enum Recognised {
    User(UserName),
    Not(Attempt),
}

/// What the cache says of a credential.
enum Recalled {
    Fresh(UserName),
    Stale,
    Unknown,
}

impl Authenticator {
    /// Checks against these accounts. No address is familiar yet.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new(accounts: Accounts, settings: AuthSettings) -> Result<Self, Unspecified> {
        Self::with_familiar(accounts, settings, FamiliarAddresses::none()?)
    }

    /// Checks against these accounts of another realm than users', such as `admins`: the lines of the log say so. It has one thread
    /// for hashing: whoever guesses there takes no processor from those who sign in elsewhere but one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(crate) fn of_realm(
        realm: &'static str,
        accounts: Accounts,
        settings: AuthSettings,
    ) -> Result<Self, Unspecified> {
        let settings = AuthSettings { hashing_threads: NonZeroUsize::MIN, ..settings };
        let authenticator = Self::new(accounts, settings)?;
        authenticator.0.events.are_of(realm);
        Ok(authenticator)
    }

    /// Checks against these accounts, which these addresses gave the right passwords of.
    ///
    /// # Errors
    /// The system has no randomness to give.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock for it")]
    pub fn with_familiar(
        accounts: Accounts,
        settings: AuthSettings,
        familiar: FamiliarAddresses,
    ) -> Result<Self, Unspecified> {
        let started = Instant::now();
        Self::with_clock(accounts, settings, familiar, Box::new(move || started.elapsed()))
    }

    fn with_clock(
        accounts: Accounts,
        settings: AuthSettings,
        familiar: FamiliarAddresses,
        clock: Clock,
    ) -> Result<Self, Unspecified> {
        let threads = settings.hashing_threads.get().min(Semaphore::MAX_PERMITS / 2);
        let admitted = settings.hashing_queue.min(Semaphore::MAX_PERMITS / 2) + threads;
        let mut limiter = Limiter::new(&settings, familiar.marks);
        limiter.recall(&familiar.entries, accounts.users(), clock());
        Ok(Self(Arc::new(Shared {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?,
            clock,
            roll: ArcSwap::from_pointee(Roll::new(Arc::new(accounts), None)),
            limiter: Mutex::new(limiter),
            flights: Flights::default(),
            admission: Arc::new(Semaphore::new(admitted)),
            hashing: Arc::new(Semaphore::new(threads)),
            looks: Arc::new(Semaphore::new(look::LOOKS)),
            events: Events::new(),
            hashes: AtomicU64::new(0),
            settings,
        })))
    }

    /// The user whose credentials these `Authorization` values are. `client` is who failures are counted against.
    ///
    /// Must run inside a tokio runtime. May be dropped at any time: a hash that was begun is counted all the same.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn authenticate<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
        client: IpAddr,
    ) -> Result<UserName, AuthError> {
        match self.0.recognise(values, client)? {
            Recognised::User(user) => Ok(user),
            Recognised::Not(attempt) => self.0.check(Arc::new(attempt)).await,
        }
    }

    /// The user whose name and password these are, as they came by another way than a header.
    ///
    /// Must run inside a tokio runtime. May be dropped at any time: a hash that was begun is counted all the same.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn authenticate_pair(
        &self,
        user: &str,
        password: &str,
        client: IpAddr,
    ) -> Result<UserName, AuthError> {
        match self.0.recognise_pair(Credentials { user, password }, client) {
            Recognised::User(user) => Ok(user),
            Recognised::Not(attempt) => self.0.check(Arc::new(attempt)).await,
        }
    }

    /// Whether the user has this right on this bus, now.
    #[must_use]
    pub fn may(&self, user: &UserName, bus: &BusName, right: Right) -> bool {
        self.0.roll.load().accounts.may(user, bus, right)
    }

    /// The accounts as they are now.
    #[must_use]
    pub fn accounts(&self) -> Arc<Accounts> {
        self.0.roll.load().accounts.clone()
    }

    /// Replaces all accounts. What was verified for a user whose password hash is new, or who is gone, counts no
    /// more, also for checks on their way.
    pub fn replace_accounts(&self, accounts: Accounts) {
        rights_changed(&self.accounts(), &accounts);
        self.set_accounts(accounts);
    }

    /// The same, where somebody else tells the log of it.
    pub(crate) fn set_accounts(&self, accounts: Accounts) {
        let accounts = Arc::new(accounts);
        self.0.roll.rcu(|before| Roll::new(accounts.clone(), Some(before)));
        self.0.limiter().retain(|user| accounts.password_hash(user.as_str()).is_some());
    }

    /// Notes that a user was refused for want of a right.
    pub(crate) fn note_forbidden(&self, user: &UserName, bus: &BusName, right: Right, client: IpAddr) {
        self.0.events.forbidden(user, bus, right, client, (self.0.clock)());
    }

    /// Notes that credentials came where they may not travel.
    pub(crate) fn note_exposed(&self, client: IpAddr) {
        self.0.events.exposed(client, (self.0.clock)());
    }

    /// The addresses that gave right passwords lately, to be kept over a restart; None: nothing is new since this was
    /// last asked.
    #[must_use]
    pub fn familiar_if_changed(&self) -> Option<FamiliarAddresses> {
        let mut limiter = self.0.limiter();
        let entries = limiter.changed((self.0.clock)())?;
        Some(FamiliarAddresses { marks: limiter.marks().clone(), entries })
    }

    /// Password hashes computed since the start, for metrics.
    #[must_use]
    pub fn hashes(&self) -> u64 {
        self.0.hashes.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        // The limiter's parts are never left half done.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fast path. Allocates only what the slow path will need.
    fn recognise<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
        client: IpAddr,
    ) -> Result<Recognised, AuthError> {
        let mut values = values.into_iter();
        let value = values.next().ok_or(AuthError::Missing)?;
        if values.next().is_some() {
            return Err(BasicError::Malformed.into());
        }
        let mut scratch = Scratch::new();
        Ok(self.recognise_pair(basic::parse(value, &mut scratch)?, client))
    }

    fn recognise_pair(&self, credentials: Credentials<'_>, client: IpAddr) -> Recognised {
        let tag = self.tag(credentials);
        let Credentials { user, password } = credentials;
        match self.recall(user, &tag, client) {
            Recalled::Fresh(user) => Recognised::User(user),
            Recalled::Stale | Recalled::Unknown => {
                let own = |text: &str| Zeroizing::new(text.to_owned());
                Recognised::Not(Attempt { tag, user: own(user), password: own(password), client })
            }
        }
    }

    fn tag(&self, Credentials { user, password }: Credentials<'_>) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        // The length keeps a:bc and ab:c apart.
        context.update(&u64::try_from(user.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(user.as_bytes());
        context.update(password.as_bytes());
        let mut tag = Tag::default();
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }

    fn recall(&self, user: &str, tag: &Tag, client: IpAddr) -> Recalled {
        let roll = self.roll.load();
        let Some(slot) = roll.slot(user) else { return Recalled::Unknown };
        let now = (self.clock)();
        match slot.recall(tag, client, now) {
            Memory::Unknown => Recalled::Unknown,
            Memory::Stale => Recalled::Stale,
            Memory::Fresh { new_address } => {
                if new_address {
                    self.limiter().familiar(client, &slot.user, now);
                    self.events.signed_in(&slot.user, client, now);
                }
                Recalled::Fresh(slot.user.clone())
            }
        }
    }
}
