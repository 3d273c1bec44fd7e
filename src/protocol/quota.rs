//! What clients are told of the quotas that they draw on.

use actix_web::HttpResponse;
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;

use crate::error::{RATELIMIT, RATELIMIT_POLICY};
use crate::rates::Fields;

/// Says how it stands with the quotas that a request has drawn on.
pub(crate) fn tell_quota(response: &mut HttpResponse, fields: Option<Fields>) {
    let Some(Fields { policy, limit }) = fields else { return };
    for (name, text) in [(RATELIMIT_POLICY, policy), (RATELIMIT, limit)] {
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
            response.headers_mut().insert(name, value);
        }
    }
}
