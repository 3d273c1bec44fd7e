//! The servers of two vendors: a login provider, and one of comments. In life each is somewhere else, has credentials and POSTs;
//! here they are in one process with the broker.

use std::time::Instant;

use actix_web::error::JsonPayloadError;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, JsonConfig};
use actix_web::{HttpResponse, HttpResponseBuilder};
use backplane_actors::{Batch, ChannelName, Message, MessageLimits, NameError, Poster, Posting};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Stage;
use crate::error::{ApiError, ErrorCode};

/// Longest name that may sign in, in characters.
const NAME_MAX: usize = 40;
/// Longest comment, in characters.
const TEXT_MAX: usize = 140;
/// Longest body of either, in bytes.
const BODY_MAX: usize = 1024;
/// How long the broker took, in milliseconds.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

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

/// Only JSON is taken: other sites' forms cannot send that to this machine unasked.
pub(super) fn json_only() -> JsonConfig {
    JsonConfig::default().limit(BODY_MAX).error_handler(|error, _| refuse(&error).into())
}

fn refuse(error: &JsonPayloadError) -> ApiError {
    let code = match error {
        JsonPayloadError::ContentType => ErrorCode::UnsupportedMediaType,
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            ErrorCode::BodyTooLarge
        }
        _ => ErrorCode::InvalidRequest,
    };
    ApiError::new(
        code,
        "a sign-in is the JSON object {\"channel\": …, \"name\": …}, a comment {\"channel\": …, \"name\": …, \"text\": …}, of at \
         most 1024 bytes",
    )
}

/// Posts `identity/login`, as a login provider's server does after somebody has signed in there.
pub(super) async fn sign_in(
    stage: web::Data<Stage>,
    form: web::Json<SignIn>,
) -> Result<HttpResponse, ApiError> {
    let SignIn { channel, name } = form.into_inner();
    let name = short(&name, NAME_MAX, "a name has 1 to 40 characters")?;
    // As the Identity scenario has it: the page's URL, and a Portable Contacts object.
    let payload = json!({
        "context": "http://shop.example/",
        "identities": {
            "startIndex": 0,
            "itemsPerPage": 1,
            "totalResults": 1,
            "entry": { "id": "1", "displayName": name },
        },
    });
    post(&stage, &channel, "http://login.example", "identity/login", &payload).await
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

fn short<'a>(text: &'a str, most: usize, wanted: &'static str) -> Result<&'a str, ApiError> {
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
    let channel: ChannelName = channel
        .parse()
        .map_err(|error: NameError| ApiError::new(ErrorCode::InvalidChannelName, error.to_string()))?;
    let message = Message::new(source, kind, payload, &MessageLimits::default())
        .map_err(|error| ApiError::new(ErrorCode::InvalidMessage, error.to_string()))?;
    let posting = Posting { poster: Poster::nobody(), channel, messages: Batch::single(message), key: None };
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let proposed = Instant::now();
    let posted = stage.broker.post(&stage.bus, posting).await?;
    let took = format!("broker;dur={:.3}", proposed.elapsed().as_secs_f64() * 1000.0);
    let mut answer: HttpResponseBuilder = HttpResponse::Ok();
    answer.insert_header((SERVER_TIMING, took));
    Ok(answer.json(json!({ "id": posted.last().map(|id| id.to_string()) })))
}
