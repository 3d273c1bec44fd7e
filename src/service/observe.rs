//! The books of all requests, as a layer around scopes: what answers a request need not know of them, and no
//! route can forget them.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready as ready_or_wait};
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{self, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{CONNECTION, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::web::{self, Bytes};
use actix_web::{Error, HttpResponse, Resource, Scope};
use pin_project_lite::pin_project;

use super::drain::Active;
use super::{Service, Waiting};
use crate::error::{ApiError, ErrorCode};
use crate::http::{CloseUnread, Headers};

/// What there is at a path. Each resource says it of itself, as its `app_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matched {
    /// A bus.
    Bus,
    /// A channel.
    Channel,
    /// Several channels.
    Channels,
    /// The source of channel names.
    NewChannel,
    /// The browser library.
    Library,
    /// The demonstration's page and what belongs to it.
    Demo,
    /// What operators and their probes ask.
    Operations,
    /// Users, buses and admins that are made.
    Provisioning,
    /// Tokens of version 2.0.
    Token,
    /// Messages of version 2.0.
    Messages,
    /// One message of version 2.0.
    Message,
    /// Where things are.
    Discovery,
    /// The pages on which owners of buses let clients use them.
    Consent,
    /// What the server answers, for programs and for people.
    Description,
}

/// What a request asked for, as metrics and logs name it: never a path, which may hold a channel name (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    ReadBus,
    ReadChannel,
    ReadChannels,
    /// What answered a reader that waited, whatever it asked for.
    Waited(Waiting),
    NewChannel,
    Post,
    Library,
    Demo,
    Operations,
    Provisioning,
    Token,
    Messages,
    Message,
    Discovery,
    Consent,
    Description,
    /// What no resource answers, or not with this method.
    Other,
}

impl Route {
    fn of(matched: Option<&Matched>, method: &Method) -> Self {
        let reads = *method == Method::GET || *method == Method::HEAD;
        match matched {
            Some(Matched::Bus) if reads => Self::ReadBus,
            Some(Matched::Channel) if reads => Self::ReadChannel,
            Some(Matched::Channels) if reads => Self::ReadChannels,
            Some(Matched::Channel | Matched::Message) if *method == Method::POST => Self::Post,
            Some(Matched::NewChannel) if reads => Self::NewChannel,
            Some(Matched::Library) => Self::Library,
            Some(Matched::Demo) => Self::Demo,
            Some(Matched::Operations) => Self::Operations,
            Some(Matched::Provisioning) => Self::Provisioning,
            Some(Matched::Token) => Self::Token,
            Some(Matched::Messages) if reads => Self::Messages,
            Some(Matched::Message) if reads => Self::Message,
            Some(Matched::Discovery) => Self::Discovery,
            Some(Matched::Consent) => Self::Consent,
            Some(Matched::Description) => Self::Description,
            Some(
                Matched::Bus
                | Matched::Channel
                | Matched::Channels
                | Matched::NewChannel
                | Matched::Messages
                | Matched::Message,
            )
            | None => Self::Other,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ReadBus => "read_bus",
            Self::ReadChannel => "read_channel",
            Self::ReadChannels => "read_channels",
            Self::Waited(waiting) => waiting.as_str(),
            Self::NewChannel => "new_channel",
            Self::Post => "post",
            Self::Library => "library",
            Self::Demo => "demo",
            Self::Operations => "operations",
            Self::Provisioning => "provisioning",
            Self::Token => "token",
            Self::Messages => "messages",
            Self::Message => "message",
            Self::Discovery => "discovery",
            Self::Consent => "consent",
            Self::Description => "description",
            Self::Other => "other",
        }
    }
}

/// What [`scope`] and [`resource`] are made of: whatever is added to them has the layers around it.
pub(crate) trait Around:
    dev::ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<Self::Body>,
        Error = Error,
        InitError = (),
    > + 'static
{
    type Body: MessageBody + 'static;
}

impl<T, B> Around for T
where
    T: dev::ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    type Body = B;
}

/// A scope whose requests are counted, whose answers have the headers that all have, and whose connections end with
/// what nobody reads. All paths of the service lie in one of these or in a [`resource`].
pub(crate) fn scope(prefix: &str, service: &Arc<Service>) -> Scope<impl Around> {
    web::scope(prefix).wrap(CloseUnread).wrap(headers(service)).wrap(Observe(Arc::clone(service)))
}

/// A resource with the same around it, for what lies outside of such a scope.
pub(crate) fn resource(path: &str, matched: Matched, service: &Arc<Service>) -> Resource<impl Around> {
    let resource = web::resource(path).app_data(matched).wrap(CloseUnread).wrap(headers(service));
    resource.wrap(Observe(Arc::clone(service)))
}

/// Such a resource that is read, and refuses everything else.
pub(crate) fn readable(
    path: &str,
    matched: Matched,
    service: &Arc<Service>,
    read: actix_web::Route,
) -> Resource<impl Around> {
    let refused = || ready(Err::<HttpResponse, _>(ApiError::method_not_allowed("GET, HEAD").closing()));
    resource(path, matched, service).route(read).default_service(web::to(refused))
}

fn headers(service: &Service) -> Headers {
    Headers::new(service.strict_transport.clone())
}

/// The middleware: counts requests while they are under way and when they are answered, and ends connections
/// after their answers once the service drains.
struct Observe(Arc<Service>);

struct ObserveService<S> {
    next: S,
    service: Arc<Service>,
}

impl<S, B> Transform<S, ServiceRequest> for Observe
where
    S: dev::Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<Observed<B>>;
    type Error = Error;
    type Transform = ObserveService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, next: S) -> Self::Future {
        ready(Ok(ObserveService { next, service: Arc::clone(&self.0) }))
    }
}

impl<S, B> dev::Service<ServiceRequest> for ObserveService<S>
where
    S: dev::Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<Observed<B>>;
    type Error = Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.next.poll_ready(context)
    }

    #[expect(clippy::disallowed_methods, reason = "only measured")]
    fn call(&self, request: ServiceRequest) -> Self::Future {
        Answering {
            active: Some(self.service.drain().enter()),
            began: Instant::now(),
            service: Arc::clone(&self.service),
            answer: self.next.call(request),
        }
    }
}

pin_project! {
    /// An answer in the making. Whoever hangs up before it is there drops it, and with it the count.
    struct Answering<F> {
        #[pin]
        answer: F,
        service: Arc<Service>,
        active: Option<Active>,
        began: Instant,
    }
}

impl<F, B> Future for Answering<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<Observed<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready_or_wait!(this.answer.poll(context))?;
        let goes_on = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if this.service.drain().has_begun() && !goes_on {
            // The client's next request belongs to another server.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        let request = response.request();
        let waited = response.response().extensions().get::<Waiting>().copied();
        let route =
            waited.map_or_else(|| Route::of(request.app_data::<Matched>(), request.method()), Route::Waited);
        // The time to the head: how long a reader takes for the body is the reader's affair. To wait is none of ours.
        let (status, took) = (response.status().as_u16(), this.began.elapsed());
        this.service.metrics().record(route, status, waited.is_none().then_some(took));
        let code = response.response().extensions().get::<ErrorCode>().map(|code| code.as_str());
        tracing::debug!(
            route = route.as_str(),
            status,
            code,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        let active = this.active.take();
        Poll::Ready(Ok(response.map_body(|_, body| Observed { body, active })))
    }
}

pin_project! {
    /// An answer's body, whose request is under way until it has ended or was dropped.
    struct Observed<B> {
        #[pin]
        body: B,
        active: Option<Active>,
    }
}

impl<B: MessageBody> MessageBody for Observed<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        let piece = ready_or_wait!(this.body.poll_next(context));
        if piece.is_none() {
            *this.active = None;
        }
        Poll::Ready(piece)
    }

    /// What is there as a whole is handed to the connection as a whole, at once: it is under way no more.
    fn try_into_bytes(self) -> Result<Bytes, Self> {
        let active = self.active;
        self.body.try_into_bytes().map_err(|body| Self { body, active })
    }
}
