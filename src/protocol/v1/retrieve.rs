//! `GET` on a bus, on a channel and on several channels.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{BusHandle, ChannelName, Page, Position, ReadError, Resume, Selection, Since};

use super::answer::Answer;
use super::frame::Frames;
use super::padding::{self, Callback};
use super::query::{Manner, Query};
use super::several;
use super::version::Version;
use super::wait;
use crate::auth::{Right, UserName};
use crate::error::{ApiError, ErrorCode};
use crate::http::{Announced, CROSS_ORIGIN, NoRoom, RESOURCE_POLICY};
use crate::protocol::push::{ChannelSet, text_of};
use crate::protocol::{bus_of, channel_of};
use crate::service::{Bus, Holder, Reader, Service};

/// Says whether the reader missed something since its position.
pub(super) const RESUME: HeaderName = HeaderName::from_static("backplane-resume");

/// Says why an empty script is empty.
const ERROR: HeaderName = HeaderName::from_static("backplane-error");

/// What is read, and from where.
pub(super) enum What {
    /// All of the bus.
    Bus(Since),
    /// A channel.
    Channel(ChannelName, Since),
    /// Several of them, and the set that they are.
    Channels(Vec<(ChannelName, Since)>, ChannelSet),
}

impl What {
    pub(super) async fn read(&self, bus: &BusHandle) -> Result<Page, ReadError> {
        match self {
            Self::Bus(since) => bus.read(*since).await,
            Self::Channel(channel, since) => bus.read_channel(channel, *since).await,
            Self::Channels(channels, _) => several::read(bus, channels).await,
        }
    }

    pub(super) fn selection(&self) -> Selection {
        match self {
            Self::Bus(since) => Selection::Bus(*since),
            Self::Channel(channel, since) => Selection::Channels(vec![(channel.clone(), *since)]),
            Self::Channels(channels, _) => Selection::Channels(channels.clone()),
        }
    }

    /// Below the bus.
    fn path(&self) -> String {
        match self {
            Self::Bus(_) => String::new(),
            Self::Channel(channel, _) => format!("/channel/{}", channel.as_str()),
            Self::Channels(..) => "/channels".to_owned(),
        }
    }
}

/// A retrieval that may be answered.
pub(super) struct Asked {
    pub(super) service: web::Data<Service>,
    pub(super) request: HttpRequest,
    pub(super) bus: Arc<Bus>,
    pub(super) what: What,
    /// Who has signed in, where that is asked for.
    pub(super) user: Option<UserName>,
}

impl Asked {
    pub(super) fn is_head(&self) -> bool {
        *self.request.method() == Method::HEAD
    }

    /// For as long as it waits.
    pub(super) fn reader(&self) -> Reader {
        let reader = match &self.user {
            Some(user) => Reader::of_bus(&self.service, user.clone(), Arc::clone(&self.bus)),
            None => Reader::of_channels(),
        };
        reader.on_page(&self.bus, self.request.headers())
    }

    /// Who holds what is under way.
    pub(super) fn holder(&self) -> Holder {
        self.user.clone().map_or(Holder::Anybody, Holder::User)
    }
}

/// All messages of a bus: for servers, with the right to read (1.0 section 4.4.1).
pub(super) async fn bus(version: Version, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let user = service.authenticate(&request).await?;
    let bus = bus_of(&service, &request)?;
    service.authorize(&request, &user, &bus, Right::Read)?;
    let query = Query::of(&request)?;
    let manner = query.manner(service.limits().block)?;
    let what = What::Bus(query.since_of_bus());
    drop(query);
    // Padding is for pages, and no page has the right to read a bus.
    answer(version, Asked { service, request, bus, what, user: Some(user) }, manner, None).await
}

/// The messages of a channel: for whoever knows its name (1.0 section 4.4.2).
pub(super) async fn channel(version: Version, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let found = bus_of(&service, &request).and_then(|bus| Ok((bus, channel_of(&request)?)));
    let (bus, channel) = match found {
        Ok(found) => found,
        Err(error) => return no_channel(&request, error),
    };
    let query = Query::of(&request)?;
    let manner = query.manner(service.limits().block)?;
    let since = query.since_of(&channel);
    let callback = query.callback_on(&bus)?;
    let what = What::Channel(channel, since);
    answer(version, Asked { service, request, bus, what, user: None }, manner, callback).await
}

/// A script for a channel that cannot be is an empty list, and says why where people look and pages do not (V1-PAD-2): no page sees
/// what status a script has, and historical libraries ask again at once where they see none.
fn no_channel(request: &HttpRequest, error: ApiError) -> Answer {
    let query = Query::of(request)?;
    let is_for_ever = matches!(error.code(), ErrorCode::UnknownBus | ErrorCode::InvalidChannelName);
    let Some(callback) = query.callback().filter(|_| is_for_ever) else { return Err(error.into()) };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((ERROR, error.code().as_str()))
        .insert_header((CONTENT_TYPE, padding::content_type(Some(callback))))
        .insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
    Ok(response.body(padding::padded(callback, "[]")))
}

/// The messages of several channels, in the order of the bus: for whoever knows their names.
pub(super) async fn channels(version: Version, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let bus = bus_of(&service, &request)?;
    let query = Query::of(&request)?;
    let limits = service.limits();
    let manner = query.manner(limits.block)?;
    let (channels, set) = query.channels(limits.channels_per_stream)?;
    let callback = query.callback_on(&bus)?;
    let what = What::Channels(channels, set);
    answer(version, Asked { service, request, bus, what, user: None }, manner, callback).await
}

async fn answer(version: Version, asked: Asked, manner: Manner, callback: Option<Callback>) -> Answer {
    let block = match manner {
        Manner::Events => return wait::events(asked),
        Manner::Poll(block) => block,
    };
    let page = asked.what.read(asked.bus.handle()).await?;
    // There is something to say, or nobody to wait: what HEAD asks for is there at once.
    let says = !page.entries.is_empty() || page.resume != Resume::Complete;
    if says || block == Duration::ZERO || asked.is_head() {
        return response(version, &asked, page, callback);
    }
    let page = wait::page(&asked, block).await?;
    let mut response = response(version, &asked, page, callback)?;
    wait::mark(&mut response);
    Ok(response)
}

fn response(version: Version, asked: &Asked, page: Page, callback: Option<Callback>) -> Answer {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((RESUME, HeaderValue::from_static(page.resume.as_str())))
        .insert_header((CONTENT_TYPE, padding::content_type(callback.as_ref())));
    if callback.is_some() {
        response.insert_header((RESOURCE_POLICY, CROSS_ORIGIN));
    }
    // What the outside calls this resource; without that the link is relative to the request's own URL.
    let base = asked.service.public_base();
    let url =
        base.map(|base| format!("{base}{}/bus/{}{}", version.prefix(), asked.bus.name(), asked.what.path()));
    let link = link(&url.unwrap_or_default(), &asked.what, page.next);
    if let Ok(link) = HeaderValue::from_maybe_shared(web::Bytes::from(link)) {
        response.insert_header((LINK, link));
    }
    let frames = Frames::new(page, callback);
    if asked.is_head() {
        return Ok(response.body(Announced(frames.left())));
    }
    let frames = match frames.cost() {
        0 => frames,
        cost => {
            let lease = asked.service.traffic().take(asked.holder(), cost);
            frames.with_lease(lease.map_err(|NoRoom| ApiError::traffic_full())?)
        }
    };
    Ok(response.body(frames))
}

/// Where to go on: the position, and the history that it belongs to. What is relative to a URL takes the place of its query.
fn link(url: &str, what: &What, next: Position) -> String {
    const SINCE: &str = "since=";
    const EPOCH: &str = "&epoch=";
    const END: &str = ">; rel=\"next\"";
    let mut link = String::with_capacity(url.len() + 64);
    link.extend(["<", url, "?"]);
    if let What::Channels(channels, set) = what {
        for (channel, _) in channels {
            link.extend(["channel=", channel.as_str(), "&"]);
        }
        link.extend([SINCE, &text_of(next), &set.long_suffix(), END]);
        return link;
    }
    link.extend([SINCE, next.id.text().as_str()]);
    if let Some(epoch) = next.epoch {
        link.extend([EPOCH, epoch.text().as_str()]);
    }
    link.push_str(END);
    link
}
