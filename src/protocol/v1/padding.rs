//! Answers as a script that calls a function of the page (V1-PAD-1), for pages that cannot use CORS.

use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::header::{CONTENT_TYPE, ContentType, HeaderValue};

use crate::error::{ApiError, ErrorCode};

/// Longest callback name, in characters.
const LENGTH_MAX: usize = 64;
/// JavaScript by RFC 9239. Browsers are told elsewhere not to guess another type.
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

/// The name of a function of the page: identifiers with dots, at most 64 characters.
///
/// What is echoed into a script must not be able to be one.
pub(super) struct Callback(Box<str>);

impl Callback {
    /// The callback in a query's `callback` parameter.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
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

    /// `<callback>(<json>)`.
    ///
    /// U+2028 and U+2029 are escaped: they may stand in JSON, but before 2019 they ended a line of a script.
    fn pad(&self, json: &[u8]) -> Vec<u8> {
        let mut script = Vec::with_capacity(self.0.len() + json.len() + 2);
        script.extend_from_slice(self.0.as_bytes());
        script.push(b'(');
        let mut rest = json;
        while let Some(at) = rest.windows(3).position(|bytes| matches!(bytes, [0xe2, 0x80, 0xa8 | 0xa9])) {
            let (before, from) = rest.split_at(at);
            let (separator, after) = from.split_at(3);
            script.extend_from_slice(before);
            script.extend_from_slice(if separator.ends_with(&[0xa8]) { b"\\u2028" } else { b"\\u2029" });
            rest = after;
        }
        script.extend_from_slice(rest);
        script.push(b')');
        script
    }
}

/// Ends an answer: as JSON, or padded when there is a callback.
pub(super) fn finish(
    mut response: HttpResponseBuilder,
    json: Vec<u8>,
    callback: Option<&Callback>,
) -> HttpResponse {
    match callback {
        None => response.insert_header(ContentType::json()).body(json),
        Some(callback) => response.insert_header((CONTENT_TYPE, SCRIPT)).body(callback.pad(&json)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn padded(callback: &str, json: &str) -> String {
        String::from_utf8(Callback::parse(callback).ok().unwrap().pad(json.as_bytes())).unwrap()
    }

    #[test]
    fn v1_pad_1_callbacks_are_identifiers_with_dots() {
        for good in ["f", "Backplane.response", "$._a.b9", &"x".repeat(64)] {
            assert_eq!(padded(good, "[1]"), format!("{good}([1])"));
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
    fn line_separators_are_escaped() {
        assert_eq!(padded("f", "[\"a\u{2028}b\u{2029}\"]"), r#"f(["a\u2028b\u2029"])"#);
    }

    proptest! {
        #[test]
        fn padding_keeps_the_value(text in "[a\u{2028}\u{2029}\u{2027}\u{e2}\"\\\\]{0,20}") {
            let json = serde_json::to_string(&text).unwrap();
            let script = padded("f", &json);
            prop_assert!(!script.contains(['\u{2028}', '\u{2029}']), "a separator is left");
            let value: String = serde_json::from_str(&script[2..script.len() - 1]).unwrap();
            prop_assert_eq!(value, text);
        }
    }
}
