//! The members of a message's object that the server looks at, each as the JSON text that was posted.

use std::fmt;

use serde::de::{Deserialize, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::Text;

/// A member name with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Source,
    Type,
    Payload,
    Sticky,
    Expire,
    Data,
    DataType,
    Encoding,
    Alg,
    Sigs,
}

impl Name {
    /// From the name's JSON text, quotes included: the same name can be spelled with escapes.
    fn of(raw: &str) -> Option<Self> {
        if raw.as_bytes().contains(&b'\\') {
            return match Text::of(raw) {
                Text::Is(name) => Self::plain(&name),
                Text::NotAString | Text::NotUnicode => None,
            };
        }
        Self::plain(raw.get(1..raw.len().saturating_sub(1))?)
    }

    fn plain(name: &str) -> Option<Self> {
        Some(match name {
            "source" => Self::Source,
            "type" => Self::Type,
            "payload" => Self::Payload,
            "sticky" => Self::Sticky,
            "expire" => Self::Expire,
            "data" => Self::Data,
            "data_type" => Self::DataType,
            "encoding" => Self::Encoding,
            "alg" => Self::Alg,
            "sigs" => Self::Sigs,
            _ => return None,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Type => "type",
            Self::Payload => "payload",
            Self::Sticky => "sticky",
            Self::Expire => "expire",
            Self::Data => "data",
            Self::DataType => "data_type",
            Self::Encoding => "encoding",
            Self::Alg => "alg",
            Self::Sigs => "sigs",
        }
    }

    const fn is_of_envelope(self) -> bool {
        matches!(self, Self::Data | Self::DataType | Self::Encoding | Self::Alg | Self::Sigs)
    }
}

/// The members with a meaning, as raw JSON values. Which of them matter depends on whether the object is a bare
/// message or an envelope, and that is known only at its end: `data` in a bare message is just an
/// unknown field (MSG-4).
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    pub(super) source: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) payload: Option<&'a str>,
    pub(super) sticky: Option<&'a str>,
    pub(super) expire: Option<&'a str>,
    pub(super) data: Option<&'a str>,
    pub(super) data_type: Option<&'a str>,
    pub(super) encoding: Option<&'a str>,
    pub(super) alg: Option<&'a str>,
    pub(super) sigs: Option<&'a str>,
    /// The first of a bare message's names that came twice.
    pub(super) twice: Option<&'static str>,
    /// The first of an envelope's names that came twice.
    pub(super) twice_in_envelope: Option<&'static str>,
}

impl<'a> Members<'a> {
    fn put(&mut self, name: Name, value: &'a str) {
        let place = match name {
            Name::Source => &mut self.source,
            Name::Type => &mut self.kind,
            Name::Payload => &mut self.payload,
            Name::Sticky => &mut self.sticky,
            Name::Expire => &mut self.expire,
            Name::Data => &mut self.data,
            Name::DataType => &mut self.data_type,
            Name::Encoding => &mut self.encoding,
            Name::Alg => &mut self.alg,
            Name::Sigs => &mut self.sigs,
        };
        if place.replace(value).is_some() {
            let twice = if name.is_of_envelope() { &mut self.twice_in_envelope } else { &mut self.twice };
            twice.get_or_insert(name.as_str());
        }
    }

    /// Whether the object carries what makes an envelope: `data` and `sigs` (MSG-7).
    pub(super) const fn is_envelope(&self) -> bool {
        self.data.is_some() && self.sigs.is_some()
    }

    /// Whether the object carries one of the fields that every bare message has.
    pub(super) const fn has_bare_field(&self) -> bool {
        self.source.is_some() || self.kind.is_some() || self.payload.is_some()
    }
}

/// Collects [`Members`] from an object.
pub(super) struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        // Raw names: asking for text would refuse unknown names with half of a surrogate pair,
        // asking for bytes would let control characters pass.
        while let Some(raw) = map.next_key::<&'de RawValue>()? {
            match Name::of(raw.get()) {
                Some(name) => members.put(name, map.next_value::<&'de RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}
