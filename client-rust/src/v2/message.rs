//! Messages of version 2.0: to be posted, and as they come. Pure.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::fact::Resume;
use crate::message::{Frame, MessageError, payload_of};
use crate::names::{BusName, ChannelName, NameError};
use crate::page::{Page, Shape};
use crate::position::{MessageId, Position};

/// A message to be posted (V2-POST-1). Its source is what was registered for the client (V2-POST-3).
///
/// ```
/// use backplane_client::v2::Message;
/// use serde_json::json;
///
/// let message = Message::new("customer.com", "8ec92f459fa70b0da1a40e8fe70a0bc8", "identity/login", &json!({"name": "Ann"}))?.sticky();
/// # Ok::<(), backplane_client::Error>(())
/// ```
#[derive(Clone)]
pub struct Message {
    bus: BusName,
    channel: ChannelName,
    kind: Box<str>,
    payload: Box<RawValue>,
    sticky: bool,
    expire: Option<Box<str>>,
}

impl Message {
    /// A message to a channel that a page was given on this bus, of a type, with anything that can be made JSON. A `RawValue` goes as it is.
    ///
    /// # Errors
    ///
    /// A name is none ([`Error::Name`]), the type is empty or has a space in it (MSG-9), or the payload cannot be made JSON ([`Error::Message`]). Whether the
    /// channel is one of that bus, and how large messages may be, the server says.
    pub fn new(
        bus: &str,
        channel: &str,
        kind: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<Self, Error> {
        let payload = serde_json::value::to_raw_value(payload).map_err(MessageError::from)?;
        let (bus, channel) = (bus.parse()?, channel.parse()?);
        Ok(Self { bus, channel, kind: without_spaces(kind)?, payload, sticky: false, expire: None })
    }

    /// The same, kept for as long as its bus keeps messages at most (RET-9).
    #[must_use]
    pub fn sticky(self) -> Self {
        Self { sticky: true, ..self }
    }

    /// The same, kept until then: `2030-01-31T23:59:59Z`, in UTC and without a fraction (MSG-6).
    ///
    /// # Errors
    ///
    /// The text is empty or has a space in it (MSG-9). Whether it is a time, and not too late a one, the server says.
    pub fn expire(self, at: &str) -> Result<Self, MessageError> {
        Ok(Self { expire: Some(without_spaces(at)?), ..self })
    }

    /// The body of a POST.
    pub(crate) fn body(&self) -> Result<String, MessageError> {
        #[derive(Serialize)]
        struct Body<'a> {
            message: Fields<'a>,
        }
        #[derive(Serialize)]
        struct Fields<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            bus: &'a str,
            channel: &'a str,
            payload: &'a RawValue,
            #[serde(skip_serializing_if = "Option::is_none")]
            sticky: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expire: Option<&'a str>,
        }
        let fields = Fields {
            kind: &self.kind,
            bus: self.bus.as_str(),
            channel: self.channel.as_str(),
            payload: &self.payload,
            sticky: self.sticky.then_some(true),
            expire: self.expire.as_deref(),
        };
        Ok(serde_json::to_string(&Body { message: fields })?)
    }
}

fn without_spaces(text: &str) -> Result<Box<str>, MessageError> {
    if text.is_empty() || text.contains(' ') { Err(MessageError::Space) } else { Ok(text.into()) }
}

impl fmt::Debug for Message {
    /// Without its payload, and the text of its channel's name (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("bus", &self.bus).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A message as it comes (V2-GET-2), or its header: pages see no payload (V2-ACC-2). It is kept as its text, byte for byte.
#[derive(Clone)]
pub struct Received {
    text: Box<RawValue>,
    bus: BusName,
    parts: Parts,
}

#[derive(Debug, Clone, Deserialize)]
struct Parts {
    #[serde(rename = "messageURL")]
    url: Box<str>,
    source: Box<str>,
    #[serde(rename = "type")]
    kind: Box<str>,
    bus: Box<str>,
    channel: Box<str>,
    sticky: bool,
    expire: Box<str>,
}

impl Received {
    fn read(text: Box<RawValue>) -> Result<(Self, ChannelName), NotReceived> {
        let parts: Parts = serde_json::from_str(text.get())?;
        let (channel, bus) = (parts.channel.parse()?, parts.bus.parse()?);
        Ok((Self { text, bus, parts }, channel))
    }

    /// The answer that is one message.
    pub(super) fn read_one(body: &[u8]) -> Result<Self, Error> {
        const WRONG: Error = Error::Malformed("it is not a message");
        let text = serde_json::from_slice(body).map_err(|_| WRONG)?;
        Self::read(text).map(|(message, _)| message).map_err(|_| WRONG)
    }

    /// Its own URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.parts.url
    }

    /// Where it comes from: the URL that was registered for the client which posted it, or what a server of version 1.x said.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.parts.source
    }

    /// Its `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.parts.kind
    }

    /// Its bus. Its channel is in the [`Frame`].
    #[must_use]
    pub fn bus(&self) -> &BusName {
        &self.bus
    }

    /// Whether it is sticky.
    #[must_use]
    pub fn is_sticky(&self) -> bool {
        self.parts.sticky
    }

    /// Until when it is kept: `2030-01-31T23:59:59Z`.
    #[must_use]
    pub fn expire(&self) -> &str {
        &self.parts.expire
    }

    /// Its payload, as it was posted. Headers have none.
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

    /// All of it as JSON text, as it came.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.text.get()
    }
}

impl PartialEq for Received {
    /// Byte for byte.
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Received {}

impl fmt::Debug for Received {
    /// Without its payload, and the name of its channel (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { url, kind, bus, .. } = &self.parts;
        f.debug_struct("Received")
            .field("url", url)
            .field("kind", kind)
            .field("bus", bus)
            .finish_non_exhaustive()
    }
}

/// A text is no message of version 2.0.
struct NotReceived;

impl From<serde_json::Error> for NotReceived {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

impl From<NameError> for NotReceived {
    fn from(_: NameError) -> Self {
        Self
    }
}

/// The frame of a message, by the id that is told, or else by the one in its URL.
fn framed(text: Box<RawValue>, id: Option<&str>, prev: Option<&str>) -> Result<Frame<Received>, NotReceived> {
    let (message, channel) = Received::read(text)?;
    let own = || message.url().rsplit_once('/').map(|(_, id)| id).filter(|id| !id.is_empty());
    let id = MessageId::told(id.or_else(own).ok_or(NotReceived)?);
    Ok(Frame { id, prev: prev.map(MessageId::told), channel, message })
}

impl Shape for Received {
    fn frame(json: &str) -> Option<Frame<Self>> {
        #[derive(Deserialize)]
        struct Text {
            message: Box<RawValue>,
            id: String,
            prev: Option<String>,
        }
        let Text { message, id, prev } = serde_json::from_str(json).ok()?;
        framed(message, Some(&id), prev.as_deref()).ok()
    }

    fn page(body: &[u8], _link: Option<&str>, resume: Resume) -> Result<Page<Self>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Text {
            #[serde(rename = "nextURL")]
            next_url: String,
            messages: Vec<Box<RawValue>>,
            more_messages: bool,
        }
        const WRONG: Error = Error::Malformed("it is not a list of messages");
        let text: Text = serde_json::from_slice(body).map_err(|_| WRONG)?;
        let frames = text.messages.into_iter().map(|message| framed(message, None, None));
        let frames = frames.collect::<Result<_, _>>().map_err(|NotReceived| WRONG)?;
        // It always carries `since` (V2-GET-1); without it nobody knows where to go on.
        let next = Position::of_url(&text.next_url).ok_or(WRONG)?;
        Ok(Page { frames, next: Some(next), resume, more: text.more_messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#""messageURL":"https://x.y/v2/message/0000000000007","source":"http://s.t","type":"t","bus":"b","channel":"secret-name","sticky":true,"expire":"2030-01-31T23:59:59Z""#;

    #[test]
    fn v2_post_1_a_body_has_the_fields_that_were_given() {
        let payload = RawValue::from_string(r#"{"z":1.50,"a":-0}"#.into()).unwrap();
        let message = Message::new("b", "c", "t", &payload).unwrap();
        let body = message.body().unwrap();
        assert_eq!(body, r#"{"message":{"type":"t","bus":"b","channel":"c","payload":{"z":1.50,"a":-0}}}"#);
        let body = message.sticky().expire("2030-01-31T23:59:59Z").unwrap().body().unwrap();
        assert!(body.ends_with(r#","sticky":true,"expire":"2030-01-31T23:59:59Z"}}"#), "{body}");
    }

    #[test]
    fn msg_9_no_field_has_a_space() {
        for kind in ["", "a b", " "] {
            let error = Message::new("b", "c", kind, &1).unwrap_err();
            assert!(matches!(error, Error::Message(MessageError::Space)), "{kind}");
        }
        assert!(Message::new("b", "c", "t", &1).unwrap().expire("2030-01-31 23:59:59").is_err());
        assert!(matches!(Message::new("a b", "c", "t", &1), Err(Error::Name(_))));
        assert!(matches!(Message::new("b", "a.b", "t", &1), Err(Error::Name(_))));
    }

    #[test]
    fn v2_get_2_messages_come_as_they_are() {
        let object = format!("{{{HEADER},\"payload\":{{\"n\":1.50}}}}");
        let frame = Received::frame(&format!(r#"{{"message":{object},"id":"7","prev":"6"}}"#)).unwrap();
        assert_eq!((frame.id.as_str(), frame.prev.as_ref().unwrap().as_str()), ("7", "6"));
        assert_eq!((frame.channel.as_str(), frame.message.as_json()), ("secret-name", object.as_str()));
        let message = frame.message;
        assert_eq!((message.source(), message.kind(), message.bus().as_str()), ("http://s.t", "t", "b"));
        assert_eq!((message.is_sticky(), message.expire()), (true, "2030-01-31T23:59:59Z"));
        assert_eq!(message.payload().unwrap().get(), r#"{"n":1.50}"#);
        let header = Received::frame(&format!(r#"{{"message":{{{HEADER}}},"id":"7","prev":"6"}}"#)).unwrap();
        assert!(header.message.payload().is_none(), "V2-ACC-2");
        assert!(matches!(header.message.payload_as::<u8>(), Err(MessageError::NoPayload)));
        for none in ["", "{}", r#"{"message":{},"id":"1","prev":"0"}"#, &object] {
            assert!(Received::frame(none).is_none(), "{none}");
        }
    }

    #[test]
    fn v2_get_1_a_list_says_where_to_go_on() {
        let list = |next: &str, messages: &str| {
            let body = format!(r#"{{"nextURL":"{next}","messages":[{messages}],"moreMessages":true}}"#);
            Received::page(body.as_bytes(), None, Resume::Complete)
        };
        let page = list("https://x.y/v2/messages?since=a.b", &format!("{{{HEADER}}}")).unwrap();
        assert_eq!(page.frames[0].id.as_str(), "0000000000007");
        assert_eq!((page.next.unwrap().to_string().as_str(), page.more), ("a.b", true));
        assert!(list("https://x.y/v2/messages", "").is_err());
        assert!(list("https://x.y/v2/messages?since=a.b", "1").is_err());
        assert!(Received::page(b"[]", None, Resume::Complete).is_err());
    }

    #[test]
    fn i_8_nothing_shows_payloads_or_channels() {
        let text = format!(r#"{{"message":{{{HEADER},"payload":"hidden"}},"id":"7","prev":"6"}}"#);
        let (frame, message) = (Received::frame(&text), Message::new("b", "secret-name", "t", "hidden"));
        let shown = format!("{frame:?} {message:?}");
        assert!(!shown.contains("hidden") && !shown.contains("secret-name"), "{shown}");
    }
}
