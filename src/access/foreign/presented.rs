//! A token before anything of it is believed: its parts, its header, and whom it names as its issuer.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::algorithm::Algorithm;
use super::error::ForeignError;

/// Longest token, in bytes (I-5).
pub const TOKEN_MAX: usize = 16 * 1024;
/// Longest name of a key, in bytes.
const KEY_ID_MAX: usize = 512;
/// The types of access tokens (RFC 9068 section 2.1), in any case.
const TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// A JWT in its compact form, of which only the header was looked at. `Debug` does not show it (I-8).
pub struct Presented<'t> {
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
    /// What is signed: header and payload as they came.
    signed: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    issuer: Box<str>,
}

/// Members that say where a key is (`jku`, `jwk`, `x5u`, `x5c`) are not among these: whoever made the token could name his own.
#[derive(Deserialize)]
struct Header<'t> {
    #[serde(borrow)]
    alg: Cow<'t, str>,
    #[serde(borrow)]
    typ: Option<Cow<'t, str>>,
    kid: Option<Box<str>>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

#[derive(Deserialize)]
struct Issuer {
    iss: Box<str>,
}

/// `null` is something, too.
fn is_there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'t> Presented<'t> {
    /// Whether a text looks like a JWT rather than a token of ours, which has no dot.
    #[must_use]
    pub fn looks_so(text: &str) -> bool {
        text.contains('.')
    }

    /// The parts of this text.
    ///
    /// # Errors
    ///
    /// [`ForeignError`]: it is no signed JWT, no access token, or asks for what is not understood.
    pub fn parse(text: &'t str) -> Result<Self, ForeignError> {
        if text.len() > TOKEN_MAX {
            return Err(ForeignError::TooLong);
        }
        let form = |what| move || ForeignError::Form(what);
        let (signed, signature) = text.rsplit_once('.').ok_or_else(form("the form"))?;
        let (header, payload) = signed.split_once('.').ok_or_else(form("the form"))?;
        // Five parts are an encrypted one, two an unsigned one. A dot is no base64url either, so more than three end here.
        let decoded = |part: &str, what| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| form(what)());
        let header = decoded(header, "the header")?;
        let (payload, signature) = (decoded(payload, "the payload")?, decoded(signature, "the signature")?);
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| form("the header")())?;
        if header.crit {
            return Err(ForeignError::Critical);
        }
        let is_access = |typ: &str| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known));
        if !header.typ.as_deref().is_some_and(is_access) {
            return Err(ForeignError::Type);
        }
        let algorithm = header.alg.parse().map_err(|_| ForeignError::Algorithm)?;
        let key_id = header.kid;
        if key_id.as_ref().is_some_and(|key_id| key_id.len() > KEY_ID_MAX) {
            return Err(ForeignError::Form("the header"));
        }
        let Issuer { iss: issuer } =
            serde_json::from_slice(&payload).map_err(|_| ForeignError::Claim("iss"))?;
        Ok(Self { algorithm, key_id, signed, payload, signature, issuer })
    }

    /// Whom it names as its issuer. That is a question, not an answer: whose keys verify it says who it was.
    #[must_use]
    pub const fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    pub(super) const fn signed(&self) -> &'t str {
        self.signed
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({})", self.algorithm)
    }
}
