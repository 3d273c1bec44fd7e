//! What of the broker and of passwords becomes which error.

use std::fmt;

use backplane_actors::log::LogError;
use backplane_actors::{Bound, End, PostError, ReadError, Share, SubscribeError};

use super::{ApiError, ErrorCode};
use crate::auth::AuthError;

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
