//! What a token is: checks, introspection, revocation.

use std::sync::Arc;

use backplane_actors::Timestamp;

use super::fresh::{Handle, digest_of_access};
use super::{Family, Granted, Ledger, Privileged, Reach, State, Step, TokenChange, TokenError};
use crate::access::client::ClientName;
use crate::access::text::{Digest, TokenKind};

/// What a client is told of a token of its own that is good (RFC 7662).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// [`TokenKind::Access`] or [`TokenKind::Refresh`].
    pub kind: TokenKind,
    /// What it reaches.
    pub reach: Arc<Reach>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
}

impl Ledger {
    /// What an access token is good for, as far as the ledger knows: [`Privileged::is_good`] says the rest.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unknown`] and [`TokenError::OtherKind`].
    pub fn find(&self, text: &str) -> Result<Arc<Privileged>, TokenError> {
        match TokenKind::of(text) {
            Some(TokenKind::Access) | None => {}
            Some(other) => return Err(TokenError::OtherKind(other)),
        }
        let digest = digest_of_access(text).ok_or(TokenError::Unknown)?;
        self.access.get(&digest).map(|known| Arc::clone(&known.token)).ok_or(TokenError::Unknown)
    }

    /// What a token of this client is; nothing where it is no token, not good, or another client's (RFC 7662 section 2.2).
    #[must_use]
    pub fn introspect(
        &self,
        text: &str,
        client: &ClientName,
        granted: &dyn Granted,
        now: Timestamp,
    ) -> Option<Introspection> {
        let found = match TokenKind::of(text)? {
            kind @ TokenKind::Access => {
                let token = self.find(text).ok().filter(|token| token.client == *client)?;
                let Privileged { reach, issued, expires, .. } = &*token;
                Introspection { kind, reach: Arc::clone(reach), issued: *issued, expires: *expires }
            }
            kind @ TokenKind::Refresh => {
                let (_, family) = self.of_refresh(text, client)?;
                let State::Tokens { refresh: Some(refresh), .. } = &family.state else { return None };
                if !refresh.digest.is(&Digest::of(text.as_bytes())) {
                    return None;
                }
                let reach = Arc::clone(&refresh.reach);
                Introspection { kind, reach, issued: refresh.issued, expires: refresh.expires }
            }
            _ => return None,
        };
        (now < found.expires && found.reach.is_granted(client, granted)).then_some(found)
    }

    /// Ends a token of this client (RFC 7009): an access token alone, a refresh token with all of its family, also if it was
    /// used before. What is no token or another client's is left as it is, and nobody is told.
    pub fn revoke(&self, text: &str, client: &ClientName) -> Step<()> {
        let changes = match TokenKind::of(text) {
            Some(TokenKind::Access) => self.without_access(text, client),
            Some(TokenKind::Refresh) => {
                self.of_refresh(text, client).map(|(id, _)| TokenChange::Family(id, None))
            }
            _ => None,
        };
        Step { changes: changes.into_iter().collect(), outcome: () }
    }

    fn without_access(&self, text: &str, client: &ClientName) -> Option<TokenChange> {
        let known = self.access.get(&digest_of_access(text)?)?;
        if known.token.client != *client {
            return None;
        }
        let family = self.families.get(&known.family)?;
        let rest = match &family.state {
            State::Tokens { refresh: refresh @ Some(_), .. } => {
                let state = State::Tokens { access: None, refresh: refresh.clone() };
                Some(Arc::new(Family { client: client.clone(), state }))
            }
            _ => None,
        };
        Some(TokenChange::Family(known.family, rest))
    }

    fn of_refresh(&self, text: &str, client: &ClientName) -> Option<(Digest, &Family)> {
        let id = Handle::of(TokenKind::Refresh, text)?.family();
        let family = self.families.get(&id).filter(|family| family.client == *client)?;
        Some((id, family))
    }
}

impl Privileged {
    /// Whether it is good at this moment, by what is granted then.
    ///
    /// # Errors
    ///
    /// [`TokenError::Expired`] and [`TokenError::Revoked`].
    pub fn is_good(&self, granted: &dyn Granted, now: Timestamp) -> Result<(), TokenError> {
        if now >= self.expires {
            Err(TokenError::Expired)
        } else if self.reach.is_granted(&self.client, granted) {
            Ok(())
        } else {
            Err(TokenError::Revoked)
        }
    }
}
