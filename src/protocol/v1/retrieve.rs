//! `GET` on a bus and on a channel.

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{Page, Position};

use super::answer::Answer;
use super::frame::Frames;
use super::padding::{self, Callback};
use super::query::Query;
use super::version::Version;
use crate::auth::Right;
use crate::error::ApiError;
use crate::http::{Announced, CROSS_ORIGIN, NoRoom, RESOURCE_POLICY};
use crate::protocol::{bus_of, channel_of};
use crate::service::{Holder, Service};

/// Says whether the reader missed something since its position.
pub(super) const RESUME: &str = "Backplane-Resume";

/// All messages of a bus: for servers, with the right to read (1.0 section 4.4.1).
pub(super) async fn bus(version: Version, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let user = service.authenticate(&request).await?;
    let bus = bus_of(&service, &request)?;
    service.authorize(&request, &user, &bus, Right::Read)?;
    let query = Query::of(&request)?;
    let page = bus.handle().read(query.since).await?;
    let holder = Holder::User(user);
    let url = service.public_base().map(|base| format!("{base}{}/bus/{}", version.prefix(), bus.name()));
    // Padding is for pages, and no page has the right to read a bus.
    response(&service, &request, url, page, None, holder)
}

/// The messages of a channel: for whoever knows its name (1.0 section 4.4.2).
pub(super) async fn channel(version: Version, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let bus = bus_of(&service, &request)?;
    let channel = channel_of(&request)?;
    let query = Query::of(&request)?;
    let (since, callback) = (query.since, query.callback_on(&bus)?);
    let page = bus.handle().read_channel(&channel, since).await?;
    let url = service
        .public_base()
        .map(|base| format!("{base}{}/bus/{}/channel/{}", version.prefix(), bus.name(), channel.as_str()));
    response(&service, &request, url, page, callback, Holder::Anybody)
}

/// `url` is what the outside calls this resource; without one the link is relative to the request's own URL.
fn response(
    service: &Service,
    request: &HttpRequest,
    url: Option<String>,
    page: Page,
    callback: Option<Callback>,
    holder: Holder,
) -> Answer {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((RESUME, HeaderValue::from_static(page.resume.as_str())))
        .insert_header((CONTENT_TYPE, padding::content_type(callback.as_ref())));
    if callback.is_some() {
        response.insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
    }
    let link = link(&url.unwrap_or_default(), page.next);
    if let Ok(link) = HeaderValue::from_maybe_shared(web::Bytes::from(link)) {
        response.insert_header((LINK, link));
    }
    let frames = Frames::new(page, callback);
    if *request.method() == Method::HEAD {
        return Ok(response.body(Announced(frames.left())));
    }
    let frames = match frames.cost() {
        0 => frames,
        cost => {
            let lease = service.traffic().take(holder, cost);
            frames.with_lease(lease.map_err(|NoRoom| ApiError::traffic_full())?)
        }
    };
    Ok(response.body(frames))
}

/// Where to go on: the position, and the history that it belongs to.
fn link(url: &str, next: Position) -> String {
    const SINCE: &str = "?since=";
    const EPOCH: &str = "&epoch=";
    const END: &str = ">; rel=\"next\"";
    let mut link = String::with_capacity(url.len() + 64);
    link.extend(["<", url, SINCE, next.id.text().as_str()]);
    if let Some(epoch) = next.epoch {
        link.extend([EPOCH, epoch.text().as_str()]);
    }
    link.push_str(END);
    link
}
