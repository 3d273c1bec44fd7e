//! What the door itself says: answers to peers whose requests never reach a route. Each is made once.

use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::ResponseError as _;
use actix_web::body::MessageBody as _;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Bytes;

use super::load::REST;
use crate::error::{ApiError, ErrorCode};

static FULL: LazyLock<Bytes> = LazyLock::new(|| {
    whole(&ApiError::new(ErrorCode::TooManyConnections, "the server has as many connections as it may have"))
});
static OVERLOADED: LazyLock<Bytes> = LazyLock::new(|| whole(&overload()));
static FULL_FOR_ADDRESS: LazyLock<Bytes> = LazyLock::new(|| {
    let text = "this address has as many connections as it may have; use one connection for many requests";
    whole(&ApiError::new(ErrorCode::TooManyConnections, text))
});
static HEAD_TIMEOUT: LazyLock<Bytes> = LazyLock::new(|| {
    whole(&ApiError::new(ErrorCode::HeadTimeout, "the head of the request did not arrive in time"))
});
static HEAD_TOO_LARGE: LazyLock<Bytes> = LazyLock::new(|| {
    whole(&ApiError::new(ErrorCode::HeadTooLarge, "the head of the request is longer than it may be"))
});
static TLS_REQUIRED: LazyLock<Bytes> = LazyLock::new(|| {
    let text = "this port speaks HTTPS, and this was plain HTTP: use a URL that begins with https://";
    whole(&ApiError::new(ErrorCode::TlsRequired, text))
});

pub(super) fn overloaded() -> Bytes {
    OVERLOADED.clone()
}

pub(super) fn full() -> Bytes {
    FULL.clone()
}

pub(super) fn full_for_address() -> Bytes {
    FULL_FOR_ADDRESS.clone()
}

pub(super) fn head_timeout() -> Bytes {
    HEAD_TIMEOUT.clone()
}

pub(super) fn head_too_large() -> Bytes {
    HEAD_TOO_LARGE.clone()
}

pub(super) fn tls_required() -> Bytes {
    TLS_REQUIRED.clone()
}

/// More is asked than can be answered.
pub(super) fn overload() -> ApiError {
    let text = "the server is asked more than it can answer; nothing of this request was done";
    ApiError::new(ErrorCode::Overloaded, text).retry_after(REST)
}

/// The error as an answer with all its bytes, after which the connection ends.
fn whole(error: &ApiError) -> Bytes {
    let mut response = error.error_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    let status = response.status();
    let mut head =
        format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    for (name, value) in response.headers() {
        // Writing to a text does not fail.
        _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    _ = write!(head, "content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let mut whole = head.into_bytes();
    whole.extend_from_slice(&body);
    whole.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_whole_answer() {
        for (words, status) in [
            (full(), "503 Service Unavailable"),
            (overloaded(), "503 Service Unavailable"),
            (full_for_address(), "503 Service Unavailable"),
            (head_timeout(), "408 Request Timeout"),
            (head_too_large(), "431 Request Header Fields Too Large"),
            (tls_required(), "400 Bad Request"),
        ] {
            let text = std::str::from_utf8(&words).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
            assert!(head.ends_with("\r\nconnection: close"), "{head}");
            assert!(head.contains("\r\ncontent-security-policy: default-src 'none'"), "{head}");
            assert!(head.contains("\r\ncontent-type: application/json"), "{head}");
            assert_eq!(head.contains("\r\nretry-after: "), status.starts_with("503"), "{head}");
            assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["error"].is_string());
        }
    }
}
