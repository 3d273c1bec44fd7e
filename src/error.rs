//! Every error that a client can meet, with its code and its status, in one list.
//!
//! The shape is the version's own (`protocol`); what belongs to no version answers with
//! `{"error": code, "error_description": text}`. The description says what is wrong, where, and what is allowed. It never
//! repeats a channel name, a credential or a payload (I-8).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use backplane_actors::log::LogError;
use backplane_actors::{Bound, End, PostError, ReadError, Share, SubscribeError};
use serde::Serialize;

use crate::auth::AuthError;
use crate::rates::Fields;

/// Quotas that a request draws on (draft-ietf-httpapi-ratelimit-headers-11).
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// How it stands with the one that is the nearest to being used up.
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How long a client should wait for room, in memory, on disk or in a queue.
const ROOM_WAIT: Duration = Duration::from_secs(10);
/// How long a client should wait for another server to take over.
const RESTART_WAIT: Duration = Duration::from_secs(5);

/// The closed list of error codes. A code keeps its meaning for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request as a whole cannot be understood.
    InvalidRequest,
    /// The bus name breaks its rules.
    InvalidBusName,
    /// The channel name breaks its rules (MSG-8).
    InvalidChannelName,
    /// The body is not an array of good messages.
    InvalidMessage,
    /// The bus does not take this message: its envelope's signature does not hold, or it has none (MSG-7).
    EnvelopeRefused,
    /// The `Idempotency-Key` header breaks its rules.
    InvalidIdempotencyKey,
    /// No credentials, or no usable ones (V1-AUTH-2).
    CredentialsRequired,
    /// Wrong credentials (V1-AUTH-2).
    InvalidCredentials,
    /// Credentials would cross, or have crossed, the network in the clear (V1-AUTH-1).
    HttpsRequired,
    /// Right credentials without the right (V1-AUTH-2), or a way of reading that the bus does not offer.
    Forbidden,
    /// There is no bus of this name.
    UnknownBus,
    /// There is nothing at this path.
    NotFound,
    /// The request is for another server than this one, by its `Host` or by the way that it came.
    Misdirected,
    /// The resource does not do this.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is over its bound.
    BodyTooLarge,
    /// A message is over its bound.
    MessageTooLarge,
    /// More messages than one POST may bring.
    TooManyMessages,
    /// The body is not JSON by its own account.
    UnsupportedMediaType,
    /// The idempotency key came with another body before.
    IdempotencyKeyReused,
    /// Too many wrong credentials from this address or for this account.
    TooManyAttempts,
    /// A user, an address or a bus has used up a quota of what may be done in a time.
    RateLimited,
    /// The user's share of the bus's memory is used up.
    ShareUsed,
    /// The bus has all the channels it may have, or the user his share of them.
    TooManyChannels,
    /// The channel has all the sticky and dated messages that it may have (RET-9).
    TooManyPromises,
    /// As many readers wait at this address as may.
    TooManyStreams,
    /// The bus remembers all the idempotency keys it may remember, or the user's share of them.
    TooManyIdempotencyKeys,
    /// The server failed on this request, and waiting does not help.
    InternalError,
    /// Credentials wait to be checked in greater number than may wait.
    Busy,
    /// The windows hold all that they may hold, or those of the bus their share.
    MemoryFull,
    /// Bytes under way, bodies and answers, take all that they may take, or their sender all that is his to take.
    TrafficFull,
    /// The server is shutting down, or its log has failed or finds no file descriptor.
    Unavailable,
    /// The log has no room.
    StorageFull,
    /// There are as many connections as there may be, in all or of one address.
    TooManyConnections,
    /// As many readers wait as may, in all, of the bus or of the channel.
    StreamsFull,
    /// More is asked than the server can answer.
    Overloaded,
    /// The head of a request did not arrive in time.
    HeadTimeout,
    /// The head of a request is over its bound.
    HeadTooLarge,
    /// Plain HTTP where TLS is spoken.
    TlsRequired,
    /// A user, a bus or an admin cannot be as the request wants it.
    InvalidEntity,
    /// There is no user, bus or admin of this name.
    UnknownEntity,
    /// It is in the configuration, which is changed there alone.
    ReadOnly,
    /// It is not, or no more, what the request takes it for (`If-Match`, `If-None-Match`).
    PreconditionFailed,
    /// As many are made as may be.
    TooManyEntities,
    /// A page of another origin asked.
    CrossOrigin,
    /// The client's credentials are wrong, or missing (RFC 6749 section 5.2).
    InvalidClient,
    /// The code or refresh token is not good, any more or for this client (RFC 6749 section 5.2).
    InvalidGrant,
    /// The scope cannot be read, or reaches beyond what was granted (V2-TOK-2).
    InvalidScope,
    /// There is no such `grant_type` here (RFC 6749 section 5.2).
    UnsupportedGrantType,
    /// The call needs a token, and none came (RFC 6750 section 3).
    TokenRequired,
    /// The token is unknown, or its time is over (RFC 6750 section 3.1).
    InvalidToken,
    /// What the token stands on was revoked, or its bus is gone (V2-ERR-1).
    RevokedToken,
    /// The token is good, but not for this (RFC 6750 section 3.1).
    InsufficientScope,
    /// The channel was not allocated for this bus (V2-POST-2).
    UnboundChannel,
    /// The client, or all clients together, have as many tokens as they may have.
    TooManyTokens,
}

impl ErrorCode {
    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// Whether the same request may succeed later. Answers with such a code, and no others, say when (`Retry-After`).
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        self.wait().is_some()
    }

    /// How long a client should wait, unless the error knows better.
    const fn wait(self) -> Option<Duration> {
        match self {
            Self::TooManyAttempts
            | Self::RateLimited
            | Self::ShareUsed
            | Self::TooManyChannels
            | Self::TooManyPromises
            | Self::TooManyIdempotencyKeys
            | Self::TooManyStreams
            | Self::TooManyTokens
            | Self::StreamsFull
            | Self::Busy
            | Self::MemoryFull
            | Self::TrafficFull
            | Self::TooManyConnections
            | Self::Overloaded
            | Self::StorageFull => Some(ROOM_WAIT),
            Self::Unavailable => Some(RESTART_WAIT),
            Self::InvalidRequest
            | Self::InvalidBusName
            | Self::InvalidChannelName
            | Self::InvalidMessage
            | Self::EnvelopeRefused
            | Self::InvalidIdempotencyKey
            | Self::CredentialsRequired
            | Self::InvalidCredentials
            | Self::HttpsRequired
            | Self::Forbidden
            | Self::UnknownBus
            | Self::NotFound
            | Self::Misdirected
            | Self::MethodNotAllowed
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::MessageTooLarge
            | Self::TooManyMessages
            | Self::UnsupportedMediaType
            | Self::IdempotencyKeyReused
            | Self::HeadTimeout
            | Self::HeadTooLarge
            | Self::TlsRequired
            | Self::InvalidEntity
            | Self::UnknownEntity
            | Self::ReadOnly
            | Self::PreconditionFailed
            | Self::TooManyEntities
            | Self::CrossOrigin
            | Self::InvalidClient
            | Self::InvalidGrant
            | Self::InvalidScope
            | Self::UnsupportedGrantType
            | Self::TokenRequired
            | Self::InvalidToken
            | Self::RevokedToken
            | Self::InsufficientScope
            | Self::UnboundChannel
            | Self::InternalError => None,
        }
    }

    const fn row(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidRequest => ("invalid_request", StatusCode::BAD_REQUEST),
            Self::InvalidBusName => ("invalid_bus_name", StatusCode::BAD_REQUEST),
            Self::InvalidChannelName => ("invalid_channel_name", StatusCode::BAD_REQUEST),
            Self::InvalidMessage => ("invalid_message", StatusCode::BAD_REQUEST),
            Self::EnvelopeRefused => ("envelope_refused", StatusCode::BAD_REQUEST),
            Self::InvalidIdempotencyKey => ("invalid_idempotency_key", StatusCode::BAD_REQUEST),
            Self::CredentialsRequired => ("credentials_required", StatusCode::UNAUTHORIZED),
            Self::InvalidCredentials => ("invalid_credentials", StatusCode::UNAUTHORIZED),
            Self::HttpsRequired => ("https_required", StatusCode::FORBIDDEN),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN),
            Self::UnknownBus => ("unknown_bus", StatusCode::NOT_FOUND),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::Misdirected => ("misdirected", StatusCode::MISDIRECTED_REQUEST),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::BodyTimeout => ("body_timeout", StatusCode::REQUEST_TIMEOUT),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::MessageTooLarge => ("message_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::TooManyMessages => ("too_many_messages", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::IdempotencyKeyReused => ("idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY),
            Self::TooManyAttempts => ("too_many_attempts", StatusCode::TOO_MANY_REQUESTS),
            Self::RateLimited => ("rate_limited", StatusCode::TOO_MANY_REQUESTS),
            Self::ShareUsed => ("share_used", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyChannels => ("too_many_channels", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyPromises => ("too_many_promises", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyIdempotencyKeys => ("too_many_idempotency_keys", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyStreams => ("too_many_streams", StatusCode::TOO_MANY_REQUESTS),
            Self::StreamsFull => ("streams_full", StatusCode::SERVICE_UNAVAILABLE),
            Self::InternalError => ("internal_error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::MemoryFull => ("memory_full", StatusCode::SERVICE_UNAVAILABLE),
            Self::TrafficFull => ("traffic_full", StatusCode::SERVICE_UNAVAILABLE),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::StorageFull => ("storage_full", StatusCode::INSUFFICIENT_STORAGE),
            Self::TooManyConnections => ("too_many_connections", StatusCode::SERVICE_UNAVAILABLE),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
            Self::HeadTimeout => ("head_timeout", StatusCode::REQUEST_TIMEOUT),
            Self::HeadTooLarge => ("head_too_large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::TlsRequired => ("tls_required", StatusCode::BAD_REQUEST),
            Self::InvalidEntity => ("invalid_entity", StatusCode::UNPROCESSABLE_ENTITY),
            Self::UnknownEntity => ("unknown_entity", StatusCode::NOT_FOUND),
            Self::ReadOnly => ("read_only", StatusCode::CONFLICT),
            Self::PreconditionFailed => ("precondition_failed", StatusCode::PRECONDITION_FAILED),
            Self::TooManyEntities => ("too_many_entities", StatusCode::CONFLICT),
            Self::CrossOrigin => ("cross_origin", StatusCode::FORBIDDEN),
            Self::InvalidClient => ("invalid_client", StatusCode::UNAUTHORIZED),
            Self::InvalidGrant => ("invalid_grant", StatusCode::BAD_REQUEST),
            Self::InvalidScope => ("invalid_scope", StatusCode::BAD_REQUEST),
            Self::UnsupportedGrantType => ("unsupported_grant_type", StatusCode::BAD_REQUEST),
            Self::TokenRequired => ("invalid_request", StatusCode::UNAUTHORIZED),
            Self::InvalidToken => ("invalid_token", StatusCode::UNAUTHORIZED),
            Self::RevokedToken => ("invalid_token", StatusCode::FORBIDDEN),
            Self::InsufficientScope => ("insufficient_scope", StatusCode::FORBIDDEN),
            Self::TooManyTokens => ("too_many_tokens", StatusCode::TOO_MANY_REQUESTS),
            Self::UnboundChannel => ("unbound_channel", StatusCode::FORBIDDEN),
        }
    }
}

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: ErrorCode,
    description: Cow<'static, str>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    closes: bool,
    /// Of the quota that is used up.
    rate: Option<Box<Fields>>,
}

impl ApiError {
    /// An error with its description: what is wrong, where, what is allowed.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: description.into(),
            retry_after: None,
            allow: None,
            closes: false,
            rate: None,
        }
    }

    /// There is no room in the budget of bytes under way (I-5).
    pub(crate) fn traffic_full() -> Self {
        let text = "requests and answers that are under way take all the memory that they may take \
                    (limits.traffic_memory), or this sender's share of it";
        Self::new(ErrorCode::TrafficFull, text)
    }

    /// The resource allows only these methods, as the `Allow` header lists them.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let description = format!("this resource allows the methods {allow}");
        Self { allow: Some(allow), ..Self::new(ErrorCode::MethodNotAllowed, description) }
    }

    /// When to come back, if more is known than what goes with the code. Only temporary errors say it.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// What the client is told of the quota that is used up.
    pub(crate) fn of_quota(self, fields: Fields) -> Self {
        Self { rate: Some(Box::new(fields)), ..self }
    }

    /// Ends the connection after the answer: the rest of the request is not going to be read.
    #[must_use]
    pub fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What is wrong, where, and what is allowed.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// When to come back, for errors that pass.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.code.wait().map(|usual| self.retry_after.unwrap_or(usual))
    }

    /// Status and headers, as all shapes of this error have them.
    pub(crate) fn head(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.code.status());
        if let Some(allow) = self.allow {
            response.insert_header((ALLOW, HeaderValue::from_static(allow)));
        }
        if let Some(wait) = self.wait() {
            // Rounded up: a client that comes back a moment early is refused again.
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
            response.insert_header((RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        }
        if let Some(Fields { policy, limit }) = self.rate.as_deref() {
            response.insert_header((RATELIMIT_POLICY, policy.as_str()));
            response.insert_header((RATELIMIT, limit.as_str()));
        }
        if self.closes {
            response.force_close();
        }
        // For the log's line about this request.
        response.extensions_mut().insert(self.code);
        response
    }
}

/// The shape of errors that belong to no version.
#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'a str,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.head().json(Body { error: self.code.as_str(), error_description: &self.description })
    }
}

impl From<PostError> for ApiError {
    fn from(error: PostError) -> Self {
        // Which of the operator's bounds it is.
        let key = match error {
            PostError::MemoryFull(_) => Some("limits.window_memory"),
            PostError::BusMemoryFull(_) => Some("quota.memory"),
            PostError::TooManyChannels(_) => Some("quota.channels, or else limits.channels_per_bus"),
            PostError::TooManyKeys(_) => Some("limits.idempotency_keys"),
            PostError::TooManyPending(_) => Some("limits.pending_posts"),
            _ => None,
        };
        let code = match error {
            PostError::UnknownBus | PostError::BusClosed => ErrorCode::UnknownBus,
            PostError::MemoryFull(_) | PostError::BusMemoryFull(_) | PostError::BusShareUsed => {
                ErrorCode::MemoryFull
            }
            PostError::ShareUsed(Share::Memory) => ErrorCode::ShareUsed,
            PostError::TooManyChannels(_) | PostError::ShareUsed(Share::Channels) => {
                ErrorCode::TooManyChannels
            }
            PostError::TooManyPromises(_) => ErrorCode::TooManyPromises,
            PostError::End { .. } => ErrorCode::InvalidMessage,
            PostError::TooManyKeys(_) | PostError::ShareUsed(Share::Keys) => {
                ErrorCode::TooManyIdempotencyKeys
            }
            PostError::KeyReused => ErrorCode::IdempotencyKeyReused,
            PostError::TooManyPending(_) => ErrorCode::Busy,
            PostError::Log(LogError::TooLong) => ErrorCode::BodyTooLarge,
            PostError::Log(LogError::Full) => ErrorCode::StorageFull,
            PostError::Log(LogError::Failed | LogError::Closed | LogError::Starved)
            | PostError::Closed
            | PostError::BusFailed
            | PostError::Stalled(_)
            | PostError::LogStalled => ErrorCode::Unavailable,
            // Waiting does not help.
            PostError::Log(LogError::NoMoreIds) | PostError::Crashed => ErrorCode::InternalError,
        };
        Self::new(code, named(error, key))
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        let code = match error {
            ReadError::UnknownBus | ReadError::BusClosed => ErrorCode::UnknownBus,
            ReadError::Closed | ReadError::BusFailed => ErrorCode::Unavailable,
            ReadError::Crashed => ErrorCode::InternalError,
        };
        Self::new(code, error.to_string())
    }
}

/// What is wrong, with the key of the bound that it is about.
fn named(error: impl fmt::Display, key: Option<&str>) -> String {
    key.map_or_else(|| error.to_string(), |key| format!("{error} ({key})"))
}

impl From<SubscribeError> for ApiError {
    fn from(error: SubscribeError) -> Self {
        let key = match error {
            SubscribeError::TooMany(Bound::Broker, _) => Some("limits.streams"),
            SubscribeError::TooMany(Bound::Bus, _) => Some("quota.streams, or else limits.streams_per_bus"),
            SubscribeError::TooMany(Bound::Channel, _) => Some("limits.streams_per_channel"),
            _ => None,
        };
        let code = match error {
            SubscribeError::TooMany(..) => ErrorCode::StreamsFull,
            SubscribeError::Ended(End::BusClosed) => ErrorCode::UnknownBus,
            SubscribeError::Ended(End::BusFailed | End::Closed) => ErrorCode::Unavailable,
            SubscribeError::Twice => ErrorCode::InvalidRequest,
            SubscribeError::NoArbiter => ErrorCode::InternalError,
        };
        Self::new(code, named(error, key))
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let text = error.to_string();
        match error {
            AuthError::Missing | AuthError::Basic(_) => Self::new(ErrorCode::CredentialsRequired, text),
            AuthError::Wrong => Self::new(ErrorCode::InvalidCredentials, text),
            AuthError::Throttled { retry_after } => {
                Self::new(ErrorCode::TooManyAttempts, text).retry_after(retry_after)
            }
            AuthError::Busy { retry_after } => Self::new(ErrorCode::Busy, text).retry_after(retry_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn wait_of(error: &ApiError) -> Option<String> {
        let value = error.error_response().headers().get(RETRY_AFTER)?.to_str().unwrap().to_owned();
        Some(value)
    }

    #[test]
    fn temporary_errors_alone_say_when_to_come_back() {
        let soon = Duration::from_millis(1_001);
        for code in [ErrorCode::Busy, ErrorCode::Unavailable, ErrorCode::TrafficFull, ErrorCode::StorageFull]
        {
            assert!(code.is_temporary());
            let error = ApiError::new(code, "");
            assert!(wait_of(&error).is_some(), "{error}");
            assert_eq!(wait_of(&error.retry_after(soon)).as_deref(), Some("2"), "rounded up");
        }
        for code in [ErrorCode::InternalError, ErrorCode::Forbidden, ErrorCode::BodyTooLarge] {
            assert!(!code.is_temporary());
            assert_eq!(wait_of(&ApiError::new(code, "").retry_after(soon)), None);
        }
    }

    /// The list itself, as it stands above: no function can tell all of it.
    fn rows() -> BTreeSet<(u16, &'static str)> {
        let names: Vec<_> = (400..600)
            .filter_map(|status| {
                let reason = StatusCode::from_u16(status).unwrap().canonical_reason()?;
                Some((status, format!("StatusCode::{})", reason.to_uppercase().replace([' ', '-'], "_"))))
            })
            .collect();
        let rows = include_str!("error.rs")
            .lines()
            .filter_map(|line| line.split_once(" => (\"")?.1.split_once("\", "));
        let rows = rows.filter_map(|(code, status)| {
            let (status, _) = names.iter().find(|(_, name)| status.starts_with(name))?;
            Some((*status, code))
        });
        rows.collect()
    }

    #[test]
    fn the_description_of_the_api_has_each_code_with_its_status() {
        let described = backplane_openapi::CODES.iter();
        let described = described.flat_map(|(status, codes)| codes.iter().map(|code| (*status, *code)));
        assert_eq!(described.collect::<BTreeSet<_>>(), rows());
        assert!(rows().len() > 40, "the list was not understood");
    }
}
