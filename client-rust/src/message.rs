//! Messages and frames. Pure. Messages stay as they came, byte for byte (MSG-3, MSG-4).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::names::ChannelName;
use crate::position::MessageId;

/// Members that have a meaning, so that [`Message::with`] does not set them a second time.
const OWN: [&str; 3] = ["source", "type", "payload"];

/// Why something is not a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It is not JSON, or cannot be made JSON.
    #[error("a message has to be JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON, but no object.
    #[error("a message is a JSON object")]
    NotAnObject,
    /// The member is there already.
    #[error("a message has each member once")]
    Twice,
    /// The message has no payload: it is a Magic Envelope (MSG-7), a header (V2-ACC-2), or of another server than ours.
    #[error("the message has no payload of its own")]
    NoPayload,
    /// A field of a message of version 2.0 has a space, or nothing, for its value (MSG-9).
    #[error("no field of a message is empty or has a space in it, but its payload")]
    Space,
}

/// A message: a JSON object with `source`, `type` and `payload`, or a Magic Envelope around one (MSG-7).
///
/// It is kept as its text. Numbers keep every digit, members keep their order.
///
/// ```
/// use backplane_client::Message;
/// use serde_json::json;
///
/// let message = Message::new("https://login.example", "identity/login", &json!({"context": "https://shop.example/"}))?
///     .with("sticky", &true)?;
/// assert_eq!(message.kind(), Some("identity/login"));
/// # Ok::<(), backplane_client::MessageError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Message {
    text: Box<RawValue>,
    source: Option<Box<str>>,
    kind: Option<Box<str>>,
}

#[derive(Serialize)]
struct New<'a, P> {
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    payload: &'a P,
}

#[derive(Deserialize)]
struct Parts {
    source: Option<Box<str>>,
    #[serde(rename = "type")]
    kind: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// The payload in the text of a message, if it has one.
pub(crate) fn payload_of(text: &str) -> Option<&RawValue> {
    serde_json::from_str::<Payload<'_>>(text).ok().map(|found| found.payload)
}

impl Message {
    /// A message from `source`, an absolute URL, of a type, with anything that can be made JSON. A `RawValue` goes as it is.
    ///
    /// # Errors
    ///
    /// The payload cannot be made JSON. Whether the source is one, and how large messages may be, the server says.
    pub fn new(source: &str, kind: &str, payload: &(impl Serialize + ?Sized)) -> Result<Self, MessageError> {
        let text = serde_json::value::to_raw_value(&New { source, kind, payload: &payload })?;
        Ok(Self { text, source: Some(source.into()), kind: Some(kind.into()) })
    }

    /// A message that is JSON text already: an object, also a Magic Envelope (MSG-7).
    ///
    /// # Errors
    ///
    /// The text is no JSON object.
    pub fn from_json(text: &str) -> Result<Self, MessageError> {
        Self::from_raw(serde_json::from_str(text)?)
    }

    fn from_raw(text: Box<RawValue>) -> Result<Self, MessageError> {
        if !text.get().starts_with('{') {
            return Err(MessageError::NotAnObject);
        }
        // An envelope has neither.
        let parts = serde_json::from_str(text.get()).unwrap_or(Parts { source: None, kind: None });
        Ok(Self { text, source: parts.source, kind: parts.kind })
    }

    /// The same with one more member (MSG-4), such as `sticky` or `expire`.
    ///
    /// # Errors
    ///
    /// The member is there already, or its value cannot be made JSON.
    pub fn with(self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<Self, MessageError> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(self.text.get())?;
        if members.contains_key(name) || OWN.contains(&name) {
            return Err(MessageError::Twice);
        }
        let (name, value) = (serde_json::to_string(name)?, serde_json::to_string(value)?);
        let comma = if members.is_empty() { "" } else { "," };
        // Only the last brace goes: those before it close what is inside.
        let kept = self.text.get().strip_suffix('}').ok_or(MessageError::NotAnObject)?;
        let text = RawValue::from_string(format!("{kept}{comma}{name}:{value}}}"))?;
        Ok(Self { text, ..self })
    }

    /// Where it comes from, by its own account: an absolute URL. Envelopes have none.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Its `type`. Envelopes have none.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Its payload, as it was posted. Envelopes have none.
    #[must_use]
    pub fn payload(&self) -> Option<&RawValue> {
        payload_of(self.text.get())
    }

    /// Its payload as a type.
    ///
    /// # Errors
    ///
    /// It has none, or it is something else.
    pub fn payload_as<T: DeserializeOwned>(&self) -> Result<T, MessageError> {
        Ok(serde_json::from_str(self.payload().ok_or(MessageError::NoPayload)?.get())?)
    }

    /// The whole message as JSON text, as it was posted.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.text.get()
    }
}

impl PartialEq for Message {
    /// Byte for byte.
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Message {}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_raw(Box::<RawValue>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A message as a reader gets it: of version 1.x a [`Message`], of version 2.0 a [`Received`](crate::v2::Received).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<M = Message> {
    /// Its id.
    pub id: MessageId,
    /// The id of the frame before it on its stream, whichever channel that is of; of the first one, an id at or before the place where the
    /// stream begins. Pushed frames alone have it.
    pub prev: Option<MessageId>,
    /// Its channel.
    pub channel: ChannelName,
    /// The message.
    pub message: M,
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Text {
            message: Message,
            channel_name: String,
            id: String,
            prev: Option<String>,
        }
        let text = Text::deserialize(deserializer)?;
        Ok(Self {
            id: MessageId::told(&text.id),
            prev: text.prev.as_deref().map(MessageId::told),
            channel: ChannelName::told(&text.channel_name),
            message: text.message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msg_3_messages_come_as_they_were_posted() {
        let odd = r#"{"type":"t","payload":{"z":1.50,"a":123456789012345678901234567890,"z":-0},"source":"http:\/\/x.y"}"#;
        let frame = format!(r#"{{"message": {odd} ,"channel_name":"c","id":"2","prev":"1","cursor":"x"}}"#);
        let frame: Frame = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame.message.as_json(), odd);
        assert_eq!((frame.message.source(), frame.message.kind()), (Some("http://x.y"), Some("t")));
        assert_eq!(
            frame.message.payload().unwrap().get(),
            r#"{"z":1.50,"a":123456789012345678901234567890,"z":-0}"#
        );
        assert_eq!(
            (frame.id.as_str(), frame.prev.unwrap().as_str(), frame.channel.as_str()),
            ("2", "1", "c")
        );
        assert_eq!(serde_json::to_string(&[frame.message]).unwrap(), format!("[{odd}]"));
    }

    #[test]
    fn msg_3_a_payload_may_be_null() {
        let message = Message::new("http://x.y", "t", &()).unwrap();
        assert_eq!(message.as_json(), r#"{"source":"http://x.y","type":"t","payload":null}"#);
        assert_eq!(message.payload().unwrap().get(), "null");
        assert_eq!(message.payload_as::<Option<u8>>().unwrap(), None);
        assert!(message.payload_as::<u8>().is_err());
    }

    #[test]
    fn msg_4_other_members_are_added_once() {
        let message = Message::new("http://x.y", "t", &serde_json::json!({"a": {}})).unwrap();
        let message = message.with("sticky", &true).unwrap().with("a\"b", "c").unwrap();
        assert_eq!(
            message.as_json(),
            r#"{"source":"http://x.y","type":"t","payload":{"a":{}},"sticky":true,"a\"b":"c"}"#
        );
        for twice in ["sticky", "source", "type", "payload"] {
            assert!(matches!(message.clone().with(twice, &1), Err(MessageError::Twice)), "{twice}");
        }
        assert_eq!(Message::from_json("{ }").unwrap().with("a", &1).unwrap().as_json(), r#"{ "a":1}"#);
    }

    #[test]
    fn msg_7_envelopes_have_no_parts() {
        let envelope =
            Message::from_json(r#"{"data":"x","data_type":"application/json","sigs":[]}"#).unwrap();
        assert_eq!((envelope.source(), envelope.kind(), envelope.payload().is_none()), (None, None, true));
        assert!(matches!(envelope.payload_as::<u8>(), Err(MessageError::NoPayload)));
        for bad in ["1", "[]", "null", "\"{}\""] {
            assert!(matches!(Message::from_json(bad), Err(MessageError::NotAnObject)), "{bad}");
        }
        assert!(matches!(Message::from_json("{"), Err(MessageError::Json(_))));
    }
}
