//! A message of version 1.x: checked once at the door (I-7), then only copied.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::bare::{check_bare, object};
use super::envelope::{AcceptAll, Envelope, EnvelopeCheck};
use super::members::Members;
use super::refusal::{MessageError, MessageLimits};

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
/// - All of it is JSON that every reader's parser takes ([`PayloadRule::IJson`](super::PayloadRule::IJson)), unless the limits
///   say otherwise. Escapes and digits stay as they are.
///
/// `Debug` shows the length only (I-8).
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

#[cfg(test)]
pub(super) mod tests;
