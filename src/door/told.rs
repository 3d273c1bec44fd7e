//! The layer between what reads requests and the application: it tells the guard when requests begin and end, and when
//! somebody waits for a body.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_http::{ConnectionType, HttpMessage as _, Payload, Request, Response};
use actix_service::{Service, ServiceFactory};
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError as _};
use futures::Stream;
use futures::future::LocalBoxFuture;
use pin_project_lite::pin_project;

use super::Door;
use super::crowd::Place;
use super::guard::{Announced, Connection, Guard};
use super::load::Kind;
use super::turns::Turn;
use super::words;
use super::writers::Writers;
use crate::error::{ApiError, ErrorCode};

/// Longest body of a refused request that is read to its end, so that the connection can go on. A longer one costs the
/// connection.
const SWALLOWED: u64 = 64 * 1024;

/// The layer's factory.
#[derive(Debug)]
pub(super) struct Telling<F> {
    next: F,
    door: Door,
}

/// The layer, for one thread.
#[derive(Debug)]
pub(super) struct TellingService<S> {
    next: S,
    door: Door,
    writers: Rc<Writers>,
}

impl<F> Telling<F> {
    /// Around an application.
    pub(super) fn new(next: F, door: Door) -> Self {
        Self { next, door }
    }
}

impl<F, B> ServiceFactory<Request> for Telling<F>
where
    F: ServiceFactory<Request, Config = (), Response = Response<B>>,
    F::Future: 'static,
    B: MessageBody,
{
    type Response = Response<EitherBody<Told<B>>>;
    type Error = F::Error;
    type Config = ();
    type Service = TellingService<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (next, door) = (self.next.new_service(()), self.door.clone());
        Box::pin(async move {
            let writers = Writers::begin(door.clone());
            Ok(TellingService { next: next.await?, door, writers })
        })
    }
}

impl<S, B> Service<Request> for TellingService<S>
where
    S: Service<Request, Response = Response<B>>,
    B: MessageBody,
{
    type Response = Response<EitherBody<Told<B>>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.next.poll_ready(context)
    }

    fn call(&self, mut request: Request) -> Self::Future {
        let Some(Connection(guard)) = request.conn_data::<Connection>().cloned() else {
            debug_assert!(false, "each connection behind a door has its guard");
            return Answering::Working { work: self.next.call(request), open: None };
        };
        let announced = announced(&request);
        let is_wanted = guard.opened(announced, request.head().connection_type() == ConnectionType::Close);
        let open = Open(Rc::clone(&guard));
        if !is_wanted {
            return Answering::Unwanted { open };
        }
        if request.upgrade() {
            guard.writes_among(&self.writers);
        }
        let kind = if request.method().is_safe() { Kind::Read } else { Kind::Write };
        let refused = self.refuses(&request, kind, &guard);
        if announced != Announced::Nothing {
            let payload = request.take_payload();
            let turn = (kind == Kind::Write && refused.is_none()).then(|| self.writers.turn());
            let told = Wanted { payload, guard, turn, whole: false };
            *request.payload() = Payload::Stream { payload: Box::pin(told) };
        }
        match refused {
            None => Answering::Working { work: self.next.call(request), open: Some(open) },
            Some(code) => {
                let swallowed = match announced {
                    Announced::Bytes(..=SWALLOWED) => Some(request.take_payload()),
                    Announced::Nothing | Announced::Bytes(_) | Announced::Unknown => None,
                };
                let rest = if code == ErrorCode::Overloaded { self.writers.rest() } else { Duration::ZERO };
                Answering::Refused { code, rest, swallowed, kept: request, open: Some(open) }
            }
        }
    }
}

impl<S> TellingService<S> {
    /// Why this request is not answered, if it is not. Probes always are.
    fn refuses(&self, request: &Request, kind: Kind, guard: &Guard) -> Option<ErrorCode> {
        let is_probe = || {
            let settings = self.door.settings();
            settings.reserved_paths.iter().any(|path| path == request.path())
        };
        if guard.place == Place::Reserve && !is_probe() {
            return Some(ErrorCode::TooManyConnections);
        }
        if self.writers.admit(kind) || is_probe() {
            return None;
        }
        self.writers.refused(kind, guard.peer);
        Some(ErrorCode::Overloaded)
    }
}

/// How much of a body the head announces.
fn announced(request: &Request) -> Announced {
    let headers = request.headers();
    if headers.contains_key(TRANSFER_ENCODING) {
        return Announced::Unknown;
    }
    let Some(length) = headers.get(CONTENT_LENGTH) else {
        // A request to upgrade may have a body without a length.
        return if request.upgrade() { Announced::Unknown } else { Announced::Nothing };
    };
    match length.to_str().ok().and_then(|length| length.parse().ok()) {
        Some(0) => Announced::Nothing,
        Some(bytes) => Announced::Bytes(bytes),
        None => Announced::Unknown,
    }
}

/// An open request. Dropped when its answer was handed over or nobody wants it any more.
struct Open(Rc<Guard>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
    }
}

pin_project! {
    /// An answer in the making.
    #[project = AnsweringProjected]
    pub(super) enum Answering<F> {
        Working {
            #[pin]
            work: F,
            open: Option<Open>,
        },
        Refused {
            code: ErrorCode,
            // How long nobody listens to the connection then.
            rest: Duration,
            swallowed: Option<Payload>,
            // A body that is not read lives as long as its answer is made: the connection ends with it, and in order.
            kept: Request,
            open: Option<Open>,
        },
        Unwanted { open: Open },
    }
}

impl<F, E, B> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: MessageBody,
{
    type Output = Result<Response<EitherBody<Told<B>>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnsweringProjected::Working { work, open } => {
                let response = ready!(work.poll(context))?;
                let open = open.take();
                Poll::Ready(Ok(response.map_body(|_, body| EitherBody::left(Told { body, open }))))
            }
            // The connection ends instead.
            AnsweringProjected::Unwanted { .. } => Poll::Pending,
            AnsweringProjected::Refused { code, rest, swallowed, open, .. } => {
                if let Some(body) = swallowed {
                    while let Some(Ok(_)) = ready!(Pin::new(&mut *body).poll_next(context)) {}
                    *swallowed = None;
                }
                if let Some(open) = &*open {
                    open.0.rest(*rest);
                }
                *open = None;
                let response = Response::from(refusal(*code));
                Poll::Ready(Ok(response.map_body(|_, body| EitherBody::right(body))))
            }
        }
    }
}

/// What is answered instead.
fn refusal(code: ErrorCode) -> HttpResponse {
    let error = if code == ErrorCode::Overloaded {
        words::overload()
    } else {
        let text = "the server has as many connections as it may have; only probes are answered";
        ApiError::new(code, text).closing()
    };
    error.error_response()
}

pin_project! {
    /// An answer's body, whose request is open until it has ended or was dropped.
    pub(super) struct Told<B> {
        #[pin]
        body: B,
        open: Option<Open>,
    }
}

impl<B: MessageBody> MessageBody for Told<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        let piece = ready!(this.body.poll_next(context));
        if piece.is_none() {
            *this.open = None;
        }
        Poll::Ready(piece)
    }

    /// What is there as a whole is handed to the connection as a whole, at once.
    fn try_into_bytes(self) -> Result<Bytes, Self> {
        let open = self.open;
        self.body.try_into_bytes().map_err(|body| Self { body, open })
    }
}

/// A request's body, whose guard knows whether somebody waits for it.
struct Wanted {
    payload: Payload,
    guard: Rc<Guard>,
    /// Who writes goes on in turns: also in the middle of the body, or all could send the ends of theirs at once.
    turn: Option<Turn>,
    whole: bool,
}

impl Stream for Wanted {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(turn) = &mut self.turn
            && turn.poll(context).is_pending()
        {
            // Until it has its turn nobody wants the body: the peer is in no delay, and what is behind the body stays there.
            self.guard.body_done(false);
            return Poll::Pending;
        }
        let piece = Pin::new(&mut self.payload).poll_next(context);
        match &piece {
            Poll::Pending => self.guard.body_wanted(),
            Poll::Ready(None) => {
                self.whole = true;
                self.guard.body_done(true);
            }
            Poll::Ready(Some(_)) => {}
        }
        piece
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.guard.body_done(self.whole);
    }
}
