//! The words of the protocol as types. Pure: nothing here knows an actor, a runtime or a clock.

mod batch;
mod envelope;
mod id;
mod json;
mod key;
mod members;
mod message;
mod name;
mod position;
mod posting;
mod source;
mod time;

pub use batch::{Batch, BatchError, BatchErrorKind};
pub use envelope::{
    AcceptAll, Envelope, EnvelopeCheck, EnvelopeError, EnvelopeRefusal, SIGNATURES_MAX, Signature,
};
pub use id::{IdText, MessageId, NotAnId};
pub use key::{Fingerprint, IDEMPOTENCY_KEY_MAX, IdempotencyKey, KEY_OWNER_MAX, KeyError};
pub use message::{Message, MessageError, MessageLimits};
pub use name::{BUS_NAME_MAX, BusName, CHANNEL_NAME_MAX, ChannelName, NameError};
pub use position::{Epoch, Position, Since};
pub use posting::{Posted, Posting};
pub use time::{Moment, Timestamp};
