//! Proof that whoever exchanges a code asked for it (RFC 7636): S256, and nothing else.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::access::text::Digest;

/// Characters of a verifier (RFC 7636 section 4.1).
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;

/// Why a challenge is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// None was sent.
    #[error(
        "code_challenge is missing; a code is only given to those who can prove that they asked for it (RFC 7636)"
    )]
    Missing,
    /// Another method; nothing stands for `plain`, which whoever sees the challenge could prove.
    #[error("code_challenge_method has to be S256; plain, which is meant where it is missing, is refused")]
    Method,
    /// No SHA-256.
    #[error("code_challenge is not the base64url of a SHA-256, 43 characters")]
    Form,
}

/// The SHA-256 of what will have to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge(Digest);

impl Challenge {
    /// What a client asks with.
    ///
    /// # Errors
    ///
    /// [`PkceError`].
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Self, PkceError> {
        let challenge = challenge.ok_or(PkceError::Missing)?;
        if method != Some("S256") {
            return Err(PkceError::Method);
        }
        let mut bytes = [0; 32];
        if BASE64_URL_SAFE_NO_PAD.decode_slice(challenge, &mut bytes) == Ok(bytes.len()) {
            Ok(Self(Digest::from_bytes(bytes)))
        } else {
            Err(PkceError::Form)
        }
    }

    /// One that was kept.
    #[must_use]
    pub const fn recovered(digest: Digest) -> Self {
        Self(digest)
    }

    /// To keep it.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }

    /// Whether this is what has to be shown.
    #[must_use]
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let is_verifier = VERIFIER.contains(&verifier.len())
            && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
        is_verifier && self.0.is(&Digest::of(verifier.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_is_met_and_nothing_else_is() {
        let challenge =
            Challenge::parse(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some("S256")).unwrap();
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(challenge.is_met_by(verifier));
        for other in
            ["", &verifier[1..], &verifier.to_lowercase(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"]
        {
            assert!(!challenge.is_met_by(other), "{other}");
        }
        // What is no verifier proves nothing, whatever its hash is.
        let short = BASE64_URL_SAFE_NO_PAD.encode(Digest::of(b"short").as_bytes());
        assert!(!Challenge::parse(Some(&short), Some("S256")).unwrap().is_met_by("short"));
    }

    #[test]
    fn plain_and_nothing_are_refused() {
        let good = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(Challenge::parse(None, Some("S256")), Err(PkceError::Missing));
        for method in [None, Some("plain"), Some("s256"), Some("")] {
            assert_eq!(Challenge::parse(good, method), Err(PkceError::Method));
        }
        for bad in ["", "abc", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="] {
            assert_eq!(Challenge::parse(Some(bad), Some("S256")), Err(PkceError::Form));
        }
    }
}
