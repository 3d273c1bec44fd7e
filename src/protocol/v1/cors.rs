//! Which pages may read channels from a browser.
//!
//! The answer depends on the bus, and the bus is what the router found in the path: a second reading of the path's
//! text would differ from it sooner or later, and a page would read what is kept from it. The crate's own question
//! about an origin (`allowed_origin_fn`) sees no match. So there are two of its layers, one for pages that
//! may read and one for all others, and each request goes through the one that the matched bus says.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_cors::{Cors, CorsMiddleware};
use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{self, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::http::header::{LINK, ORIGIN, RETRY_AFTER};
use futures::future::{LocalBoxFuture, try_join};

use crate::error::{RATELIMIT, RATELIMIT_POLICY};
use crate::protocol::matched_bus;
use crate::protocol::push::{LAST_EVENT_ID, RESUME};
use crate::service::Service;

/// How long a browser may remember the answer to a preflight, in seconds.
const REMEMBER: usize = 3600;

/// Lets pages of a bus's allowed origins read its channels. To be laid around a resource with a `{bus}`.
///
/// What is no bus has nothing to keep from anybody: every page may learn that it mistook the name.
///
/// Posting is for servers, with credentials that no page should have: it is not offered to pages.
pub(super) struct ForPages(Arc<Service>);

/// See [`ForPages`].
pub(super) struct ForPagesService<S> {
    service: Arc<Service>,
    allowed: CorsMiddleware<Rc<S>>,
    strangers: CorsMiddleware<Rc<S>>,
}

pub(super) fn for_pages(service: &Arc<Service>) -> ForPages {
    ForPages(Arc::clone(service))
}

/// The crate's layer, for origins that all may read or that all may not.
fn layer(allows: bool) -> Cors {
    Cors::default()
        .allowed_origin_fn(move |_, _| allows)
        .allowed_methods([Method::GET, Method::HEAD])
        .allowed_header(LAST_EVENT_ID)
        .expose_headers([LINK, RETRY_AFTER, RESUME, RATELIMIT_POLICY, RATELIMIT])
        .max_age(REMEMBER)
}

impl<S, B> Transform<S, ServiceRequest> for ForPages
where
    S: dev::Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = ForPagesService<S>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Transform, ()>>;

    fn new_transform(&self, next: S) -> Self::Future {
        let (service, next) = (Arc::clone(&self.0), Rc::new(next));
        let layers = [true, false].map(|allows| layer(allows).new_transform(Rc::clone(&next)));
        let [allowed, strangers] = layers;
        Box::pin(async move {
            let (allowed, strangers) = try_join(allowed, strangers).await?;
            Ok(ForPagesService { service, allowed, strangers })
        })
    }
}

impl<S, B> dev::Service<ServiceRequest> for ForPagesService<S>
where
    S: dev::Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.allowed.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let allows = request.headers().get(ORIGIN).is_none_or(|origin| {
            matched_bus(&self.service, request.match_info())
                .is_none_or(|bus| bus.allowed_origins().allows(origin.as_bytes()))
        });
        if allows { self.allowed.call(request) } else { self.strangers.call(request) }
    }
}
