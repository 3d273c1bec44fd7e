//! The end of the service, as one who waits listens for it.

use std::task::{Context, Waker};

use actix_web::web::Data;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

use crate::service::Service;

/// Tells a stream that the service has begun to end. All streams wait for one bell, so they do not touch it with each message: only for
/// a waker that it does not know.
pub(super) struct Bell {
    service: Data<Service>,
    rings: LocalBoxFuture<'static, ()>,
    /// Who is woken when it rings.
    known: Option<Waker>,
}

impl Bell {
    pub(super) fn of(service: &Data<Service>) -> Self {
        Self { service: service.clone(), rings: service.drain().begins().boxed_local(), known: None }
    }

    /// Whether it has rung; if not, who asks is woken when it does. Not to be asked again once it has.
    pub(super) fn has_rung(&mut self, context: &mut Context<'_>) -> bool {
        if self.known.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            return self.service.drain().has_begun();
        }
        self.known = Some(context.waker().clone());
        self.rings.poll_unpin(context).is_ready()
    }
}
