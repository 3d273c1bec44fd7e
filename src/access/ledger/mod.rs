//! Privileged tokens: a state machine. Each operation is a function of the state, the moment and fresh random bytes; it gives the changes
//! that make the next state, and what comes of it. Whoever owns the ledger keeps the changes first and applies them then, so that
//! nothing is answered that a restart forgets.
//!
//! Tokens come in families: all that came of one authorization code, or of one call with client credentials. A family has a code until
//! that is exchanged, and an access token and a refresh token afterwards, each of them the latest. Tokens that were used before are not
//! kept: a code and the refresh tokens after it share a secret handle, by which a former one is known to be of the family and
//! not its latest. Hence a family is of one size, however often it is refreshed, and replay is noticed as long as it lives.
//!
//! | module | what lives there |
//! |---|---|
//! | `family` | what is kept: families, and what their tokens reach |
//! | `fresh` | random bytes, and the texts that are made of them |
//! | `pkce` | proof that whoever exchanges a code asked for it (RFC 7636) |
//! | `issue` | client credentials, codes, refreshing (V2-TOK-1 to V2-TOK-4) |
//! | `look` | what a token is: checks, introspection, revocation |
//! | `room` | bounds, and what goes to keep them |
//! | `error` | why not |

mod error;
mod family;
mod fresh;
mod issue;
mod look;
mod pkce;
mod room;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use backplane_actors::{BusName, Timestamp};

pub use self::error::{IssueError, NotGood, ScopeRefused, TokenError};
pub use self::family::{Access, Family, Privileged, Reach, Refresh, State, WaitingCode};
pub use self::fresh::{FRESH_LENGTH, Fresh};
pub use self::issue::{CodeWish, Exchange, Issued};
pub use self::look::Introspection;
pub use self::pkce::{Challenge, PkceError};
use super::client::{ClientName, GrantId};
use super::text::Digest;

/// How long a code may wait to be exchanged (RFC 6749 section 4.1.2 allows ten minutes).
pub const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// Who was granted what, now.
pub trait Granted: Send + Sync {
    /// Whether there is a client of this name.
    fn client_is_there(&self, client: &ClientName) -> bool;

    /// Whether this grant still gives this client this bus, which is there.
    fn holds(&self, client: &ClientName, grant: &GrantId, bus: &BusName) -> bool;

    /// All buses that a client is granted, each with a grant that gives it.
    fn pairs_of(&self, client: &ClientName) -> Vec<(BusName, GrantId)>;
}

/// How long tokens are good, and how many there are (I-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerSettings {
    /// How long an access token is good.
    pub access: Duration,
    /// How long a refresh token waits to be used.
    pub refresh: Duration,
    /// Families that one client has at the same time.
    pub per_client: usize,
    /// Families of all clients together.
    pub total: usize,
}

/// What is different from now on. Made by the operations, given to [`Ledger::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenChange {
    /// A family is from now on as it is here, or is no more.
    Family(Digest, Option<Arc<Family>>),
    /// Tokens of pages of this bus that were issued earlier are good no longer.
    Pages(BusName, Option<Timestamp>),
}

/// What an operation comes to. Its changes have to be kept and applied whatever the outcome is: a refusal may end a family.
#[derive(Debug)]
#[must_use]
pub struct Step<T> {
    /// What is different from now on.
    pub changes: Vec<TokenChange>,
    /// What whoever asked is told, once that is so.
    pub outcome: T,
}

/// An access token, as a check finds it.
#[derive(Debug)]
struct Known {
    family: Digest,
    token: Arc<Privileged>,
}

/// All privileged tokens, as digests.
#[derive(Debug, Default)]
pub struct Ledger {
    families: HashMap<Digest, Arc<Family>>,
    access: HashMap<Digest, Known>,
    clients: HashMap<ClientName, BTreeSet<Digest>>,
    /// Families by when the last of their tokens is over.
    ends: BTreeSet<(Timestamp, Digest)>,
    pages: BTreeMap<BusName, Timestamp>,
}

impl Ledger {
    /// What these changes make of nothing: what was kept.
    #[must_use]
    pub fn of(kept: impl IntoIterator<Item = TokenChange>) -> Self {
        let mut ledger = Self::default();
        ledger.apply(kept);
        ledger
    }

    /// Makes changes, in this order.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = TokenChange>) {
        for change in changes {
            match change {
                TokenChange::Family(id, family) => {
                    self.remove(&id);
                    if let Some(family) = family {
                        self.insert(id, family);
                    }
                }
                TokenChange::Pages(bus, Some(from)) => _ = self.pages.insert(bus, from),
                TokenChange::Pages(bus, None) => _ = self.pages.remove(&bus),
            }
        }
    }

    /// Whether a change gives nobody anything: it may count before it is kept, and has to where it cannot be kept.
    #[must_use]
    pub fn only_ends(&self, change: &TokenChange) -> bool {
        match change {
            TokenChange::Family(_, None) | TokenChange::Pages(_, Some(_)) => true,
            TokenChange::Pages(_, None) => false,
            TokenChange::Family(id, Some(after)) => {
                match (self.families.get(id).map(|before| &before.state), &after.state) {
                    (
                        Some(State::Tokens { access: before, refresh: kept }),
                        State::Tokens { access, refresh },
                    ) => (access.is_none() || access == before) && refresh == kept,
                    _ => false,
                }
            }
        }
    }

    /// Whether a change may end something, as opposed to issuing what was not there.
    #[must_use]
    pub fn may_end(&self, change: &TokenChange) -> bool {
        match change {
            TokenChange::Family(id, _) => self.families.contains_key(id),
            TokenChange::Pages(_, from) => from.is_some(),
        }
    }

    fn insert(&mut self, id: Digest, family: Arc<Family>) {
        if let State::Tokens { access: Some(access), .. } = &family.state {
            let known = Known { family: id, token: Arc::clone(&access.token) };
            self.access.insert(access.digest, known);
        }
        self.clients.entry(family.client.clone()).or_default().insert(id);
        self.ends.insert((family.end(), id));
        self.families.insert(id, family);
    }

    fn remove(&mut self, id: &Digest) {
        let Some(family) = self.families.remove(id) else { return };
        if let State::Tokens { access: Some(access), .. } = &family.state {
            self.access.remove(&access.digest);
        }
        self.ends.remove(&(family.end(), *id));
        if let Some(families) = self.clients.get_mut(&family.client) {
            families.remove(id);
            if families.is_empty() {
                self.clients.remove(&family.client);
            }
        }
    }

    /// Families that are kept, those that are over included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.families.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }

    /// From when on tokens of pages of this bus are good; nothing: all are.
    #[must_use]
    pub fn pages_not_before(&self, bus: &BusName) -> Option<Timestamp> {
        self.pages.get(bus).copied()
    }

    /// Ends all tokens of pages of this bus that were issued until `now`, in the same millisecond too.
    pub fn end_pages(&self, bus: BusName, now: Timestamp) -> Step<()> {
        let from = now.after(Duration::from_millis(1));
        Step { changes: vec![TokenChange::Pages(bus, Some(from))], outcome: () }
    }

    /// Forgets what was said of the tokens of pages of a bus that is no more: its incarnation ends them.
    pub fn forget_bus(&self, bus: &BusName) -> Step<()> {
        let known = self.pages.contains_key(bus).then(|| TokenChange::Pages(bus.clone(), None));
        Step { changes: known.into_iter().collect(), outcome: () }
    }
}
