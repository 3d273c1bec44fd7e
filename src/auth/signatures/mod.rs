//! Which Magic Envelopes a bus takes (MSG-7): signatures by configured keys, after draft-panzer-magicsig-01.

mod post_check;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use backplane_actors::Signature;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{URL_SAFE as PADDED, URL_SAFE_NO_PAD as UNPADDED};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

pub use self::post_check::{CHECK_COST_MAX, PostCheck};

/// Most keys of one bus (I-5): an envelope may cost a verification per key and signature.
pub const KEYS_MAX: usize = 8;
/// Shortest and longest modulus, in bits.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Longest exponent, in bits. The verifier takes one more; no tool makes such keys.
const EXPONENT_BITS_MAX: usize = 32;

/// The draft wants no padding; what tools write often has it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A signer's public key, `RSA.<modulus>.<exponent>`: both big-endian in base64url (draft section 8.1).
///
/// The modulus is odd and has 2048 to 8192 bits, the exponent is odd and from 3 to 4294967295. Padding and leading
/// zero bytes are tolerated; keys that differ in them alone are equal. `Debug` is short.
///
/// ```
/// use backplane::auth::signatures::MagicKey;
/// let key: MagicKey = format!("RSA.{}w.AQAB", "q".repeat(341)).parse()?;
/// assert_eq!(key.bits(), 2048);
/// # Ok::<(), backplane::auth::signatures::MagicKeyError>(())
/// ```
#[derive(Clone)]
pub struct MagicKey {
    key: std::sync::Arc<ParsedPublicKey>,
    bits: usize,
    /// SHA-256 of the key's text in base64url without padding; of the text without padding and of that with.
    ids: [String; 2],
}

/// Why a text is no [`MagicKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MagicKeyError {
    /// Not three parts, or not of RSA.
    #[error("a magic key has the form RSA.<modulus>.<exponent>")]
    Form,
    /// A part is not base64url.
    #[error("the {0} of a magic key is base64url (A-Z a-z 0-9 - _)")]
    Base64(&'static str),
    /// The modulus is too short or too long.
    #[error("the modulus of a magic key has 2048 to 8192 bits, this one has {0}")]
    Modulus(usize),
    /// No product of two odd primes.
    #[error("the modulus of a magic key is odd, this one is even")]
    EvenModulus,
    /// No exponent of an RSA key.
    #[error("the exponent of a magic key is odd and from 3 to 4294967295")]
    Exponent,
    /// The verifier does not take the key.
    #[error("this modulus and exponent are no RSA key")]
    Rejected,
}

impl MagicKey {
    /// Length of the modulus, in bits.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.bits
    }

    /// The id that the key has by itself: base64url, without padding, of the SHA-256 of its text (draft section 8.2).
    #[must_use]
    pub fn id(&self) -> &str {
        let [id, _] = &self.ids;
        id
    }

    /// Whether a signer's hint means this key.
    fn is_named(&self, key_id: &str) -> bool {
        let key_id = key_id.trim_end_matches('=');
        self.ids.iter().any(|id| id == key_id)
    }

    /// Whether a signature has the length of one by this key. Others cost nothing.
    fn fits(&self, signature: &Signature<'_>) -> bool {
        signature.value().len() == self.bits.div_ceil(8)
    }

    fn verifies(&self, digest: &Digest, signature: &Signature<'_>) -> bool {
        self.key.verify_digest_sig(digest, signature.value()).is_ok()
    }
}

impl FromStr for MagicKey {
    type Err = MagicKeyError;

    fn from_str(text: &str) -> Result<Self, MagicKeyError> {
        let mut parts = text.trim().split('.');
        let (Some("RSA"), Some(n), Some(e), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MagicKeyError::Form);
        };
        let n = number("modulus", n)?;
        let e = number("exponent", e)?;
        let bits = bit_length(&n);
        if !MODULUS_BITS.contains(&bits) {
            return Err(MagicKeyError::Modulus(bits));
        }
        if !is_odd(&n) {
            return Err(MagicKeyError::EvenModulus);
        }
        if !is_odd(&e) || e == [1] || bit_length(&e) > EXPONENT_BITS_MAX {
            return Err(MagicKeyError::Exponent);
        }
        let key = RsaPublicKeyComponents { n: &n, e: &e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| MagicKeyError::Rejected)?;
        let ids = [&UNPADDED, &PADDED].map(|engine| {
            let text = format!("RSA.{}.{}", engine.encode(&n), engine.encode(&e));
            UNPADDED.encode(digest(&SHA256, text.as_bytes()))
        });
        Ok(Self { key: key.into(), bits, ids })
    }
}

// The id stands for modulus and exponent, which the verifier's own form of the key cannot compare.
impl PartialEq for MagicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for MagicKey {}

impl fmt::Debug for MagicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MagicKey({} bits, {:.8}…)", self.bits, self.id())
    }
}

/// A big-endian number without leading zero bytes.
fn number(name: &'static str, text: &str) -> Result<Vec<u8>, MagicKeyError> {
    let mut bytes = BASE64URL.decode(text).map_err(|_| MagicKeyError::Base64(name))?;
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.drain(..zeros);
    Ok(bytes)
}

fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| {
        let unused = usize::try_from(first.leading_zeros()).unwrap_or(0);
        number.len() * 8 - unused
    })
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last % 2 == 1)
}

/// Which messages a bus takes.
///
/// Without keys, every sound message: unwrapping is not signature checking (MSG-7). With keys, an envelope needs
/// at least one signature that verifies under one of them; bare messages are taken unless envelopes are required.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvelopePolicy {
    keys: Vec<MagicKey>,
    required: bool,
}

/// Keys and requirement do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopePolicyError {
    /// More than [`KEYS_MAX`].
    #[error("a bus has at most {max} keys", max = KEYS_MAX)]
    TooManyKeys,
    /// Required envelopes that anybody could sign would look like protection and be none.
    #[error("a bus that requires envelopes needs at least one key to verify them")]
    NoKeys,
}

impl EnvelopePolicy {
    /// A policy by these keys; `required` refuses messages without an envelope.
    ///
    /// # Errors
    ///
    /// More than [`KEYS_MAX`] keys, or envelopes required without any key.
    pub fn new(keys: Vec<MagicKey>, required: bool) -> Result<Self, EnvelopePolicyError> {
        if keys.len() > KEYS_MAX {
            return Err(EnvelopePolicyError::TooManyKeys);
        }
        if required && keys.is_empty() {
            return Err(EnvelopePolicyError::NoKeys);
        }
        Ok(Self { keys, required })
    }

    /// Whether messages can be refused at all: there are keys, or envelopes are required. Otherwise there is nothing to
    /// compute for any message.
    #[must_use]
    pub fn verifies(&self) -> bool {
        self.required || !self.keys.is_empty()
    }

    /// The check of one POST's messages.
    #[must_use]
    pub const fn for_post(&self) -> PostCheck<'_> {
        PostCheck::new(self)
    }
}
