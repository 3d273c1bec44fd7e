//! The request: who asks, where to answer, and what for.

use std::borrow::Cow;
use std::fmt;

use super::answer::AuthorizationError;
use super::form::pairs;
use crate::access::ledger::{Challenge, PkceError};
use crate::access::{Scope, ScopeError};

/// Longest `state` that is kept until the owner has decided, in bytes (I-5).
pub const STATE_MAX: usize = 2048;

/// The parameters that are known; others are passed over (RFC 6749 section 3.1).
const NAMES: [&str; 7] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];
/// Their places there.
const CLIENT: usize = 0;
const REDIRECT: usize = 1;
const RESPONSE_TYPE: usize = 2;
const SCOPE: usize = 3;
const STATE: usize = 4;
const CHALLENGE: usize = 5;
const METHOD: usize = 6;

/// What the client wants to find again in the answer, byte by byte. It may hold anything, so nothing shows it (I-8).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct State(Option<Box<[u8]>>);

impl State {
    /// It, if there is one.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({} bytes)", self.0.as_ref().map_or(0, |state| state.len()))
    }
}

/// Why nobody can be answered: the owner is told on a page, and sent nowhere (RFC 6749 section 3.1.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NobodyToAnswer {
    /// One of the two is not there, is there twice, or is no text.
    #[error("the parameter {0} has to be there, once")]
    Parameter(&'static str),
}

/// Why a client gets no code, whatever the owner would say: it is told at its redirect URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongAsk {
    /// A parameter is there twice.
    #[error("the parameter {0} may be given once, not twice")]
    Twice(&'static str),
    /// A parameter is no text.
    #[error("the parameter {0} is not text in UTF-8")]
    NoText(&'static str),
    /// Nothing is said of what is wanted.
    #[error("the parameter response_type is missing; it is code")]
    NoResponseType,
    /// Something other than a code is wanted.
    #[error("response_type is code: nothing else is given here")]
    ResponseType,
    /// The client has to prove who asked (RFC 7636).
    #[error(transparent)]
    Pkce(#[from] PkceError),
    /// It is no scope.
    #[error("scope: {0}")]
    Scope(#[from] ScopeError),
    /// Over its bound.
    #[error("the parameter state may have at most {STATE_MAX} bytes, this one has {0}")]
    State(usize),
}

impl WrongAsk {
    /// What the client is told (RFC 6749 section 4.1.2.1).
    #[must_use]
    pub const fn code(&self) -> AuthorizationError {
        match self {
            Self::ResponseType => AuthorizationError::UnsupportedResponseType,
            Self::Scope(_) => AuthorizationError::InvalidScope,
            Self::Twice(_) | Self::NoText(_) | Self::NoResponseType | Self::Pkce(_) | Self::State(_) => {
                AuthorizationError::InvalidRequest
            }
        }
    }
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What its tokens are to let see. Without buses: of all that the owner owns.
    pub scope: Scope,
    /// What it will have to prove.
    pub challenge: Challenge,
}

/// The parameters of a request as they came.
#[derive(Clone)]
pub struct Ask<'q> {
    values: [Option<Cow<'q, [u8]>>; NAMES.len()],
    is_twice: [bool; NAMES.len()],
}

/// Whom a request says that it comes from, and where to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressed<'a> {
    /// `client_id`.
    pub client: &'a str,
    /// `redirect_uri`, to be compared with what is registered, as text.
    pub redirect: &'a str,
}

impl<'q> Ask<'q> {
    /// The request with this query.
    #[must_use]
    pub fn of(query: &'q str) -> Self {
        let (mut values, mut is_twice) = ([const { None }; NAMES.len()], [false; NAMES.len()]);
        for (name, value) in pairs(query) {
            let places = NAMES.iter().zip(&mut values).zip(&mut is_twice);
            for ((_, place), is_twice) in places.filter(|((known, _), _)| known.as_bytes() == &*name) {
                // One without a value is one that was not sent (RFC 6749 section 3.1).
                if !value.is_empty() {
                    *is_twice |= place.is_some();
                    place.get_or_insert_with(|| value.clone());
                }
            }
        }
        Self { values, is_twice }
    }

    /// Who asks, and where to answer.
    ///
    /// # Errors
    ///
    /// [`NobodyToAnswer`].
    pub fn addressed(&self) -> Result<Addressed<'_>, NobodyToAnswer> {
        let one = |place: usize| match self.text(place) {
            Ok(Some(text)) => Ok(text),
            Ok(None) | Err(_) => Err(NobodyToAnswer::Parameter(name(place))),
        };
        Ok(Addressed { client: one(CLIENT)?, redirect: one(REDIRECT)? })
    }

    /// What every answer repeats. Of several the first, which is an error all the same.
    #[must_use]
    pub fn state(&self) -> State {
        State(self.bytes(STATE).map(Into::into))
    }

    /// What is asked for.
    ///
    /// # Errors
    ///
    /// [`WrongAsk`].
    pub fn wish(&self) -> Result<Wish, WrongAsk> {
        if let Some((name, _)) = NAMES.iter().zip(self.is_twice).find(|(_, is_twice)| *is_twice) {
            return Err(WrongAsk::Twice(name));
        }
        match self.text(RESPONSE_TYPE)? {
            None => return Err(WrongAsk::NoResponseType),
            Some("code") => {}
            Some(_) => return Err(WrongAsk::ResponseType),
        }
        let challenge = Challenge::parse(self.text(CHALLENGE)?, self.text(METHOD)?)?;
        let scope = Scope::parse(self.text(SCOPE)?.unwrap_or_default())?;
        match self.bytes(STATE).map(<[u8]>::len) {
            Some(length) if length > STATE_MAX => Err(WrongAsk::State(length)),
            _ => Ok(Wish { scope, challenge }),
        }
    }

    fn bytes(&self, place: usize) -> Option<&[u8]> {
        self.values.get(place)?.as_deref()
    }

    fn text(&self, place: usize) -> Result<Option<&str>, WrongAsk> {
        if self.is_twice.get(place).is_some_and(|is_twice| *is_twice) {
            return Err(WrongAsk::Twice(name(place)));
        }
        let text = self.bytes(place).map(std::str::from_utf8).transpose();
        text.map_err(|_| WrongAsk::NoText(name(place)))
    }
}

/// Without values, which may be secrets of the client (I-8).
impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = NAMES.iter().zip(&self.values).filter(|(_, value)| value.is_some());
        f.debug_list().entries(there.map(|(name, _)| name)).finish()
    }
}

fn name(place: usize) -> &'static str {
    NAMES.get(place).copied().unwrap_or_default()
}
