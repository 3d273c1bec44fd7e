//! The Backplane broker as actors: buses, channels and their windows, without HTTP.
//!
//! # What lives here
//!
//! | part | what it is | may use |
//! |---|---|---|
//! | [`model`] | names, ids, messages, pages: the protocol's words as types | nothing here |
//! | `window`, `sequencer`, `idempotency`, `due`, `memory` | the logic, pure: time is an argument | `model` |
//! | [`log`] | where accepted messages become durable: the contract, and the memory log | `model` |
//! | `journal`, `directory` | the two places that are locked: ids with the log, channels with their actors | the above |
//! | [`Bus`], [`Channel`], `supervisor` | the actors: thin shells around the above | the above |
//! | [`Broker`] | the one handle that everything outside holds | all |
//!
//! The pure parts import neither actix nor tokio nor a clock. Nothing here knows HTTP, files or accounts.
//!
//! # One message's way
//!
//! [`Broker::post`] → [`Bus`] actor: admitted, numbered and logged in one order → durable → the bus's
//! window → the [`Channel`] actor's mailbox (not awaited) → answered. [`Broker::read_channel`] →
//! directory → [`Channel`] actor: [`Window::since`].
//!
//! Start at [`Broker`]; the reasoning that nothing is lost to a reaped channel is in `directory`.

mod broker;
mod bus;
mod cell;
mod channel;
mod clock;
mod directory;
mod due;
mod error;
mod idempotency;
mod journal;
pub mod log;
mod memory;
pub mod model;
mod placement;
mod sequencer;
mod settings;
mod shared;
mod stats;
mod supervisor;
mod window;

pub use broker::{Broker, BrokerBuilder};
pub use bus::{Bus, Post};
pub use channel::{Channel, Read};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{PostError, ReadError};
pub use model::{
    AcceptAll, BUS_NAME_MAX, Batch, BatchError, BatchErrorKind, BusName, CHANNEL_NAME_MAX, ChannelName,
    Entry, Envelope, EnvelopeCheck, EnvelopeError, EnvelopeRefusal, Fingerprint, IDEMPOTENCY_KEY_MAX, IdText,
    IdempotencyKey, KeyError, Message, MessageError, MessageId, MessageLimits, NameError, NotAnId, Page,
    Posted, Posting, Resume, SIGNATURES_MAX, Signature, Since, Timestamp,
};
pub use sequencer::Sequencer;
pub use settings::{BrokerLimits, BusSettings};
pub use stats::Stats;
pub use window::Window;
