//! The keys that magic envelopes are signed with.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// An RSA key for magic envelopes: `RSA.<modulus>.<exponent>`, both base64url.
///
/// The modulus has 2048 to 8192 bits, the exponent is odd and from 3 to 4294967295.
#[derive(Clone, PartialEq, Eq)]
pub struct MagicKey {
    text: Arc<str>,
    modulus: Arc<[u8]>,
    exponent: Arc<[u8]>,
}

/// Why a text is not a key for magic envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMagicKey {
    /// Not of the form `RSA.<modulus>.<exponent>`.
    #[error("not of the form RSA.<modulus>.<exponent>")]
    Form,
    /// A part is not base64url.
    #[error("the {0} is not base64url")]
    Encoding(&'static str),
    /// The modulus is too short, too long or even.
    #[error("the modulus has {0} bits; it has to be odd and of 2048 to 8192 bits")]
    Modulus(usize),
    /// The exponent is even or out of bounds.
    #[error("the exponent has to be odd and from 3 to 4294967295")]
    Exponent,
}

impl MagicKey {
    /// The key as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The modulus: unsigned, big endian, without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent: unsigned, big endian, without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }
}

impl FromStr for MagicKey {
    type Err = NotAMagicKey;

    fn from_str(text: &str) -> Result<Self, NotAMagicKey> {
        let parts = text.strip_prefix("RSA.").and_then(|rest| rest.split_once('.'));
        let (modulus, exponent) = parts.ok_or(NotAMagicKey::Form)?;
        let modulus = number(modulus).ok_or(NotAMagicKey::Encoding("modulus"))?;
        let exponent = number(exponent).ok_or(NotAMagicKey::Encoding("exponent"))?;
        let unused = modulus.first().map_or(0, |byte| byte.leading_zeros());
        let bits = (modulus.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or(0));
        if !(2048..=8192).contains(&bits) || !is_odd(&modulus) {
            return Err(NotAMagicKey::Modulus(bits));
        }
        if exponent.len() > 4 || !is_odd(&exponent) || *exponent == [1] {
            return Err(NotAMagicKey::Exponent);
        }
        Ok(Self { text: text.into(), modulus, exponent })
    }
}

impl fmt::Debug for MagicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MagicKey({} bytes)", self.modulus.len())
    }
}

/// Padding is optional: key files in the wild have it and lack it.
fn number(text: &str) -> Option<Arc<[u8]>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&base64::alphabet::URL_SAFE, lenient).decode(text).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes.get(zeros..)?.into())
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte & 1 == 1)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    /// A number of this many bytes whose first byte is `first` and whose last one is `last`.
    fn bytes(length: usize, first: u8, last: u8) -> Vec<u8> {
        let mut bytes = vec![0x55; length];
        bytes[0] = first;
        bytes[length - 1] = last;
        bytes
    }

    #[test]
    fn magic_keys_are_decoded_with_and_without_padding() {
        let modulus = bytes(256, 0x80, 1);
        for encoded in [BASE64_URL_SAFE.encode(&modulus), BASE64_URL_SAFE_NO_PAD.encode(&modulus)] {
            let key: MagicKey = format!("RSA.{encoded}.AQAB").parse().unwrap();
            assert_eq!((key.modulus(), key.exponent()), (&modulus[..], &[1, 0, 1][..]));
        }
        let signed = [&[0][..], &modulus].concat();
        let key: MagicKey = format!("RSA.{}.AQAB", BASE64_URL_SAFE.encode(signed)).parse().unwrap();
        assert_eq!(key.modulus(), modulus);
    }

    #[test]
    fn magic_keys_out_of_bounds_are_refused() {
        let key = |modulus: &[u8], exponent: &[u8]| {
            let [modulus, exponent] = [modulus, exponent].map(|part| BASE64_URL_SAFE.encode(part));
            format!("RSA.{modulus}.{exponent}").parse::<MagicKey>().map(drop)
        };
        let good = bytes(256, 0x80, 1);
        assert_eq!(key(&bytes(1024, 0xff, 1), &[3]), Ok(()));
        assert_eq!(key(&bytes(256, 0x7f, 1), &[3]), Err(NotAMagicKey::Modulus(2047)));
        assert_eq!(key(&bytes(1025, 0x01, 1), &[3]), Err(NotAMagicKey::Modulus(8193)));
        assert_eq!(key(&bytes(256, 0x80, 2), &[3]), Err(NotAMagicKey::Modulus(2048)));
        assert_eq!(key(&[], &[3]), Err(NotAMagicKey::Modulus(0)));
        for exponent in [&[][..], &[1], &[4], &[1, 0, 0, 0, 1]] {
            assert_eq!(key(&good, exponent), Err(NotAMagicKey::Exponent));
        }
        for text in ["", "RSA", "RSA.AQAB", "DSA.AQAB.AQAB"] {
            assert_eq!(text.parse::<MagicKey>(), Err(NotAMagicKey::Form));
        }
        assert_eq!("RSA.+/.AQAB".parse::<MagicKey>(), Err(NotAMagicKey::Encoding("modulus")));
    }
}
