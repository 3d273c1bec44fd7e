//! Versions 1.0 and 1.1 of the protocol: one door with two prefixes.
//!
//! | call | handler |
//! |---|---|
//! | `GET /v1/bus/<bus>`, `GET /v1.1/bus/<bus>` | `retrieve::bus` |
//! | `GET /v1/bus/<bus>/channel/<channel>`, also `/v1.1` | `retrieve::channel` |
//! | `GET /v1/bus/<bus>/channels?channel=<channel>…`, also `/v1.1` | `retrieve::channels` |
//! | `POST /v1/bus/<bus>/channel/<channel>`, also `/v1.1` | `post::post` |
//! | `GET /v1.1/bus/<bus>/channel/new` | `new::name` |
//!
//! `GET` with `Upgrade: websocket` goes to the handlers of the same names in `socket`.

mod answer;
mod cors;
mod frame;
mod new;
mod padding;
mod post;
mod query;
mod retrieve;
mod several;
mod socket;
mod version;
mod wait;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Scope, guard};

use self::answer::Answer;
use self::version::Version;
use crate::error::{ApiError, ErrorCode};
use crate::http::get_or_head;
use crate::service::{self, Around, Matched, Service};

/// What a bus can be asked.
const BUS_METHODS: &str = "GET, HEAD, OPTIONS";
/// What several channels can be asked.
const CHANNELS_METHODS: &str = "GET, HEAD, OPTIONS";
/// What a channel can be asked.
const CHANNEL_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// What the source of names can be asked.
const NEW_METHODS: &str = "GET, HEAD, OPTIONS";

/// Adds the routes of both versions. Handlers are told which version a request came to.
pub(crate) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    for version in Version::ALL {
        config.service(routes_of(version, service));
    }
}

fn routes_of(version: Version, service: &Arc<Service>) -> Scope<impl Around> {
    let scope = service::scope(version.prefix(), service);
    let scope = if version.has_new() {
        let new = resource("/bus/{bus}/channel/new", Matched::NewChannel, NEW_METHODS)
            .route(get_or_head().to(new::name))
            .wrap(cors::for_pages(service));
        scope.service(new)
    } else {
        scope
    };
    let bus = resource("/bus/{bus}", Matched::Bus, BUS_METHODS)
        .route(web::route().guard(guard::fn_guard(socket::is_offered)).to(socket::bus))
        .route(get_or_head().to(move |service, request| retrieve::bus(version, service, request)));
    let channel = resource("/bus/{bus}/channel/{channel}", Matched::Channel, CHANNEL_METHODS)
        .route(web::route().guard(guard::fn_guard(socket::is_offered)).to(socket::channel))
        .route(get_or_head().to(move |service, request| retrieve::channel(version, service, request)))
        .route(web::post().to(post::post))
        .wrap(cors::for_pages(service));
    let channels = resource("/bus/{bus}/channels", Matched::Channels, CHANNELS_METHODS)
        .route(web::route().guard(guard::fn_guard(socket::is_offered)).to(socket::channels))
        .route(get_or_head().to(move |service, request| retrieve::channels(version, service, request)))
        .wrap(cors::for_pages(service));
    scope.service(bus).service(channel).service(channels).default_service(web::to(move || not_found(version)))
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

fn refused(methods: &'static str) -> Ready<Answer> {
    ready(Err(ApiError::method_not_allowed(methods).closing().into()))
}

fn not_found(version: Version) -> Ready<Answer> {
    ready(Err(ApiError::new(ErrorCode::NotFound, version.resources()).closing().into()))
}
