//! `GET /v2/messages`: what a token lets see, from a position on (V2-GET-1, V2-GET-2), at once, once there is something, or as events.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{
    Across, AcrossError, AcrossPage, AcrossSubscription, BusName, Entry, Event, Part, Resume, Since, Which,
};
use futures::StreamExt as _;
use tokio::time::sleep;

use super::access::Access;
use super::answer::{Answer, Refusal};
use super::cors;
use super::public::{list_url_of, object_of};
use super::query::{Manner, Parameters, manner_of, since_of};
use super::stream;
use super::token::page::may_be_padded;
use crate::error::{ApiError, ErrorCode};
use crate::protocol::list::{Buses, List};
use crate::protocol::padding::Callback;
use crate::protocol::push::text_of;
use crate::protocol::quota::tell_quota;
use crate::protocol::retrieved;
use crate::protocol::shown::{Object, Shows};
use crate::service::{Holder, Service, Waiting, Work};

pub(super) const NAMES: [&str; 4] = ["since", "block", "callback", "access_token"];

/// Most messages of one answer: `moreMessages` says that there are more.
const PAGE: NonZeroUsize = NonZeroUsize::new(250).unwrap();

/// Whether a message is one that the token lets see.
type Wanted = dyn Fn(&BusName, &Entry) -> bool;

/// A retrieval that may be answered.
pub(super) struct Asked {
    pub(super) service: web::Data<Service>,
    pub(super) request: HttpRequest,
    pub(super) access: Access,
    pub(super) since: Since,
    pub(super) object: Object,
    /// Where the messages are.
    list_url: String,
}

impl Asked {
    pub(super) fn new(
        service: web::Data<Service>,
        request: &HttpRequest,
        access: Access,
        since: Option<&str>,
    ) -> Result<Self, ApiError> {
        access.may_read()?;
        let since = since_of(request, since);
        let object = object_of(&service, request, access.sees_payloads())?;
        let list_url = list_url_of(&service, request)?;
        Ok(Self { service, request: request.clone(), access, since, object, list_url })
    }

    fn across(&self) -> Across {
        let members = match &self.access {
            Access::Page { page, bus } => {
                vec![(bus.handle().clone(), Part::Channel(page.channel().clone()))]
            }
            Access::Client { .. } => {
                self.access.readable().map(|bus| (bus.handle().clone(), Part::All)).collect()
            }
        };
        let across = self.service.broker().across(members);
        if self.access.which() == Which::Sticky { across.sticky() } else { across }
    }

    fn wanted(&self) -> Rc<Wanted> {
        let (access, object) = (self.access.clone(), self.object.clone());
        Rc::new(move |bus: &BusName, entry: &Entry| access.lets_see(bus, entry, &object))
    }

    /// What there is now.
    async fn read(&self) -> Result<AcrossPage, ApiError> {
        self.across().read(self.since, &*self.wanted(), PAGE).await.map_err(|error| of_across(&error))
    }

    /// What there is to come.
    pub(super) fn subscribe(&self) -> Result<AcrossSubscription, ApiError> {
        // Who wants all shares what is made for all.
        let wanted = (!self.access.wants_all()).then(|| self.wanted());
        Ok(self.across().subscribe(self.since, wanted)?)
    }

    pub(super) fn is_head(&self) -> bool {
        *self.request.method() == Method::HEAD
    }

    pub(super) fn holder(&self) -> Holder {
        self.access.holder()
    }
}

/// Reads messages.
pub(super) async fn read(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let parameters = Parameters::parse(request.query_string().as_bytes(), NAMES)?;
    let callback = parameters.callback()?;
    let access = match Access::of(&service, &request, parameters.get("access_token")).await {
        Ok(access) => access,
        Err(error) => return Ok(cors::refused(&Refusal::padded(error, callback), None, &request)),
    };
    let asked = admit(service, &request, access.clone(), &parameters, callback.is_some());
    let answer = match asked {
        Ok((asked, manner)) => answer(asked, manner, callback.as_ref()).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(mut response) => {
            cors::let_read(&mut response, access.page_bus(), request.headers());
            Ok(response)
        }
        Err(error) => Ok(cors::refused(&Refusal::padded(error, callback), access.page_bus(), &request)),
    }
}

fn admit(
    service: web::Data<Service>,
    request: &HttpRequest,
    access: Access,
    parameters: &Parameters<'_, 4>,
    is_padded: bool,
) -> Result<(Asked, Manner), ApiError> {
    match access.page_bus() {
        Some(bus) => may_be_padded(bus, is_padded)?,
        None if is_padded => {
            let text =
                "a script is for pages, and a client's token is for none: ask without the parameter callback";
            return Err(ApiError::new(ErrorCode::InvalidRequest, text));
        }
        None => {}
    }
    let manner = manner_of(request, parameters.get("block"), is_padded, service.limits().block)?;
    Ok((Asked::new(service, request, access, parameters.get("since"))?, manner))
}

async fn answer(asked: Asked, manner: Manner, callback: Option<&Callback>) -> Result<HttpResponse, ApiError> {
    let work = match manner {
        Manner::Events if !asked.is_head() => Work::Stream,
        Manner::Events | Manner::Poll(_) => Work::Read,
    };
    let quota = super::take_quota(&asked.service, work, &asked.request, &asked.access)?;
    let mut response = match manner {
        Manner::Events => stream::events(asked),
        Manner::Poll(block) => poll(&asked, block, callback).await,
    }?;
    tell_quota(&mut response, quota);
    Ok(response)
}

async fn poll(asked: &Asked, block: Duration, callback: Option<&Callback>) -> Result<HttpResponse, ApiError> {
    let page = asked.read().await?;
    // There is something to say, or nobody to wait: what HEAD asks for is there at once.
    let says = !page.entries.is_empty() || page.resume != Resume::Complete || page.more;
    if says || block == Duration::ZERO || asked.is_head() {
        return response(asked, page, callback);
    }
    let page = wait(asked, block).await?;
    let mut response = response(asked, page, callback)?;
    // That time is no measure of the server.
    response.extensions_mut().insert(Waiting::LongPoll);
    Ok(response)
}

/// What there is once something has come, or else after this time. Whoever asks has seen everything.
async fn wait(asked: &Asked, block: Duration) -> Result<AcrossPage, ApiError> {
    let Asked { service, request, .. } = asked;
    let _open = service.open_stream(request, Waiting::LongPoll)?;
    let mut events = asked.subscribe()?;
    let leaves = async {
        service.drain().begun().await;
        sleep(service.farewell()).await;
    };
    let ended = stream::ends(service, &asked.access);
    tokio::select! {
        () = something(&mut events) => {}
        () = sleep(block) => {}
        () = pin!(leaves) => {}
        _ = ended => {}
    }
    drop(events);
    asked.access.check(service)?;
    // From where it began: what came is found there, in the form of any other answer.
    asked.read().await
}

/// Completes when there is more to say than that nothing was missed.
async fn something(events: &mut AcrossSubscription) {
    while let Some(Event::Resumed(resumed)) = events.next().await {
        if resumed.resume != Resume::Complete {
            return;
        }
    }
}

fn response(asked: &Asked, page: AcrossPage, callback: Option<&Callback>) -> Result<HttpResponse, ApiError> {
    let response = retrieved::answer(page.resume, callback);
    let AcrossPage { entries, next, more, .. } = page;
    let (buses, entries): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    // Clients put their own parameters behind it (V2-GET-1).
    let next = format!("{}?since={}", asked.list_url, text_of(next));
    let around = (
        format!("{{\"nextURL\":\"{next}\",\"messages\":["),
        format!("],\"moreMessages\":{}}}", if more { "true" } else { "false" }),
    );
    let list = List::objects(
        (Buses::Each(buses.into_iter()), entries),
        Shows::Object(asked.object.clone()),
        around,
        callback,
    );
    if asked.is_head() {
        return Ok(retrieved::without_messages(response, &list));
    }
    retrieved::with_messages(response, list, &asked.service, asked.holder())
}

/// Of several buses the error names the one: whoever reads it may know it.
fn of_across(error: &AcrossError) -> ApiError {
    let code = ApiError::from(error.error).code();
    ApiError::new(code, error.to_string())
}
