//! Versions 1.0 and 1.1 of the protocol. The prefix chooses what there is, not which buses and channels.
//!
//! | call | handler |
//! |---|---|
//! | `GET /v1/bus/<bus>`, `GET /v1.1/bus/<bus>` | `retrieve::bus` |
//! | `GET /v1/bus/<bus>/channel/<channel>`, also `/v1.1` | `retrieve::channel` |
//! | `POST /v1/bus/<bus>/channel/<channel>`, also `/v1.1` | `post::post` |
//! | `GET /v1.1/bus/<bus>/channel/new` | `new::name` |

mod cors;
mod frame;
mod new;
mod padding;
mod post;
mod query;
mod retrieve;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Scope, guard};

use crate::error::{ApiError, ErrorCode};
use crate::http::get_or_head;
use crate::service::{self, Around, Matched, Service};

/// What a bus can be asked.
const BUS_METHODS: &str = "GET, HEAD, OPTIONS";
/// What a channel can be asked.
const CHANNEL_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// What the source of names can be asked.
const NEW_METHODS: &str = "GET, HEAD, OPTIONS";

/// Adds the routes of both versions.
pub(crate) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    let new = resource("/bus/{bus}/channel/new", Matched::NewChannel, NEW_METHODS)
        .route(get_or_head().to(new::name))
        .wrap(cors::for_pages(Arc::clone(service)));
    config
        .service(shared(service::scope("/v1", service), service))
        .service(shared(service::scope("/v1.1", service).service(new), service));
}

/// What the versions have in common.
fn shared(scope: Scope<impl Around>, service: &Arc<Service>) -> Scope<impl Around> {
    let bus = resource("/bus/{bus}", Matched::Bus, BUS_METHODS).route(get_or_head().to(retrieve::bus));
    let channel = resource("/bus/{bus}/channel/{channel}", Matched::Channel, CHANNEL_METHODS)
        .route(get_or_head().to(retrieve::channel))
        .route(web::post().to(post::post))
        .wrap(cors::for_pages(Arc::clone(service)));
    scope.service(bus).service(channel).default_service(web::to(not_found))
}

/// A resource that says which methods it has. Preflights are answered before (see [`cors`]).
fn resource(path: &str, matched: Matched, methods: &'static str) -> Resource {
    web::resource(path)
        .app_data(matched)
        .route(web::route().guard(guard::Options()).to(move || options_of(methods)))
        .default_service(web::to(move || refused(methods)))
}

fn options_of(methods: &'static str) -> Ready<HttpResponse> {
    ready(HttpResponse::NoContent().insert_header(("Allow", methods)).finish())
}

fn refused(methods: &'static str) -> Ready<Result<HttpResponse, ApiError>> {
    ready(Err(ApiError::method_not_allowed(methods).closing()))
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    let description = "versions 1.0 and 1.1 have /v1/bus/<bus> and /v1/bus/<bus>/channel/<channel>, and 1.1 has \
        /v1.1/bus/<bus>/channel/new";
    Err(ApiError::new(ErrorCode::NotFound, description).closing())
}
