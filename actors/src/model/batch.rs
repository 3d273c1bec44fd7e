//! The body of a POST to a 1.x channel: a list of messages, taken as a whole or not at all.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Deserialize, DeserializeSeed, Error as _, IgnoredAny, SeqAccess, Visitor};

use super::bare::{bounded, readable};
use super::envelope::EnvelopeCheck;
use super::json::Objects;
use super::members::Members;
use super::message::{Message, check};
use super::refusal::{MessageError, MessageLimits};

/// The messages of one POST, in the order of its array; they stay together (RET-7).
///
/// An empty one is fine and does nothing (V1-POST-1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch(Vec<Message>);

/// Why a body is not a batch. Says where and what is allowed, never what was posted (I-8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The body is not UTF-8.
    #[error("the body must be UTF-8; byte {at} (counted from 0) is not")]
    NotUtf8 {
        /// The first wrong byte, from 0.
        at: usize,
    },
    /// The body starts with a byte order mark, which JSON does not have (RFC 8259 section 8.1).
    #[error("the body starts with a byte order mark; JSON has none")]
    ByteOrderMark,
    /// The body is not JSON, or something follows its array.
    #[error("the body must be one JSON array; something is wrong at line {line}, column {column}")]
    Syntax {
        /// Line of the body, from 1.
        line: usize,
        /// Byte within the line, from 1; 0 is the line's start.
        column: usize,
    },
    /// The body is another JSON value.
    #[error("the body must be a JSON array of messages")]
    NotAnArray,
    /// Over [`MessageLimits::messages`].
    #[error("one POST brings at most {max} messages")]
    TooManyMessages {
        /// Messages allowed.
        max: usize,
    },
    /// One of the messages is wrong, and so none is taken.
    #[error("message {index} (counted from 0): {error}")]
    Message {
        /// Place in the array, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        error: MessageError,
    },
}

/// What a server answers a [`BatchError`] by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchErrorKind {
    /// The body breaks a rule.
    Invalid,
    /// Too many messages in one body.
    TooManyMessages,
    /// One message is too long.
    MessageTooLarge,
    /// A sound message that the bus does not take, because of its signature or for want of one.
    Refused,
}

impl BatchError {
    /// The error's class.
    #[must_use]
    pub const fn kind(&self) -> BatchErrorKind {
        match self {
            Self::TooManyMessages { .. } => BatchErrorKind::TooManyMessages,
            Self::Message { error: MessageError::TooLarge { .. }, .. } => BatchErrorKind::MessageTooLarge,
            Self::Message { error: MessageError::Refused(_), .. } => BatchErrorKind::Refused,
            Self::NotUtf8 { .. }
            | Self::ByteOrderMark
            | Self::Syntax { .. }
            | Self::NotAnArray
            | Self::Message { .. } => BatchErrorKind::Invalid,
        }
    }
}

impl Batch {
    /// Checks a body: one JSON array, all of whose elements are messages.
    ///
    /// `envelopes` says which envelopes and bare messages the bus takes; [`crate::AcceptAll`] takes all.
    ///
    /// # Errors
    ///
    /// [`BatchError`] for the first thing that is wrong.
    ///
    /// ```
    /// use backplane_actors::{AcceptAll, Batch, MessageLimits};
    /// let body = br#"[{"source":"http://client.com","type":"test","payload":null}]"#;
    /// let batch = Batch::parse(body, &MessageLimits::default(), &AcceptAll)?;
    /// assert_eq!(batch.len(), 1);
    /// # Ok::<(), backplane_actors::BatchError>(())
    /// ```
    pub fn parse(
        body: &[u8],
        limits: &MessageLimits,
        envelopes: &dyn EnvelopeCheck,
    ) -> Result<Self, BatchError> {
        if body.starts_with(b"\xef\xbb\xbf") {
            return Err(BatchError::ByteOrderMark);
        }
        let text =
            std::str::from_utf8(body).map_err(|error| BatchError::NotUtf8 { at: error.valid_up_to() })?;
        let mut list =
            List { objects: Objects::listed(text), limits, envelopes, messages: Vec::new(), refused: None };
        let mut parser = serde_json::Deserializer::from_str(text);
        let result = parser.deserialize_seq(&mut list).and_then(|()| parser.end());
        match (list.refused, result) {
            (Some(refused), _) => Err(refused),
            (None, Ok(())) => Ok(Self(list.messages)),
            (None, Err(error)) if error.is_data() => Err(BatchError::NotAnArray),
            // The parser's own text may quote what was posted (I-8): only the place goes on.
            (None, Err(error)) => Err(BatchError::Syntax { line: error.line(), column: error.column() }),
        }
    }

    /// A batch of one.
    #[must_use]
    pub fn single(message: Message) -> Self {
        Self(vec![message])
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to post.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Message> {
        self.0.iter()
    }
}

impl From<Vec<Message>> for Batch {
    fn from(messages: Vec<Message>) -> Self {
        Self(messages)
    }
}

impl IntoIterator for Batch {
    type Item = Message;
    type IntoIter = std::vec::IntoIter<Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Batch {
    type Item = &'a Message;
    type IntoIter = std::slice::Iter<'a, Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The array while it is read: the parser checks the grammar, `objects` walks along and knows where each message ends.
struct List<'de, 'c> {
    objects: Objects<'de>,
    limits: &'c MessageLimits,
    envelopes: &'c dyn EnvelopeCheck,
    messages: Vec<Message>,
    /// Kept beside the parser's error, which can carry nothing but text.
    refused: Option<BatchError>,
}

impl List<'_, '_> {
    fn refuse<E: serde::de::Error>(&mut self, error: MessageError) -> E {
        self.refused = Some(BatchError::Message { index: self.messages.len(), error });
        E::custom("refused")
    }
}

impl<'de> Visitor<'de> for &mut List<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut List<'de, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, element: D) -> Result<(), D::Error> {
        if self.messages.len() >= self.limits.messages {
            self.refused = Some(BatchError::TooManyMessages { max: self.limits.messages });
            return Err(D::Error::custom("refused"));
        }
        let text = match bounded(&mut self.objects, self.limits) {
            Ok(Some(text)) => text,
            Ok(None) => {
                // Not an object, or no JSON at all: the latter is the parser's to say.
                IgnoredAny::deserialize(element)?;
                return Err(self.refuse(MessageError::NotAnObject));
            }
            Err(error) => return Err(self.refuse(error)),
        };
        let members = Members::deserialize(element)?;
        let checked = readable(&self.objects, self.limits)
            .and_then(|()| check(text, &members, self.limits, self.envelopes));
        match checked {
            Ok(checked) => self.messages.push(Message::checked(text, checked)),
            Err(error) => return Err(self.refuse(error)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
