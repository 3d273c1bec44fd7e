//! Version 2.0 of the protocol: OAuth 2.0 on the same buses. What a server posts by version 1.x, a client of this one reads, if its token
//! lets it, and the other way round.
//!
//! | call | handler |
//! |---|---|
//! | `GET /v2/token` | `token::page` |
//! | `POST /v2/token` | `token::client` |
//! | `POST /v2/revoke`, `POST /v2/introspect` | `manage` |
//! | `GET /v2/messages` | `messages`, as events `stream`, over WebSocket `socket` |
//! | `GET /v2/message/<id>` | `one` |
//! | `POST /v2/message` | `post` |
//! | `/.well-known/…` | `metadata` |
//!
//! | module | what lives there |
//! |---|---|
//! | `access` | who asks, and what the token lets see |
//! | `answer` | the shape of refusals |
//! | `cors` | which pages may read |
//! | `inside` | a client whose server is in this process |
//! | `manage` | what clients do with tokens that they have |
//! | `messages` | reading from a position on |
//! | `metadata` | where things are |
//! | `one` | one message |
//! | `post` | posting |
//! | `public` | what the outside calls things |
//! | `query` | parameters |
//! | `socket` | reading over WebSocket |
//! | `stream` | reading as events, and when that ends |
//! | `token` | tokens for pages and for clients |
//! | `who` | a client of this server, or of an issuer that is trusted |

mod access;
mod answer;
mod cors;
mod inside;
mod manage;
mod messages;
mod metadata;
mod one;
mod post;
mod public;
mod query;
mod socket;
mod stream;
mod token;
mod who;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, guard};

use self::access::Access;
use self::answer::Answer;
pub(crate) use self::inside::{Inside, Outgoing, token_for};
use crate::error::{ApiError, ErrorCode};
use crate::http::get_or_head;
use crate::rates::Fields;
use crate::service::{self, Matched, Service, Work};

/// What can be asked of what pages read.
const READ: &str = "GET, HEAD, OPTIONS";
/// The same of tokens.
const TOKEN: &str = "GET, POST, OPTIONS";
/// What clients alone ask.
const POST: &str = "POST, OPTIONS";

/// Adds the routes of the version.
pub(crate) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    let scope = service::scope("/v2", service)
        .service(
            for_pages("/token", Matched::Token, TOKEN)
                .route(web::get().to(token::page::give))
                .route(web::post().to(token::client::give)),
        )
        .service(for_clients("/revoke", Matched::Token).route(web::post().to(manage::revoke)))
        .service(for_clients("/introspect", Matched::Token).route(web::post().to(manage::introspect)))
        .service(
            for_pages("/messages", Matched::Messages, READ)
                .route(web::route().guard(guard::fn_guard(socket::is_offered)).to(socket::read))
                .route(get_or_head().to(messages::read)),
        )
        .service(for_pages("/message/{id}", Matched::Message, READ).route(get_or_head().to(one::read)))
        .service(for_clients("/message", Matched::Message).route(web::post().to(post::post)))
        .default_service(web::to(not_found));
    config.service(scope);
    metadata::routes(service, config);
}

/// A resource that says which methods it has, also to browsers that ask before their page does.
fn for_pages(path: &str, matched: Matched, methods: &'static str) -> Resource {
    web::resource(path)
        .app_data(matched)
        .route(web::route().guard(guard::Options()).to(move || cors::options(methods)))
        .default_service(web::to(move || refused(methods)))
}

/// The same of one that no page has business with.
fn for_clients(path: &str, matched: Matched) -> Resource {
    web::resource(path)
        .app_data(matched)
        .route(
            web::route()
                .guard(guard::Options())
                .to(|| ready(HttpResponse::NoContent().insert_header(("Allow", POST)).finish())),
        )
        .default_service(web::to(|| refused(POST)))
}

fn refused(methods: &'static str) -> Ready<Answer> {
    ready(Err(ApiError::method_not_allowed(methods).closing().into()))
}

fn not_found() -> Ready<Answer> {
    let text = "version 2.0 has /v2/authorize, /v2/token, /v2/revoke, /v2/introspect, /v2/messages, /v2/message \
                and /v2/message/<id>, and for owners of buses /v2/authenticate and /v2/grants";
    ready(Err(ApiError::new(ErrorCode::NotFound, text).closing().into()))
}

/// Takes this work from the quotas of whoever asks, on each bus that the token reaches: what is asked of several buses is asked of each.
fn take_quota(
    service: &Service,
    work: Work,
    request: &HttpRequest,
    access: &Access,
) -> Result<Option<Fields>, ApiError> {
    let poster = access.poster()?;
    let mut told = None;
    for bus in access.buses() {
        told = service.take_quota(work, request, poster.as_ref(), bus)?;
    }
    Ok(told)
}

/// What is asked without changing anything.
fn is_head(request: &HttpRequest) -> bool {
    *request.method() == Method::HEAD
}
