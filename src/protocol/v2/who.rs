//! Who has privileged access: a client that this server has issued a token to, or one of an issuer that is trusted. Handlers need not know which.

use std::sync::Arc;

use backplane_actors::{BusName, Poster, Timestamp};
use zeroize::Zeroizing;

use super::access::{of_client, of_foreign};
use crate::access::foreign::{Foreign, ForeignError, Proposed};
use crate::access::ledger::Privileged;
use crate::access::{ClientUrl, Facts, Scope};
use crate::error::{ApiError, ErrorCode};
use crate::service::{Bus, Holder, Service};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(super) struct Who {
    token: Token,
    /// The token, for whoever waits and looks again.
    text: Arc<Zeroizing<String>>,
}

#[derive(Clone)]
enum Token {
    Own(Arc<Privileged>),
    Foreign(Arc<Foreign>),
}

impl Who {
    pub(super) fn client(token: Arc<Privileged>, text: &str) -> Self {
        Self { token: Token::Own(token), text: Arc::new(Zeroizing::new(text.to_owned())) }
    }

    pub(super) fn foreign(token: Arc<Foreign>, text: &str) -> Self {
        Self { token: Token::Foreign(token), text: Arc::new(Zeroizing::new(text.to_owned())) }
    }

    /// When its token is over.
    pub(super) fn expires(&self) -> Timestamp {
        match &self.token {
            Token::Own(token) => token.expires,
            Token::Foreign(token) => token.expires(),
        }
    }

    /// Whether its token is still good, and reaches what it reached.
    pub(super) fn check(&self, service: &Service, buses: &[Arc<Bus>]) -> Result<(), ApiError> {
        match &self.token {
            Token::Own(_) => service.authority().check(&self.text).map(drop).map_err(of_client),
            Token::Foreign(before) => {
                let now = service.issuers().stands(&self.text).map_err(of_foreign)?;
                let is_there = |bus: &Arc<Bus>| service.bus(bus.name().as_str()).is_some();
                // With less than before it would be told by what it was let see then.
                if now.permits() == before.permits() && buses.iter().all(is_there) {
                    Ok(())
                } else {
                    Err(of_foreign(ForeignError::NoBus))
                }
            }
        }
    }

    /// Who holds what is under way for it.
    pub(super) fn holder(&self) -> Holder {
        match &self.token {
            Token::Own(token) => Holder::Client(token.client.clone()),
            Token::Foreign(token) => Holder::Foreign(Arc::clone(token.client())),
        }
    }

    /// Who this is for the broker: idempotency keys and shares are its own.
    pub(super) fn poster(&self) -> Result<Poster, ApiError> {
        match &self.token {
            Token::Own(token) => token
                .client
                .poster()
                .map_err(|error| ApiError::new(ErrorCode::InternalError, error.to_string())),
            Token::Foreign(token) => Ok(token.poster().clone()),
        }
    }

    /// The source of what it posts (V2-POST-3).
    pub(super) fn source(&self, service: &Service) -> Result<ClientUrl, ApiError> {
        match &self.token {
            Token::Own(token) => {
                let client = service.clients().find(token.client.as_str());
                // A token stands on its client, which was there a moment ago.
                let client = client.ok_or_else(|| ApiError::new(ErrorCode::RevokedToken, "invalid token"))?;
                Ok(client.source().clone())
            }
            Token::Foreign(token) => token.source().cloned().ok_or_else(|| {
                let text = "this client has no source here, so it cannot post (issuer.sources)";
                ApiError::new(ErrorCode::InsufficientScope, text)
            }),
        }
    }

    /// Whether it may post this to a bus that it reaches.
    pub(super) fn may_post(&self, proposed: &Proposed<'_>) -> Result<(), ApiError> {
        match &self.token {
            Token::Foreign(token) if !token.permits().lets_post(proposed) => {
                let text = "this token does not let post such a message: it takes backplane:post in scope, or the action post in \
                            authorization_details, and what they say of channels, types and sources holds for posting, too";
                Err(ApiError::new(ErrorCode::InsufficientScope, text))
            }
            Token::Own(_) | Token::Foreign(_) => Ok(()),
        }
    }

    /// Whether it may read anything of a bus that it reaches.
    pub(super) fn reads(&self, bus: &BusName) -> bool {
        match &self.token {
            Token::Own(token) => token.reach.has_bus(bus),
            Token::Foreign(token) => token.permits().reads(bus),
        }
    }

    /// Whether it may see a message that these are the facts of (V2-SCOPE-1).
    pub(super) fn lets_see(&self, facts: &Facts<'_>) -> bool {
        match &self.token {
            Token::Own(token) => token.reach.has_bus(facts.bus) && token.reach.scope().matches(facts),
            Token::Foreign(token) => token.permits().lets_see(facts),
        }
    }

    /// Whether it may see all of each of these buses, which it reads.
    pub(super) fn sees_all_of<'b>(&self, buses: impl Iterator<Item = &'b BusName>) -> bool {
        match &self.token {
            Token::Own(token) => token.reach.scope().without_buses() == Scope::default(),
            Token::Foreign(token) => token.permits().sees_all_of(buses),
        }
    }

    /// Whether it may see nothing but sticky messages.
    pub(super) fn sees_sticky_alone(&self) -> bool {
        match &self.token {
            Token::Own(token) => token.reach.scope().sticky() == Some(true),
            Token::Foreign(token) => token.permits().sees_sticky_alone(),
        }
    }
}
