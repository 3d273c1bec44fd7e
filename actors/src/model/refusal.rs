//! Why a text is not a message that a bus takes, and the bounds on messages.
//!
//! The two errors name each other, as what they are about does: a message may be an envelope around a message.

use super::i_json::{NotIJson, PayloadRule};
use super::promise::PromiseRule;

/// Most signatures in one envelope (I-5): each may cost a verification per key.
pub const SIGNATURES_MAX: usize = 8;

/// Bounds on what one POST brings (I-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    /// Most messages in one POST. Default: 1000.
    pub messages: usize,
    /// Longest message, in bytes of its JSON text from brace to brace; less than 4 GiB, whatever it says. Default: 256 KiB.
    pub message: usize,
    /// Deepest nesting of objects and lists, the message's own object being the first level, payload included.
    /// Default: 32. Readers have limits of their own; many stop at 128.
    pub depth: usize,
    /// Which JSON is taken. Default: [`PayloadRule::IJson`].
    pub payload: PayloadRule,
    /// Which of `sticky` and `expire` must be what they are meant to be. Default: [`PromiseRule::Free`].
    pub promises: PromiseRule,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self {
            messages: 1000,
            message: 256 * 1024,
            depth: 32,
            payload: PayloadRule::IJson,
            promises: PromiseRule::Free,
        }
    }
}

/// Why a text is not a message. Names fields and what is allowed, never what a field held (I-8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The text is not JSON.
    #[error("this is not JSON: something is wrong at line {line}, column {column}")]
    Syntax {
        /// Line of the text, from 1.
        line: usize,
        /// Byte within the line, from 1; 0 is the line's start.
        column: usize,
    },
    /// Another JSON value.
    #[error("a message is a JSON object")]
    NotAnObject,
    /// Over [`MessageLimits::message`].
    #[error("a message has at most {max} bytes, this one has {length}")]
    TooLarge {
        /// Bytes allowed.
        max: usize,
        /// Bytes found.
        length: usize,
    },
    /// Over [`MessageLimits::depth`].
    #[error("objects and lists nest at most {max} deep in a message")]
    TooDeep {
        /// Levels allowed.
        max: usize,
    },
    /// Readers' parsers may stop at it, and the bus takes only what all of them read: [`PayloadRule::IJson`].
    #[error("what begins at its byte {at} (counted from 0) {fault}")]
    NotIJson {
        /// A byte of the message's text, from 0.
        at: usize,
        /// What is wrong there and what is allowed.
        fault: NotIJson,
    },
    /// A required field is not there (1.0 section 3).
    #[error(
        "`{0}` is missing: a message has `source`, `type` and `payload`, a Magic Envelope `data` and `sigs`"
    )]
    Missing(&'static str),
    /// A predefined field came twice; readers would differ about which of them counts.
    #[error("`{0}` is there twice")]
    Duplicate(&'static str),
    /// A field is not a string of Unicode characters.
    #[error("`{0}` must be a string of Unicode characters")]
    NotAString(&'static str),
    /// `sticky` is neither of its values (MSG-5).
    #[error("`sticky` must be true or false")]
    Sticky,
    /// `expire` is no time (MSG-6).
    #[error("`expire` must be a time in UTC without a fraction, like \"2030-01-31T23:59:59Z\"")]
    Expire,
    /// `source` is no URL (MSG-1).
    #[error("`source` must be an absolute URL with a host, like http://client.com")]
    Source,
    /// The payload given to [`crate::Message::new`] has no JSON form, or that given to [`crate::Message::of_parts`] is not one
    /// JSON value.
    #[error("the payload is not one JSON value")]
    Payload,
    /// The message is a Magic Envelope, but not a sound one (MSG-7).
    #[error("Magic Envelope: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The bus does not take this envelope, or this message without an envelope (MSG-7).
    #[error(transparent)]
    Refused(#[from] EnvelopeRefusal),
}

/// Why an object with `data` and `sigs` is not a sound envelope. Never repeats what a field held (I-8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Fields of an envelope beside those of a bare message: readers would differ about which one counts.
    #[error("an object with `data` and `sigs` has no `source`, `type` or `payload` beside them")]
    Mixed,
    /// A required field is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field of the envelope came twice.
    #[error("`{0}` is there twice")]
    Duplicate(&'static str),
    /// A field is not a string of Unicode characters.
    #[error("`{0}` must be a string of Unicode characters")]
    NotAString(&'static str),
    /// The only encoding there is.
    #[error("`encoding` must be \"base64url\"")]
    Encoding,
    /// The message inside is to be JSON.
    #[error("`data_type` must be application/json")]
    DataType,
    /// `data` cannot be decoded.
    #[error("`data` must be base64url (A-Z a-z 0-9 - _; padding and white space are tolerated)")]
    Data,
    /// `data` decodes to something that is no text.
    #[error("`data` must be UTF-8 once decoded; byte {at} of it (counted from 0) is not")]
    NotUtf8 {
        /// The first wrong byte, from 0.
        at: usize,
    },
    /// `sigs` is not a list, or its length is out of bounds.
    #[error("`sigs` must be a list of 1 to {max} signatures")]
    Signatures {
        /// Signatures allowed.
        max: usize,
    },
    /// One of the signatures is malformed.
    #[error("`sigs` element {at} (counted from 0) {problem}")]
    Signature {
        /// Place in the list, from 0.
        at: usize,
        /// What is wrong and what is allowed.
        problem: &'static str,
    },
    /// An envelope in an envelope.
    #[error("the message inside must not be an envelope itself")]
    Nested,
    /// What is inside is no message.
    #[error("the message inside: {0}")]
    Inside(#[source] Box<MessageError>),
}

/// Why a bus does not take a message that is sound in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeRefusal {
    /// A bare message where only signed ones are taken.
    #[error("this bus takes only messages in a Magic Envelope")]
    Bare,
    /// Signed by another algorithm than the bus has keys for.
    #[error("`alg` must be RSA-SHA256 on this bus")]
    Algorithm,
    /// None of the signatures holds.
    #[error("none of the envelope's signatures verifies under the keys of this bus")]
    Unverified,
    /// The signatures up to here have cost what those of one POST may cost.
    #[error(
        "the signatures of this POST take too long to check; send fewer signed messages at once, with fewer signatures, and \
         name the key of each (`key_id`)"
    )]
    TooCostly,
}
