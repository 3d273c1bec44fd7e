//! Why a token of another issuer is not good, or its keys are not. No text repeats what was sent (I-8).

use super::keys::{KEY_SET_MAX, KEYS_MAX};
use super::presented::TOKEN_MAX;
use crate::access::scope::ScopeError;

/// Why a token is not good for a request. Deployed clients look for the words `invalid token` and `expired token` (V2-ERR-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Over its bound.
    #[error("invalid token: a JWT has at most {TOKEN_MAX} bytes here")]
    TooLong,
    /// No signed JWT.
    #[error("invalid token: {0} of the JWT cannot be read")]
    Form(&'static str),
    /// Another kind of JWT, such as an ID token (RFC 9068 section 4).
    #[error("invalid token: typ of the JWT is not at+jwt; an ID token, say, is no access token")]
    Type,
    /// Something that has to be understood, and is not (RFC 7515 section 4.1.11).
    #[error("invalid token: the JWT has crit, and no extension is understood here")]
    Critical,
    /// An algorithm that there is not, or that is not taken of this issuer.
    #[error("invalid token: alg of the JWT is none of those that are taken of its issuer")]
    Algorithm,
    /// Nobody whom the operator trusts.
    #[error("invalid token: iss of the JWT names nobody who is trusted here")]
    Issuer,
    /// No key that the issuer publishes for this.
    #[error("invalid token: its issuer publishes no key of this kid that fits alg")]
    Key,
    /// The issuer's keys are not to be had, and were not for long.
    #[error("the keys of this token's issuer cannot be had now")]
    NoKeys,
    /// Signed by somebody else, or changed afterwards.
    #[error("invalid token: the signature of the JWT does not hold")]
    Signature,
    /// A claim is missing, or is not what it should be.
    #[error("invalid token: the claim {0} of the JWT is missing or has not the form that RFC 9068 gives it")]
    Claim(&'static str),
    /// For somebody else.
    #[error("invalid token: aud of the JWT does not name this server")]
    Audience,
    /// Its time is over.
    #[error("expired token")]
    Expired,
    /// Its time has not come.
    #[error("invalid token: nbf or iat of the JWT lies in the future")]
    NotYet,
    /// Whoever sends it has to prove that he holds a key (RFC 7800), which is not looked at here.
    #[error("invalid token: the JWT is bound to a key (cnf), and only bearer tokens are taken here")]
    Bound,
    /// What is written in our words in `scope` cannot be read.
    #[error("invalid token: what the claim scope says of buses cannot be read ({0})")]
    Scope(ScopeError),
    /// What is said of our type in `authorization_details` cannot be read.
    #[error("invalid token: authorization_details of the type backplane cannot be read: {0}")]
    Details(#[from] DetailsError),
    /// It names no bus, or none that its issuer may speak for.
    #[error("this token names no bus that its issuer may speak for")]
    NoBus,
}

/// Why an entry of `authorization_details` cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DetailsError {
    /// More than are looked at.
    #[error("there are more than {0} entries")]
    TooMany(usize),
    /// Members of another form, or others than there are.
    #[error(
        "an entry has type, actions (read, post) and buses, perhaps channels, types, sources (lists of texts, not empty) and sticky \
         (true or false), each once, and nothing else"
    )]
    Form,
    /// A value that no message can have.
    #[error("{0}")]
    Value(ScopeError),
}

/// Why keys that an issuer publishes are of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Over its bound.
    #[error("a key set has at most {KEY_SET_MAX} bytes")]
    TooLong,
    /// No key set.
    #[error("this is no JSON object with a list keys (RFC 7517)")]
    Form,
    /// More keys than are looked at.
    #[error("a key set has at most {KEYS_MAX} keys, this one has {0}")]
    TooMany(usize),
    /// None that could verify anything.
    #[error("none of its {0} keys is a public key for signatures of a kind that is taken here")]
    NoneOfUse(usize),
}
