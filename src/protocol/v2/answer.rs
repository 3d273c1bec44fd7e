//! The shape of refusals in version 2.0: OAuth 2.0 error objects (RFC 6749 section 5.2, RFC 6750 section 3), padded where a page asked by
//! a script (V2-PAD-1).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::error::{ApiError, ErrorCode};
use crate::http::{CROSS_ORIGIN, RESOURCE_POLICY};
use crate::protocol::padding::{self, Callback};

/// What every handler of this version answers with.
pub(super) type Answer = Result<HttpResponse, Refusal>;

/// What a page is told of a token that is not good, whatever the reason: deployed clients recover by these very words (V2-ERR-1).
pub(super) const INVALID_TOKEN: &str = "invalid token";

/// An error in the shape of version 2.0.
#[derive(Debug)]
pub(super) struct Refusal {
    error: ApiError,
    callback: Option<Callback>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'a str,
}

impl Refusal {
    /// For a page that asked by a script: it sees nothing of an answer whose status says that something is wrong (V2-PAD-1).
    pub(super) fn padded(error: impl Into<ApiError>, callback: Option<Callback>) -> Self {
        Self { error: error.into(), callback }
    }

    /// Which client or token is asked for, where one is missing or wrong.
    fn challenge(&self) -> Option<HeaderValue> {
        let code = self.error.code();
        let text = match code {
            ErrorCode::InvalidClient | ErrorCode::CredentialsRequired | ErrorCode::InvalidCredentials => {
                "Basic realm=\"backplane\", charset=\"UTF-8\"".to_owned()
            }
            // Who came without a token is not told what is wrong with it (RFC 6750 section 3.1).
            ErrorCode::TokenRequired => "Bearer realm=\"backplane\"".to_owned(),
            ErrorCode::InvalidToken | ErrorCode::RevokedToken | ErrorCode::InsufficientScope => {
                format!("Bearer realm=\"backplane\", error=\"{}\"", code.as_str())
            }
            _ => return None,
        };
        HeaderValue::try_from(text).ok()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        if self.callback.is_some() { StatusCode::OK } else { self.error.code().status() }
    }

    fn error_response(&self) -> HttpResponse {
        let (error, description) = (self.error.code().as_str(), self.error.description());
        let body = Body { error, error_description: description };
        let mut response = self.error.head();
        if let Some(callback) = &self.callback {
            // Descriptions are texts of ours, without line separators.
            let json = serde_json::to_string(&body).unwrap_or_default();
            response
                .status(StatusCode::OK)
                .insert_header((CONTENT_TYPE, padding::content_type(Some(callback))))
                .insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
            return response.body(padding::padded(callback, &json));
        }
        if let Some(challenge) = self.challenge() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.json(body)
    }
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self { error: error.into(), callback: None }
    }
}

/// An answer as JSON, or as a script.
pub(super) fn json(body: &impl Serialize, callback: Option<&Callback>) -> HttpResponse {
    let text = serde_json::to_string(body).unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, padding::content_type(callback)));
    let Some(callback) = callback else { return response.body(text) };
    response.insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
    response.body(padding::padded(callback, &text))
}
