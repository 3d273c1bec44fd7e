//! `GET /v1/bus/<bus>/channel/new`: a channel name that nobody can guess (V1-NEW-1).

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::answer::Answer;
use super::query::Query;
use crate::error::{ApiError, ErrorCode};
use crate::http::{CROSS_ORIGIN, RESOURCE_POLICY};
use crate::protocol::{bus_of, padding};
use crate::service::Service;

/// Random bytes of a name: 192 bits, 32 characters.
const RANDOM: usize = 24;

/// Answers with a fresh name. The channel comes into being with the first POST to it (RET-8).
pub(super) async fn name(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let bus = bus_of(&service, &request)?;
    let callback = Query::of(&request)?.callback_on(&bus)?;
    let mut bytes = [0; RANDOM];
    rand::fill(&mut bytes)
        .map_err(|_| ApiError::new(ErrorCode::InternalError, "the system has no randomness to give"))?;
    // Nothing in a name has to be escaped, neither in JSON nor in a script.
    let name = format!("\"{}\"", URL_SAFE_NO_PAD.encode(bytes));
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, padding::content_type(callback.as_ref())));
    let Some(callback) = callback else { return Ok(response.body(name)) };
    response.insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
    Ok(response.body(padding::padded(&callback, &name)))
}
