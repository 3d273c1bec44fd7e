//! Why the broker refuses.

use crate::log::LogError;

/// Why a POST was refused. Nothing of it is stored (I-2), unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// No bus of this name is open.
    #[error("there is no such bus")]
    UnknownBus,
    /// The bus has as many channels as it may have.
    #[error("the bus already has its {0} channels; one must expire before another is created")]
    TooManyChannels(usize),
    /// The windows hold as much as they may.
    #[error("the windows already hold their {0} bytes; messages must expire before others are accepted")]
    MemoryFull(usize),
    /// The idempotency key was used for another body.
    #[error("this idempotency key came with another body on this channel before")]
    KeyReused,
    /// As many idempotency keys are remembered as may be.
    #[error("the bus already remembers its {0} idempotency keys; post without one or later")]
    TooManyKeys(usize),
    /// More messages than one POST can have ids for.
    #[error("a POST has at most {0} messages")]
    TooManyMessages(u32),
    /// The ids are used up, which the clock says happens in the year 2527.
    #[error("this server has no more message ids to give out")]
    NoMoreIds,
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The broker is shutting down or its arbiters are gone.
    #[error("the broker is shutting down")]
    Closed,
    /// The bus actor panicked on it. It may be stored or not; an idempotency key makes a retry safe.
    #[error("the bus failed on this POST; whether it is stored is unknown")]
    Crashed,
}

/// Why a retrieval was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No bus of this name is open.
    #[error("there is no such bus")]
    UnknownBus,
    /// The broker is shutting down or its arbiters are gone.
    #[error("the broker is shutting down")]
    Closed,
    /// The actor panicked on it, or did again after it was started anew.
    #[error("the actor failed on this retrieval")]
    Crashed,
}
