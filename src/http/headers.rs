//! Headers that all answers have unless they say otherwise: nobody may keep them, guess at their type, or put them into a
//! page of another origin unasked. And those of pages.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready as ready_or_wait};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use pin_project_lite::pin_project;

/// Which pages may load an answer without asking, as a script, say.
pub(crate) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Pages of every origin.
pub(crate) const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// A page of this server loads what is its own, and is shown in no other page.
const OWN_ONLY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// What is no page loads nothing, if a browser should take it for one.
pub(crate) const NO_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// The middleware.
#[derive(Debug, Clone)]
pub(crate) struct Headers {
    /// What answers over TLS say about plain HTTP, if anything.
    transport: Option<HeaderValue>,
}

impl Headers {
    /// `transport` is the value of `Strict-Transport-Security`, for answers that go over TLS.
    pub(crate) fn new(transport: Option<HeaderValue>) -> Self {
        Self { transport }
    }
}

/// Adds the headers of a page.
pub(crate) fn mark_page(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, OWN_ONLY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(OPENER_POLICY, SAME_ORIGIN);
}

/// See [`Headers`].
pub(crate) struct HeadersService<S> {
    next: S,
    transport: Option<HeaderValue>,
}

impl<S, B> Transform<S, ServiceRequest> for Headers
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = HeadersService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, next: S) -> Self::Future {
        ready(Ok(HeadersService { next, transport: self.transport.clone() }))
    }
}

impl<S, B> Service<ServiceRequest> for HeadersService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = Marking<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.next.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let transport = self.transport.as_ref().filter(|_| request.app_config().secure()).cloned();
        Marking { answer: self.next.call(request), transport }
    }
}

pin_project! {
    /// An answer that is going to have the headers.
    pub(crate) struct Marking<F> {
        #[pin]
        answer: F,
        transport: Option<HeaderValue>,
    }
}

impl<F, B> Future for Marking<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready_or_wait!(this.answer.poll(context))?;
        let speaks = response.status().is_client_error() && !response.response().body().size().is_eof();
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        for (name, usual) in [
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_SECURITY_POLICY, NO_PAGE),
            (RESOURCE_POLICY, SAME_ORIGIN),
        ] {
            if !headers.contains_key(&name) {
                headers.insert(name, usual);
            }
        }
        // Layers of other crates say what is wrong in words, and not that it is text.
        if speaks && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        }
        if let Some(transport) = this.transport.take() {
            headers.insert(STRICT_TRANSPORT_SECURITY, transport);
        }
        Poll::Ready(Ok(response))
    }
}
