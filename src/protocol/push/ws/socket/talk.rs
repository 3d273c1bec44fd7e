//! What is said on a connection: what its client asks for, the answers, and what there is to tell.

use std::task::{Context, Poll};

use actix_web::web::Bytes;
use backplane_actors::{ChannelName, Event, IdText, MessageId, Resumed, Since};
use futures::StreamExt as _;
use tokio::time::Instant;

use super::{Life, Socket};
use crate::error::{ApiError, ErrorCode};
use crate::http::NoRoom;
use crate::protocol::push::facts::{self, Reason};
use crate::protocol::push::form::Form;
use crate::protocol::push::piece::{PIECE, Piece};
use crate::protocol::push::positions::text_of;
use crate::protocol::push::ws::ask::{Ask, Misheard};
use crate::protocol::push::ws::hear::Heard;
use crate::protocol::push::ws::tell;

/// Things that a client may say before others have their turn.
const SAYS: usize = 32;
/// What a connection may keep of what its client says without asking for room, in bytes.
const KEPT: usize = 4 * 1024;

impl Socket {
    /// Does what the client asks for. Whether there may be more.
    pub(super) fn listen(&mut self, context: &mut Context<'_>, piece: &mut Piece) -> bool {
        for _ in 0..SAYS {
            if !self.goes_on() || !piece.has_room() {
                return false;
            }
            if !self.posts.have_room() {
                // Nothing is read of it, so nothing is asked of it: neither an answer nor the rest of a text.
                self.unanswered = 0;
                self.began = self.began.map(|_| Instant::now());
                return false;
            }
            match self.hearing.next() {
                Ok(Some(heard)) => {
                    // What it took is free for what becomes of it.
                    if !self.hearing.is_within() {
                        self.heard = None;
                    }
                    // What is behind it begins now. A text in parts goes on, whatever comes between them.
                    if !self.hearing.is_in_parts() {
                        self.began = None;
                    }
                    self.heed(heard, piece);
                }
                Ok(None) => match self.payload.poll_next_unpin(context) {
                    Poll::Pending => return false,
                    Poll::Ready(Some(Ok(bytes))) => {
                        self.unanswered = 0;
                        self.hearing.more(bytes);
                    }
                    Poll::Ready(None | Some(Err(_))) => {
                        self.life = Life::Over;
                        return false;
                    }
                },
                Err(violation) => {
                    let last = self.break_off(violation);
                    piece.put(last);
                }
            }
            if self.make_room().is_err() {
                let last = self.end(Reason::Full);
                piece.put(last);
            }
        }
        true
    }

    /// Holds what it keeps of what it hears against what all may keep (I-6).
    fn make_room(&mut self) -> Result<(), NoRoom> {
        let held = self.hearing.held();
        if !self.hearing.is_within() {
            (self.began, self.heard) = (None, None);
            return Ok(());
        }
        self.began.get_or_insert_with(Instant::now);
        if held <= KEPT {
            return Ok(());
        }
        let traffic = self.service.traffic();
        let (lease, taken) = self.heard.get_or_insert_with(|| (traffic.open(self.holder.clone()), 0));
        if held > *taken {
            let more = (held - *taken).max(PIECE);
            lease.grow(more)?;
            *taken += more;
        }
        Ok(())
    }

    fn heed(&mut self, heard: Heard, piece: &mut Piece) {
        match heard {
            Heard::Pong => {}
            Heard::Ping(body) => piece.put(tell::pong(&body)),
            Heard::Close(code) => {
                self.life = Life::Over;
                piece.put(tell::farewell(code));
            }
            Heard::Text(text) => {
                self.spoke = Instant::now();
                let most = self.service.limits().channels_per_stream;
                let refusal = match Ask::parse(&text, most) {
                    _ if self.events.chosen().is_none() => Some((None, listens_only())),
                    Ok(Ask::Subscribe(channels)) => {
                        self.subscribe(channels, most).err().map(|error| (None, error))
                    }
                    Ok(Ask::Unsubscribe(channels)) => {
                        if let Some(events) = self.events.chosen() {
                            events.remove(&channels);
                        }
                        piece.put(tell::unsubscribed(&channels, &text_of(self.events.position())));
                        None
                    }
                    Ok(Ask::Publish(publish)) => {
                        self.posts.take(publish).err().map(|(reference, error)| (Some(reference), error))
                    }
                    Err(Misheard { reference, error }) => Some((reference, error)),
                };
                if let Some((reference, error)) = refusal {
                    piece.put(tell::refused(reference.as_deref(), &error));
                }
            }
        }
    }

    fn subscribe(&mut self, channels: Vec<(ChannelName, Since)>, most: usize) -> Result<(), ApiError> {
        let refuse = |text: String| Err(ApiError::new(ErrorCode::InvalidRequest, text));
        if self.reads_bus {
            return refuse("this connection reads all channels of the bus".to_owned());
        }
        if self.events.channels() + channels.len() > most {
            return refuse(format!(
                "a connection is subscribed to at most {most} channels (limits.channels_per_stream)"
            ));
        }
        let events = self.events.chosen().ok_or_else(listens_only)?;
        Ok(events.add(channels)?)
    }

    /// Tells what became of what was posted. Whether something has gone on.
    pub(super) fn answer(&mut self, context: &mut Context<'_>, piece: &mut Piece) -> bool {
        let mut moved = false;
        while self.goes_on() && piece.has_room() {
            match self.posts.poll_answer(context) {
                Poll::Ready(answer) => {
                    moved = true;
                    if let Some(answer) = answer {
                        piece.put(answer);
                    }
                }
                Poll::Pending => break,
            }
        }
        moved
    }

    /// What there is to tell now, as much of it as goes together.
    pub(super) fn gather(&mut self, context: &mut Context<'_>, piece: &mut Piece) {
        while self.goes_on() && piece.has_room() {
            match self.events.poll_next_unpin(context) {
                Poll::Ready(Some(Event::Message(message))) => {
                    if message.entry().message().as_bytes().len() > PIECE {
                        // What was said before it goes first.
                        let cursor = text_of(message.position());
                        self.rest = tell::long_message(&message, &self.shows, &cursor);
                        break;
                    }
                    let form = if self.reads_bus { Form::SocketOfABus } else { Form::SocketOfAChannel };
                    piece.put(message.encoded(form.number(&self.shows), |message| {
                        let cursor = text_of(message.position());
                        tell::message(message, &self.shows, &cursor)
                    }));
                }
                Poll::Ready(Some(Event::Resumed(resumed))) => piece.put(resumption(&resumed)),
                Poll::Ready(Some(Event::End(end))) => {
                    let last = self.end(end.into());
                    piece.put(last);
                }
                Poll::Ready(None) => self.life = Life::Over,
                Poll::Pending => break,
            }
        }
    }
}

/// Where a client stands. It names the channels that this is about: the client may have others, and asked for these.
fn resumption(resumed: &Resumed) -> Bytes {
    let channels = resumed.channels.iter().map(|(name, resume)| (name.as_str(), *resume));
    let last = resumed.last.map(MessageId::text);
    let last = last.as_ref().map(IdText::as_str);
    tell::fact(&facts::resume(resumed.resume, &text_of(resumed.position), None, last, channels))
}

/// What a token lets see is not chosen by what its client says, and nothing is posted by it here.
fn listens_only() -> ApiError {
    let text = "a connection of version 2.0 is for listening: post with POST /v2/message";
    ApiError::new(ErrorCode::InvalidRequest, text)
}
