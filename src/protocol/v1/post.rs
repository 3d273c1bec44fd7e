//! `POST` on a channel.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, ContentType, HeaderMap, HeaderName, HeaderValue, ORIGIN,
};
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{ChannelName, IdempotencyKey, Posting};

use super::answer::Answer;
use crate::auth::{Right, UserName};
use crate::error::{ApiError, ErrorCode};
use crate::http::{BodyBounds, read_body};
use crate::protocol::{bus_of, channel_of, posting};
use crate::service::{Bus, Holder, Service};

/// Makes a retry of the same POST safe (I-2).
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// What an answered POST survives: `memory` nothing, `interval` a kill, `disk` a power loss. A token (RFC 9651).
const DURABILITY: HeaderName = HeaderName::from_static("backplane-durability");
/// How long the log took, in milliseconds.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Headers of browsers, of which every one sends one of them with a POST to another origin.
const BY_BROWSERS: [HeaderName; 2] = [ORIGIN, HeaderName::from_static("sec-fetch-site")];

/// Posts an array of messages: all of them or none (RET-7). Answers with the array of their ids.
pub(super) async fn post(service: web::Data<Service>, request: HttpRequest, payload: web::Payload) -> Answer {
    // Who may not post is told so before the body is read, and the connection ends without it.
    let (user, bus, channel) = admit(&service, &request).await.map_err(ApiError::closing)?;
    let limits = service.limits();
    let bounds = BodyBounds { most: limits.body, deadline: limits.body_timeout };
    let sender = Holder::User(user.clone());
    let body = read_body(&request, payload, bounds, service.traffic(), sender).await?;
    let key = key_of(&request, &body.bytes)?;
    let messages = posting::parse(&service, &user, &bus, body).await?;
    let posting = Posting { poster: user.poster(), channel, messages, key };
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let proposed = Instant::now();
    let posted = bus.handle().post(posting).await?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header(ContentType::json())
        .insert_header((DURABILITY, service.durability()))
        .insert_header((SERVER_TIMING, format!("log;dur={:.3}", proposed.elapsed().as_secs_f64() * 1000.0)));
    Ok(response.body(posting::ids(posted)))
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
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        let text = format!("{IDEMPOTENCY_KEY} may be given once, not twice");
        return Err(ApiError::new(ErrorCode::InvalidIdempotencyKey, text));
    }
    posting::key_of(value.to_str().unwrap_or_default(), body).map(Some)
}
