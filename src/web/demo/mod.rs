//! The page at `/` of a server without configuration: two widgets that hear of a sign-in.
//!
//! It stands for a customer's site. The sign-in is posted by this server, as a login provider's server
//! would do it; the widgets get it through the browser library like any page.

use std::future::ready;
use std::sync::{Arc, LazyLock};

use actix_web::error::JsonPayloadError;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use backplane_actors::{Batch, Broker, BusName, ChannelName, Message, MessageLimits, Poster, Posting};
use serde::Deserialize;

use crate::error::{ApiError, ErrorCode};
use crate::http::{get_or_head, mark_page};
use crate::service::{Matched, Service, resource};
use crate::web::assets::{Asset, Keep, file};

/// Longest name that may sign in, in characters.
const NAME_MAX: usize = 40;
/// Longest body of a sign-in, in bytes.
const BODY_MAX: usize = 1024;

static PAGE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/html; charset=utf-8", Keep::AskAgain, file!("", "page.html")));
static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/css; charset=utf-8", Keep::AskAgain, file!("", "style.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", Keep::AskAgain, file!("", "page.js")));

/// What the demonstration posts to.
pub(crate) struct Stage {
    pub(crate) broker: Broker,
    pub(crate) bus: BusName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    channel: String,
    name: String,
}

/// Adds the page and what belongs to it.
pub(crate) fn routes(service: &Arc<Service>, stage: Stage, config: &mut ServiceConfig) {
    type File = fn(&HttpRequest) -> HttpResponse;
    let files: [(&str, File); 3] = [
        ("/", page),
        ("/demo/style.css", |request| STYLE.answer(request)),
        ("/demo/page.js", |request| SCRIPT.answer(request)),
    ];
    config.app_data(web::Data::new(stage));
    for (path, file) in files {
        let file = get_or_head().to(move |request: HttpRequest| ready(file(&request)));
        config.service(resource(path, Matched::Demo, service).route(file));
    }
    config.service(
        resource("/demo/sign-in", Matched::Demo, service)
            // Only as JSON: other sites' forms cannot send that to this machine unasked.
            .app_data(
                web::JsonConfig::default().limit(BODY_MAX).error_handler(|error, _| refuse(&error).into()),
            )
            .route(web::post().to(sign_in)),
    );
}

fn refuse(error: &JsonPayloadError) -> ApiError {
    let code = match error {
        JsonPayloadError::ContentType => ErrorCode::UnsupportedMediaType,
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            ErrorCode::BodyTooLarge
        }
        _ => ErrorCode::InvalidRequest,
    };
    ApiError::new(code, "a sign-in is the JSON object {\"channel\": …, \"name\": …} of at most 1024 bytes")
}

fn page(request: &HttpRequest) -> HttpResponse {
    let mut response = PAGE.answer(request);
    mark_page(response.headers_mut());
    response
}

/// Posts `identity/login`, as a login provider's server does after somebody has signed in there.
async fn sign_in(stage: web::Data<Stage>, form: web::Json<SignIn>) -> Result<HttpResponse, ApiError> {
    let SignIn { channel, name } = form.into_inner();
    let channel: ChannelName = channel.parse().map_err(|error: backplane_actors::NameError| {
        ApiError::new(ErrorCode::InvalidChannelName, error.to_string())
    })?;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        return Err(ApiError::new(ErrorCode::InvalidRequest, "a name has 1 to 40 characters"));
    }
    // As the Identity scenario has it: the page's URL, and a Portable Contacts object.
    let payload = serde_json::json!({
        "context": "http://shop.example/",
        "identities": {
            "startIndex": 0,
            "itemsPerPage": 1,
            "totalResults": 1,
            "entry": { "id": "1", "displayName": name },
        },
    });
    let message = Message::new("http://login.example", "identity/login", &payload, &MessageLimits::default())
        .map_err(|error| ApiError::new(ErrorCode::InvalidMessage, error.to_string()))?;
    let posting = Posting { poster: Poster::nobody(), channel, messages: Batch::single(message), key: None };
    stage.broker.post(&stage.bus, posting).await?;
    Ok(HttpResponse::NoContent().finish())
}
