//! `GET /v2/messages` with `Upgrade: websocket`: what a token lets see, as it is posted.

use actix_web::guard::GuardContext;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, ORIGIN};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use backplane_actors::PromiseRule;

use super::access::Access;
use super::answer::Answer;
use super::messages::{Asked, NAMES};
use super::query::Parameters;
use super::stream;
use crate::error::{ApiError, ErrorCode};
use crate::http::offers_websocket;
use crate::protocol::push::{Ends, Handshake, Opening, Socket, Source};
use crate::protocol::quota::tell_quota;
use crate::protocol::shown::Shows;
use crate::service::{Connection, Service, Waiting, Work};

/// Whether a request is for here.
pub(super) fn is_offered(context: &GuardContext<'_>) -> bool {
    let head = context.head();
    head.method == Method::GET && offers_websocket(head.headers())
}

/// Opens a connection.
pub(super) async fn read(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let parameters = Parameters::parse(request.query_string().as_bytes(), NAMES)?;
    for name in ["callback", "block"] {
        if parameters.get(name).is_some() {
            let text = format!("the parameter {name} does not go together with Upgrade: websocket");
            return Err(ApiError::new(ErrorCode::InvalidRequest, text).into());
        }
    }
    let access = Access::of(&service, &request, parameters.get("access_token")).await?;
    admit_page(&access, request.headers())?;
    let asked = Asked::new(service, &request, access, parameters.get("since"))?;
    Ok(open(asked, payload)?)
}

/// Browsers ask nobody before they open a WebSocket to another origin.
fn admit_page(access: &Access, headers: &HeaderMap) -> Result<(), ApiError> {
    let refuse = |text| Err(ApiError::new(ErrorCode::Forbidden, text));
    for origin in headers.get_all(ORIGIN) {
        match access.page_bus() {
            Some(bus) if bus.allowed_origins().allows(origin.as_bytes()) => {}
            Some(_) => return refuse("pages of this origin may not read this bus (allowed_origins)"),
            None => return refuse("a client's token belongs to a server, and to no page"),
        }
    }
    Ok(())
}

fn open(asked: Asked, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (service, request) = (asked.service.clone(), asked.request.clone());
    let handshake = Handshake::of(request.head())?;
    let quota = super::take_quota(&service, Work::Stream, &request, &asked.access)?;
    let open = service.open_stream(&request, Waiting::WebSocket)?;
    let events = Source::Granted(asked.subscribe()?);
    let connection = request.conn_data::<Connection>();
    if let Some(connection) = connection {
        connection.upgrades();
    }
    let mut response = handshake.response();
    response.extensions_mut().insert(Waiting::WebSocket);
    let ends = Ends::with(stream::ends(&service, &asked.access));
    let opening = Opening {
        connection: connection.cloned(),
        payload,
        events,
        reads_bus: true,
        promises: PromiseRule::Dated,
        reader: stream::reader_of(&asked),
        ends: Some(ends),
        holder: asked.holder(),
        poster: None,
        open,
        shows: Shows::Object(asked.object),
        service,
    };
    let mut response = response.body(Socket::new(opening));
    tell_quota(&mut response, quota);
    Ok(response)
}
