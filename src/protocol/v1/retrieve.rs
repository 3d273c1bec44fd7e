//! `GET` on a bus, on a channel and on several channels.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{
    BusHandle, ChannelName, Page, Position, ReadError, Resume, Selection, Since, SubscribeError,
    Subscription, Which,
};

use super::answer::Answer;
use super::query::{Manner, Query};
use super::several;
use super::version::Version;
use super::wait;
use crate::auth::{Right, UserName};
use crate::error::{ApiError, ErrorCode};
use crate::http::{CROSS_ORIGIN, RESOURCE_POLICY};
use crate::protocol::list::List;
use crate::protocol::padding::{self, Callback};
use crate::protocol::push::{ChannelSet, text_of};
use crate::protocol::quota::tell_quota;
use crate::protocol::{bus_of, channel_of, retrieved};
use crate::service::{Bus, Holder, Reader, Service, Work};

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
    async fn read(&self, bus: &BusHandle, which: Which) -> Result<Page, ReadError> {
        match self {
            Self::Bus(since) => bus.read(ask(*since, which)).await,
            Self::Channel(channel, since) => bus.read_channel(channel, ask(*since, which)).await,
            Self::Channels(channels, _) => several::read(bus, channels, which).await,
        }
    }

    fn selection(&self) -> Selection {
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

pub(super) const fn ask(since: Since, which: Which) -> backplane_actors::Query {
    backplane_actors::Query { since, which }
}

/// A retrieval that may be answered.
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) service: web::Data<Service>,
    pub(super) request: HttpRequest,
    pub(super) bus: Arc<Bus>,
    pub(super) what: What,
    pub(super) which: Which,
    /// Who has signed in, where that is asked for.
    pub(super) user: Option<UserName>,
}

impl Asked {
    /// What there is now.
    pub(super) async fn read(&self) -> Result<Page, ReadError> {
        self.what.read(self.bus.handle(), self.which).await
    }

    /// What there is to come.
    pub(super) fn subscribe(&self) -> Result<Subscription, SubscribeError> {
        let events = self.bus.handle().subscribe(self.what.selection())?;
        Ok(if self.which == Which::Sticky { events.sticky() } else { events })
    }

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
    let (what, which) = (What::Bus(query.since_of_bus()), query.which(version)?);
    drop(query);
    // Padding is for pages, and no page has the right to read a bus.
    answer(Asked { version, service, request, bus, what, which, user: Some(user) }, manner, None).await
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
    let (since, which) = (query.since_of(&channel), query.which(version)?);
    let callback = query.callback_on(&bus)?;
    let what = What::Channel(channel, since);
    answer(Asked { version, service, request, bus, what, which, user: None }, manner, callback).await
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
    let which = query.which(version)?;
    let callback = query.callback_on(&bus)?;
    let what = What::Channels(channels, set);
    answer(Asked { version, service, request, bus, what, which, user: None }, manner, callback).await
}

async fn answer(asked: Asked, manner: Manner, callback: Option<Callback>) -> Answer {
    let work = match manner {
        Manner::Events if !asked.is_head() => Work::Stream,
        Manner::Events | Manner::Poll(_) => Work::Read,
    };
    let user = asked.user.as_ref().map(UserName::poster);
    let quota = asked.service.take_quota(work, &asked.request, user.as_ref(), &asked.bus)?;
    let mut response = match manner {
        Manner::Events => wait::events(asked),
        Manner::Poll(block) => poll(&asked, block, callback).await,
    }?;
    tell_quota(&mut response, quota);
    Ok(response)
}

async fn poll(asked: &Asked, block: Duration, callback: Option<Callback>) -> Answer {
    let page = asked.read().await?;
    // There is something to say, or nobody to wait: what HEAD asks for is there at once.
    let says = !page.entries.is_empty() || page.resume != Resume::Complete;
    if says || block == Duration::ZERO || asked.is_head() {
        return response(asked, page, callback.as_ref());
    }
    let page = wait::page(asked, block).await?;
    let mut response = response(asked, page, callback.as_ref())?;
    wait::mark(&mut response);
    Ok(response)
}

fn response(asked: &Asked, page: Page, callback: Option<&Callback>) -> Answer {
    let mut response = retrieved::answer(page.resume, callback);
    // What the outside calls this resource; without that the link is relative to the request's own URL.
    let base = asked.service.public_base();
    let prefix = asked.version.prefix();
    let url = base.map(|base| format!("{base}{prefix}/bus/{}{}", asked.bus.name(), asked.what.path()));
    let link = link(&url.unwrap_or_default(), asked, page.next);
    if let Ok(link) = HeaderValue::from_maybe_shared(web::Bytes::from(link)) {
        response.insert_header((LINK, link));
    }
    let messages = (asked.bus.name(), page.entries);
    let frames = List::frames(messages, asked.version.shows(), callback);
    if asked.is_head() {
        return Ok(retrieved::without_messages(response, &frames));
    }
    Ok(retrieved::with_messages(response, frames, &asked.service, asked.holder())?)
}

/// Where to go on: the position, and the history that it belongs to. What is relative to a URL takes the place of its query.
fn link(url: &str, asked: &Asked, next: Position) -> String {
    const SINCE: &str = "since=";
    const EPOCH: &str = "&epoch=";
    const STICKY: &str = "&sticky=true";
    const END: &str = ">; rel=\"next\"";
    let sticky = if asked.which == Which::Sticky { STICKY } else { "" };
    let mut link = String::with_capacity(url.len() + 64);
    link.extend(["<", url, "?"]);
    if let What::Channels(channels, set) = &asked.what {
        for (channel, _) in channels {
            link.extend(["channel=", channel.as_str(), "&"]);
        }
        link.extend([SINCE, &text_of(next), &set.long_suffix(), sticky, END]);
        return link;
    }
    link.extend([SINCE, next.id.text().as_str()]);
    if let Some(epoch) = next.epoch {
        link.extend([EPOCH, epoch.text().as_str()]);
    }
    link.extend([sticky, END]);
    link
}
