//! What the outside calls things: the URLs of this server (V2-GET-1, V2-GET-2).

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::error::ApiError;
use crate::protocol::shown::Object;
use crate::service::Service;

/// Below the server's own URL, what messages have.
const MESSAGE: &str = "/v2/message/";
/// Where they are read.
const MESSAGES: &str = "/v2/messages";

/// What the URLs of this server begin with for whoever asks, without a slash at the end; and whether all are told so.
pub(super) fn base_of(service: &Service, request: &HttpRequest) -> Result<(Arc<str>, bool), ApiError> {
    service.base(request)
}

/// Where messages are read.
pub(super) fn list_url_of(service: &Service, request: &HttpRequest) -> Result<String, ApiError> {
    Ok([&*base_of(service, request)?.0, MESSAGES].concat())
}

/// How messages are shown to whoever asks.
pub(super) fn object_of(service: &Service, request: &HttpRequest, payload: bool) -> Result<Object, ApiError> {
    let (base, is_usual) = base_of(service, request)?;
    Ok(Object { urls: [&*base, MESSAGE].concat().into(), is_usual, payload })
}
