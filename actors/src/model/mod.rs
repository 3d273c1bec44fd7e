//! The words of the protocol as types. Pure: nothing here knows an actor, a runtime or a clock.
//!
//! | module | what lives there |
//! |---|---|
//! | `name` | names of buses and channels |
//! | `id` | message ids |
//! | `time` | points in time: of a wall clock, and of a log |
//! | `position` | where a reader is, and in which history |
//! | `key` | idempotency keys |
//! | `poster` | who posts |
//! | `posting` | what a poster hands in and gets back |
//! | `promise` | what a poster asks for beyond what a bus does anyway |
//! | `refusal` | why a text is not a message, and the bounds |
//! | `i_json` | what of JSON every reader's parser takes |
//! | `json` | JSON texts within a text |
//! | `members` | the members of a message's object |
//! | `source` | the URL of a message's source |
//! | `said` | where a message says what it says |
//! | `bare` | a message without an envelope |
//! | `envelope` | Magic Envelopes |
//! | `message` | a message |
//! | `batch` | the messages of one POST |

mod bare;
mod batch;
mod envelope;
mod i_json;
mod id;
mod json;
mod key;
mod members;
mod message;
mod name;
mod position;
mod poster;
mod posting;
mod promise;
mod refusal;
mod said;
mod source;
mod time;

pub use batch::{Batch, BatchError, BatchErrorKind};
pub use envelope::{AcceptAll, Envelope, EnvelopeCheck, Signature};
pub use i_json::{NotIJson, PayloadRule};
pub use id::{IdText, MessageId, NotAnId};
pub use key::{Fingerprint, IDEMPOTENCY_KEY_MAX, IdempotencyKey, KeyError};
pub use message::{Message, MessageParts};
pub use name::{BUS_NAME_MAX, BusName, CHANNEL_NAME_MAX, ChannelName, NameError};
pub use position::{Epoch, Position, Since};
pub use poster::{POSTER_MAX, Poster, PosterTooLong};
pub use posting::{Posted, Posting};
pub(crate) use promise::Traits;
pub use promise::{Expire, Field, NotAnEnd, Promise, PromiseRule};
pub use refusal::{EnvelopeError, EnvelopeRefusal, MessageError, MessageLimits, SIGNATURES_MAX};
pub use time::{Moment, Timestamp};
