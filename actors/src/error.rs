//! Why the broker refuses.

use std::fmt;
use std::time::Duration;

use crate::log::LogError;
use crate::model::BusName;
use crate::watch::{Bound, End};

/// Why a message cannot end when it asks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndError {
    /// It would be over before anybody could see it.
    #[error("`expire` is over already; it must be later than now")]
    Over,
    /// It is beyond the longest time that the bus keeps a message.
    #[error("`expire` is too far away; this bus keeps a message for {} seconds at most", .0.as_secs())]
    Beyond(Duration),
}

/// Why a POST was refused. Nothing of it is stored (I-2), unless [`PostError::is_unknown`].
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
    /// The windows of the bus hold as much as they may.
    #[error("this bus already holds its {0} bytes; messages must expire before others are accepted")]
    BusMemoryFull(usize),
    /// What is left of the memory for windows is kept for other buses.
    #[error(
        "this bus has used its share of the memory for messages; some of its own must expire before others are accepted"
    )]
    BusShareUsed,
    /// What is left is kept for others who post to this bus.
    #[error(
        "you have used your share of this bus's {0}; what is left is kept for others who post to it, and some of yours must expire first"
    )]
    ShareUsed(Share),
    /// The channel's promises are as many as its window may hold (RET-9).
    #[error(
        "the channel already holds the {0} sticky or dated messages that it may hold; some must end before others are accepted"
    )]
    TooManyPromises(usize),
    /// A message asks for an end that it cannot have (RET-9).
    #[error("message {index} (counted from 0): {error}")]
    End {
        /// Place in the array, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        error: EndError,
    },
    /// The idempotency key was used for another body.
    #[error("this idempotency key came with another body on this channel before")]
    KeyReused,
    /// As many idempotency keys are remembered as may be.
    #[error("the bus already remembers its {0} idempotency keys; post without one or later")]
    TooManyKeys(usize),
    /// As many POSTs wait for their answers as may.
    #[error("{0} POSTs to this bus already wait for their answers; try again in a moment")]
    TooManyPending(usize),
    /// The log has not answered for so long.
    #[error("the message log has not answered for {} seconds; whether this POST is stored is unknown", .0.as_secs())]
    Stalled(Duration),
    /// The log has not answered POSTs before this one; it was not tried.
    #[error("the message log does not answer; nothing is accepted until it does")]
    LogStalled,
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The bus was closed.
    #[error("the bus was closed")]
    BusClosed,
    /// The broker is shutting down or its arbiters are gone.
    #[error("the broker is shutting down")]
    Closed,
    /// The bus actor panicked on it. It may be stored or not; an idempotency key makes a retry safe.
    #[error("the bus failed on this POST; whether it is stored is unknown")]
    Crashed,
    /// The bus actor panicked before: the bus takes nothing until a restart.
    #[error("the bus failed and takes nothing until a restart")]
    BusFailed,
}

impl PostError {
    /// Whether the POST may be stored all the same. Its idempotency key makes a retry safe.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Stalled(_) | Self::Crashed | Self::Log(LogError::Failed))
    }
}

/// What those who post to a bus have shares of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Bytes of messages.
    Memory,
    /// Channels.
    Channels,
    /// Idempotency keys.
    Keys,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory for messages",
            Self::Channels => "channels",
            Self::Keys => "idempotency keys",
        })
    }
}

/// Why a retrieval was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No bus of this name is open.
    #[error("there is no such bus")]
    UnknownBus,
    /// The bus was closed.
    #[error("the bus was closed")]
    BusClosed,
    /// The broker is shutting down or its arbiters are gone.
    #[error("the broker is shutting down")]
    Closed,
    /// The actor panicked on it, or did again after it was started anew.
    #[error("the actor failed on this retrieval")]
    Crashed,
    /// The bus actor panicked before: what its windows hold is in doubt until a restart.
    #[error("the bus failed and answers nothing until a restart")]
    BusFailed,
}

/// Why a subscription was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// As many wait as may.
    #[error("{1} readers already wait for messages of this {0}; try again later")]
    TooMany(Bound, usize),
    /// The same channel was asked for twice.
    #[error("each channel may be subscribed to once")]
    Twice,
    /// The bus or the broker has ended, or will soon.
    #[error("the bus {}", .0.as_str())]
    Ended(End),
    /// Subscriptions belong to a thread that runs an arbiter.
    #[error("this thread runs no arbiter")]
    NoArbiter,
}

/// Why a bus was not opened, changed or closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// There is one of this name.
    #[error("there is a bus {0} already")]
    Exists(BusName),
    /// There is none of this name.
    #[error("there is no bus {0}")]
    Unknown(BusName),
    /// The log could not note it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The broker is shutting down.
    #[error("the broker is shutting down")]
    Closed,
}
