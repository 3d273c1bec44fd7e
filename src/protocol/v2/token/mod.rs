//! `/v2/token`: `GET` for pages (V2-ANON-1), `POST` for clients (V2-TOK-1).

pub(super) mod client;
pub(super) mod page;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, PRAGMA};

/// Nobody keeps an answer with a token (RFC 6749 section 5.1).
const NEVER_KEPT: [(HeaderName, HeaderValue); 2] =
    [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (PRAGMA, HeaderValue::from_static("no-cache"))];

fn is_not_kept(response: &mut HttpResponse) {
    for (name, value) in NEVER_KEPT {
        response.headers_mut().insert(name, value);
    }
}
