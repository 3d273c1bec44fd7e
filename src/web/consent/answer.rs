//! How pages and the ways back are sent: what browsers are told to keep others from doing with them.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_FRAME_OPTIONS,
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

use super::html::Html;
use super::pages;
use crate::access::ClientUrl;
use crate::access::authorization::origin_for_forms;
use crate::error::{ApiError, ErrorCode};

/// What every handler of this room answers with.
pub(super) type Answer = Result<HttpResponse, Refusal>;

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Where the forms of a page may lead, besides to this server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Forms<'a> {
    /// Nowhere else.
    Here,
    /// To where a client has its users sent back.
    Back(&'a ClientUrl),
}

/// A page. It loads one stylesheet of this server and nothing else, runs no script, and is shown in no other page.
pub(super) fn page(mut head: HttpResponseBuilder, forms: Forms<'_>, html: Html) -> HttpResponse {
    let more = match forms {
        Forms::Here => String::new(),
        // Browsers hold the redirect after a form against it, too.
        Forms::Back(url) => format!(" {}", origin_for_forms(url)),
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{more}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response =
        head.insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(html.into_string());
    let headers = response.headers_mut();
    // Without one the layer around adds what allows nothing.
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    protect(headers);
    response
}

fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        // With `no-referrer` browsers would not say which origin a form is sent from.
        (REFERRER_POLICY, "same-origin"),
        (X_FRAME_OPTIONS, "DENY"),
        (OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Goes on there, by GET whatever was asked by (RFC 9700 section 4.12): to a page of this room, or back to a client.
pub(super) fn see_other(to: &str) -> Answer {
    let to = HeaderValue::try_from(to).map_err(|_| {
        ApiError::new(ErrorCode::InvalidRequest, "where this leads to cannot be written into a header")
    })?;
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, to)).insert_header((REFERRER_POLICY, "no-referrer"));
    Ok(response.finish())
}

/// Why a page is not what was asked for: told on a page.
#[derive(Debug)]
pub(super) struct Refusal(ApiError);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.0.code().status()
    }

    fn error_response(&self) -> HttpResponse {
        page(self.0.head(), Forms::Here, pages::refused(self.0.description()))
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

/// A refusal of this code.
pub(super) fn refuse(code: ErrorCode, text: &'static str) -> Refusal {
    ApiError::new(code, text).into()
}
