//! Answers as a script that calls a function of the page (V1-PAD-1), for pages that cannot use CORS.

use actix_web::http::header::HeaderValue;

use crate::error::{ApiError, ErrorCode};

/// Longest callback name, in characters.
const LENGTH_MAX: usize = 64;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// JavaScript by RFC 9239. Browsers are told elsewhere not to guess another type.
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

/// The name of a function of the page: identifiers with dots, at most 64 characters.
///
/// What is echoed into a script must not be able to be one.
#[derive(Debug)]
pub(crate) struct Callback(Box<str>);

impl Callback {
    /// The callback in a query's `callback` parameter.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let is_identifier = |part: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$');
            part.bytes().next().is_some_and(is_letter)
                && part.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
        };
        if text.len() <= LENGTH_MAX && text.split('.').all(is_identifier) {
            return Ok(Self(text.into()));
        }
        let description = "callback must be identifiers (A-Z a-z 0-9 _ $, not a digit first) with dots between \
            them, like Backplane.response, of at most 64 characters together";
        Err(ApiError::new(ErrorCode::InvalidRequest, description))
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What comes behind the name of the callback, and behind what it is called with. Nothing may follow: published clients that are no
/// browsers cut these two characters off.
pub(crate) const OPEN: &str = "(";
pub(crate) const CLOSE: &str = ");";

/// A short answer as a script, of JSON that has no line separators.
pub(crate) fn padded(callback: &Callback, json: &str) -> String {
    [callback.as_str(), OPEN, json, CLOSE].concat()
}

/// Media type of an answer that is padded, or is not.
pub(crate) fn content_type(callback: Option<&Callback>) -> HeaderValue {
    if callback.is_some() { SCRIPT } else { JSON }
}

/// Bytes of a line separator.
pub(crate) const SEPARATOR: usize = 3;

/// The first line separator, U+2028 or U+2029, and what stands for it in a script.
///
/// They may stand in JSON, but before 2019 they ended a line of a script.
pub(crate) fn separator(json: &[u8]) -> Option<(usize, &'static [u8])> {
    json.windows(SEPARATOR).enumerate().find_map(|(at, bytes)| match bytes {
        [0xe2, 0x80, 0xa8] => Some((at, &b"\\u2028"[..])),
        [0xe2, 0x80, 0xa9] => Some((at, &b"\\u2029"[..])),
        _ => None,
    })
}

/// The same text with its line separators escaped.
pub(crate) fn escaped(json: &str) -> String {
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// How many bytes more this JSON takes with its line separators escaped.
pub(crate) fn growth(json: &[u8]) -> usize {
    let mut growth = 0;
    let mut rest = json;
    while let Some((at, escape)) = separator(rest) {
        growth += escape.len() - SEPARATOR;
        rest = rest.get(at + SEPARATOR..).unwrap_or_default();
    }
    growth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_pad_1_callbacks_are_identifiers_with_dots() {
        for good in ["f", "Backplane.response", "$._a.b9", &"x".repeat(64)] {
            assert_eq!(Callback::parse(good).ok().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "9a",
            "a.9",
            "a b",
            "a(",
            "alert(1)//",
            "ä",
            "a[0]",
            &"x".repeat(65),
        ] {
            let error = Callback::parse(bad).err().unwrap();
            assert_eq!(error.code(), ErrorCode::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn line_separators_are_found_and_counted() {
        let json = "[\"a\u{2028}b\u{2029}\"]".as_bytes();
        assert_eq!(separator(json), Some((3, &b"\\u2028"[..])));
        assert_eq!(separator(&json[4..]), Some((3, &b"\\u2029"[..])));
        assert_eq!(growth(json), 6);
        assert_eq!(growth("[\"\u{2027}\u{202a}\"]".as_bytes()), 0);
    }
}
