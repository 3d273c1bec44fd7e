//! `GET` with `Upgrade: websocket` on a bus, on a channel and on several channels.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::guard::GuardContext;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, ORIGIN};
use actix_web::web::{Data, Payload};
use backplane_actors::{Selection, Which};

use super::answer::Answer;
use super::query::Query;
use super::version::Version;
use crate::auth::{Right, UserName, authorization};
use crate::error::{ApiError, ErrorCode};
use crate::http::offers_websocket;
use crate::protocol::push::{Handshake, Opening, Poster, Socket, Source};
use crate::protocol::quota::tell_quota;
use crate::protocol::{bus_of, channel_of};
use crate::service::{Bus, Connection, Holder, Reader, Service, Waiting, Work};

/// Whether a request is for here.
pub(super) fn is_offered(context: &GuardContext<'_>) -> bool {
    let head = context.head();
    head.method == Method::GET && offers_websocket(head.headers())
}

/// All of a bus: for servers, with the right to read.
pub(super) async fn bus(
    version: Version,
    service: Data<Service>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let user = service.authenticate(&request).await?;
    let bus = bus_of(&service, &request)?;
    if page_of(&bus, request.headers())? == Page::Any {
        let text = "a page may use credentials only where allowed_origins names its origin";
        return Err(ApiError::new(ErrorCode::Forbidden, text).into());
    }
    service.authorize(&request, &user, &bus, Right::Read)?;
    let query = Query::of(&request)?;
    query.for_socket()?;
    let (selection, which) = (Selection::Bus(query.since_of_bus()), query.which(version)?);
    drop(query);
    let reader = Reader::of_bus(&service, user.clone(), Arc::clone(&bus));
    let asked = Asked { version, service, request, payload, bus, user: Some(user), reader };
    open(asked, selection, which)
}

/// A channel: for whoever knows its name.
pub(super) async fn channel(
    version: Version,
    service: Data<Service>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let bus = bus_of(&service, &request)?;
    let user = admit(&service, &request, &bus).await?;
    let channel = channel_of(&request)?;
    let query = Query::of(&request)?;
    query.for_socket()?;
    let (since, which) = (query.since_of(&channel), query.which(version)?);
    drop(query);
    let reader = reader_of(&service, user.as_ref());
    let asked = Asked { version, service, request, payload, bus, user, reader };
    open(asked, Selection::Channels(vec![(channel, since)]), which)
}

/// Several channels, or none to begin with.
pub(super) async fn channels(
    version: Version,
    service: Data<Service>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let bus = bus_of(&service, &request)?;
    let user = admit(&service, &request, &bus).await?;
    let query = Query::of(&request)?;
    query.for_socket()?;
    let channels = if query.names_channels() {
        query.channels(service.limits().channels_per_stream)?.0
    } else {
        Vec::new()
    };
    let which = query.which(version)?;
    drop(query);
    let reader = reader_of(&service, user.as_ref());
    let asked = Asked { version, service, request, payload, bus, user, reader };
    open(asked, Selection::Channels(channels), which)
}

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    /// No page.
    None,
    /// A page of an origin that the bus names.
    Named,
    /// Some page, where all may read.
    Any,
}

/// Which page comes, if it may: browsers ask nobody before they open a WebSocket to another origin, and send along the credentials
/// that they have.
fn page_of(bus: &Bus, headers: &HeaderMap) -> Result<Page, ApiError> {
    let mut page = Page::None;
    for origin in headers.get_all(ORIGIN) {
        if !bus.allowed_origins().allows(origin.as_bytes()) {
            let text = "pages of this origin may not read this bus (allowed_origins)";
            return Err(ApiError::new(ErrorCode::Forbidden, text));
        }
        page = if bus.allows_all_pages() { Page::Any } else { Page::Named };
    }
    Ok(page)
}

/// Who wants to post, besides reading channels, for which nobody needs to be known.
async fn admit(service: &Service, request: &HttpRequest, bus: &Bus) -> Result<Option<UserName>, ApiError> {
    // Where all pages may read, none may use what its browser knows.
    if page_of(bus, request.headers())? == Page::Any || authorization(request).next().is_none() {
        return Ok(None);
    }
    service.authenticate(request).await.map(Some)
}

fn reader_of(service: &Service, user: Option<&UserName>) -> Reader {
    user.map_or_else(Reader::of_channels, |user| Reader::signed_in(service, user.clone()))
}

/// A connection that may be opened.
struct Asked {
    version: Version,
    service: Data<Service>,
    request: HttpRequest,
    payload: Payload,
    bus: Arc<Bus>,
    user: Option<UserName>,
    reader: Reader,
}

fn open(asked: Asked, selection: Selection, which: Which) -> Answer {
    let Asked { version, service, request, payload, bus, user, reader } = asked;
    let handshake = Handshake::of(request.head())?;
    let poster = user.as_ref().map(UserName::poster);
    let quota = service.take_quota(Work::Stream, &request, poster.as_ref(), &bus)?;
    let reads_bus = matches!(selection, Selection::Bus(_));
    let reader = reader.on_page(&bus, request.headers());
    let open = service.open_stream(&request, Waiting::WebSocket)?;
    let events = bus.handle().subscribe(selection)?;
    let events = if which == Which::Sticky { events.sticky() } else { events };
    if let Some(connection) = request.conn_data::<Connection>() {
        connection.upgrades();
    }
    let mut response = handshake.response();
    response.extensions_mut().insert(Waiting::WebSocket);
    let connection = request.conn_data::<Connection>().cloned();
    let holder = user.clone().map_or(Holder::Anybody, Holder::User);
    let poster = user.map(|user| Poster { user, request, bus });
    let (shows, promises) = (version.shows(), version.promises());
    let opening = Opening {
        service,
        connection,
        payload,
        events: Source::Chosen(events),
        reads_bus,
        shows,
        promises,
        reader,
        ends: None,
        holder,
        poster,
        open,
    };
    let mut response = response.body(Socket::new(opening));
    tell_quota(&mut response, quota);
    Ok(response)
}
