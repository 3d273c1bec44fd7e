//! A message of version 1.x: checked once at the door (I-7), then only copied.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::Deserialize;

use super::envelope::{AcceptAll, Envelope, EnvelopeCheck, EnvelopeError, EnvelopeRefusal};
use super::json::{Objects, Text, TooDeep};
use super::members::Members;
use super::source::is_source_url;

/// Bounds on what one POST brings (I-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    /// Most messages in one POST. Default: 1000.
    pub messages: usize,
    /// Longest message, in bytes of its JSON text from brace to brace. Default: 256 KiB.
    pub message: usize,
    /// Deepest nesting of objects and lists, the message's own object being the first level, payload included.
    /// Default: 32. Readers have limits of their own; many stop at 128.
    pub depth: usize,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self { messages: 1000, message: 256 * 1024, depth: 32 }
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
    /// `source` is no URL (MSG-1).
    #[error("`source` must be an absolute URL with a host, like http://client.com")]
    Source,
    /// The payload given to [`Message::new`] has no JSON form.
    #[error("the payload cannot be written as JSON")]
    Payload,
    /// The message is a Magic Envelope, but not a sound one (MSG-7).
    #[error("Magic Envelope: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The bus does not take this envelope, or this message without an envelope (MSG-7).
    #[error(transparent)]
    Refused(#[from] EnvelopeRefusal),
}

/// A 1.x message, checked, holding its JSON text exactly as posted: numbers keep every digit (MSG-3), members
/// their order, unknown fields stay (MSG-4), and so does the white space inside.
///
/// - `source` is an absolute URL with a host: `scheme://host…` of any scheme but `javascript`, `vbscript` and `data`
///   (MSG-1), without spaces or control characters.
/// - `type` is any string of Unicode characters, the empty one included (MSG-2).
/// - `payload` is any JSON value, `null` included.
/// - None of `source`, `type`, `payload`, `sticky`, `expire` comes twice, however it is spelled.
/// - Or the object is a Magic Envelope (MSG-7) around such a message; see [`Envelope`].
///
/// Escapes stay as they are, those of a lone surrogate (`\ud800`) in a payload included: they are JSON, and browsers
/// read them. `Debug` shows the length only (I-8).
///
/// ```
/// use backplane_actors::{Message, MessageLimits};
/// let text = r#"{"source": "http://client.com", "type": "test", "payload": 1.50}"#;
/// let message = Message::parse(text, &MessageLimits::default())?;
/// assert_eq!(message.as_str(), text);
/// # Ok::<(), backplane_actors::MessageError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message(Arc<str>);

impl Message {
    /// A text that the code itself chose.
    pub(crate) fn trusted(json: &'static str) -> Self {
        Self(json.into())
    }

    /// Checks one message; envelopes are unwrapped and checked, but their signatures are not.
    ///
    /// White space around the object is not part of the message.
    ///
    /// # Errors
    ///
    /// [`MessageError`] says which rule the text breaks.
    pub fn parse(json: &str, limits: &MessageLimits) -> Result<Self, MessageError> {
        let (text, members) = object(json, limits)?;
        check(&members, limits, &AcceptAll)?;
        Ok(Self(text.into()))
    }

    /// Builds a message inside the program.
    ///
    /// # Errors
    ///
    /// [`MessageError::Payload`] if the payload has no JSON form (a map with keys that are no strings, say), else as
    /// [`Message::parse`].
    ///
    /// ```
    /// use backplane_actors::{Message, MessageLimits};
    /// let message = Message::new("http://client.com", "test", &[1, 2], &MessageLimits::default())?;
    /// assert_eq!(message.as_str(), r#"{"source":"http://client.com","type":"test","payload":[1,2]}"#);
    /// # Ok::<(), backplane_actors::MessageError>(())
    /// ```
    pub fn new(
        source: &str,
        kind: &str,
        payload: &impl Serialize,
        limits: &MessageLimits,
    ) -> Result<Self, MessageError> {
        #[derive(Serialize)]
        struct Parts<'a, P> {
            source: &'a str,
            r#type: &'a str,
            payload: &'a P,
        }
        let parts = Parts { source, r#type: kind, payload };
        let json = serde_json::to_string(&parts).map_err(|_| MessageError::Payload)?;
        Self::parse(&json, limits)
    }

    /// A text that was checked when it was posted and comes back from a log.
    pub(crate) fn recovered(text: &str) -> Self {
        Self(text.into())
    }

    /// For a text that [`check`] has accepted.
    pub(super) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The JSON text, as posted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text, as posted, as UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.0.len())
    }
}

/// The next object's text, if it is within its bounds.
pub(super) fn bounded<'a>(
    objects: &mut Objects<'a>,
    limits: &MessageLimits,
) -> Result<Option<&'a str>, MessageError> {
    let found = objects.next(limits.depth).map_err(|TooDeep| MessageError::TooDeep { max: limits.depth })?;
    match found {
        Some(text) if text.len() > limits.message => {
            Err(MessageError::TooLarge { max: limits.message, length: text.len() })
        }
        found => Ok(found),
    }
}

/// A text that is one object and nothing else.
pub(super) fn object<'a>(
    json: &'a str,
    limits: &MessageLimits,
) -> Result<(&'a str, Members<'a>), MessageError> {
    let text = bounded(&mut Objects::alone(json), limits)?;
    let mut parser = serde_json::Deserializer::from_str(json);
    let members = Members::deserialize(&mut parser).and_then(|members| parser.end().map(|()| members));
    match (text, members) {
        (Some(text), Ok(members)) => Ok((text, members)),
        (_, Err(error)) if !error.is_data() => {
            // Its text may quote what was posted (I-8): only the place goes on.
            Err(MessageError::Syntax { line: error.line(), column: error.column() })
        }
        _ => Err(MessageError::NotAnObject),
    }
}

/// Whether the members are those of a message, bare or in an envelope.
pub(super) fn check(
    members: &Members<'_>,
    limits: &MessageLimits,
    envelopes: &dyn EnvelopeCheck,
) -> Result<(), MessageError> {
    if members.is_envelope() {
        let envelope = Envelope::open(members, limits)?;
        return Ok(envelopes.envelope(&envelope)?);
    }
    check_bare(members)?;
    Ok(envelopes.bare()?)
}

/// Whether the members are those of a bare message.
pub(super) fn check_bare(members: &Members<'_>) -> Result<(), MessageError> {
    if let Some(name) = members.twice {
        return Err(MessageError::Duplicate(name));
    }
    let source = members.source.ok_or(MessageError::Missing("source"))?;
    let kind = members.kind.ok_or(MessageError::Missing("type"))?;
    members.payload.ok_or(MessageError::Missing("payload"))?;
    match Text::of(source) {
        Text::Is(url) if is_source_url(&url) => {}
        Text::Is(_) => return Err(MessageError::Source),
        Text::NotAString | Text::NotUnicode => return Err(MessageError::NotAString("source")),
    }
    match Text::of(kind) {
        Text::Is(_) => Ok(()),
        // Half a character could never be matched by a filter, which is Unicode text.
        Text::NotAString | Text::NotUnicode => Err(MessageError::NotAString("type")),
    }
}

#[cfg(test)]
pub(super) mod tests;
