//! The Backplane broker as actors. The map of the crate follows as it is built.

pub mod model;

pub use model::{
    AcceptAll, Batch, BatchError, BatchErrorKind, Envelope, EnvelopeCheck, EnvelopeError, EnvelopeRefusal,
    Message, MessageError, MessageLimits, SIGNATURES_MAX, Signature,
};
pub use model::{BusName, ChannelName, IdText, MessageId, NameError, NotAnId, Timestamp};
/// Named here for the documentation of [`MessageId`]; the sequencer arrives with the actors.
#[doc(hidden)]
pub struct Sequencer;
