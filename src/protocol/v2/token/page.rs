//! `GET /v2/token`: a token for a page, and its channel (V2-ANON-1, V2-ANON-2). Nothing is kept of it.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use backplane_actors::BusName;
use serde::Serialize;

use super::is_not_kept;
use crate::access::Scope;
use crate::access::regular::PageTokenError;
use crate::authority::{PageTokens, PagesError};
use crate::error::{ApiError, ErrorCode};
use crate::protocol::quota::tell_quota;
use crate::protocol::v2::access::of_page;
use crate::protocol::v2::answer::{Answer, Refusal, json};
use crate::protocol::v2::cors;
use crate::protocol::v2::query::Parameters;
use crate::service::{Bus, Service, Work};

const NAMES: [&str; 4] = ["bus", "scope", "refresh_token", "callback"];

/// RFC 6749 section 5.1.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the protocol's")]
struct Token<'t> {
    access_token: &'t str,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
    refresh_token: &'t str,
}

/// Gives a page a token for a channel that nobody had before, or another one for the channel that it has.
pub(in crate::protocol::v2) async fn give(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let parameters = Parameters::parse(request.query_string().as_bytes(), NAMES)?;
    let callback = parameters.callback()?;
    let (bus, tokens, quota) = match issue(&service, &request, &parameters, callback.is_some()) {
        Ok(issued) => issued,
        Err((bus, error)) => {
            let refusal = Refusal::padded(error, callback);
            let mut response = cors::refused(&refusal, bus.as_deref(), &request);
            is_not_kept(&mut response);
            return Ok(response);
        }
    };
    let token = Token {
        access_token: tokens.access.as_str(),
        token_type: "Bearer",
        expires_in: tokens.expires_in.as_secs(),
        scope: tokens.page.scope().to_string(),
        refresh_token: tokens.refresh.as_str(),
    };
    let mut response = json(&token, callback.as_ref());
    cors::let_read(&mut response, Some(&bus), request.headers());
    tell_quota(&mut response, quota);
    is_not_kept(&mut response);
    Ok(response)
}

type Issued = (Arc<Bus>, PageTokens, Option<crate::rates::Fields>);

/// A token, or why there is none and of which bus.
fn issue(
    service: &Service,
    request: &HttpRequest,
    parameters: &Parameters<'_, 4>,
    is_padded: bool,
) -> Result<Issued, (Option<Arc<Bus>>, ApiError)> {
    service.admit_credentials(request).map_err(|error| (None, error))?;
    match (parameters.get("refresh_token"), parameters.get("bus")) {
        (Some(_), Some(_)) => {
            let text = "either bus or refresh_token is given: a refresh keeps bus and channel";
            Err((None, ApiError::new(ErrorCode::InvalidRequest, text)))
        }
        (Some(token), None) => refresh(service, request, parameters, token, is_padded),
        (None, _) => begin(service, request, parameters, is_padded),
    }
}

fn begin(
    service: &Service,
    request: &HttpRequest,
    parameters: &Parameters<'_, 4>,
    is_padded: bool,
) -> Result<Issued, (Option<Arc<Bus>>, ApiError)> {
    let bus = bus_of(service, parameters).map_err(|error| (None, error))?;
    let issue = || {
        may_be_padded(&bus, is_padded)?;
        let filters = Scope::parse(parameters.get("scope").unwrap_or_default())
            .map_err(|error| ApiError::new(ErrorCode::InvalidScope, error.to_string()))?;
        let quota = service.take_quota(Work::Read, request, None, &bus)?;
        let tokens = service.pages().allocate(bus.name(), service.tenancy(bus.name()), filters);
        Ok((tokens.map_err(refused)?, quota))
    };
    match issue() {
        Ok((tokens, quota)) => Ok((bus, tokens, quota)),
        Err(error) => Err((Some(bus), error)),
    }
}

fn refresh(
    service: &Service,
    request: &HttpRequest,
    parameters: &Parameters<'_, 4>,
    token: &str,
    is_padded: bool,
) -> Result<Issued, (Option<Arc<Bus>>, ApiError)> {
    let tokens =
        service.pages().refresh(token, |bus| service.bus_now(bus)).map_err(|error| (None, of_page(error)))?;
    // It was there a moment ago.
    let bus = service.bus(tokens.page.bus().as_str());
    let bus = bus.ok_or_else(|| (None, of_page(PageTokenError::Revoked)))?;
    let issue = || {
        may_be_padded(&bus, is_padded)?;
        if parameters.get("scope").is_some() {
            let text = "a refresh keeps its filters: ask without the parameter scope";
            return Err(ApiError::new(ErrorCode::InvalidRequest, text));
        }
        let quota = service.take_quota(Work::Read, request, None, &bus)?;
        Ok((tokens, quota))
    };
    match issue() {
        Ok((tokens, quota)) => Ok((bus, tokens, quota)),
        Err(error) => Err((Some(bus), error)),
    }
}

fn bus_of(service: &Service, parameters: &Parameters<'_, 4>) -> Result<Arc<Bus>, ApiError> {
    let name: BusName = parameters.want("bus")?.parse().map_err(|error: backplane_actors::NameError| {
        ApiError::new(ErrorCode::InvalidRequest, format!("the parameter bus: {error}"))
    })?;
    service.bus(name.as_str()).ok_or_else(|| {
        let text = "there is no bus of this name on this server";
        ApiError::new(ErrorCode::InvalidRequest, text)
    })
}

/// A script is loaded by pages of every origin, so it would pass by the origins that a bus allows.
pub(in crate::protocol::v2) fn may_be_padded(bus: &Bus, is_padded: bool) -> Result<(), ApiError> {
    if is_padded && !bus.jsonp() {
        let text = "this bus may be read by pages of certain origins only, and a script by pages of all: ask \
                    without the parameter callback";
        return Err(ApiError::new(ErrorCode::Forbidden, text));
    }
    Ok(())
}

fn refused(error: PagesError) -> ApiError {
    let code = match error {
        PagesError::Filters(_) => ErrorCode::InvalidScope,
        PagesError::Randomness => ErrorCode::InternalError,
    };
    ApiError::new(code, error.to_string())
}
