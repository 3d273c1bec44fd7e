//! `GET /v2/message/<id>`: one message, or its header (V2-ONE-1).

use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{BusName, Entry, MessageId, ReadError};

use super::access::Access;
use super::answer::{Answer, Refusal};
use super::cors;
use super::is_head;
use super::public::object_of;
use super::query::Parameters;
use super::token::page::may_be_padded;
use crate::error::{ApiError, ErrorCode};
use crate::http::{Announced, CROSS_ORIGIN, RESOURCE_POLICY};
use crate::protocol::padding::{self, Callback};
use crate::protocol::quota::tell_quota;
use crate::protocol::shown::{Object, Shown, Shows};
use crate::service::{Service, Work};

const NAMES: [&str; 2] = ["callback", "access_token"];

/// Reads a message.
pub(super) async fn read(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let parameters = Parameters::parse(request.query_string().as_bytes(), NAMES)?;
    let callback = parameters.callback()?;
    let access = match Access::of(&service, &request, parameters.get("access_token")).await {
        Ok(access) => access,
        Err(error) => return Ok(cors::refused(&Refusal::padded(error, callback), None, &request)),
    };
    match answer(&service, &request, &access, callback.as_ref()).await {
        Ok(mut response) => {
            cors::let_read(&mut response, access.page_bus(), request.headers());
            Ok(response)
        }
        Err(error) => Ok(cors::refused(&Refusal::padded(error, callback), access.page_bus(), &request)),
    }
}

async fn answer(
    service: &Service,
    request: &HttpRequest,
    access: &Access,
    callback: Option<&Callback>,
) -> Result<HttpResponse, ApiError> {
    if let Some(bus) = access.page_bus() {
        may_be_padded(bus, callback.is_some())?;
    }
    access.may_read()?;
    let quota = super::take_quota(service, Work::Read, request, access)?;
    let object = object_of(service, request, access.sees_payloads())?;
    // What is no id is the id of no message.
    let id = request.match_info().get("id").unwrap_or_default().parse().map_err(|_| gone())?;
    let text = text_of(service, access, id, object).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, padding::content_type(callback)));
    if callback.is_some() {
        response.insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
    }
    let body = match callback {
        Some(callback) => padding::padded(callback, &padding::escaped(&text)),
        None => text,
    };
    let mut response =
        if is_head(request) { response.body(Announced(body.len())) } else { response.body(body) };
    tell_quota(&mut response, quota);
    Ok(response)
}

/// The JSON text of the message of this id, if it is there and the token lets it be seen.
pub(super) async fn text_of(
    service: &Service,
    access: &Access,
    id: MessageId,
    object: Object,
) -> Result<String, ApiError> {
    let (bus, entry) = match find(access, id).await? {
        Some(found) if access.lets_see(&found.0, &found.1, &object) => found,
        Some(_) => return Err(outside()),
        // Whether others have it costs more to say.
        None if is_elsewhere(service, access, id).await? => return Err(outside()),
        None => return Err(gone()),
    };
    Ok(Shown::of(&bus, &entry, &Shows::Object(object)).text())
}

/// The message of this id, of all that the token reaches.
async fn find(access: &Access, id: MessageId) -> Result<Option<(BusName, Arc<Entry>)>, ReadError> {
    match access {
        Access::Page { page, bus } => {
            let found = bus.handle().channel_message(page.channel(), id).await?;
            Ok(found.map(|entry| (bus.name().clone(), entry)))
        }
        Access::Client { .. } => {
            for bus in access.readable() {
                if let Some(entry) = bus.handle().message(id).await? {
                    return Ok(Some((bus.name().clone(), entry)));
                }
            }
            Ok(None)
        }
    }
}

/// Whether a bus has it that a client's token does not reach; or another channel of the bus of a page. Of other buses pages are told
/// nothing: anybody may be a page, and each bus would have to be asked.
async fn is_elsewhere(service: &Service, access: &Access, id: MessageId) -> Result<bool, ReadError> {
    if let Access::Page { bus, .. } = access {
        return Ok(bus.handle().message(id).await?.is_some());
    }
    for bus in service.buses() {
        let is_reached = access.readable().any(|reached| reached.name() == bus.name());
        // One that fails or is closed meanwhile has nothing to say.
        if !is_reached && let Ok(Some(_)) = bus.handle().message(id).await {
            return Ok(true);
        }
    }
    Ok(false)
}

fn gone() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is no message of this id, or no more")
}

fn outside() -> ApiError {
    ApiError::new(ErrorCode::InsufficientScope, "this message is outside of what the token lets see")
}
