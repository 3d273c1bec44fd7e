//! Access tokens of identity providers that the operator trusts: JWTs by RFC 9068, checked as RFC 8725 wants it.
//!
//! ```text
//! text ─► Presented (three parts, a strict header) ─► Trust: the issuer that it names ─► KeySet: the signature ─► claims ─► Permits ─► Foreign
//! ```
//!
//! Nothing in a token says where its keys are, which algorithms are good, or more than its issuer may speak for.
//!
//! | module | what lives there |
//! |---|---|
//! | `algorithm` | how tokens may be signed |
//! | `claims` | what a token says of itself, and whether that is for here and now |
//! | `error` | why a token is not good |
//! | `freshness` | when the keys of an issuer are asked for |
//! | `keys` | the keys of an issuer |
//! | `permits` | what a token lets do |
//! | `presented` | a token before anything of it is believed |
//! | `trust` | what an issuer is trusted with |

mod algorithm;
mod claims;
mod error;
mod freshness;
mod keys;
mod permits;
mod presented;
#[cfg(test)]
mod tests;
mod trust;

use std::fmt;
use std::sync::Arc;

use backplane_actors::{Poster, PosterTooLong, Timestamp};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

pub use self::algorithm::{Algorithm, NotAnAlgorithm};
use self::claims::Claims;
pub use self::error::{DetailsError, ForeignError, KeySetError};
pub use self::freshness::{Ask, Freshness, KEYS_AGAIN, KEYS_HELD_MAX};
pub use self::keys::{KEY_SET_MAX, KeySet};
pub use self::permits::{Permits, Proposed};
pub use self::presented::{Presented, TOKEN_MAX};
pub use self::trust::{
    IssuerName, IssuerUrl, IssuerUrlError, NotAnIssuerName, SourceOf, SourceOfError, Trust,
};
use super::client::ClientUrl;
use super::text::Digest;

/// What posters are for the broker begins so: no name of a user has a colon, and those of clients begin otherwise.
const POSTER: &str = "issuer:";
/// Bytes of the digest that stands for whoever a token is of.
const DIGEST: usize = 32;

/// A token that is good: who it is of, what it lets do, and until when.
#[derive(Clone, PartialEq, Eq)]
pub struct Foreign {
    poster: Poster,
    client: Arc<str>,
    permits: Permits,
    source: Option<ClientUrl>,
    not_before: Timestamp,
    expires: Timestamp,
}

impl Foreign {
    /// What `presented` is good for: `trust` is in the issuer that it names, and `keys` are of that issuer.
    ///
    /// # Errors
    ///
    /// [`ForeignError`].
    pub fn of(
        presented: &Presented<'_>,
        trust: &Trust,
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<Self, ForeignError> {
        let algorithm = presented.algorithm();
        if !trust.algorithms.contains(&algorithm) {
            return Err(ForeignError::Algorithm);
        }
        keys.verify(algorithm, presented.key_id(), presented.signed(), presented.signature())?;
        // Only now anything in it is believed.
        let claims = Claims::parse(presented.payload())?;
        let (not_before, expires) = claims.check(trust, now)?;
        let permits = Permits::of(claims.scope(), claims.details(), &trust.buses)?;
        let who = claims.who();
        let source = trust.source_of(who.client).cloned();
        let name = trust.name.as_str();
        let client = [name, " ", &digest_of(&[who.client])].concat().into();
        let poster = [POSTER, name, ":", &digest_of(&[who.client, who.subject])].concat();
        let poster = Poster::new(&poster).map_err(|PosterTooLong| ForeignError::Claim("client_id"))?;
        Ok(Self { poster, client, permits, source, not_before, expires })
    }

    /// Whether it is good at this moment as well.
    ///
    /// # Errors
    ///
    /// [`ForeignError::Expired`] and [`ForeignError::NotYet`].
    pub fn is_good(&self, now: Timestamp) -> Result<(), ForeignError> {
        if now >= self.expires {
            Err(ForeignError::Expired)
        } else if now < self.not_before {
            Err(ForeignError::NotYet)
        } else {
            Ok(())
        }
    }

    /// Who this is for the broker: the client of this issuer, on behalf of this subject. No user and no client of ours is ever taken for it.
    #[must_use]
    pub const fn poster(&self) -> &Poster {
        &self.poster
    }

    /// The client of this issuer, whomever it comes for: what it holds counts together. It is no name, but stands for one.
    #[must_use]
    pub const fn client(&self) -> &Arc<str> {
        &self.client
    }

    /// What it lets do.
    #[must_use]
    pub const fn permits(&self) -> &Permits {
        &self.permits
    }

    /// The source of what it posts (V2-POST-3); nothing: its client may not post here.
    #[must_use]
    pub const fn source(&self) -> Option<&ClientUrl> {
        self.source.as_ref()
    }

    /// When it is over.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }
}

/// Without who it is (I-8).
impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { permits, expires, .. } = self;
        f.debug_struct("Foreign").field("permits", permits).field("expires", expires).finish_non_exhaustive()
    }
}

/// A text of one length that stands for these, which may be long and hold anything. Each is preceded by its length, so that no two lists are
/// the same bytes.
fn digest_of(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(part.len().to_be_bytes());
        bytes.extend(part.bytes());
    }
    let digest: [u8; DIGEST] = *Digest::of(&bytes).as_bytes();
    BASE64_URL_SAFE_NO_PAD.encode(digest)
}
