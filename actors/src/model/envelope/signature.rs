//! The signatures of an envelope, decoded and bounded.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use serde::de::{Deserialize, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{BASE64URL, without_space};
use crate::model::json::Text;
use crate::model::refusal::{EnvelopeError, SIGNATURES_MAX};

/// Longest signature, in bytes: what an RSA key of 8192 bits makes.
const SIGNATURE_BYTES_MAX: usize = 1024;

/// One of an envelope's signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature<'a> {
    key_id: Option<Cow<'a, str>>,
    value: Vec<u8>,
}

impl Signature<'_> {
    /// The signer's hint about the key: `key_id`, or `keyhash` as earlier drafts call it; an empty one is none.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref().filter(|id| !id.is_empty())
    }

    /// The signature itself, decoded; at most 1024 bytes.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// Reads the list from its raw JSON value.
pub(super) fn signatures(raw: Option<&str>) -> Result<Vec<Signature<'_>>, EnvelopeError> {
    let raw = raw.ok_or(EnvelopeError::Missing("sigs"))?;
    let out_of_bounds = EnvelopeError::Signatures { max: SIGNATURES_MAX };
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw) else { return Err(out_of_bounds) };
    if list.is_empty() || list.len() > SIGNATURES_MAX {
        return Err(out_of_bounds);
    }
    list.into_iter()
        .enumerate()
        .map(|(at, raw)| signature(raw.get()).map_err(|problem| EnvelopeError::Signature { at, problem }))
        .collect()
}

fn signature(raw: &str) -> Result<Signature<'_>, &'static str> {
    const NOT_BASE64URL: &str = "has a `value` that is not base64url of at most 1024 bytes";
    let fields = serde_json::from_str::<SignatureFields<'_>>(raw).map_err(|_| "is not an object")?;
    if fields.twice {
        return Err("has `value`, `key_id` or `keyhash` twice");
    }
    let key_id = match fields.key_id.or(fields.keyhash).map(Text::of) {
        None => None,
        Some(Text::Is(id)) => Some(id),
        Some(Text::NotAString | Text::NotUnicode) => return Err("has a key id that is not a string"),
    };
    let Text::Is(value) = Text::of(fields.value.ok_or("has no `value`")?) else {
        return Err(NOT_BASE64URL);
    };
    match BASE64URL.decode(without_space(&value)) {
        Ok(value) if !value.is_empty() && value.len() <= SIGNATURE_BYTES_MAX => {
            Ok(Signature { key_id, value })
        }
        _ => Err(NOT_BASE64URL),
    }
}

#[derive(Default)]
struct SignatureFields<'a> {
    value: Option<&'a str>,
    key_id: Option<&'a str>,
    keyhash: Option<&'a str>,
    twice: bool,
}

struct SignatureVisitor;

impl<'de> Visitor<'de> for SignatureVisitor {
    type Value = SignatureFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SignatureFields<'de>, A::Error> {
        let mut fields = SignatureFields::default();
        while let Some(name) = map.next_key::<&'de RawValue>()? {
            let place = match Text::of(name.get()) {
                Text::Is(name) if name == "value" => &mut fields.value,
                Text::Is(name) if name == "key_id" => &mut fields.key_id,
                Text::Is(name) if name == "keyhash" => &mut fields.keyhash,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let before = place.replace(map.next_value::<&'de RawValue>()?.get());
            fields.twice |= before.is_some();
        }
        Ok(fields)
    }
}

impl<'de> Deserialize<'de> for SignatureFields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SignatureVisitor)
    }
}
