//! `POST` on a channel.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest::{SHA256, digest};
use backplane_actors::{
    Batch, BatchError, BatchErrorKind, ChannelName, Fingerprint, IdempotencyKey, Posted, Posting,
};

use super::answer::Answer;
use crate::auth::{Right, UserName};
use crate::error::{ApiError, ErrorCode};
use crate::http::read_body;
use crate::protocol::{bus_of, channel_of};
use crate::service::{Bus, Service};

/// Makes a retry of the same POST safe (I-2).
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Posts an array of messages: all of them or none (RET-7). Answers with the array of their ids.
pub(super) async fn post(service: web::Data<Service>, request: HttpRequest, payload: web::Payload) -> Answer {
    // Who may not post is told so before the body is read, and the connection ends without it.
    let (user, bus, channel) = admit(&service, &request).await.map_err(ApiError::closing)?;
    let limits = service.limits();
    let body = read_body(&request, payload, limits.body, limits.body_timeout).await?;
    let key = key_of(&request, &body)?;
    let messages = parse(&service, &bus, body).await?;
    let posted = bus.handle().post(Posting { poster: user.poster(), channel, messages, key }).await?;
    Ok(HttpResponse::Ok().insert_header(ContentType::json()).body(ids(posted)))
}

/// All that the head of the request decides.
async fn admit(
    service: &Service,
    request: &HttpRequest,
) -> Result<(UserName, Arc<Bus>, ChannelName), ApiError> {
    let user = service.authenticate(request).await?;
    let bus = bus_of(service, request)?;
    service.authorize(&user, &bus, Right::Post)?;
    let channel = channel_of(request)?;
    check_encoding(request)?;
    Ok((user, bus, channel))
}

/// JSON, as it is. A request without a `Content-Type` means JSON too: RFC 9110 leaves that to the server.
fn check_encoding(request: &HttpRequest) -> Result<(), ApiError> {
    let headers = request.headers();
    let refuse = |text| Err(ApiError::new(ErrorCode::UnsupportedMediaType, text));
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if !essence.eq_ignore_ascii_case(b"application/json") {
            return refuse("the body must be sent as Content-Type: application/json");
        }
    }
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") => {
            refuse("the body must be sent without Content-Encoding")
        }
        _ => Ok(()),
    }
}

/// The key that makes a retry safe, if there is one.
fn key_of(request: &HttpRequest, body: &[u8]) -> Result<Option<IdempotencyKey>, ApiError> {
    let refuse = |text: String| ApiError::new(ErrorCode::InvalidIdempotencyKey, text);
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refuse(format!("{IDEMPOTENCY_KEY} may be given once, not twice")));
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, body).as_ref());
    let text = value.to_str().unwrap_or_default();
    IdempotencyKey::new(text, Fingerprint(hash)).map(Some).map_err(|error| refuse(error.to_string()))
}

async fn parse(service: &Service, bus: &Bus, body: web::Bytes) -> Result<Batch, ApiError> {
    let (limits, policy) = (service.message_limits(), bus.envelopes());
    if !policy.verifies() {
        return Batch::parse(&body, &limits, policy).map_err(|error| refuse(&error));
    }
    // Checking signatures can take milliseconds that belong to other requests.
    let policy = policy.clone();
    let parsed = web::block(move || Batch::parse(&body, &limits, &policy)).await;
    let parsed = parsed.map_err(|_| ApiError::new(ErrorCode::Unavailable, "the server is shutting down"))?;
    parsed.map_err(|error| refuse(&error))
}

fn refuse(error: &BatchError) -> ApiError {
    let code = match error.kind() {
        BatchErrorKind::TooManyMessages => ErrorCode::TooManyMessages,
        BatchErrorKind::MessageTooLarge => ErrorCode::MessageTooLarge,
        BatchErrorKind::Invalid => ErrorCode::InvalidMessage,
        BatchErrorKind::Refused => ErrorCode::EnvelopeRefused,
    };
    ApiError::new(code, error.to_string())
}

/// The ids of a POST as a JSON array. Ids consist of characters that JSON leaves as they are.
fn ids(posted: Posted) -> Vec<u8> {
    /// Characters of an id, its quotes and the comma before it.
    const ROOM: usize = 16;
    let ids = posted.ids();
    let mut json = Vec::with_capacity(ids.len() * ROOM + 2);
    json.push(b'[');
    for (n, id) in ids.enumerate() {
        json.extend_from_slice(if n > 0 { b",\"" } else { b"\"" });
        json.extend_from_slice(id.text().as_bytes());
        json.push(b'"');
    }
    json.push(b']');
    json
}
