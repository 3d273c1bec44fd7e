//! Version 1.0 of the protocol.
//!
//! | call | handler |
//! |---|---|
//! | `GET /v1/bus/<bus>` | `retrieve::bus` |
//! | `GET /v1/bus/<bus>/channel/<channel>` | `retrieve::channel` |
//! | `POST /v1/bus/<bus>/channel/<channel>` | `post::post` |

mod cors;
mod frame;
mod post;
mod retrieve;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, guard};

use crate::error::{ApiError, ErrorCode};
use crate::metrics::Route;
use crate::service::Service;
use crate::unread::CloseUnread;

/// What a bus can be asked.
const BUS_METHODS: &str = "GET, HEAD, OPTIONS";
/// What a channel can be asked.
const CHANNEL_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Adds the version's routes.
pub(crate) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    let get_or_head = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let options = || web::route().guard(guard::Options());
    config.service(
        web::scope("/v1")
            .service(
                web::resource("/bus/{bus}")
                    .route(get_or_head().to(retrieve::bus))
                    .route(options().to(|| options_of(BUS_METHODS)))
                    .default_service(web::to(|service| refused(service, BUS_METHODS))),
            )
            .service(
                web::resource("/bus/{bus}/channel/{channel}")
                    .route(get_or_head().to(retrieve::channel))
                    .route(web::post().to(post::post))
                    .route(options().to(|| options_of(CHANNEL_METHODS)))
                    .default_service(web::to(|service| refused(service, CHANNEL_METHODS)))
                    .wrap(cors::for_pages(Arc::clone(service))),
            )
            .default_service(web::to(not_found))
            // Here as well as around the whole server: applications mount these routes alone.
            .wrap(CloseUnread),
    );
}

/// Answers a plain `OPTIONS`; preflights were answered before (see [`cors`]).
fn options_of(methods: &'static str) -> Ready<HttpResponse> {
    ready(HttpResponse::NoContent().insert_header(("Allow", methods)).finish())
}

async fn refused(service: web::Data<Service>, methods: &'static str) -> HttpResponse {
    let refusal = async { Err(ApiError::method_not_allowed(methods).closing()) };
    service.observe(Route::Other, refusal).await
}

async fn not_found(service: web::Data<Service>) -> HttpResponse {
    let description = "version 1.0 has /v1/bus/<bus> and /v1/bus/<bus>/channel/<channel>";
    let refusal = async { Err(ApiError::new(ErrorCode::NotFound, description).closing()) };
    service.observe(Route::Other, refusal).await
}
