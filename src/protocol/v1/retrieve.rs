//! `GET` on a bus and on a channel.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LINK, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::Page;

use super::padding::Callback;
use super::query::Query;
use super::{frame, padding};
use crate::auth::Right;
use crate::protocol::{bus_of, channel_of};
use crate::service::Route;
use crate::service::Service;

/// Says whether the reader missed something since its position.
pub(super) const RESUME: &str = "Backplane-Resume";

/// All messages of a bus: for servers, with the right to read (1.0 section 4.4.1).
pub(super) async fn bus(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let answer = async {
        let user = service.authenticate(&request).await?;
        let bus = bus_of(&service, &request)?;
        service.authorize(&user, &bus, Right::Read)?;
        let query = Query::of(&request)?;
        let page = service.broker().read_bus(bus.name(), query.since).await?;
        let url = service.public_base().map(|base| format!("{base}/v1/bus/{}", bus.name()));
        // Padding is for pages, and no page has the right to read a bus.
        Ok(response(url, &page, None))
    };
    service.observe(Route::ReadBus, answer).await
}

/// The messages of a channel: for whoever knows its name (1.0 section 4.4.2).
pub(super) async fn channel(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let answer = async {
        let bus = bus_of(&service, &request)?;
        let channel = channel_of(&request)?;
        let query = Query::of(&request)?;
        let page = service.broker().read_channel(bus.name(), &channel, query.since).await?;
        let url = service
            .public_base()
            .map(|base| format!("{base}/v1/bus/{}/channel/{}", bus.name(), channel.as_str()));
        Ok(response(url, &page, query.callback.as_ref()))
    };
    service.observe(Route::ReadChannel, answer).await
}

/// `url` is what the outside calls this resource; without one the link is relative to the request's own URL.
fn response(url: Option<String>, page: &Page, callback: Option<&Callback>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .insert_header((RESUME, HeaderValue::from_static(page.resume.as_str())));
    let next = page.next.text();
    let link = format!("<{}?since={}>; rel=\"next\"", url.unwrap_or_default(), next.as_str());
    if let Ok(link) = HeaderValue::from_maybe_shared(web::Bytes::from(link)) {
        response.insert_header((LINK, link));
    }
    padding::finish(response, frame::frames(page), callback)
}
