//! Which pages may read what a token lets see. Pages send their token in a header, so browsers ask first; which bus it is about is known
//! only once the token comes: whoever asks first is told what may be asked, and the answer itself says whether the page may read it.

use std::future::{Ready, ready};

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};

use super::answer::Refusal;
use crate::service::Bus;

/// How long a browser may remember the answer to a preflight, in seconds.
const REMEMBER: HeaderValue = HeaderValue::from_static("3600");
/// Nothing that a browser adds by itself lets anybody see anything here, so every page may be named.
const ANY: HeaderValue = HeaderValue::from_static("*");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("backplane-resume, retry-after, ratelimit-policy, ratelimit, www-authenticate");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, last-event-id");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// What a resource that pages read may be asked, for everybody and for browsers that ask first.
pub(super) fn options(methods: &'static str) -> Ready<HttpResponse> {
    let mut response = HttpResponse::NoContent();
    response
        .insert_header((ALLOW, HeaderValue::from_static(methods)))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, ANY))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, REMEMBER));
    ready(response.finish())
}

/// An answer that says why there is none, for the page that asks.
pub(super) fn refused(refusal: &Refusal, bus: Option<&Bus>, request: &HttpRequest) -> HttpResponse {
    let mut response = refusal.error_response();
    let_read(&mut response, bus, request.headers());
    response
}

/// Lets the page that asks read the answer, if it may read the bus; what is about no bus has nothing to keep from anybody.
pub(super) fn let_read(response: &mut HttpResponse, bus: Option<&Bus>, asked: &HeaderMap) {
    let Some(origin) = asked.get(ORIGIN) else { return };
    let allowed = match bus {
        None => Some(ANY),
        Some(bus) if bus.allows_all_pages() => Some(ANY),
        Some(bus) => bus.allowed_origins().allows(origin.as_bytes()).then(|| origin.clone()),
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
