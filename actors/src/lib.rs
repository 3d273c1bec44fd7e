//! The Backplane broker as actors: buses, channels and their windows, without HTTP and without accounts.
//!
//! # What lives here
//!
//! | room | what it is | may use |
//! |---|---|---|
//! | `model` | names, ids, messages, positions: the protocol's words as types | nothing here |
//! | `clock`, `settings` | where the time comes from; what an embedder sets | `model` |
//! | `window` | pure: the most recent messages, and what was lost before them | `model` |
//! | [`log`] | where POSTs get their order, ids and durability | `window` and the above |
//! | `watch` | readers that wait: who is told of what, on which thread | `window` and the above |
//! | `error` | why the broker refuses | `log`, `watch` and the above |
//! | `context` | what the actors of a broker share | `error` and the above |
//! | `channel` | channels: the directory, their actors, expiry | `context` and the above |
//! | `bus` | buses: the fold over their records, admission, their actors | `channel` and the above |
//! | `broker` | the handle that everything outside holds | all |
//!
//! # One message's way
//!
//! [`Broker::post`] → Bus actor: let in, proposed to the log → numbered, durable, committed → the fold: the bus's window,
//! then the channel's, then shown → answered. [`Broker::read_channel`] → directory → Channel actor → its window.
//!
//! Start at [`Broker`]; what a bus is stands in `bus/state`, why nothing is lost to a reaped channel in
//! `channel/directory`.

mod broker;
mod bus;
mod channel;
mod clock;
mod context;
mod error;
pub mod log;
mod model;
mod settings;
mod watch;
mod window;

pub use broker::{
    Across, AcrossError, AcrossPage, AcrossSubscription, Broker, BrokerBuilder, BusHandle, Event, Filter,
    Part, Query, Resumed, Selection, Subscription,
};
pub use clock::{Boot, Clock, ManualClock, SystemClock};
pub use context::{Stats, Work};
pub use error::{BusError, EndError, PostError, ReadError, Share, SubscribeError};
pub use model::{
    AcceptAll, BUS_NAME_MAX, Batch, BatchError, BatchErrorKind, BusName, CHANNEL_NAME_MAX, ChannelName,
    Envelope, EnvelopeCheck, EnvelopeError, EnvelopeRefusal, Epoch, Expire, Field, Fingerprint,
    IDEMPOTENCY_KEY_MAX, IdText, IdempotencyKey, KeyError, Message, MessageError, MessageId, MessageLimits,
    MessageParts, Moment, NameError, NotAnEnd, NotAnId, NotIJson, POSTER_MAX, PayloadRule, Position, Posted,
    Poster, PosterTooLong, Posting, Promise, PromiseRule, SIGNATURES_MAX, Signature, Since, Timestamp,
};
pub use settings::{BrokerLimits, BusSettings};
pub use watch::{Bound, Delivered, End, FORMS};
pub use window::{Entry, Page, Resume, Which};
