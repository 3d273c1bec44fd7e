//! The stream between the socket and what reads requests from it: it lets through what the guard allows, and tells the
//! guard what goes through.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::guard::{Ending, Guard, Turn};
use super::intake::PIECE;

/// What is guarded: a connection.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + 'static {
    /// From now on its end is a reset, and the kernel keeps nothing of what the peer has not taken.
    fn forget(&self);
}

impl Wire for TcpStream {
    fn forget(&self) {
        _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Wire for TlsStream<TcpStream> {
    fn forget(&self) {
        self.get_ref().0.forget();
    }
}

/// A guarded stream.
#[derive(Debug)]
pub(super) struct Guarded<W: Wire> {
    wire: Take<W>,
    guard: Rc<Guard>,
}

impl<W: Wire> Guarded<W> {
    pub(super) fn new(wire: W, guard: Rc<Guard>) -> Self {
        Self { wire: wire.take(0), guard }
    }

    pub(super) fn guard(&self) -> &Rc<Guard> {
        &self.guard
    }

    fn wire(&mut self) -> Pin<&mut W> {
        Pin::new(self.wire.get_mut())
    }

    /// Reads a piece, from what is held or else from the socket, and holds back what is behind its end.
    fn hand(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        let mut state = self.guard.state.borrow_mut();
        let held = state.intake.held();
        if !held.is_empty() {
            let held = held.get(..most.min(buffer.remaining())).unwrap_or(held);
            let piece = held.get(..state.intake.cut(held)).unwrap_or(held);
            let count = piece.len();
            buffer.put_slice(piece);
            let filled = buffer.filled();
            let handed = filled.get(filled.len() - count..).unwrap_or_default();
            state.intake.handed(handed);
            state.intake.release(count);
            return Poll::Ready(Ok(()));
        }
        drop(state);
        let before = buffer.filled().len();
        self.wire.set_limit(most.try_into().unwrap_or(u64::MAX));
        let read = Pin::new(&mut self.wire).poll_read(context, buffer);
        let mut state = self.guard.state.borrow_mut();
        state.unread = read.is_ready();
        ready!(read)?;
        let came = buffer.filled().get(before..).unwrap_or_default();
        if came.is_empty() {
            state.ended = true;
            return Poll::Ready(Ok(()));
        }
        let now = state.now;
        state.policy.received(came.len(), now);
        let (on, back) = came.split_at_checked(state.intake.cut(came)).unwrap_or((came, &[]));
        state.intake.handed(on);
        state.intake.hold(back);
        let filled = before + on.len();
        buffer.set_filled(filled);
        Poll::Ready(Ok(()))
    }

    /// Reads what is there into the guard's hands, until nothing is or they are full. Whether the peer is gone.
    fn ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let room = self.guard.state.borrow().intake.room();
            if room == 0 {
                self.guard.state.borrow_mut().unread = true;
                return Poll::Pending;
            }
            let mut space = [const { MaybeUninit::uninit() }; PIECE];
            let mut ahead = ReadBuf::uninit(&mut space);
            self.wire.set_limit(room.try_into().unwrap_or(u64::MAX));
            let read = Pin::new(&mut self.wire).poll_read(context, &mut ahead);
            let mut state = self.guard.state.borrow_mut();
            state.unread = read.is_ready();
            ready!(read)?;
            if ahead.filled().is_empty() {
                state.ended = true;
                // What came before is handed on before.
                return if state.intake.held().is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            let now = state.now;
            state.policy.received(ahead.filled().len(), now);
            state.intake.hold(ahead.filled());
        }
    }

    /// Notes how a write went: `taken` bytes, or none because the peer takes none.
    fn wrote<T>(&self, went: &Poll<io::Result<T>>, taken: impl FnOnce(&T) -> usize) {
        let mut state = self.guard.state.borrow_mut();
        let now = state.now;
        match went {
            Poll::Pending => state.policy.blocked(now),
            Poll::Ready(Ok(count)) => state.policy.sent(taken(count), now),
            Poll::Ready(Err(_)) => {}
        }
    }
}

impl<W: Wire> AsyncRead for Guarded<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let (turn, ending, over) = {
            let state = this.guard.state.borrow();
            let over = state.ended && state.intake.held().is_empty();
            (state.reading(), state.ending.clone(), over)
        };
        match ending {
            Some(Ending::Orderly(words)) => {
                if let Some(words) = words {
                    // It fits into the socket's buffer, or the peer does not listen.
                    _ = this.wire().poll_write(context, &words);
                    this.guard.state.borrow_mut().ending = Some(Ending::Orderly(None));
                }
                return Poll::Ready(Ok(()));
            }
            Some(Ending::Reset) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            None => {}
        }
        if over {
            return Poll::Ready(Ok(()));
        }
        match turn {
            Turn::Hand(most) => this.hand(context, buffer, most),
            Turn::Ahead(_) if this.guard.state.borrow().ended => Poll::Pending,
            Turn::Ahead(_) => this.ahead(context),
            Turn::Wait => {
                this.guard.state.borrow_mut().unread = true;
                Poll::Pending
            }
        }
    }
}

impl<W: Wire> AsyncWrite for Guarded<W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let went = this.wire().poll_write(context, bytes);
        this.wrote(&went, |count| *count);
        went
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let went = this.wire().poll_flush(context);
        this.wrote(&went, |()| 0);
        if matches!(went, Poll::Ready(Ok(()))) {
            let mut state = this.guard.state.borrow_mut();
            let now = state.now;
            state.policy.drained(now);
        }
        went
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().wire().poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let went = this.wire().poll_write_vectored(context, bytes);
        this.wrote(&went, |count| *count);
        went
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.get_ref().is_write_vectored()
    }
}

impl<W: Wire> Drop for Guarded<W> {
    fn drop(&mut self) {
        if matches!(self.guard.state.borrow().ending, Some(Ending::Reset)) {
            // Otherwise the kernel would keep for minutes what nobody takes.
            self.wire.get_ref().forget();
        }
    }
}
