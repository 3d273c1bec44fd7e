//! What is kept of tokens.

use std::sync::Arc;

use backplane_actors::{BusName, Timestamp};

use super::error::ScopeRefused;
use super::{Challenge, Granted};
use crate::access::client::{ClientName, ClientUrl, GrantId};
use crate::access::scope::{Scope, ScopeError};
use crate::access::text::Digest;

/// What a token reaches: it is fixed when it is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    buses: Box<[(BusName, GrantId)]>,
    scope: Scope,
}

impl Reach {
    /// What was asked for, of what is granted. A scope that names no bus asks for all of them (V2-TOK-2).
    ///
    /// # Errors
    ///
    /// [`ScopeRefused`]: a bus that is not granted, none at all, or more than a scope names.
    pub fn new(asked: &Scope, granted: &[(BusName, GrantId)]) -> Result<Self, ScopeRefused> {
        let is_asked = |bus: &BusName| !asked.has_bus() || asked.buses().contains(bus);
        let mut buses: Vec<_> = granted.iter().filter(|(bus, _)| is_asked(bus)).cloned().collect();
        buses.sort_unstable();
        buses.dedup_by(|later, earlier| later.0 == earlier.0);
        if buses.is_empty() || (asked.has_bus() && buses.len() != asked.buses().len()) {
            return Err(ScopeRefused::Beyond);
        }
        let scope = asked.clone().with_buses(buses.iter().map(|(bus, _)| bus.clone()));
        Ok(Self { scope: scope?, buses: buses.into() })
    }

    /// What was kept: its buses with their grants, and the rest of its scope.
    ///
    /// # Errors
    ///
    /// [`ScopeError`]: it was not kept as it was.
    pub fn recovered(mut buses: Vec<(BusName, GrantId)>, rest: Scope) -> Result<Self, ScopeError> {
        buses.sort_unstable();
        let scope = rest.with_buses(buses.iter().map(|(bus, _)| bus.clone()))?;
        Ok(Self { scope, buses: buses.into() })
    }

    /// The same or less of it (V2-TOK-4). A scope that names no bus keeps the buses.
    pub(super) fn narrowed(&self, asked: &Scope) -> Result<Self, ScopeRefused> {
        let narrower = Self::new(asked, &self.buses)?;
        if narrower.scope.is_within(&self.scope) { Ok(narrower) } else { Err(ScopeRefused::Beyond) }
    }

    /// Whether all of it is still granted.
    pub(super) fn is_granted(&self, client: &ClientName, granted: &dyn Granted) -> bool {
        granted.client_is_there(client)
            && self.buses.iter().all(|(bus, grant)| granted.holds(client, grant, bus))
    }

    /// Its buses, each once and in their order, with the grants that give them.
    #[must_use]
    pub const fn buses(&self) -> &[(BusName, GrantId)] {
        &self.buses
    }

    /// Whether it reaches this bus.
    #[must_use]
    pub fn has_bus(&self, bus: &BusName) -> bool {
        self.buses.binary_search_by(|(own, _)| own.cmp(bus)).is_ok()
    }

    /// The whole scope, all buses in it.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// What an access token is good for, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileged {
    /// Whose it is.
    pub client: ClientName,
    /// What it reaches.
    pub reach: Arc<Reach>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Of its text.
    pub digest: Digest,
    /// What it is good for.
    pub token: Arc<Privileged>,
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Of its text.
    pub digest: Digest,
    /// The most that it may be used for.
    pub reach: Arc<Reach>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
}

/// A code that nobody has exchanged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCode {
    /// Of its text.
    pub digest: Digest,
    /// Where the user was sent with it: whoever exchanges it has to say the same.
    pub redirect: ClientUrl,
    /// What has to be proved.
    pub challenge: Challenge,
    /// What its tokens will reach.
    pub reach: Arc<Reach>,
    /// When it is over.
    pub expires: Timestamp,
}

/// How far a family has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its code waits.
    Code(WaitingCode),
    /// Its tokens. The access token may have been revoked alone; who came by client credentials has no refresh token.
    Tokens {
        /// The latest access token.
        access: Option<Access>,
        /// The latest refresh token.
        refresh: Option<Refresh>,
    },
}

/// All that came of one code, or of one call with client credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Whose it is.
    pub client: ClientName,
    /// How far it has come.
    pub state: State,
}

impl Family {
    /// When the last of its tokens is over.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        match &self.state {
            State::Code(code) => code.expires,
            State::Tokens { access, refresh } => {
                let access = access.as_ref().map_or(Timestamp::EPOCH, |access| access.token.expires);
                refresh.as_ref().map_or(Timestamp::EPOCH, |refresh| refresh.expires).max(access)
            }
        }
    }

    /// The most that any of its tokens reaches.
    pub(super) fn reach(&self) -> Option<&Arc<Reach>> {
        match &self.state {
            State::Code(code) => Some(&code.reach),
            State::Tokens { refresh: Some(refresh), .. } => Some(&refresh.reach),
            State::Tokens { access, .. } => access.as_ref().map(|access| &access.token.reach),
        }
    }
}
