//! Over a wire that keeps what its peer does not take, as TLS does: that it takes every byte says nothing of the peer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::super::stream::Wire;
use super::{Peer, connect, connect_over, get};

/// A pipe before which everything is kept.
struct Keeping {
    pipe: DuplexStream,
    kept: BytesMut,
}

impl AsyncRead for Keeping {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(context, buffer)
    }
}

impl AsyncWrite for Keeping {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { pipe, kept } = &mut *self;
        while !kept.is_empty() {
            let taken = ready!(Pin::new(&mut *pipe).poll_write(context, kept))?;
            kept.advance(taken);
        }
        Pin::new(pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }
}

impl Wire for Keeping {
    fn forget(&self) {}
}

async fn connect_keeping() -> Peer {
    // For its clock.
    drop(connect().await);
    connect_over(|pipe| Keeping { pipe, kept: BytesMut::new() }).await
}

#[actix_web::test]
async fn who_does_not_take_what_is_kept_is_let_go() {
    let mut peer = connect_keeping().await;
    peer.send(get("/long")).await;
    assert_eq!(peer.let_go().await, 29);
}

#[actix_web::test]
async fn who_takes_what_is_kept_is_served_on() {
    let mut peer = connect_keeping().await;
    for _ in 0..3 {
        peer.send(get("/long")).await;
        assert_eq!(peer.reply().await.len(), super::LONG);
    }
    assert_eq!(peer.rest().await, (String::new(), 70));
}
