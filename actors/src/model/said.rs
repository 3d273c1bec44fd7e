//! Where a message says what it says: its `source`, `type` and `payload` as they stand in its text, so that no read parses (I-7).
//!
//! Of an envelope it is what the message inside says (MSG-7); the text inside is kept beside the envelope's.
//! They are found at the door, where the text is parsed anyway. A start does not look for them: of a message that comes back from a
//! log they are found when somebody asks first, and then kept. A message takes 32 bytes for them; an envelope what is inside, too.

use std::borrow::Cow;
use std::mem::size_of;
use std::ops::Range;
use std::sync::OnceLock;

use super::envelope;
use super::json::Text;
use super::members::Members;

/// Longest text of a message, in bytes: places are numbers of 32 bits.
pub(super) const LONGEST: u32 = u32::MAX;

/// Where a value stands in a text of at most [`LONGEST`] bytes. An empty place: there is no such value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    start: u32,
    end: u32,
}

impl Place {
    fn of(value: Option<&str>, text: &str) -> Self {
        let Some(Range { start, end }) = value.map(|value| range_of(value, text)) else {
            return Self::default();
        };
        // Beyond the longest text nothing is found.
        let place = |at| u32::try_from(at).unwrap_or(LONGEST);
        Self { start: place(start), end: place(end) }
    }

    /// The value; `null` where there is none, as in a text that nobody has checked.
    fn json(self, text: &str) -> &str {
        let range = usize::try_from(self.start).ok().zip(usize::try_from(self.end).ok());
        let value = range.and_then(|(start, end)| text.get(start..end));
        value.filter(|value| !value.is_empty()).unwrap_or("null")
    }
}

/// Where a part of a text is in it.
pub(super) fn range_of(part: &str, text: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Where the three values stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Places {
    source: Place,
    kind: Place,
    payload: Place,
}

impl Places {
    pub(super) fn of(members: &Members<'_>, text: &str) -> Self {
        Self {
            source: Place::of(members.source, text),
            kind: Place::of(members.kind, text),
            payload: Place::of(members.payload, text),
        }
    }

    /// Of a text that a log has kept.
    fn found(text: &str) -> Self {
        serde_json::from_str(text).map_or_else(|_| Self::default(), |members| Self::of(&members, text))
    }
}

/// The message inside of an envelope.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Inside {
    text: Box<str>,
    places: Places,
}

impl Inside {
    pub(super) fn new(text: String, places: Places) -> Self {
        Self { text: text.into_boxed_str(), places }
    }

    /// Of an envelope that a log has kept.
    fn found(envelope: &str) -> Self {
        let members = serde_json::from_str::<Members<'_>>(envelope).ok();
        let text = members.and_then(|members| envelope::inside(&members).ok()).unwrap_or_default();
        let places = Places::found(&text);
        Self::new(text, places)
    }
}

/// Where a message says things, as soon as somebody has looked.
#[derive(Clone)]
pub(super) enum Said {
    Bare(OnceLock<Places>),
    /// Boxed, because nearly all messages are bare.
    Inside(Box<OnceLock<Inside>>),
}

impl Said {
    /// Of a bare message.
    pub(super) fn bare(places: Places) -> Self {
        Self::Bare(places.into())
    }

    /// Of an envelope.
    pub(super) fn inside(inside: Inside) -> Self {
        Self::Inside(Box::new(inside.into()))
    }

    /// Of a message that a log has kept: nobody has looked.
    pub(super) fn unseen(is_envelope: bool) -> Self {
        if is_envelope { Self::Inside(Box::default()) } else { Self::Bare(OnceLock::new()) }
    }

    /// What it may come to take beside the message of this text, in bytes (I-5). The same whether somebody has looked or not.
    pub(super) fn room(&self, text: &str) -> usize {
        match self {
            Self::Bare(_) => 0,
            // In base64 each three bytes are four.
            Self::Inside(_) => {
                (text.len() / 4).saturating_mul(3).saturating_add(size_of::<OnceLock<Inside>>())
            }
        }
    }

    fn places<'m>(&'m self, text: &'m str) -> (&'m str, Places) {
        match self {
            Self::Bare(places) => (text, *places.get_or_init(|| Places::found(text))),
            Self::Inside(inside) => {
                let inside = inside.get_or_init(|| Inside::found(text));
                (&inside.text, inside.places)
            }
        }
    }

    pub(super) fn source_json<'m>(&'m self, text: &'m str) -> &'m str {
        let (text, places) = self.places(text);
        places.source.json(text)
    }

    pub(super) fn type_json<'m>(&'m self, text: &'m str) -> &'m str {
        let (text, places) = self.places(text);
        places.kind.json(text)
    }

    pub(super) fn payload_json<'m>(&'m self, text: &'m str) -> &'m str {
        let (text, places) = self.places(text);
        places.payload.json(text)
    }
}

/// The text that a JSON value stands for. Empty where it is none, which is so only in a text that nobody has checked.
pub(super) fn decoded(json: &str) -> Cow<'_, str> {
    match Text::of(json) {
        Text::Is(text) => text,
        Text::NotAString | Text::NotUnicode => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests;
