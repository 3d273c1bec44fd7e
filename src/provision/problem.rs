//! The shape of errors here: problem details (RFC 9457), with each wrong field.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};

use super::kind::Kind;
use super::order::{Refusal, Wrong};
use super::registrar::ChangeError;
use crate::error::{ApiError, ErrorCode};

/// What every handler of `/admin/v1` answers with.
pub(super) type Answer = Result<HttpResponse, Problem>;

/// An error, and the fields that are wrong.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    error: ApiError,
    wrongs: Vec<Wrong>,
}

impl Problem {
    pub(super) fn new(code: ErrorCode, detail: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        ApiError::new(code, detail).into()
    }

    /// One field is wrong.
    pub(super) fn wrong(field: &str, reason: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::of_wrongs(vec![Wrong::new(field, reason, allowed)])
    }

    pub(super) fn of_wrongs(wrongs: Vec<Wrong>) -> Self {
        let text = wrongs.iter().map(Wrong::text).collect::<Vec<_>>().join("\n");
        Self { error: ApiError::new(ErrorCode::InvalidEntity, text), wrongs }
    }

    /// There is none.
    pub(super) fn unknown(kind: Kind) -> Self {
        Self::new(ErrorCode::UnknownEntity, format!("there is no {} of this {}", kind.one(), kind.known_by()))
    }

    /// Why an order about one of these is not carried out.
    pub(super) fn of_refusal(kind: Kind, refusal: Refusal) -> Self {
        let one = kind.one();
        match refusal {
            Refusal::ReadOnly => Self::new(
                ErrorCode::ReadOnly,
                format!("this {one} is in the configuration of the server, and is changed there alone"),
            ),
            Refusal::Unknown => Self::unknown(kind),
            Refusal::Exists => {
                Self::new(ErrorCode::PreconditionFailed, format!("there is a {one} of this name already"))
            }
            Refusal::Changed => Self::new(
                ErrorCode::PreconditionFailed,
                format!("the {one} is not, or no more, what If-Match takes it for"),
            ),
            Refusal::Stranger(of, name) => {
                let field = if of == Kind::Buses { of.many() } else { of.one() };
                let allowed = format!("the name of a {} that is there", of.one());
                Self::wrong(field, format!("there is no {} {name:?}", of.one()), allowed)
            }
            Refusal::NotOwned(bus) => {
                let reason = format!("the bus {:?} is not the one's who grants it", bus.as_str());
                Self::wrong("buses", reason, "buses whose owner grants them")
            }
            Refusal::Wrong(wrongs) => Self::of_wrongs(wrongs),
            Refusal::TooMany { setting, most } => {
                let text = format!("as many are made as may be: {most} ({setting})");
                Self::new(ErrorCode::TooManyEntities, text)
            }
        }
    }

    /// Why one change is not made.
    pub(super) fn of_change(kind: Kind, error: ChangeError) -> Self {
        match error {
            ChangeError::Refused(refusals) => match refusals.into_iter().flatten().next() {
                Some(refusal) => Self::of_refusal(kind, refusal),
                None => Self::of_failure(&ChangeError::Impossible),
            },
            error => Self::of_failure(&error),
        }
    }

    fn of_failure(error: &ChangeError) -> Self {
        failure(error).into()
    }

    pub(super) fn status(&self) -> StatusCode {
        self.error.code().status()
    }

    /// What is wrong, in words.
    pub(super) fn detail(&self) -> &str {
        self.error.description()
    }

    /// As it is sent.
    pub(super) fn json(&self) -> Value {
        let (code, status) = (self.error.code(), self.status());
        let mut json = json!({
            "type": format!("urn:backplane:error:{}", code.as_str()),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": self.error.description(),
        });
        if !self.wrongs.is_empty() {
            let wrongs = self.wrongs.iter().map(|Wrong { field, reason, allowed }| {
                json!({"field": field, "reason": reason, "allowed": allowed})
            });
            if let Some(json) = json.as_object_mut() {
                json.insert("errors".to_owned(), wrongs.collect());
            }
        }
        json
    }
}

/// Why a change that was asked for rightly is not made.
pub(super) fn failure(error: &ChangeError) -> ApiError {
    let unavailable = |text: &'static str| ApiError::new(ErrorCode::Unavailable, text);
    match error {
        ChangeError::Store => {
            unavailable("the change could not be kept, and was not made; the log of the server says why")
        }
        ChangeError::Stays(buses) => {
            let names: Vec<_> = buses.iter().map(|bus| bus.bus.as_str()).collect();
            let names = names.join(", ");
            ApiError::new(
                ErrorCode::Unavailable,
                format!(
                    "the message log could not note it: as they were stay the buses {names}; all else is done"
                ),
            )
        }
        ChangeError::Unknown => {
            unavailable("the disk does not answer; nobody knows yet whether the change is made")
        }
        ChangeError::Late => ApiError::new(ErrorCode::InvalidCredentials, "there is an admin now"),
        ChangeError::Impossible | ChangeError::Refused(_) => {
            ApiError::new(ErrorCode::InternalError, "the change contradicts itself, and was not made")
        }
    }
}

impl Wrong {
    /// In one line.
    pub(super) fn text(&self) -> String {
        let Self { field, reason, allowed } = self;
        format!("{field}: {reason}; allowed: {allowed}")
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self { error, wrongs: Vec::new() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.head();
        if self.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"backplane admin\", charset=\"UTF-8\"");
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/problem+json")));
        response.body(self.json().to_string())
    }
}
