//! An event stream as the body of an answer.
//!
//! It is asked for more when the connection has room, and asks the broker then: for a reader that does not read nothing is kept but the
//! buffer of its connection, the rest of a piece and a reference to one message (I-6). Whatever ends it that is not the network's doing says why.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, Data};
use backplane_actors::{Delivered, Event, IdText, MessageId, Position, Resume, Resumed};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep};

use super::bell::Bell;
use super::ends::Ends;
use super::facts::{self, Reason};
use super::form::Form;
use super::piece::{PIECE, Piece};
use super::positions::{ChannelSet, text_of};
use super::rest::Rest;
use super::retry::{retry_of, soon};
use super::source::Source;
use super::sse;
use crate::protocol::shown::Shows;
use crate::service::{OpenStream, Reader, Service};

/// What a stream is of, as far as its texts tell.
pub(crate) enum Telling {
    /// A bus.
    Bus,
    /// A channel.
    Channel,
    /// Several channels.
    Channels(ChannelSet),
}

/// How positions are written.
struct Names {
    shows: Shows,
    /// The form in which frames are kept: they name the message before them in the bus, or in the channel.
    form: usize,
    /// Behind the positions of facts, and of events.
    suffixes: Option<(String, String)>,
}

impl Names {
    fn of(telling: &Telling, shows: Shows) -> Self {
        let form = match telling {
            Telling::Bus => Form::EventsOfABus,
            Telling::Channel | Telling::Channels(_) => Form::EventsOfAChannel,
        };
        let suffixes = match telling {
            Telling::Bus | Telling::Channel => None,
            Telling::Channels(set) => Some((set.long_suffix(), set.short_suffix())),
        };
        Self { form: form.number(&shows), shows, suffixes }
    }

    /// A position for facts, and for events.
    fn texts(&self, position: Position) -> (String, String) {
        let text = text_of(position);
        match &self.suffixes {
            Some((long, short)) => (format!("{text}{long}"), format!("{text}{short}")),
            None => (text.clone(), text),
        }
    }

    fn fact(&self, position: Position, make: impl FnOnce(&str) -> String, retry: Option<Duration>) -> Bytes {
        let (cursor, id) = self.texts(position);
        sse::fact(&make(&cursor), Some(&id), retry)
    }

    /// A frame that is longer than a piece.
    fn long_frame(&self, message: &Delivered) -> Rest {
        let (_, id) = self.texts(message.position());
        sse::long_frame(message, &self.shows, &id)
    }

    /// A frame, made once for all who read it in this form.
    fn frame(&self, message: &Delivered, piece: &mut Piece) {
        let text = message
            .encoded(self.form, |message| sse::frame(message, &self.shows, &text_of(message.position())));
        match &self.suffixes {
            None => piece.put(text),
            Some((_, short)) => {
                let (before, after) = sse::around_suffix(&text);
                piece.put_all([before, Bytes::copy_from_slice(short.as_bytes()), after]);
            }
        }
    }
}

/// Where a stream is in its life.
enum Life {
    /// Until the service ends, which this tells.
    Open(Bell),
    /// Until its turn to go has come, which the timer tells.
    Leaving,
    /// All was said.
    Over,
}

/// Server-sent events of a subscription.
pub(crate) struct EventStream {
    events: Source,
    names: Names,
    life: Life,
    reader: Reader,
    ends: Option<Ends>,
    rest: Rest,
    spoke: Instant,
    timer: Pin<Box<Sleep>>,
    service: Data<Service>,
    begun: bool,
    _open: OpenStream,
}

impl EventStream {
    pub(crate) fn new(
        service: Data<Service>,
        telling: &Telling,
        shows: Shows,
        events: Source,
        (reader, ends): (Reader, Option<Ends>),
        open: OpenStream,
    ) -> Self {
        Self {
            events,
            names: Names::of(telling, shows),
            life: Life::Open(Bell::of(&service)),
            reader,
            ends,
            rest: Rest::Nothing,
            spoke: Instant::now(),
            timer: Box::pin(sleep(service.limits().heartbeat)),
            service,
            begun: false,
            _open: open,
        }
    }

    /// What comes next, if anything does now.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(part) = self.rest.part() {
            self.spoke = Instant::now();
            return Poll::Ready(Some(part));
        }
        if matches!(self.life, Life::Over) {
            return Poll::Ready(None);
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
        if matches!(self.life, Life::Leaving) && self.timer.poll_unpin(context).is_ready() {
            return Poll::Ready(Some(self.end(Reason::Drain)));
        }
        let piece = self.gather(context);
        if !piece.is_empty() {
            return Poll::Ready(Some(self.speak(piece)));
        }
        if let Some(part) = self.rest.part() {
            self.spoke = Instant::now();
            return Poll::Ready(Some(part));
        }
        if matches!(self.life, Life::Over) {
            return Poll::Ready(None);
        }
        self.be_silent(context)
    }

    /// What there is to tell now, as much of it as goes together.
    fn gather(&mut self, context: &mut Context<'_>) -> Piece {
        let mut piece = Piece::default();
        while piece.has_room() {
            match self.events.poll_next_unpin(context) {
                Poll::Ready(Some(Event::Message(message))) => {
                    if message.entry().message().as_bytes().len() > PIECE {
                        self.rest = self.names.long_frame(&message);
                        break;
                    }
                    self.names.frame(&message, &mut piece);
                }
                Poll::Ready(Some(Event::Resumed(resumed))) => {
                    let text = self.resumed(&resumed);
                    piece.put(text);
                }
                Poll::Ready(Some(Event::End(end))) => {
                    self.life = Life::Over;
                    piece.put(farewell(end.into()));
                    break;
                }
                Poll::Ready(None) => {
                    self.life = Life::Over;
                    break;
                }
                Poll::Pending => break,
            }
        }
        piece
    }

    fn resumed(&mut self, resumed: &Resumed) -> Bytes {
        // A browser whose stream is cut without a word comes back after this: not with all others.
        let is_first = !std::mem::replace(&mut self.begun, true);
        let retry = is_first.then(soon);
        let heartbeat = is_first.then(|| self.service.limits().heartbeat);
        let last = resumed.last.map(MessageId::text);
        let last = last.as_ref().map(IdText::as_str);
        let channels = match self.names.suffixes {
            Some(_) => &resumed.channels[..],
            None => &[],
        };
        // Of several channels, those of which more is to be said than that nothing was missed.
        let told = channels.iter().filter(|(_, resume)| *resume != Resume::Complete);
        let channels = told.map(|(name, resume)| (name.as_str(), *resume));
        self.names.fact(
            resumed.position,
            |cursor| facts::resume(resumed.resume, cursor, heartbeat, last, channels),
            retry,
        )
    }

    /// Hands a piece on, and keeps what is behind it.
    fn speak(&mut self, piece: Piece) -> Bytes {
        self.spoke = Instant::now();
        let (piece, rest) = piece.into_parts();
        if !rest.is_empty() {
            self.rest = Rest::Text(rest);
        }
        piece
    }

    /// Says now and then that it is there. The timer is set anew when it has rung, and not with all that is said.
    fn be_silent(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if matches!(self.life, Life::Leaving) {
            return Poll::Pending;
        }
        while self.timer.poll_unpin(context).is_ready() {
            let (now, heartbeat) = (Instant::now(), self.service.limits().heartbeat);
            let due = self.spoke + heartbeat;
            if now < due {
                self.timer.as_mut().reset(due);
                continue;
            }
            self.spoke = now;
            self.timer.as_mut().reset(now + heartbeat);
            let moved = self.events.refresh();
            let Some(moved) = moved else { return Poll::Ready(Some(sse::HEARTBEAT)) };
            let last = self.events.last().map(MessageId::text);
            let last = last.as_ref().map(IdText::as_str);
            let text = self.names.fact(moved, |cursor| facts::cursor(cursor, last), None);
            return Poll::Ready(Some(text));
        }
        Poll::Pending
    }

    fn end(&mut self, reason: Reason) -> Bytes {
        self.life = Life::Over;
        farewell(reason)
    }
}

/// The last that a reader is told.
fn farewell(reason: Reason) -> Bytes {
    let retry = retry_of(reason);
    sse::fact(&facts::end(reason, retry), None, retry)
}

impl MessageBody for EventStream {
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
