//! Every error that a client can meet, with its code and its status, in one list.
//!
//! The shape is the version's own (`protocol`); what belongs to no version answers with
//! `{"error": code, "error_description": text}`. The description says what is wrong, where, and what is allowed. It never
//! repeats a channel name, a credential or a payload (I-8).
//!
//! | module | what lives there |
//! |---|---|
//! | `code` | the list |
//! | `from` | what of the broker and of passwords becomes which error |

mod code;
mod from;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;

pub use self::code::ErrorCode;
use crate::rates::Fields;

/// Quotas that a request draws on (draft-ietf-httpapi-ratelimit-headers-11).
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// How it stands with the one that is the nearest to being used up.
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: ErrorCode,
    description: Cow<'static, str>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    closes: bool,
    /// Of the quota that is used up.
    rate: Option<Box<Fields>>,
}

impl ApiError {
    /// An error with its description: what is wrong, where, what is allowed.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: description.into(),
            retry_after: None,
            allow: None,
            closes: false,
            rate: None,
        }
    }

    /// There is no room in the budget of bytes under way (I-5).
    pub(crate) fn traffic_full() -> Self {
        let text = "requests and answers that are under way take all the memory that they may take \
                    (limits.traffic_memory), or this sender's share of it";
        Self::new(ErrorCode::TrafficFull, text)
    }

    /// The resource allows only these methods, as the `Allow` header lists them.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let description = format!("this resource allows the methods {allow}");
        Self { allow: Some(allow), ..Self::new(ErrorCode::MethodNotAllowed, description) }
    }

    /// When to come back, if more is known than what goes with the code. Only temporary errors say it.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// What the client is told of the quota that is used up.
    pub(crate) fn of_quota(self, fields: Fields) -> Self {
        Self { rate: Some(Box::new(fields)), ..self }
    }

    /// Ends the connection after the answer: the rest of the request is not going to be read.
    #[must_use]
    pub fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What is wrong, where, and what is allowed.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// When to come back, for errors that pass.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.code.wait().map(|usual| self.retry_after.unwrap_or(usual))
    }

    /// Status and headers, as all shapes of this error have them.
    pub(crate) fn head(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.code.status());
        if let Some(allow) = self.allow {
            response.insert_header((ALLOW, HeaderValue::from_static(allow)));
        }
        if let Some(wait) = self.wait() {
            // Rounded up: a client that comes back a moment early is refused again.
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
            response.insert_header((RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        }
        if let Some(Fields { policy, limit }) = self.rate.as_deref() {
            response.insert_header((RATELIMIT_POLICY, policy.as_str()));
            response.insert_header((RATELIMIT, limit.as_str()));
        }
        if self.closes {
            response.force_close();
        }
        // For the log's line about this request.
        response.extensions_mut().insert(self.code);
        response
    }
}

/// The shape of errors that belong to no version.
#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'a str,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.head().json(Body { error: self.code.as_str(), error_description: &self.description })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_of(error: &ApiError) -> Option<String> {
        let value = error.error_response().headers().get(RETRY_AFTER)?.to_str().unwrap().to_owned();
        Some(value)
    }

    #[test]
    fn temporary_errors_alone_say_when_to_come_back() {
        let soon = Duration::from_millis(1_001);
        for code in [ErrorCode::Busy, ErrorCode::Unavailable, ErrorCode::TrafficFull, ErrorCode::StorageFull]
        {
            assert!(code.is_temporary());
            let error = ApiError::new(code, "");
            assert!(wait_of(&error).is_some(), "{error}");
            assert_eq!(wait_of(&error.retry_after(soon)).as_deref(), Some("2"), "rounded up");
        }
        for code in [ErrorCode::InternalError, ErrorCode::Forbidden, ErrorCode::BodyTooLarge] {
            assert!(!code.is_temporary());
            assert_eq!(wait_of(&ApiError::new(code, "").retry_after(soon)), None);
        }
    }
}
