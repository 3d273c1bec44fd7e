//! What an answer to a retrieval is around its messages, in every version.

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use backplane_actors::Resume;

use super::list::List;
use super::padding::{self, Callback};
use super::push::RESUME;
use crate::error::ApiError;
use crate::http::{Announced, CROSS_ORIGIN, NoRoom, RESOURCE_POLICY};
use crate::service::{Holder, Service};

/// An answer that says whether something is missing, as JSON or as the script of a callback.
pub(super) fn answer(resume: Resume, callback: Option<&Callback>) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((RESUME, HeaderValue::from_static(resume.as_str())))
        .insert_header((CONTENT_TYPE, padding::content_type(callback)));
    if callback.is_some() {
        response.insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
    }
    response
}

/// The answer with its messages, which hold their share of `limits.traffic_memory` until they are read (I-6).
///
/// # Errors
///
/// No room is left for them.
pub(super) fn with_messages(
    mut response: HttpResponseBuilder,
    list: List,
    service: &Service,
    holder: Holder,
) -> Result<HttpResponse, ApiError> {
    let list = match list.cost() {
        0 => list,
        cost => {
            let lease = service.traffic().take(holder, cost);
            list.with_lease(lease.map_err(|NoRoom| ApiError::traffic_full())?)
        }
    };
    Ok(response.body(list))
}

/// What `HEAD` gets: how long the messages would be.
pub(super) fn without_messages(mut response: HttpResponseBuilder, list: &List) -> HttpResponse {
    response.body(Announced(list.left()))
}
