//! A connection, as the body of the answer that opened it.
//!
//! It is asked for more when the connection has room, and reads, listens and asks the broker then: of a client that does not
//! read nothing is read, and nothing is kept for it but the buffer of its connection, the rest of a piece and a reference to one message (I-6).

mod talk;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, Data, Payload};
use backplane_actors::{IdText, MessageId, Position, PromiseRule};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep};

use super::hear::{Heard, Hearing, Violation};
use super::posts::{Poster, Posts};
use super::tell;
use crate::http::Lease;
use crate::protocol::push::bell::Bell;
use crate::protocol::push::ends::Ends;
use crate::protocol::push::facts::{self, Reason};
use crate::protocol::push::piece::{PIECE, Piece};
use crate::protocol::push::positions::text_of;
use crate::protocol::push::rest::Rest;
use crate::protocol::push::retry::retry_of;
use crate::protocol::push::source::Source;
use crate::protocol::shown::Shows;
use crate::service::{Connection, Holder, OpenStream, Reader, Service};

/// Pings that may stay without an answer.
const UNANSWERED: u32 = 2;
/// Things that a client may still say before others have their turn.
const SAYS: usize = 32;
/// How long a client may take to say that it has heard the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// All that a connection begins with.
pub(crate) struct Opening {
    pub(crate) service: Data<Service>,
    pub(crate) connection: Option<Connection>,
    pub(crate) payload: Payload,
    pub(crate) events: Source,
    /// Whether it reads all of the bus.
    pub(crate) reads_bus: bool,
    /// What it is shown of messages.
    pub(crate) shows: Shows,
    /// What must be right in those that it posts.
    pub(crate) promises: PromiseRule,
    pub(crate) reader: Reader,
    pub(crate) ends: Option<Ends>,
    pub(crate) holder: Holder,
    pub(crate) poster: Option<Poster>,
    pub(crate) open: OpenStream,
}

/// Where a connection is in its life.
enum Life {
    /// Until the service ends, which this tells.
    Open(Bell),
    /// Until its turn to go has come, which the timer tells, and what was posted is answered.
    Leaving,
    /// The last was said, and the client is to say that it heard it.
    Parting,
    /// All was said.
    Over,
}

/// A WebSocket.
pub(crate) struct Socket {
    service: Data<Service>,
    connection: Option<Connection>,
    payload: Payload,
    hearing: Hearing,
    /// When the first byte came of what has not come to its end.
    began: Option<Instant>,
    /// The room that what is heard takes.
    heard: Option<(Lease<Holder>, usize)>,
    posts: Posts,
    events: Source,
    reads_bus: bool,
    shows: Shows,
    life: Life,
    reader: Reader,
    ends: Option<Ends>,
    holder: Holder,
    rest: Rest,
    unanswered: u32,
    /// When the client last said something that is no answer to a ping.
    spoke: Instant,
    timer: Pin<Box<Sleep>>,
    _open: OpenStream,
}

impl Socket {
    pub(crate) fn new(opening: Opening) -> Self {
        let Opening {
            service,
            connection,
            payload,
            events,
            reads_bus,
            reader,
            ends,
            holder,
            poster,
            open,
            ..
        } = opening;
        let (shows, promises) = (opening.shows, opening.promises);
        let limits = service.limits();
        Self {
            payload,
            hearing: Hearing::new(limits.body),
            began: None,
            heard: None,
            posts: Posts::new(service.clone(), connection.clone(), poster, promises),
            connection,
            events,
            reads_bus,
            shows,
            life: Life::Open(Bell::of(&service)),
            reader,
            ends,
            holder,
            rest: Rest::Nothing,
            unanswered: 0,
            spoke: Instant::now(),
            timer: Box::pin(sleep(limits.heartbeat)),
            service,
            _open: open,
        }
    }

    /// What comes next, if anything does now.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(part) = self.rest.part() {
            return Poll::Ready(Some(part));
        }
        match self.life {
            Life::Over => return self.hang_up(),
            Life::Parting => return self.part(context),
            Life::Open(_) | Life::Leaving => {}
        }
        if !self.reader.may(&self.service) {
            return Poll::Ready(Some(self.end(Reason::Forbidden)));
        }
        if let Some(reason) = self.ends.as_mut().and_then(|ends| ends.has_ended(context)) {
            return Poll::Ready(Some(self.end(reason)));
        }
        if let Life::Open(bell) = &mut self.life
            && bell.has_rung(context)
        {
            self.life = Life::Leaving;
            let turn = Instant::now() + self.service.farewell();
            self.timer.as_mut().reset(turn);
        }
        let goes = matches!(self.life, Life::Leaving) && self.timer.poll_unpin(context).is_ready();
        if goes && self.posts.are_done() {
            return Poll::Ready(Some(self.end(Reason::Drain)));
        }
        let mut piece = Piece::default();
        let more = !goes && self.listen(context, &mut piece);
        let moved = self.answer(context, &mut piece);
        self.gather(context, &mut piece);
        if !piece.is_empty() {
            return Poll::Ready(Some(self.speak(piece)));
        }
        if let Some(part) = self.rest.part() {
            return Poll::Ready(Some(part));
        }
        if matches!(self.life, Life::Over) {
            return self.hang_up();
        }
        if more || moved {
            context.waker().wake_by_ref();
        }
        self.look_around(context)
    }

    fn goes_on(&self) -> bool {
        matches!(self.life, Life::Open(_) | Life::Leaving)
    }

    /// Hands a piece on, and keeps what is behind it.
    fn speak(&mut self, piece: Piece) -> Bytes {
        let (piece, rest) = piece.into_parts();
        if !rest.is_empty() {
            self.rest = Rest::Text(rest);
        }
        piece
    }

    /// Asks now and then whether the client is there, tells it where it stands, and ends what leads nowhere.
    fn look_around(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if matches!(self.life, Life::Leaving) || self.timer.poll_unpin(context).is_pending() {
            return Poll::Pending;
        }
        let (now, limits) = (Instant::now(), self.service.limits());
        self.timer.as_mut().reset(now + limits.heartbeat);
        // Who takes what there is, however slowly, cannot answer yet.
        if self.connection.as_ref().is_some_and(Connection::has_waited) {
            self.unanswered = 0;
        }
        if self.unanswered >= UNANSWERED {
            return self.hang_up();
        }
        if self.began.is_some_and(|began| began + limits.body_timeout <= now) {
            return Poll::Ready(Some(self.break_off(Violation::TooSlow)));
        }
        let serves = self.reads_bus || self.events.channels() > 0 || !self.posts.are_done();
        if !serves && self.spoke + limits.keep_alive <= now {
            return Poll::Ready(Some(self.end(Reason::Idle)));
        }
        self.unanswered += 1;
        let Some(moved) = self.moved() else { return Poll::Ready(Some(tell::ARE_YOU_THERE)) };
        let last = self.events.last().map(MessageId::text);
        let fact = tell::fact(&facts::cursor(&text_of(moved), last.as_ref().map(IdText::as_str)));
        Poll::Ready(Some([tell::ARE_YOU_THERE, fact].concat().into()))
    }

    fn moved(&mut self) -> Option<Position> {
        let is_subscribed = self.reads_bus || self.events.channels() > 0;
        if is_subscribed { self.events.refresh() } else { None }
    }

    /// The last that a client is told.
    fn end(&mut self, reason: Reason) -> Bytes {
        self.say_last(tell::end(reason, &facts::end(reason, retry_of(reason))))
    }

    fn break_off(&mut self, violation: Violation) -> Bytes {
        self.say_last(tell::broken(violation))
    }

    fn say_last(&mut self, last: Bytes) -> Bytes {
        self.life = Life::Parting;
        self.timer.as_mut().reset(Instant::now() + LAST_WORDS);
        last
    }

    /// Passes over what the client still says, until it says that it has heard: what it did not read when the connection ends,
    /// it might never read.
    fn part(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        for _ in 0..SAYS {
            match self.hearing.next() {
                Ok(Some(Heard::Close(_))) => return self.hang_up(),
                Ok(Some(_)) => continue,
                Ok(None) => {}
                // It is not understood any more, and only its end is waited for.
                Err(_) => self.hearing = Hearing::new(0),
            }
            match self.payload.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(bytes))) => self.hearing.more(bytes),
                Poll::Ready(None | Some(Err(_))) => return self.hang_up(),
                Poll::Pending => {
                    return match self.timer.poll_unpin(context) {
                        Poll::Ready(()) => self.hang_up(),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
        if self.timer.poll_unpin(context).is_ready() {
            return self.hang_up();
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn hang_up(&mut self) -> Poll<Option<Bytes>> {
        self.life = Life::Over;
        if let Some(connection) = &self.connection {
            connection.hangs_up();
        }
        Poll::Ready(None)
    }
}

impl MessageBody for Socket {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = self.get_mut().next(context);
        debug_assert!(
            !matches!(&piece, Poll::Ready(Some(piece)) if piece.is_empty() || piece.len() > PIECE),
            "pieces are neither empty nor long"
        );
        piece.map(|piece| piece.map(Ok))
    }
}
