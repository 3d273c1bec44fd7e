//! What becomes of a posted text on its way to the bus, however it came.

use std::time::Duration;

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponseBuilder, web};
use aws_lc_rs::digest::{SHA256, digest};
use backplane_actors::{Batch, BatchError, BatchErrorKind, Fingerprint, IdempotencyKey, Posted, PromiseRule};

use crate::auth::UserName;
use crate::error::{ApiError, ErrorCode};
use crate::http::{Body, NoRoom};
use crate::service::{Bus, Holder, Service};

/// Makes a retry of the same POST safe (I-2).
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// What an answered POST survives: `memory` nothing, `interval` a kill, `disk` a power loss. A token (RFC 9651).
const DURABILITY: HeaderName = HeaderName::from_static("backplane-durability");
/// How long the log took, in milliseconds.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Times that an envelope is in memory while it is checked, besides its text: what is inside, and the texts that may be signed.
const ENVELOPE_COPIES: usize = 5;

/// The key that makes a retry of this body safe (I-2).
pub(crate) fn key_of(text: &str, body: &[u8]) -> Result<IdempotencyKey, ApiError> {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, body).as_ref());
    IdempotencyKey::new(text, Fingerprint(hash))
        .map_err(|error| ApiError::new(ErrorCode::InvalidIdempotencyKey, error.to_string()))
}

/// The key that makes a retry safe, if there is one.
pub(crate) fn key_in(request: &HttpRequest, body: &[u8]) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        let text = format!("{IDEMPOTENCY_KEY} may be given once, not twice");
        return Err(ApiError::new(ErrorCode::InvalidIdempotencyKey, text));
    }
    key_of(value.to_str().unwrap_or_default(), body).map(Some)
}

/// Says of an answered POST what it survives, and how long the log took.
pub(crate) fn tell(response: &mut HttpResponseBuilder, service: &Service, took: Duration) {
    response
        .insert_header((DURABILITY, service.durability()))
        .insert_header((SERVER_TIMING, format!("log;dur={:.3}", took.as_secs_f64() * 1000.0)));
}

/// The messages of a body, checked by the rules of the bus and of the version that they came by. The room that the body takes is kept until then.
pub(crate) async fn parse(
    service: &Service,
    user: &UserName,
    bus: &Bus,
    promises: PromiseRule,
    body: Body<Holder>,
) -> Result<Batch, ApiError> {
    let (limits, policy) = (service.message_limits(bus, promises), bus.envelopes());
    if !policy.verifies() {
        return Batch::parse(&body.bytes, &limits, &policy.for_post()).map_err(|error| refuse(&error));
    }
    let Body { bytes, mut lease } = body;
    let copies = ENVELOPE_COPIES.saturating_mul(bytes.len().min(limits.message));
    lease.grow(copies).map_err(|NoRoom| ApiError::traffic_full())?;
    // Checking signatures can take milliseconds that belong to other requests.
    let turn = service.checks().turn(user).await?;
    let policy = policy.clone();
    let parsed = web::block(move || {
        let parsed = Batch::parse(&bytes, &limits, &policy.for_post());
        // They went along, so that a client that hangs up does not free them early.
        drop((turn, lease));
        parsed
    });
    let parsed = parsed.await;
    let parsed = parsed.map_err(|_| ApiError::new(ErrorCode::Unavailable, "the server is shutting down"))?;
    parsed.map_err(|error| refuse(&error))
}

/// Why a message of a body is not taken, as clients are told.
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
pub(crate) fn ids(posted: Posted) -> Vec<u8> {
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
