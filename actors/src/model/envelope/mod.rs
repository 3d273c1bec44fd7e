//! Magic Envelopes around messages (MSG-7), after draft-panzer-magicsig-01, JSON form.
//!
//! Unwrapping checks the message inside; whether a signature holds is for an [`EnvelopeCheck`] to say.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{URL_SAFE as PADDED, URL_SAFE_NO_PAD as UNPADDED};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::bare::{check_bare, object};
use super::json::Text;
use super::members::Members;
use super::promise::Wish;
use super::refusal::{EnvelopeError, EnvelopeRefusal, MessageLimits};
use super::said::{Inside, Places};
use signature::signatures;

mod signature;

pub use signature::Signature;

/// The drafts disagree about padding, and so do those who sign.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Says which messages a bus takes, beyond their being sound (MSG-7). Called once per message, on the posting thread.
pub trait EnvelopeCheck {
    /// Whether this envelope is taken.
    ///
    /// # Errors
    ///
    /// The reason why it is not.
    fn envelope(&self, envelope: &Envelope<'_>) -> Result<(), EnvelopeRefusal>;

    /// Whether messages without an envelope are taken.
    ///
    /// # Errors
    ///
    /// The reason why they are not.
    fn bare(&self) -> Result<(), EnvelopeRefusal>;
}

/// Takes every sound message, signed or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AcceptAll;

impl EnvelopeCheck for AcceptAll {
    fn envelope(&self, _envelope: &Envelope<'_>) -> Result<(), EnvelopeRefusal> {
        Ok(())
    }

    fn bare(&self) -> Result<(), EnvelopeRefusal> {
        Ok(())
    }
}

/// An unwrapped Magic Envelope with a sound message inside; its signatures are decoded, not verified.
///
/// An object is an envelope when it has `data` and `sigs`; it then has no `source`, `type` or `payload`, and
/// `data_type`, `encoding` and `alg` must be there. Other members are kept and ignored, as the draft asks.
pub struct Envelope<'a> {
    /// Without white space, otherwise as posted: this text is what is signed.
    data: String,
    data_type: Cow<'a, str>,
    encoding: Cow<'a, str>,
    alg: Cow<'a, str>,
    signatures: Vec<Signature<'a>>,
    message: String,
    /// Where that says what it says.
    places: Places,
    wish: Wish,
}

impl<'a> Envelope<'a> {
    /// Unwraps an object that [`Members::is_envelope`].
    pub(super) fn open(members: &Members<'a>, limits: &MessageLimits) -> Result<Self, EnvelopeError> {
        if members.has_bare_field() {
            return Err(EnvelopeError::Mixed);
        }
        if let Some(name) = members.twice_in_envelope {
            return Err(EnvelopeError::Duplicate(name));
        }
        let encoding = string("encoding", members.encoding)?;
        if encoding != "base64url" {
            return Err(EnvelopeError::Encoding);
        }
        let data_type = string("data_type", members.data_type)?;
        if !is_json(&data_type) {
            return Err(EnvelopeError::DataType);
        }
        let alg = string("alg", members.alg)?;
        let data = without_space(&string("data", members.data)?);
        let signatures = signatures(members.sigs)?;
        let message = decoded(&data)?;
        let inside = |error| EnvelopeError::Inside(Box::new(error));
        let (text, within) = object(&message, limits).map_err(inside)?;
        if within.is_envelope() {
            return Err(EnvelopeError::Nested);
        }
        let wish = check_bare(text, &within, limits).map_err(inside)?;
        let places = Places::of(&within, &message);
        Ok(Self { data, data_type, encoding, alg, signatures, message, places, wish })
    }

    /// The name of the signature algorithm.
    #[must_use]
    pub fn alg(&self) -> &str {
        &self.alg
    }

    /// The JSON text of the message inside.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the message inside asks for.
    pub(super) const fn wish(&self) -> &Wish {
        &self.wish
    }

    /// The message inside, and where it says what it says.
    pub(super) fn into_inside(self) -> Inside {
        Inside::new(self.message, self.places)
    }

    /// The signatures, 1 to 8 of them, in the envelope's order.
    pub fn signatures(&self) -> impl Iterator<Item = &Signature<'a>> {
        self.signatures.iter()
    }

    /// The draft's Signature Base String (section 3.2): `data` as posted but without white space, then `data_type`,
    /// `encoding` and `alg` in base64url without padding, joined by dots.
    #[must_use]
    pub fn signing_input(&self) -> Vec<u8> {
        self.base_string(&self.data, &UNPADDED)
    }

    /// All the texts that a signer may have meant, [`Envelope::signing_input`] first, no two alike.
    ///
    /// The draft wants base64url "sans any trailing padding" (section 3.1), shows padding in its own example of the
    /// base string (section 7.1), and signers went both ways: all parts padded, none, or `data` only. All of the forms cover
    /// all four fields, so accepting any of them lets nobody change anything.
    #[must_use]
    pub fn signing_inputs(&self) -> Vec<Vec<u8>> {
        let mut inputs = vec![self.signing_input(), self.base_string(&self.data, &PADDED)];
        let bare = self.data.trim_end_matches('=');
        if bare.len() != self.data.len() {
            inputs.push(self.base_string(bare, &UNPADDED));
        }
        inputs.dedup();
        inputs
    }

    fn base_string(&self, data: &str, engine: &GeneralPurpose) -> Vec<u8> {
        let mut text = String::with_capacity(data.len() + 64);
        text.push_str(data);
        for part in [&self.data_type, &self.encoding, &self.alg] {
            text.push('.');
            engine.encode_string(part.as_bytes(), &mut text);
        }
        text.into_bytes()
    }
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} bytes, {} signatures)", self.message.len(), self.signatures.len())
    }
}

/// The text inside of an envelope that was checked when it was posted.
pub(super) fn inside(members: &Members<'_>) -> Result<String, EnvelopeError> {
    decoded(&without_space(&string("data", members.data)?))
}

/// What the text of `data`, without white space, stands for.
fn decoded(data: &str) -> Result<String, EnvelopeError> {
    let bytes = BASE64URL.decode(data).map_err(|_| EnvelopeError::Data)?;
    String::from_utf8(bytes).map_err(|error| EnvelopeError::NotUtf8 { at: error.utf8_error().valid_up_to() })
}

fn string<'a>(name: &'static str, raw: Option<&'a str>) -> Result<Cow<'a, str>, EnvelopeError> {
    match Text::of(raw.ok_or(EnvelopeError::Missing(name))?) {
        Text::Is(text) => Ok(text),
        Text::NotAString | Text::NotUnicode => Err(EnvelopeError::NotAString(name)),
    }
}

/// Whether a media type is JSON: a letter's case does not matter, nor do parameters, as JSON has only one charset.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split_once(';').map_or(media_type, |(essence, _)| essence);
    essence.trim_matches([' ', '\t']).eq_ignore_ascii_case("application/json")
}

/// The draft's normal form (section 5.2): transports may have put ASCII white space anywhere.
fn without_space(text: &str) -> String {
    text.chars().filter(|letter| !matches!(letter, '\t'..='\r' | ' ')).collect()
}

#[cfg(test)]
mod tests;
