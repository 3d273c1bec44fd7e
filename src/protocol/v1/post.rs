//! `POST` on a channel.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, ContentType, HeaderMap, HeaderName, HeaderValue, ORIGIN,
};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest::{SHA256, digest};
use backplane_actors::{
    Batch, BatchError, BatchErrorKind, ChannelName, Fingerprint, IdempotencyKey, Posted, Posting,
};

use super::answer::Answer;
use crate::auth::{Right, UserName};
use crate::error::{ApiError, ErrorCode};
use crate::http::{Body, BodyBounds, NoRoom, read_body};
use crate::protocol::{bus_of, channel_of};
use crate::service::{Bus, Holder, Service};

/// Makes a retry of the same POST safe (I-2).
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// What an answered POST survives: `memory` nothing, `interval` a kill, `disk` a power loss. A token (RFC 9651).
const DURABILITY: HeaderName = HeaderName::from_static("backplane-durability");
/// How long the log took, in milliseconds.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Headers of browsers, of which every one sends one of them with a POST to another origin.
const BY_BROWSERS: [HeaderName; 2] = [ORIGIN, HeaderName::from_static("sec-fetch-site")];
/// Times that an envelope is in memory while it is checked, besides its text: what is inside, and the texts that may be signed.
const ENVELOPE_COPIES: usize = 5;

/// Posts an array of messages: all of them or none (RET-7). Answers with the array of their ids.
pub(super) async fn post(service: web::Data<Service>, request: HttpRequest, payload: web::Payload) -> Answer {
    // Who may not post is told so before the body is read, and the connection ends without it.
    let (user, bus, channel) = admit(&service, &request).await.map_err(ApiError::closing)?;
    let limits = service.limits();
    let bounds = BodyBounds { most: limits.body, deadline: limits.body_timeout };
    let sender = Holder::User(user.clone());
    let body = read_body(&request, payload, bounds, service.traffic(), sender).await?;
    let key = key_of(&request, &body.bytes)?;
    let messages = parse(&service, &user, &bus, body).await?;
    let posting = Posting { poster: user.poster(), channel, messages, key };
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let proposed = Instant::now();
    let posted = bus.handle().post(posting).await?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header(ContentType::json())
        .insert_header((DURABILITY, service.durability()))
        .insert_header((SERVER_TIMING, format!("log;dur={:.3}", proposed.elapsed().as_secs_f64() * 1000.0)));
    Ok(response.body(ids(posted)))
}

/// All that the head of the request decides.
async fn admit(
    service: &Service,
    request: &HttpRequest,
) -> Result<(UserName, Arc<Bus>, ChannelName), ApiError> {
    let user = service.authenticate(request).await?;
    let bus = bus_of(service, request)?;
    service.authorize(request, &user, &bus, Right::Post)?;
    let channel = channel_of(request)?;
    check_media_type(request)?;
    Ok((user, bus, channel))
}

/// JSON, as it is, and said to be it: what a page can send to another origin unasked, a form or a body without a type, is
/// not taken from a browser, which would add the credentials of whoever sits there.
///
/// Servers that say that they send a form, as `curl -d` does, mean JSON too (V1-CT-1): nothing of a browser is in their heads.
fn check_media_type(request: &HttpRequest) -> Result<(), ApiError> {
    let headers = request.headers();
    let refuse = |text| Err(ApiError::new(ErrorCode::UnsupportedMediaType, text));
    let is = |kind: &HeaderValue, wanted: &str| {
        let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes())
    };
    match once(headers, &CONTENT_TYPE)? {
        Some(kind) if is(kind, "application/json") => {}
        Some(kind) if is(kind, "application/x-www-form-urlencoded") => {
            if BY_BROWSERS.iter().any(|name| headers.contains_key(name)) {
                return refuse("a browser must send the body as Content-Type: application/json");
            }
        }
        Some(_) => return refuse("the body must be sent as Content-Type: application/json"),
        None => return refuse("the request has no Content-Type: send Content-Type: application/json"),
    }
    match once(headers, &CONTENT_ENCODING)? {
        Some(coding) if !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") => {
            refuse("the body must be sent without Content-Encoding")
        }
        _ => Ok(()),
    }
}

/// The value of a header that may be there once: of two, others might believe the other one.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ApiError> {
    let mut values = headers.get_all(name);
    let value = values.next();
    if values.next().is_some() {
        let text = format!("the header {name} may be given once, not twice");
        return Err(ApiError::new(ErrorCode::InvalidRequest, text));
    }
    Ok(value)
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

async fn parse(service: &Service, user: &UserName, bus: &Bus, body: Body<Holder>) -> Result<Batch, ApiError> {
    let (limits, policy) = (service.message_limits(bus), bus.envelopes());
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
