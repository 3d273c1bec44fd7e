//! The servers of three vendors in version 2.0. Each is a client that was granted the bus, and has a token for it: the login provider's posts
//! who has signed in, with all that it knows of them; every vendor's fetches that for its own widget, which hands it the message's URL.
//! In life each is somewhere else; here they are in one process with the broker, and go by their tokens all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Stage;
use super::cast::{LOGIN, VENDORS};
use super::vendors::{NAME_MAX, SERVER_TIMING, channel_of, identities, short, timing};
use crate::access::{ClientName, TokenText};
use crate::error::{ApiError, ErrorCode};
use crate::protocol::v2::{Inside, Outgoing, token_for};
use crate::service::Service;

/// What the bodies of these calls are.
pub(super) const WANTED: &str = "a login is the JSON object {\"channel\": …, \"name\": …}, a logout {\"channel\": …}, a message \
                                 {\"messageURL\": …}, of at most 1024 bytes";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    channel: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Logout {
    channel: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    #[serde(rename = "messageURL")]
    message_url: String,
}

/// A vendor's server: it keeps its token until that is over.
#[derive(Debug, Default)]
pub(super) struct Vendor(Mutex<Option<Arc<TokenText>>>);

impl Vendor {
    /// What it may do now. A token that is good no more is followed by another.
    async fn inside<'s>(&self, name: &str, service: &'s Service) -> Result<Inside<'s>, ApiError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(inside) = kept.and_then(|token| Inside::with(service, &token).ok()) {
            return Ok(inside);
        }
        let client: ClientName = name.parse().map_err(|_| no_vendor())?;
        let token = Arc::new(token_for(service, client).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
        Inside::with(service, &token)
    }
}

/// Posts `identity/login`, as a login provider's server does after somebody has signed in there. It stays for whoever comes later.
pub(super) async fn login(
    (stage, service): (web::Data<Stage>, web::Data<Service>),
    form: web::Json<Login>,
) -> Result<HttpResponse, ApiError> {
    let Login { channel, name } = form.into_inner();
    let name = short(&name, NAME_MAX, "a name has 1 to 40 characters")?;
    // The address is what no page is to see.
    let emails = json!([{ "value": "visitor@mail.example", "type": "home" }]);
    let payload = identities(&json!({ "id": "1", "displayName": name, "emails": emails }));
    post(&stage, &service, &channel, "identity/login", &payload).await
}

/// Posts `identity/logout`, which stays as well: who comes later has to know both.
pub(super) async fn logout(
    (stage, service): (web::Data<Stage>, web::Data<Service>),
    form: web::Json<Logout>,
) -> Result<HttpResponse, ApiError> {
    let payload = json!({ "context": "http://shop.example/" });
    post(&stage, &service, &form.channel, "identity/logout", &payload).await
}

/// What a vendor's widget asks its server with the URL of a message: whom to greet. More of the payload leaves no server.
pub(super) async fn session(
    (stage, service): (web::Data<Stage>, web::Data<Service>),
    request: HttpRequest,
    told: web::Json<Told>,
) -> Result<HttpResponse, ApiError> {
    let (name, vendor) = vendor_of(&stage, &request)?;
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let asked = Instant::now();
    let text = vendor.inside(name, &service).await?.message_at(&told.message_url, &request).await?;
    let took = timing(asked);
    let message: Value = serde_json::from_str(&text)
        .map_err(|error| ApiError::new(ErrorCode::InternalError, error.to_string()))?;
    let greeted = message.pointer("/payload/identities/entry/displayName").and_then(Value::as_str);
    let greeted = greeted
        .ok_or_else(|| ApiError::new(ErrorCode::InvalidMessage, "nobody signs in with this message"))?;
    Ok(HttpResponse::Ok().insert_header((SERVER_TIMING, took)).json(json!({ "name": greeted })))
}

/// The whole message, as the vendor's server has fetched it: so that the page can show what is not for pages.
pub(super) async fn seen(
    (stage, service): (web::Data<Stage>, web::Data<Service>),
    request: HttpRequest,
    told: web::Json<Told>,
) -> Result<HttpResponse, ApiError> {
    let (name, vendor) = vendor_of(&stage, &request)?;
    let text = vendor.inside(name, &service).await?.message_at(&told.message_url, &request).await?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(text))
}

fn vendor_of<'s>(stage: &'s Stage, request: &HttpRequest) -> Result<(&'static str, &'s Vendor), ApiError> {
    let asked = request.match_info().get("vendor").unwrap_or_default();
    let mut vendors = VENDORS.into_iter().map(|(name, ..)| name).zip(&stage.vendors);
    vendors.find(|(name, _)| *name == asked).ok_or_else(no_vendor)
}

fn no_vendor() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "the vendors are login.example, comments.example and share.example")
}

/// Answers with what the page draws: the message's id, and how long the broker took.
async fn post(
    stage: &Stage,
    service: &Service,
    channel: &str,
    kind: &str,
    payload: &Value,
) -> Result<HttpResponse, ApiError> {
    let channel = channel_of(channel)?;
    let [login, ..] = &stage.vendors;
    let inside = login.inside(LOGIN, service).await?;
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let posted = Instant::now();
    let id = inside.post(Outgoing { kind, bus: &stage.bus, channel, payload, sticky: true }).await?;
    let took = timing(posted);
    Ok(HttpResponse::Ok().insert_header((SERVER_TIMING, took)).json(json!({ "id": id.to_string() })))
}
