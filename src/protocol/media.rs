//! What bodies are said to be. Pure.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};

use crate::error::{ApiError, ErrorCode};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Headers of browsers, of which every one sends one of them with a POST to another origin.
const BY_BROWSERS: [HeaderName; 2] = [ORIGIN, HeaderName::from_static("sec-fetch-site")];

/// Whether servers that say that they send a form mean it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// They mean JSON too, as `curl -d` does, if nothing of a browser is in their heads (V1-CT-1).
    AreJson,
    /// They are taken at their word.
    AreForms,
}

/// JSON, as it is, and said to be it: what a page can send to another origin unasked, a form or a body without a type, is
/// not taken from a browser, which would add the credentials of whoever sits there.
pub(crate) fn check(headers: &HeaderMap, forms: Forms) -> Result<(), ApiError> {
    let refuse = |text| Err(ApiError::new(ErrorCode::UnsupportedMediaType, text));
    match once(headers, &CONTENT_TYPE)? {
        Some(kind) if is(kind, JSON) => {}
        Some(kind) if forms == Forms::AreJson && is(kind, FORM) => {
            if BY_BROWSERS.iter().any(|name| headers.contains_key(name)) {
                return refuse("a browser must send the body as Content-Type: application/json");
            }
        }
        Some(_) => return refuse("the body must be sent as Content-Type: application/json"),
        None => return refuse("the request has no Content-Type: send Content-Type: application/json"),
    }
    check_coding(headers)
}

/// A form, as it is, and said to be it.
pub(crate) fn check_form(headers: &HeaderMap) -> Result<(), ApiError> {
    match once(headers, &CONTENT_TYPE)? {
        Some(kind) if is(kind, FORM) => check_coding(headers),
        _ => {
            let text = "the body must be sent as Content-Type: application/x-www-form-urlencoded";
            Err(ApiError::new(ErrorCode::UnsupportedMediaType, text))
        }
    }
}

fn check_coding(headers: &HeaderMap) -> Result<(), ApiError> {
    match once(headers, &CONTENT_ENCODING)? {
        Some(coding) if !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") => {
            let text = "the body must be sent without Content-Encoding";
            Err(ApiError::new(ErrorCode::UnsupportedMediaType, text))
        }
        _ => Ok(()),
    }
}

fn is(kind: &HeaderValue, wanted: &str) -> bool {
    let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes())
}

/// The value of a header that may be there once: of two, others might believe the other one.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ApiError> {
    let mut values = headers.get_all(name);
    let value = values.next();
    if values.next().is_some() {
        let text = format!("the header {name} may be given once, not twice");
        return Err(ApiError::new(ErrorCode::InvalidRequest, text));
    }
    Ok(value)
}
