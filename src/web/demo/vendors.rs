//! The servers of two vendors in versions 1.x: a login provider, and one of comments. In life each is somewhere else, has credentials and POSTs;
//! here they are in one process with the broker.

use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::error::JsonPayloadError;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, JsonConfig};
use backplane_actors::{Batch, ChannelName, Message, MessageLimits, NameError, Poster, Posting};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Stage;
use crate::error::{ApiError, ErrorCode};

/// Longest name that may sign in, in characters.
pub(super) const NAME_MAX: usize = 40;
/// Longest comment, in characters.
const TEXT_MAX: usize = 140;
/// Longest body of either, in bytes.
const BODY_MAX: usize = 1024;
/// How long the broker took, in milliseconds.
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    channel: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comment {
    channel: String,
    name: String,
    text: String,
}

/// What the bodies of these calls are.
pub(super) const WANTED: &str = "a sign-in is the JSON object {\"channel\": …, \"name\": …}, a comment {\"channel\": …, \"name\": …, \
                                 \"text\": …}, of at most 1024 bytes";

/// Only JSON is taken: other sites' forms cannot send that to this machine unasked. `wanted` is told to whoever sends something else.
pub(super) fn json_only(wanted: &'static str) -> JsonConfig {
    JsonConfig::default().limit(BODY_MAX).error_handler(move |error, _| refuse(&error, wanted).into())
}

fn refuse(error: &JsonPayloadError, wanted: &'static str) -> ApiError {
    let code = match error {
        JsonPayloadError::ContentType => ErrorCode::UnsupportedMediaType,
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            ErrorCode::BodyTooLarge
        }
        _ => ErrorCode::InvalidRequest,
    };
    ApiError::new(code, wanted)
}

/// Posts `identity/login`, as a login provider's server does after somebody has signed in there.
pub(super) async fn sign_in(
    stage: web::Data<Stage>,
    form: web::Json<SignIn>,
) -> Result<HttpResponse, ApiError> {
    let SignIn { channel, name } = form.into_inner();
    let name = short(&name, NAME_MAX, "a name has 1 to 40 characters")?;
    let payload = identities(&json!({ "id": "1", "displayName": name }));
    post(&stage, &channel, "http://login.example", "identity/login", &payload).await
}

/// What is told of somebody who has signed in, as the Identity scenario has it: the page's URL, and a Portable Contacts object.
pub(super) fn identities(entry: &Value) -> Value {
    json!({
        "context": "http://shop.example/",
        "identities": { "startIndex": 0, "itemsPerPage": 1, "totalResults": 1, "entry": entry },
    })
}

/// Posts `comments/new`, as a server of comments does once it has stored one.
pub(super) async fn comment(
    stage: web::Data<Stage>,
    form: web::Json<Comment>,
) -> Result<HttpResponse, ApiError> {
    let Comment { channel, name, text } = form.into_inner();
    let name = short(&name, NAME_MAX, "a name has 1 to 40 characters")?;
    let text = short(&text, TEXT_MAX, "a comment has 1 to 140 characters")?;
    let payload = json!({ "context": "http://shop.example/", "author": name, "text": text });
    post(&stage, &channel, "http://comments.example", "comments/new", &payload).await
}

pub(super) fn short<'a>(text: &'a str, most: usize, wanted: &'static str) -> Result<&'a str, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most {
        return Err(ApiError::new(ErrorCode::InvalidRequest, wanted));
    }
    Ok(text)
}

/// Answers with what the page draws: the message's id, and how long the broker took.
async fn post(
    stage: &Stage,
    channel: &str,
    source: &str,
    kind: &str,
    payload: &Value,
) -> Result<HttpResponse, ApiError> {
    let channel = channel_of(channel)?;
    let message = Message::new(source, kind, payload, &MessageLimits::default())
        .map_err(|error| ApiError::new(ErrorCode::InvalidMessage, error.to_string()))?;
    let posting = Posting { poster: Poster::nobody(), channel, messages: Batch::single(message), key: None };
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let proposed = Instant::now();
    let posted = stage.broker.post(&stage.bus, posting).await?;
    let took = timing(proposed);
    let answer = json!({ "id": posted.last().map(|id| id.to_string()) });
    Ok(HttpResponse::Ok().insert_header((SERVER_TIMING, took)).json(answer))
}

/// The channel that a page has named to its vendor's server.
pub(super) fn channel_of(name: &str) -> Result<ChannelName, ApiError> {
    name.parse().map_err(|error: NameError| ApiError::new(ErrorCode::InvalidChannelName, error.to_string()))
}

/// What tells the page how long the broker took since then.
pub(super) fn timing(began: Instant) -> String {
    format!("broker;dur={:.3}", began.elapsed().as_secs_f64() * 1000.0)
}
