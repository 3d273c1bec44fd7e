//! What can go wrong. No error repeats names of channels, credentials or payloads (I-8).

use std::fmt;
use std::time::Duration;

use crate::base::BaseError;
use crate::fact::Reason;
use crate::message::MessageError;
use crate::names::NameError;
use crate::scope::ScopeError;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The base URL is none.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// A name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A message is none.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Credentials would cross the network in the clear (V1-AUTH-1).
    #[error(
        "credentials would cross the network in the clear: use https, or say \
         `ClientBuilder::allow_credentials_in_the_clear` if the way is safe otherwise"
    )]
    InTheClear,
    /// Privileged access without credentials (V2-TOK-1).
    #[error("privileged access needs the client's name and secret: `ClientBuilder::credentials` takes them")]
    NoCredentials,
    /// A scope is none.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The token, or what it was granted, was taken back: a grant was revoked, or a bus or the client is no more (V2-ERR-1). Waiting does not help;
    /// what is granted anew is asked for anew.
    #[error("the token, or what it was granted, was taken back")]
    Revoked,
    /// A text is no URL of a message.
    #[error("a message's URL ends in its id: letters and digits")]
    MessageUrl,
    /// An idempotency key breaks its rules.
    #[error("an idempotency key has 1 to 255 visible ASCII characters")]
    Key,
    /// The system has no random numbers to make an idempotency key of.
    #[error("the system has no random numbers")]
    NoRandomNumbers,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server refuses.
    #[error("{0}")]
    Refused(Refusal),
    /// There is no connection to the server. Nothing was sent.
    #[error("the server is not reached")]
    Unreachable(#[source] reqwest::Error),
    /// The connection broke in the midst of a request or its answer.
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    /// No answer came in time.
    #[error("no answer came in time")]
    TimedOut,
    /// The last of several tries to POST failed with this and stored nothing, but of an earlier one nobody knows.
    #[error("the last try failed, and an earlier one may have been stored")]
    Doubtful(#[source] Box<Error>),
    /// A stream said nothing for twice its heartbeat, so the connection is dead.
    #[error("the stream was silent for too long")]
    Silent,
    /// A stream ended without saying why: it was cut on the way.
    #[error("the stream was cut on the way")]
    Cut,
    /// The server ended a stream, and said why.
    #[error("the server ended the stream: {0}")]
    Ended(Reason),
    /// An answer is not what the protocol says.
    #[error("the answer is not what the protocol says: {0}")]
    Malformed(&'static str),
    /// An answer or an event is over the client's bound (I-5).
    #[error("the answer has more than {most} bytes")]
    TooLarge {
        /// The bound, in bytes.
        most: usize,
    },
}

/// A server's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error code, from a closed list; other servers than ours have none.
    pub code: Option<String>,
    /// What is wrong, where, and what is allowed, in the server's words.
    pub description: String,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answers {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        match self.description.as_str() {
            "" => Ok(()),
            description => write!(f, ": {description}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drain => "it is about to stop",
            Self::Closed => "the bus is gone",
            Self::Forbidden => "credentials or rights are gone",
            Self::Failed => "the bus failed, the server needs its operator",
            Self::Expired => "the time of the token is over",
            Self::Revoked => "the token, or what it was granted, was taken back",
            Self::Slow => "this reader was too far behind for too long",
            Self::Other(word) => word,
        })
    }
}

impl Error {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            // Ours are 429, 503 and 507; the others come from what stands before a server. 500 is not helped by waiting.
            Self::Refused(refusal) => matches!(refusal.status, 408 | 429 | 502 | 503 | 504 | 507),
            // What is malformed something on the way may have changed.
            Self::Unreachable(_)
            | Self::Broken(_)
            | Self::TimedOut
            | Self::Silent
            | Self::Cut
            | Self::Malformed(_) => true,
            Self::Doubtful(last) => last.is_temporary(),
            Self::Base(_)
            | Self::Name(_)
            | Self::Message(_)
            | Self::InTheClear
            | Self::NoCredentials
            | Self::Scope(_)
            | Self::Revoked
            | Self::MessageUrl
            | Self::Key
            | Self::NoRandomNumbers
            | Self::Setup(_)
            | Self::Ended(_)
            | Self::TooLarge { .. } => false,
        }
    }

    /// Whether a POST that ended with this error may have been stored all the same. To find out, post it again with the same
    /// [`IdempotencyKey`](crate::IdempotencyKey) within ten minutes: it is stored once (I-2).
    #[must_use]
    pub fn may_be_stored(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.status >= 500,
            Self::Broken(_)
            | Self::TimedOut
            | Self::Malformed(_)
            | Self::TooLarge { .. }
            | Self::Doubtful(_) => true,
            _ => false,
        }
    }

    /// How long the server wants to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Doubtful(last) => last.retry_after(),
            _ => None,
        }
    }

    /// The HTTP status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }
}

impl From<reqwest::Error> for Error {
    /// Without the URL, which names the channel (I-8).
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            Self::Setup(Box::new(error))
        } else if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::Unreachable(error)
        } else {
            Self::Broken(error)
        }
    }
}
