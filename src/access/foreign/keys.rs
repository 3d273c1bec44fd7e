//! The keys of an issuer (RFC 7517): those of use, and what they verify.

use std::fmt;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::algorithm::{Algorithm, Scheme};
use super::error::{ForeignError, KeySetError};
use crate::access::text::Digest;

/// Longest key set, in bytes (I-5).
pub const KEY_SET_MAX: usize = 256 * 1024;
/// Most keys of a set (I-5).
pub(super) const KEYS_MAX: usize = 128;
/// Shorter RSA keys are broken (RFC 7518 section 3.3), longer ones cost too much.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Longest exponent of an RSA key, in bytes.
const EXPONENT_MAX: usize = 4;
/// What an uncompressed point of a curve begins with.
const UNCOMPRESSED: u8 = 4;

/// The keys of an issuer that are of use.
pub struct KeySet {
    keys: Box<[Key]>,
    passed_by: usize,
    /// Of what was published.
    digest: Digest,
}

struct Key {
    id: Option<Box<str>>,
    /// The one algorithm that it is for, where it says so.
    algorithm: Option<Algorithm>,
    public: Public,
}

enum Public {
    Rsa(PublicKeyComponents<Vec<u8>>),
    P256(ParsedPublicKey),
    P384(ParsedPublicKey),
    Ed25519(ParsedPublicKey),
}

#[derive(Deserialize)]
struct WrittenSet<'j> {
    #[serde(borrow)]
    keys: Vec<&'j RawValue>,
}

#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<Box<str>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

impl KeySet {
    /// The keys that are of use in what an issuer publishes. Others are passed by: issuers publish keys for other things, too.
    ///
    /// # Errors
    ///
    /// [`KeySetError`].
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        if json.len() > KEY_SET_MAX {
            return Err(KeySetError::TooLong);
        }
        let WrittenSet { keys } = serde_json::from_slice(json).map_err(|_| KeySetError::Form)?;
        let count = keys.len();
        if count > KEYS_MAX {
            return Err(KeySetError::TooMany(count));
        }
        let keys: Box<[Key]> = keys.into_iter().filter_map(Key::of_use).collect();
        if keys.is_empty() {
            return Err(KeySetError::NoneOfUse(count));
        }
        let passed_by = count.saturating_sub(keys.len());
        Ok(Self { keys, passed_by, digest: Digest::of(json) })
    }

    /// How many keys are of use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many were passed by.
    #[must_use]
    pub const fn passed_by(&self) -> usize {
        self.passed_by
    }

    /// Whether it is what was published before, too.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Whether one of the keys has signed this with this algorithm. A token without `kid` is one of an issuer with one key that fits.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
        signed: &str,
        signature: &[u8],
    ) -> Result<(), ForeignError> {
        let fitting = self.keys.iter().filter(|key| key.fits(algorithm));
        let named: Vec<_> = match key_id {
            Some(_) => fitting.filter(|key| key.id.as_deref() == key_id).collect(),
            None => fitting.collect(),
        };
        if named.is_empty() || (key_id.is_none() && named.len() > 1) {
            return Err(ForeignError::Key);
        }
        let holds = named.iter().any(|key| key.verifies(algorithm, signed.as_bytes(), signature));
        if holds { Ok(()) } else { Err(ForeignError::Signature) }
    }
}

impl Key {
    /// Nothing: it is for something else, of a kind that is not taken, or not sound.
    fn of_use(json: &RawValue) -> Option<Self> {
        let written: WrittenKey = serde_json::from_str(json.get()).ok()?;
        let is_for_signatures = written.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && written.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        // A secret that was published is nobody's any more.
        if !is_for_signatures || written.d.is_some() {
            return None;
        }
        let algorithm = written.alg.as_deref().map(str::parse).transpose().ok()?;
        let public = Public::of(&written)?;
        let key = Self { id: written.kid, algorithm, public };
        key.algorithm.is_none_or(|algorithm| key.fits(algorithm)).then_some(key)
    }

    /// Whether it is for this algorithm: by its kind, and by what it says itself. A key for one is never used for another (RFC 8725 section 3.1).
    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_of_the_kind = matches!(
            (&self.public, algorithm.scheme()),
            (Public::Rsa(_), Scheme::Rsa(_))
                | (Public::P256(_), Scheme::P256)
                | (Public::P384(_), Scheme::P384)
                | (Public::Ed25519(_), Scheme::Ed25519)
        );
        is_of_the_kind && self.algorithm.is_none_or(|own| own == algorithm)
    }

    fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        match (&self.public, algorithm.scheme()) {
            (Public::Rsa(key), Scheme::Rsa(parameters)) => key.verify(parameters, signed, signature).is_ok(),
            (Public::P256(key), Scheme::P256)
            | (Public::P384(key), Scheme::P384)
            | (Public::Ed25519(key), Scheme::Ed25519) => key.verify_sig(signed, signature).is_ok(),
            _ => false,
        }
    }
}

impl Public {
    fn of(written: &WrittenKey) -> Option<Self> {
        let bytes = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => Self::rsa(bytes(&written.n)?, bytes(&written.e)?),
            ("EC", Some("P-256")) => {
                let point = point(&bytes(&written.x)?, &bytes(&written.y)?, 32)?;
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok().map(Self::P256)
            }
            ("EC", Some("P-384")) => {
                let point = point(&bytes(&written.x)?, &bytes(&written.y)?, 48)?;
                ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).ok().map(Self::P384)
            }
            ("OKP", Some("Ed25519")) => {
                let point = bytes(&written.x).filter(|point| point.len() == 32)?;
                ParsedPublicKey::new(&ED25519, point).ok().map(Self::Ed25519)
            }
            _ => None,
        }
    }

    fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Self> {
        // RFC 7518 section 6.3.1: without zeros before them.
        let first = n.first().filter(|first| **first != 0)?;
        let bits = n.len() * 8 - usize::try_from(first.leading_zeros()).ok()?;
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        let is_exponent = is_odd(&e) && e != [1] && e.len() <= EXPONENT_MAX && e.first() != Some(&0);
        if !RSA_BITS.contains(&bits) || !is_odd(&n) || !is_exponent {
            return None;
        }
        let key = PublicKeyComponents { n, e };
        key.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
        Some(Self::Rsa(key))
    }
}

fn point(x: &[u8], y: &[u8], length: usize) -> Option<Vec<u8>> {
    (x.len() == length && y.len() == length).then(|| [&[UNCOMPRESSED], x, y].concat())
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({} keys, {} passed by)", self.keys.len(), self.passed_by)
    }
}
