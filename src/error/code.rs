//! The closed list of error codes, each with its status.

use std::time::Duration;

use actix_web::http::StatusCode;

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
    pub(super) const fn wait(self) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The list itself, as it stands above: no function can tell all of it.
    fn rows() -> BTreeSet<(u16, &'static str)> {
        let names: Vec<_> = (400..600)
            .filter_map(|status| {
                let reason = StatusCode::from_u16(status).unwrap().canonical_reason()?;
                Some((status, format!("StatusCode::{})", reason.to_uppercase().replace([' ', '-'], "_"))))
            })
            .collect();
        let rows = include_str!("code.rs")
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
