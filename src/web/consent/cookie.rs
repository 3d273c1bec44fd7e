//! The id of a session, and the cookie that carries it.

use std::fmt;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::access::Digest;
use crate::error::{ApiError, ErrorCode};

/// Bytes of an id.
const LENGTH: usize = 32;
/// Characters of one.
const CHARACTERS: usize = LENGTH.div_ceil(3) * 4 - 1;
/// What is hashed beside an id, so that what its forms carry is not what is kept of it.
const FORMS: &[u8] = b"backplane: forms of the session ";

/// The name of the cookie: browsers take this one over HTTPS alone, from this host alone, for all of its paths.
const SECURE: &str = "__Host-backplane-session";
/// The same over plain HTTP, which is let in on this machine alone (V1-AUTH-1).
const PLAIN: &str = "backplane-session";

/// A random text that nobody guesses. `Debug` does not show it (I-8).
pub(super) struct Id(Zeroizing<String>);

impl Id {
    pub(super) fn new() -> Result<Self, ApiError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        rand::fill(&mut *bytes).map_err(|_| {
            ApiError::new(ErrorCode::InternalError, "the system's source of randomness failed")
        })?;
        Ok(Self(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// The id in the cookie of a request. Of two none is one: another page of a neighbouring name may have set one of them.
    pub(super) fn of(headers: &HeaderMap, is_https: bool) -> Option<Self> {
        let name = name(is_https);
        let pairs = headers
            .get_all(COOKIE)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'));
        let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
        let value = values.next().filter(|value| is_id(value))?;
        values.next().is_none().then(|| Self(Zeroizing::new(value.to_owned())))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// What each form of the browser carries that has this id: nobody else can make it, and it tells nothing of the id.
    pub(super) fn form_token(&self) -> Zeroizing<String> {
        let hash = Digest::of(&[FORMS, self.0.as_bytes()].concat());
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(hash.as_bytes()))
    }

    /// Whether this is what its forms carry, in a time that tells nothing of it.
    pub(super) fn is_form_token(&self, token: &str) -> bool {
        self.form_token().as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// What gives it to the browser: no script reads it, and no page of another site has it sent with what it posts.
    pub(super) fn cookie(&self, is_https: bool) -> Result<HeaderValue, ApiError> {
        cookie(is_https, self.as_str(), "")
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id(..)")
    }
}

/// What takes it from the browser.
pub(super) fn no_cookie(is_https: bool) -> Result<HeaderValue, ApiError> {
    cookie(is_https, "", "; Max-Age=0")
}

fn cookie(is_https: bool, value: &str, end: &str) -> Result<HeaderValue, ApiError> {
    let (name, secure) = (name(is_https), if is_https { "; Secure" } else { "" });
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{end}");
    HeaderValue::try_from(text).map_err(|_| ApiError::new(ErrorCode::InternalError, "a cookie is no header"))
}

const fn name(is_https: bool) -> &'static str {
    if is_https { SECURE } else { PLAIN }
}

fn is_id(text: &str) -> bool {
    text.len() == CHARACTERS
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[String]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn an_id_comes_back_from_its_cookie() {
        for is_https in [true, false] {
            let id = Id::new().unwrap();
            let cookie = id.cookie(is_https).unwrap();
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly; SameSite=Lax") && cookie.contains("; Path=/;"), "{cookie}");
            assert_eq!(cookie.contains("; Secure"), is_https);
            assert_eq!(cookie.starts_with("__Host-"), is_https);
            let pair = cookie.split(';').next().unwrap().to_owned();
            let read =
                |values: &[String]| Id::of(&headers(values), is_https).map(|id| id.as_str().to_owned());
            assert_eq!(read(&[format!("a=b; {pair}; c=d")]).as_deref(), Some(id.as_str()));
            assert_eq!(read(&[pair.clone(), pair.clone()]), None, "two");
            assert_eq!(read(&[format!("{pair}; {pair}")]), None, "two");
            assert_eq!(read(&[format!("x{pair}")]), None);
            assert_eq!(read(&[pair[..pair.len() - 1].to_owned()]), None);
            let other = Id::of(&headers(&[pair]), !is_https);
            assert!(other.is_none(), "what came over plain HTTP is not believed over HTTPS");
            assert!(no_cookie(is_https).unwrap().to_str().unwrap().ends_with("; Max-Age=0"));
        }
    }

    #[test]
    fn a_form_is_of_one_id() {
        let (one, other) = (Id::new().unwrap(), Id::new().unwrap());
        let token = one.form_token();
        assert!(one.is_form_token(&token) && !other.is_form_token(&token));
        assert!(
            !one.is_form_token("") && !one.is_form_token(one.as_str()) && !one.is_form_token(&token[1..])
        );
        assert!(!format!("{one:?}").contains(one.as_str()), "I-8");
    }
}
