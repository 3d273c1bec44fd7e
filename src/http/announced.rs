//! The body of an answer to HEAD: its length, and not a byte of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

/// So many bytes, for `Content-Length` alone.
///
/// actix-web leaves the body of an answer to HEAD out by itself, but only after all of it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced(pub(crate) usize);

impl MessageBody for Announced {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.try_into().unwrap_or(u64::MAX))
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
