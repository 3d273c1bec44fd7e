//! Why a token is not good, or none is issued. No text repeats what was sent (I-8).

use crate::access::scope::ScopeError;
use crate::access::text::TokenKind;

/// Why a token is not good for a request. Deployed clients look for the words (V2-ERR-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is no such access token: there never was, or it ended.
    #[error("invalid token")]
    Unknown,
    /// It is of another kind: a page's, a refresh token or a code.
    #[error("invalid token: this is not an access token of a client")]
    OtherKind(TokenKind),
    /// Its time is over.
    #[error("expired token")]
    Expired,
    /// A grant that it stands on was revoked, one of its buses is no more, or its client is.
    #[error("invalid token: what it was granted was taken back")]
    Revoked,
}

/// Why a code or refresh token is not good (`invalid_grant`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGood {
    /// There is none such.
    #[error("invalid token: it is unknown, or it ended")]
    Unknown,
    /// It was issued to another client. Nothing has changed for that one.
    #[error("invalid token: it was issued to another client")]
    OtherClient,
    /// It was used before: all that came of it ended (V2-TOK-3, V2-TOK-4).
    #[error("invalid token: it was used before, and all that was issued for it ended")]
    Replayed,
    /// Its time is over.
    #[error("expired token")]
    Expired,
    /// The user was sent to another URL.
    #[error("redirect_uri is not the one that the code was issued for")]
    Redirect,
    /// RFC 7636.
    #[error("code_verifier does not prove that the code was asked for by whoever exchanges it")]
    Verifier,
    /// What was granted was taken back.
    #[error("invalid token: what it was granted was taken back")]
    Revoked,
}

/// Why a scope is not granted (`invalid_scope`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeRefused {
    /// More than is granted (V2-TOK-2, V2-TOK-4).
    #[error("unauthorized scope: it asks for more than is granted")]
    Beyond,
    /// With all its buses it is longer than a scope may be.
    #[error("the scope with all granted buses is too long; name some of them with bus: ({0})")]
    Long(#[from] ScopeError),
}

/// Why no token is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// `invalid_scope`.
    #[error(transparent)]
    Scope(#[from] ScopeRefused),
    /// `invalid_grant`.
    #[error(transparent)]
    NotGood(#[from] NotGood),
    /// The client has as many as one may have (I-5).
    #[error(
        "this client has {0} tokens that are good, as many as one may have; the next is issued when one of them ends"
    )]
    ClientFull(usize),
    /// All clients together have as many as there may be (I-5).
    #[error("there are as many tokens as the server issues; the next is issued when one of them ends")]
    Full,
}
