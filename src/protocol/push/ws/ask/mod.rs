//! What a client asks for, out of its texts. Pure.

use std::fmt;

use actix_web::web::Bytes;
use backplane_actors::{ChannelName, NameError, Since};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{ApiError, ErrorCode};
use crate::protocol::push::positions::{Given, single_since};

/// Longest `ref`, in characters.
const REF_MAX: usize = 64;

/// What may be asked for.
const TEXTS: &str = "a text is one of {\"subscribe\": {\"<channel>\": \"<position>\" or null}}, \
                     {\"unsubscribe\": [\"<channel>\"]} and \
                     {\"publish\": \"<channel>\", \"messages\": […], \"ref\": \"<text>\", \"key\": \"<text>\"}, without \
                     other members";

/// What a client asks for.
#[derive(Debug)]
pub(super) enum Ask {
    /// To be told of these channels too, from there on.
    Subscribe(Vec<(ChannelName, Since)>),
    /// Not to be told of them any more.
    Unsubscribe(Vec<ChannelName>),
    /// To post.
    Publish(Publish),
}

/// What is to be posted.
#[derive(Debug)]
pub(super) struct Publish {
    /// How the client finds the answer.
    pub(super) reference: String,
    pub(super) channel: ChannelName,
    /// The array, as it came: what a POST has as its body.
    pub(super) messages: Bytes,
    pub(super) key: Option<String>,
}

/// A text that nothing can be done with.
#[derive(Debug)]
pub(super) struct Misheard {
    /// What it would have been answered by, if that could be made out.
    pub(super) reference: Option<String>,
    pub(super) error: ApiError,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'t> {
    #[serde(borrow)]
    subscribe: Option<&'t RawValue>,
    #[serde(borrow)]
    unsubscribe: Option<&'t RawValue>,
    publish: Option<String>,
    #[serde(borrow)]
    messages: Option<&'t RawValue>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    key: Option<String>,
}

impl Ask {
    /// Understands a text, in which at most so many channels are named.
    pub(super) fn parse(text: &Bytes, most: usize) -> Result<Self, Misheard> {
        let mishear = |error| Misheard { reference: None, error };
        // The parser's own words may quote what was sent (I-8): only the place goes on.
        let parsed: Text<'_> = serde_json::from_slice(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            mishear(invalid(format!("{TEXTS}; this one is wrong at line {line}, column {column}")))
        })?;
        match parsed {
            Text {
                subscribe: Some(channels),
                unsubscribe: None,
                publish: None,
                messages: None,
                reference: None,
                key: None,
            } => {
                let named = Names::subscribed(channels, most).map_err(mishear)?;
                let since = |(name, since): (String, Option<String>)| {
                    let channel = channel(&name)?;
                    let given: Vec<_> = since.iter().map(|since| Given::parse(since, None)).collect();
                    let since = single_since(Some(&channel), &given);
                    Ok((channel, since))
                };
                let channels = named.into_iter().map(since).collect::<Result<_, _>>();
                channels.map(Self::Subscribe).map_err(mishear)
            }
            Text {
                subscribe: None,
                unsubscribe: Some(channels),
                publish: None,
                messages: None,
                reference: None,
                key: None,
            } => {
                let named = Names::unsubscribed(channels, most).map_err(mishear)?;
                let channels = named.into_iter().map(|(name, _)| channel(&name)).collect::<Result<_, _>>();
                channels.map(Self::Unsubscribe).map_err(mishear)
            }
            Text {
                subscribe: None,
                unsubscribe: None,
                publish: Some(name),
                messages: Some(messages),
                reference: Some(reference),
                key,
            } => {
                if reference.chars().count() > REF_MAX {
                    let text = format!("the member ref has at most {REF_MAX} characters");
                    return Err(mishear(invalid(text)));
                }
                match channel(&name) {
                    Ok(channel) => {
                        let messages = text.slice_ref(messages.get().as_bytes());
                        Ok(Self::Publish(Publish { reference, channel, messages, key }))
                    }
                    Err(error) => Err(Misheard { reference: Some(reference), error }),
                }
            }
            _ => Err(mishear(invalid(TEXTS))),
        }
    }
}

fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, text)
}

fn channel(name: &str) -> Result<ChannelName, ApiError> {
    name.parse().map_err(|error: NameError| ApiError::new(ErrorCode::InvalidChannelName, error.to_string()))
}

/// Names of channels, with a position each or without, up to a bound: it is looked at before they are kept (I-5).
struct Names {
    named: Vec<(String, Option<String>)>,
    most: usize,
    has_positions: bool,
}

impl Names {
    fn subscribed(json: &RawValue, most: usize) -> Result<Vec<(String, Option<String>)>, ApiError> {
        Self { named: Vec::new(), most, has_positions: true }.read(json)
    }

    fn unsubscribed(json: &RawValue, most: usize) -> Result<Vec<(String, Option<String>)>, ApiError> {
        Self { named: Vec::new(), most, has_positions: false }.read(json)
    }

    fn read(mut self, json: &RawValue) -> Result<Vec<(String, Option<String>)>, ApiError> {
        let most = self.most;
        let read = (&mut self).deserialize(&mut serde_json::Deserializer::from_str(json.get()));
        if self.named.is_empty() || self.named.len() > most {
            return Err(invalid(format!("a text names 1 to {most} channels")));
        }
        if read.is_err() {
            return Err(invalid(TEXTS));
        }
        let mut names: Vec<_> = self.named.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        if names.is_sorted_by(|one, other| one < other) {
            Ok(self.named)
        } else {
            Err(invalid("a text may name each channel once, not twice"))
        }
    }

    /// Keeps another one, as long as that is not one too many.
    fn keep<E: serde::de::Error>(&mut self, name: String, since: Option<String>) -> Result<(), E> {
        self.named.push((name, since));
        if self.named.len() > self.most { Err(E::custom("too many")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Names {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.has_positions {
            deserializer.deserialize_map(self)
        } else {
            deserializer.deserialize_seq(self)
        }
    }
}

impl<'de> Visitor<'de> for &mut Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channels")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if !self.has_positions {
            return Err(A::Error::custom("positions"));
        }
        while let Some((name, since)) = map.next_entry()? {
            self.keep(name, since)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.has_positions {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Err(A::Error::custom("no positions"));
        }
        while let Some(name) = seq.next_element()? {
            self.keep(name, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
