//! The Basic scheme of the `Authorization` header (RFC 7617), parsed without allocating.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroize as _;

/// Longest `Authorization` value that is looked at, in bytes (I-5).
pub const AUTHORIZATION_MAX: usize = 4096;
/// What so many base64 characters can hold.
const DECODED_MAX: usize = AUTHORIZATION_MAX / 4 * 3;
const SCHEME: &[u8] = b"basic";
// Some old clients leave the padding out. Everything else stays strict: an accepted text is the text of one
// credential only.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why an `Authorization` value holds no Basic credentials. It never repeats the value (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasicError {
    /// Another scheme, for example `Bearer`.
    #[error("the Authorization header uses another scheme than Basic")]
    OtherScheme,
    /// Basic, but not RFC 7617: over [`AUTHORIZATION_MAX`], not base64, not UTF-8, control characters, no `:`.
    #[error("the Authorization header does not hold Basic credentials (base64 of user:password in UTF-8)")]
    Malformed,
}

/// Room for decoded credentials; lives on the caller's stack, and leaves nothing there.
pub struct Scratch {
    bytes: [u8; DECODED_MAX],
    // Only so many of them were written to: all of them, each time, would be a twentieth of a request.
    used: usize,
}

impl Scratch {
    /// Empty room.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; DECODED_MAX], used: 0 }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(used) = self.bytes.get_mut(..self.used) {
            used.zeroize();
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratch(..)")
    }
}

/// A user and a password as somebody sent them. `Debug` shows neither (I-8).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// All before the first `:`; may be empty or the name of nobody.
    pub user: &'a str,
    /// All after it; may be empty and may hold more `:`.
    pub password: &'a str,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// The credentials in an `Authorization` value.
///
/// # Errors
/// Another scheme, or not RFC 7617.
///
/// ```
/// use backplane::auth::basic;
/// let mut scratch = basic::Scratch::new();
/// let credentials = basic::parse(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", &mut scratch)?;
/// assert_eq!((credentials.user, credentials.password), ("Aladdin", "open sesame"));
/// # Ok::<(), basic::BasicError>(())
/// ```
pub fn parse<'s>(authorization: &[u8], scratch: &'s mut Scratch) -> Result<Credentials<'s>, BasicError> {
    let value = authorization.trim_ascii();
    let (scheme, rest) = value.split_at_checked(SCHEME.len()).ok_or(BasicError::OtherScheme)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(BasicError::OtherScheme);
    }
    match rest.first() {
        None => return Err(BasicError::Malformed),
        Some(b' ') => {}
        // `Basically` is a scheme of its own.
        Some(_) => return Err(BasicError::OtherScheme),
    }
    if value.len() > AUTHORIZATION_MAX {
        return Err(BasicError::Malformed);
    }
    // What is no base64 is decoded up to there.
    scratch.used = DECODED_MAX;
    let length = BASE64
        .decode_slice(rest.trim_ascii_start(), &mut scratch.bytes)
        .map_err(|_| BasicError::Malformed)?;
    scratch.used = length;
    let decoded = scratch.bytes.get(..length).ok_or(BasicError::Malformed)?;
    let text = std::str::from_utf8(decoded).map_err(|_| BasicError::Malformed)?;
    let (user, password) = text.split_once(':').ok_or(BasicError::Malformed)?;
    // RFC 7617 section 2: neither part holds control characters.
    if text.chars().any(char::is_control) {
        return Err(BasicError::Malformed);
    }
    Ok(Credentials { user, password })
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn parsed(value: &[u8]) -> Result<(String, String), BasicError> {
        let mut scratch = Scratch::new();
        let Credentials { user, password } = parse(value, &mut scratch)?;
        Ok((user.to_owned(), password.to_owned()))
    }

    fn basic(text: impl AsRef<[u8]>) -> Vec<u8> {
        format!("Basic {}", BASE64_STANDARD.encode(text)).into_bytes()
    }

    // What `parsed` answers, to compare with.
    #[allow(clippy::unnecessary_wraps)]
    fn pair(user: &str, password: &str) -> Result<(String, String), BasicError> {
        Ok((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn rfc_7617_examples() {
        assert_eq!(parsed(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame"));
        assert_eq!(parsed(b"Basic dGVzdDoxMjPCow=="), pair("test", "123£"));
    }

    #[test]
    fn scheme_spaces_and_padding_vary() {
        for value in ["basic YTpi", "BASIC   YTpi", " Basic YTpi\t", "bAsIc YTpiYw==", "Basic YTpiYw"] {
            assert!(parsed(value.as_bytes()).is_ok(), "{value}");
        }
    }

    #[test]
    fn the_first_colon_splits() {
        assert_eq!(parsed(&basic("a:b:c")), pair("a", "b:c"));
        assert_eq!(parsed(&basic(":")), pair("", ""));
        assert_eq!(parsed(&basic("a")), Err(BasicError::Malformed));
    }

    #[test]
    fn other_schemes_are_told_from_malformed_values() {
        for other in ["", "Bas", "Bearer YTpi", "Basically YTpi", "Basic\tYTpi", "YTpi"] {
            assert_eq!(parsed(other.as_bytes()), Err(BasicError::OtherScheme), "{other}");
        }
        for malformed in [
            "Basic",
            "Basic ",
            "Basic YTpi YTpi",
            "Basic YTp",
            "Basic YT-i",
            "Basic YTpiY=",
            "Basic YTpiYx==",
        ] {
            assert_eq!(parsed(malformed.as_bytes()), Err(BasicError::Malformed), "{malformed}");
        }
        assert_eq!(parsed(&basic(b"a:\xff")), Err(BasicError::Malformed));
        assert_eq!(parsed(&basic("a:b\n")), Err(BasicError::Malformed));
        assert_eq!(parsed(&basic("a\0:b")), Err(BasicError::Malformed));
    }

    #[test]
    fn i_5_the_length_is_bounded() {
        let password = "x".repeat((AUTHORIZATION_MAX - "Basic ".len()) / 4 * 3 - 2);
        let longest = basic(format!("a:{password}"));
        assert!(longest.len() <= AUTHORIZATION_MAX);
        assert_eq!(parsed(&longest), pair("a", &password));
        assert_eq!(parsed(&basic(format!("a:{password}{}", "x".repeat(6)))), Err(BasicError::Malformed));
    }

    #[test]
    fn i_8_debug_shows_nothing() {
        let mut scratch = Scratch::new();
        let value = basic("user:password");
        assert_eq!(format!("{:?}", parse(&value, &mut scratch)), "Ok(Credentials(..))");
        assert_eq!(format!("{scratch:?}"), "Scratch(..)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_credentials_or_refused(value in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parsed(&value);
            let mut prefixed = b"Basic ".to_vec();
            prefixed.extend(value);
            let _ = parsed(&prefixed);
        }

        #[test]
        fn what_was_written_is_read(user in "[^:\\p{Cc}]{0,40}", password in "\\P{Cc}{0,40}", padded: bool) {
            let text = format!("{user}:{password}");
            let encoded = if padded { BASE64_STANDARD.encode(text) } else { BASE64_STANDARD_NO_PAD.encode(text) };
            prop_assert_eq!(parsed(format!("Basic {encoded}").as_bytes()), pair(&user, &password));
        }
    }
}
