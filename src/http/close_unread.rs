//! Ends connections whose request is answered before its body has arrived (I-5).
//!
//! actix-web reads a chunked body that nobody wants until it ends, so that the connection can be used again. Whoever
//! streams without end would be read without end, refused or not. As long as the reading half of the body exists,
//! actix-web does better: it answers with `Connection: close`, goes on reading for a second, so that a client that is
//! still sending meets the answer and not a reset, and hangs up. Hence the reading half is kept until then.
//!
//! To actix-web the body of a request that offers `Upgrade: websocket` ends with the connection, whatever its length says, and
//! all that follows is part of it. With a length such a request contradicts itself and is refused, and without one its
//! connection ends in the same way, unless it is taken at its word. Other offers, such as `h2c`, change nothing and are passed over.

use std::cell::RefCell;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING, UPGRADE};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use futures::future::{Either, LocalBoxFuture, MapOk};
use futures::{Stream, TryFutureExt as _};

use crate::error::{ApiError, ErrorCode};

/// The middleware. Requests without a chunked body pass at the cost of a look for two headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloseUnread;

/// See [`CloseUnread`].
pub(crate) struct CloseUnreadService<S>(S);

type Answer<B> = ServiceResponse<EitherBody<B, Keeping<EitherBody<B, BoxBody>>>>;

impl<S, B> Transform<S, ServiceRequest> for CloseUnread
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = Answer<B>;
    type Error = Error;
    type Transform = CloseUnreadService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(CloseUnreadService(service)))
    }
}

impl<S, B> Service<ServiceRequest> for CloseUnreadService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = Answer<B>;
    type Error = Error;
    type Future = Either<
        MapOk<S::Future, fn(ServiceResponse<B>) -> Answer<B>>,
        LocalBoxFuture<'static, Result<Answer<B>, Error>>,
    >;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (chunked, upgrades) = {
            let headers = request.headers();
            (headers.contains_key(TRANSFER_ENCODING), offers_websocket(headers))
        };
        if !chunked && !upgrades {
            return Either::Left(self.0.call(request).map_ok(ServiceResponse::map_into_left_body));
        }
        let body = RequestBody(Rc::new(RefCell::new(request.take_payload())));
        let kept = body.clone();
        request.set_payload(Payload::Stream { payload: Box::pin(body) });
        let keep = |body| EitherBody::right(Keeping { body: Box::pin(body), _kept: kept });
        if upgrades && (chunked || request.headers().contains_key(CONTENT_LENGTH)) {
            let text = "a request that offers WebSocket has no body";
            let refusal = ApiError::new(ErrorCode::InvalidRequest, text).closing().error_response();
            let refusal = request.into_response(refusal).map_body(|_, body| keep(EitherBody::right(body)));
            return Either::Right(Box::pin(ready(Ok(refusal))));
        }
        Either::Right(Box::pin(
            self.0.call(request).map_ok(|response| response.map_body(|_, body| keep(EitherBody::left(body)))),
        ))
    }
}

/// Whether a request offers to go on as a WebSocket.
pub(crate) fn offers_websocket(headers: &HeaderMap) -> bool {
    let mut offers = headers.get_all(UPGRADE).flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    offers.any(|offer| offer.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// The reading half of a request's body, with several owners.
#[derive(Clone)]
struct RequestBody(Rc<RefCell<Payload>>);

impl Stream for RequestBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// The answer's body, which keeps the request's.
pub(crate) struct Keeping<B> {
    body: Pin<Box<B>>,
    _kept: RequestBody,
}

impl<B: MessageBody> MessageBody for Keeping<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.body.as_mut().poll_next(context)
    }
}
