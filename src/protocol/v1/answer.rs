//! The shape of refusals in versions 1.0 and 1.1.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use backplane_actors::{PostError, ReadError, SubscribeError};
use serde::Serialize;

use crate::error::ApiError;

/// What every handler of these versions answers with.
pub(super) type Answer = Result<HttpResponse, Refusal>;

/// An error in the shape of versions 1.0 and 1.1: `ERR_MSG` repeats the description for clients of 1.0, and who
/// has no usable credentials is asked for HTTP Basic (V1-AUTH-2).
#[derive(Debug)]
pub(super) struct Refusal(ApiError);

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'a str,
    #[serde(rename = "ERR_MSG")]
    err_msg: &'a str,
}

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
        let mut response = self.0.head();
        if self.status_code() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"backplane\", charset=\"UTF-8\"");
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        let (error, description) = (self.0.code().as_str(), self.0.description());
        response.json(Body { error, error_description: description, err_msg: description })
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<PostError> for Refusal {
    fn from(error: PostError) -> Self {
        Self(error.into())
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self(error.into())
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        Self(error.into())
    }
}
