//! Versions 1.0 to 1.3 of the protocol: one door with four prefixes, `/v1`, `/v1.1`, `/v1.2` and `/v1.3`. They reach the same
//! buses and channels; what they show of a message, and what must be right in it, differs ([`Version`]).
//!
//! | call below the prefix | handler |
//! |---|---|
//! | `GET /bus/<bus>` | `retrieve::bus` |
//! | `GET /bus/<bus>/channel/<channel>` | `retrieve::channel` |
//! | `GET /bus/<bus>/channels?channel=<channel>…` | `retrieve::channels` |
//! | `POST /bus/<bus>/channel/<channel>` | `post::post` |
//! | `GET /bus/<bus>/channel/new` | `new::name` |
//!
//! A path without a version, `/bus/<bus>…`, is version 1.0's, and a slash behind a bus or a channel changes nothing (V1-ALIAS-1).
//!
//! `GET` with `Upgrade: websocket` goes to the handlers of the same names in `socket`.

mod answer;
mod cors;
mod new;
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

/// Adds the routes of all versions. Handlers are told which version a request came to.
pub(crate) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    for version in Version::ALL {
        let scope = service::scope(version.prefix(), service);
        config.service(routes_of(version, service, scope, "/bus"));
    }
    let scope = service::scope("/bus", service);
    config.service(routes_of(Version::V1_0, service, scope, ""));
}

/// What is below `buses` in a scope.
fn routes_of(
    version: Version,
    service: &Arc<Service>,
    scope: Scope<impl Around>,
    buses: &str,
) -> Scope<impl Around> {
    let resource = |below: &str, matched, methods| {
        let path = format!("{buses}/{{bus}}{below}");
        resource([path.clone(), path + "/"], matched, methods)
    };
    // Before the channel: nobody's name is `new` (V1-NEW-1).
    let new = resource("/channel/new", Matched::NewChannel, NEW_METHODS)
        .route(get_or_head().to(new::name))
        .wrap(cors::for_pages(service));
    let bus = resource("", Matched::Bus, BUS_METHODS)
        .route(
            web::route()
                .guard(guard::fn_guard(socket::is_offered))
                .to(move |service, request, payload| socket::bus(version, service, request, payload)),
        )
        .route(get_or_head().to(move |service, request| retrieve::bus(version, service, request)));
    let channel = resource("/channel/{channel}", Matched::Channel, CHANNEL_METHODS)
        .route(
            web::route()
                .guard(guard::fn_guard(socket::is_offered))
                .to(move |service, request, payload| socket::channel(version, service, request, payload)),
        )
        .route(get_or_head().to(move |service, request| retrieve::channel(version, service, request)))
        .route(
            web::post().to(move |service, request, payload| post::post(version, service, request, payload)),
        )
        .wrap(cors::for_pages(service));
    let channels = resource("/channels", Matched::Channels, CHANNELS_METHODS)
        .route(
            web::route()
                .guard(guard::fn_guard(socket::is_offered))
                .to(move |service, request, payload| socket::channels(version, service, request, payload)),
        )
        .route(get_or_head().to(move |service, request| retrieve::channels(version, service, request)))
        .wrap(cors::for_pages(service));
    let scope = scope.service(new).service(bus).service(channel).service(channels);
    scope.default_service(web::to(move || not_found(version)))
}

/// A resource that says which methods it has. Preflights are answered before (see [`cors`]).
fn resource(paths: [String; 2], matched: Matched, methods: &'static str) -> Resource {
    web::resource(paths)
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
