//! Resources over HTTP.

use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::super::books::Shown;
use super::super::guard::{admit, admit_to_admins};
use super::super::kind::Kind;
use super::super::order::{Action, OnlyIf};
use super::super::pages;
use super::super::problem::{Answer, Problem};
use super::super::registrar::Registrar;
use super::super::who::Who;
use super::ask::{self, Asked, Verb, methods_of_all, methods_of_one};
use crate::error::{ApiError, ErrorCode};
use crate::http::{BodyBounds, get_or_head, read_body};
use crate::service::{self, Holder, Matched};

/// What a change survives.
const DURABILITY: HeaderName = HeaderName::from_static("backplane-durability");

/// Adds `/admin/v1`.
pub(crate) fn routes(registrar: &Arc<Registrar>, config: &mut ServiceConfig) {
    let all = web::resource(["/{kind}", "/{kind}/"])
        .app_data(Matched::Provisioning)
        .route(get_or_head().to(list))
        .route(web::post().to(make))
        .default_service(web::to(refuse_all));
    let one = web::resource(["/{kind}/{name}", "/{kind}/{name}/"])
        .app_data(Matched::Provisioning)
        .route(get_or_head().to(show))
        .route(web::put().to(change))
        .route(web::patch().to(change))
        .route(web::delete().to(change))
        .default_service(web::to(refuse_one));
    let pages = web::resource(["/buses/{name}/pages", "/buses/{name}/pages/"])
        .app_data(Matched::Provisioning)
        .route(web::delete().to(end_pages))
        .default_service(web::to(refuse_pages));
    let scope = service::scope("/admin/v1", registrar.service()).service(pages).service(all).service(one);
    config.service(
        scope.app_data(web::Data::from(Arc::clone(registrar))).default_service(web::to(nothing_here)),
    );
}

async fn nothing_here() -> Answer {
    let text = format!("below /admin/v1/ {}, each with /NAME", Kind::THERE_ARE);
    Err(ApiError::new(ErrorCode::NotFound, text).closing().into())
}

async fn refuse_all(kind: web::Path<String>) -> Answer {
    Err(ApiError::method_not_allowed(methods_of_all(Kind::of(&kind))).closing().into())
}

async fn refuse_one(path: web::Path<(String, String)>) -> Answer {
    Err(ApiError::method_not_allowed(methods_of_one(Kind::of(&path.0))).closing().into())
}

async fn refuse_pages() -> Answer {
    Err(ApiError::method_not_allowed(pages::METHODS).closing().into())
}

fn kind_of(segment: &str) -> Result<Kind, Problem> {
    Kind::of(segment).ok_or_else(|| Problem::new(ErrorCode::NotFound, Kind::THERE_ARE))
}

async fn list(registrar: web::Data<Registrar>, request: HttpRequest, kind: web::Path<String>) -> Answer {
    admit(&registrar, &request).await?;
    let json = ask::list(&registrar.state().books(), kind_of(&kind)?, request.query_string())?;
    Ok(HttpResponse::Ok().json(json))
}

async fn show(
    registrar: web::Data<Registrar>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Answer {
    admit(&registrar, &request).await?;
    let shown = ask::one(&registrar.state().books(), kind_of(&path.0)?, &path.1)?;
    let known = tags(request.headers(), &IF_NONE_MATCH)?;
    if known.iter().any(|tag| tag.trim_start_matches("W/") == shown.tag) {
        return Ok(tagged(HttpResponse::NotModified(), &shown).finish());
    }
    Ok(tagged(HttpResponse::Ok(), &shown).json(&shown.json))
}

async fn change(
    registrar: web::Data<Registrar>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Answer {
    let who = admit(&registrar, &request).await.map_err(ApiError::closing)?;
    let (kind, name) = (kind_of(&path.0)?, path.1.clone());
    let verb = match *request.method() {
        Method::PUT => Verb::Put,
        Method::PATCH => Verb::Patch,
        _ => Verb::Delete,
    };
    if kind == Kind::Grants && verb != Verb::Delete {
        return refuse_one(path).await;
    }
    let only_if = only_if(request.headers())?;
    let body = match verb {
        Verb::Delete => None,
        Verb::Put | Verb::Patch => Some(json_body(&registrar, &request, payload).await?),
    };
    let order = web::block(move || ask::order(kind, &name, verb, body, only_if)).await;
    carry_out(&registrar, who, order.map_err(|_| ending())??).await
}

/// `POST` to what takes it: what is made has its name in the body, or gets an id.
async fn make(
    registrar: web::Data<Registrar>,
    request: HttpRequest,
    kind: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let who = match kind_of(&kind)? {
        Kind::Admins => admit_to_admins(&registrar, &request).await,
        Kind::Clients | Kind::Grants => admit(&registrar, &request).await,
        Kind::Users | Kind::Buses => return refuse_all(kind).await,
    };
    let who = who.map_err(ApiError::closing)?;
    let body = json_body(&registrar, &request, payload).await?;
    let (kind, by) = (kind_of(&kind)?, who.grantor());
    let order = web::block(move || ask::make(kind, body, by)).await;
    carry_out(&registrar, who, order.map_err(|_| ending())??).await
}

async fn end_pages(registrar: web::Data<Registrar>, request: HttpRequest, name: web::Path<String>) -> Answer {
    let who = admit(&registrar, &request).await.map_err(ApiError::closing)?;
    registrar.end_pages(who, &name).await?;
    let durability = HeaderValue::from_static(registrar.durability());
    Ok(HttpResponse::build(pages::ENDED).insert_header((DURABILITY, durability)).finish())
}

fn ending() -> Problem {
    Problem::new(ErrorCode::Unavailable, "the server is shutting down")
}

async fn carry_out(registrar: &web::Data<Registrar>, who: Who, asked: Asked) -> Answer {
    let Asked { order, secret } = asked;
    let (kind, name) = (order.kind(), order.name().to_owned());
    let done = registrar.change(who, vec![order]).await.map_err(|error| Problem::of_change(kind, error))?;
    let action = done.first().map_or(Action::Nothing, |done| done.action);
    let durability = HeaderValue::from_static(registrar.durability());
    // Somebody may have taken it away at once.
    let Some(mut shown) = registrar.state().books().find(kind, &name) else {
        return Ok(HttpResponse::NoContent().insert_header((DURABILITY, durability)).finish());
    };
    let status = if action == Action::Make { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = tagged(HttpResponse::build(status), &shown);
    response.insert_header((DURABILITY, durability));
    if action == Action::Make {
        let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let encoded = encoded.replace('+', "%20");
        response.insert_header((LOCATION, format!("/admin/v1/{}/{encoded}", kind.many())));
    }
    if let (Some(secret), Some(shown)) = (secret, shown.json.as_object_mut()) {
        response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        shown.insert("secret".to_owned(), Value::from(secret.as_str()));
    }
    Ok(response.json(&shown.json))
}

fn tagged(mut response: actix_web::HttpResponseBuilder, shown: &Shown) -> actix_web::HttpResponseBuilder {
    response.insert_header((ETAG, shown.tag.as_str()));
    response
}

/// The body, which is JSON and says so: a form of a page could not.
async fn json_body(
    registrar: &Registrar,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Value, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is_json = ["application/json", "application/merge-patch+json"]
        .into_iter()
        .any(|json| essence.eq_ignore_ascii_case(json.as_bytes()));
    if !is_json {
        let text = "the body must be sent as Content-Type: application/json, or application/merge-patch+json";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, text).closing().into());
    }
    let service = registrar.service();
    let limits = service.limits();
    let bounds = BodyBounds { most: limits.body, deadline: limits.body_timeout };
    let body = read_body(request, payload, bounds, service.traffic(), Holder::Operators).await?;
    serde_json::from_slice(&body.bytes).map_err(|error| {
        // Where, and not what: it may be a password.
        let text = format!("the body is no JSON, at line {}, column {}", error.line(), error.column());
        Problem::new(ErrorCode::InvalidRequest, text)
    })
}

/// What a change depends on.
fn only_if(headers: &HeaderMap) -> Result<OnlyIf, Problem> {
    let (is, is_not) = (tags(headers, &IF_MATCH)?, tags(headers, &IF_NONE_MATCH)?);
    match (is.as_slice(), is_not.as_slice()) {
        ([], []) => Ok(OnlyIf::Always),
        ([], [any]) if any == "*" => Ok(OnlyIf::Absent),
        ([any], []) if any == "*" => Ok(OnlyIf::There),
        (tags, []) => Ok(OnlyIf::Tagged(tags.to_vec())),
        _ => {
            Err(Problem::new(ErrorCode::InvalidRequest, "a change takes If-None-Match: * or If-Match, alone"))
        }
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, Problem> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| {
            Problem::new(ErrorCode::InvalidRequest, format!("the header {name} is no list of tags"))
        })?;
        tags.extend(text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()));
    }
    Ok(tags)
}
