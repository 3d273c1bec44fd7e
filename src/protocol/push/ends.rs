//! The end of what lets a reader read, as one who waits listens for it.

use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

use super::facts::Reason;

/// Tells a stream that its token is good no longer.
pub(crate) struct Ends(LocalBoxFuture<'static, Reason>);

impl Ends {
    /// When this completes.
    pub(crate) fn with(ends: impl Future<Output = Reason> + 'static) -> Self {
        Self(ends.boxed_local())
    }

    /// Why, if it has ended; if not, who asks is woken when it does. Not to be asked again once it has.
    pub(super) fn has_ended(&mut self, context: &mut Context<'_>) -> Option<Reason> {
        match self.0.poll_unpin(context) {
            Poll::Ready(reason) => Some(reason),
            Poll::Pending => None,
        }
    }
}
