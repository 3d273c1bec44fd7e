//! What events of a stream and pages of polls are to a reader. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::{Cause, Event, Interrupted, Item, Resumed};
use crate::chain::{Chain, Verdict};
use crate::error::Error;
use crate::fact::{Fact, Reason, Resume};
use crate::message::Frame;
use crate::names::ChannelName;
use crate::page::{Page, Shape};
use crate::position::Position;
use crate::resource::Resource;
use crate::sse::SseEvent;
use crate::track::Track;

/// The kind of events that are facts.
const FACT: &str = "backplane";
/// The kind of events that are frames.
const MESSAGE: &str = "message";

/// What follows from an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The stream goes on.
    GoOn,
    /// It has brought something new.
    New,
    /// The way does not hold: read again from the position.
    Broken,
    /// It says less than it would from the start: connect again.
    Again,
    /// The server ends the stream. Without a time to wait, for good.
    End(Reason, Option<Duration>),
}

/// A reader: what it has seen, where it stands, and what it is to be told.
pub(super) struct Reader<M> {
    chain: Chain,
    track: Track,
    several: bool,
    /// Up to where nothing is missing: behind the last frame or fact that the chain proves, or behind a poll.
    position: Option<Position>,
    /// The position is of this set of channels.
    is_own: bool,
    /// Why the next word about where it stands is told. Without a reason it is told only if something was missed.
    cause: Option<Cause>,
    told: VecDeque<Item<M>>,
}

impl<M: Shape> Reader<M> {
    pub(super) fn new(resource: &Resource, since: Option<Position>) -> Self {
        Self {
            chain: Chain::Unsaid,
            track: Track::new(resource.scope()),
            several: resource.is_several(),
            position: since,
            is_own: false,
            cause: Some(Cause::Started),
            told: VecDeque::new(),
        }
    }

    /// Where a connection begins.
    pub(super) fn connects(&mut self) -> Option<&Position> {
        self.chain = Chain::Unsaid;
        self.position()
    }

    /// Up to where it has everything. A poll goes on from there.
    pub(super) fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// The next thing to tell.
    pub(super) fn next(&mut self) -> Option<Item<M>> {
        self.told.pop_front()
    }

    /// Tells that nothing comes for the moment, and that where it stands is to be told after that.
    pub(super) fn interrupted(&mut self, why: Error, wait: Duration) {
        self.tell(Ok(Event::Interrupted(Interrupted { why, wait })));
        self.cause = self.cause.or(Some(Cause::Reconnected));
    }

    /// Tells an error.
    pub(super) fn failed(&mut self, error: Error) {
        self.tell(Err(error));
    }

    fn tell(&mut self, event: Result<Event<M>, Error>) {
        self.told.push_back((Some(event), self.position.clone()));
    }

    /// The position has moved, and there is nothing else to tell.
    fn moved(&mut self, position: Position) {
        self.position = Some(position);
        self.told.push_back((None, self.position.clone()));
    }

    /// Takes an event of a stream.
    pub(super) fn take(&mut self, event: &SseEvent) -> Next {
        match event.kind.as_str() {
            MESSAGE => match M::frame(&event.data) {
                Some(frame) => self.frame(frame, event.id.as_deref()),
                None => self.broken(),
            },
            FACT => match Fact::read(&event.data) {
                Some(fact) => self.fact(fact),
                None => self.broken(),
            },
            _ => Next::GoOn,
        }
    }

    fn fact(&mut self, fact: Fact) -> Next {
        match fact {
            Fact::Resume { resume, cursor, channels } => self.stands(resume, cursor, channels),
            Fact::Cursor { position, prev } if self.chain.proves(prev.as_ref()) => {
                if let Some(id) = position.id() {
                    self.track.has_up_to(&id);
                }
                self.moved(position);
                Next::GoOn
            }
            // It came twice, or late.
            Fact::Cursor { position, .. } if position.id().is_some_and(|id| self.chain.is_past(&id)) => {
                Next::GoOn
            }
            Fact::Cursor { .. } => self.broken(),
            Fact::End { reason, retry } => Next::End(reason, retry),
            Fact::Other => Next::GoOn,
        }
    }

    fn frame(&mut self, frame: Frame<M>, position: Option<&str>) -> Next {
        match self.chain.judge(&frame) {
            Verdict::New => {}
            Verdict::Had => return Next::GoOn,
            Verdict::Broken => return self.broken(),
        }
        match self.track.judge(&frame) {
            Verdict::New => {}
            Verdict::Had => {
                // Its position lies behind, but the next frame names it.
                self.chain.follow(&frame);
                return Next::GoOn;
            }
            Verdict::Broken => return self.broken(),
        }
        self.chain.follow(&frame);
        self.track.see(&frame);
        let behind = |position| Position::behind(self.position.as_ref(), position, self.several);
        if let Some(position) = position.and_then(behind) {
            self.position = Some(position);
        }
        self.tell(Ok(Event::Message(frame)));
        Next::New
    }

    fn broken(&mut self) -> Next {
        self.cause = Some(Cause::Mended);
        Next::Broken
    }

    /// The server says what was missed since the position, and where the stream stands.
    fn stands(
        &mut self,
        resume: Resume,
        cursor: Option<Position>,
        channels: BTreeMap<ChannelName, Resume>,
    ) -> Next {
        // Without a place nothing that comes can be checked.
        let Some((position, place)) = cursor.and_then(|cursor| cursor.id().map(|id| (cursor, id))) else {
            return self.broken();
        };
        let is_first = self.chain == Chain::Unsaid;
        if !is_first && (resume == Resume::Complete || self.chain.is_past(&place)) {
            // It proves nothing of what came before it, and so moves nothing.
            return Next::GoOn;
        }
        if !is_first && self.several {
            // What was dropped right before it may be of a channel that it does not name. Asked from the position, the server
            // says what it has lost, and the rest comes.
            self.cause = self.cause.or(Some(Cause::Told));
            return Next::Again;
        }
        let from = self.position.clone();
        self.resume(resume, &channels, from.as_ref());
        self.chain = Chain::From(place);
        self.position = Some(position);
        self.tell_resumed(resume, channels);
        Next::GoOn
    }

    /// What the answer about the position that was asked from means for what was seen.
    fn resume(&mut self, resume: Resume, channels: &BTreeMap<ChannelName, Resume>, from: Option<&Position>) {
        match resume {
            Resume::Complete => {
                // Of several channels some may be new to a position that the caller brought.
                let id = from.filter(|_| !self.several || self.is_own).and_then(Position::id);
                if let Some(id) = id {
                    self.track.has_up_to(&id);
                }
            }
            Resume::Gap | Resume::Reset => {
                let names: BTreeSet<_> = channels.keys().cloned().collect();
                self.track.forget(Some(&names).filter(|names| !names.is_empty()));
            }
            Resume::Unknown => {}
        }
        self.is_own = true;
    }

    fn tell_resumed(&mut self, resume: Resume, channels: BTreeMap<ChannelName, Resume>) {
        let missed = matches!(resume, Resume::Gap | Resume::Reset);
        match self.cause.take() {
            Some(cause) => self.tell(Ok(Event::Resumed(Resumed { resume, channels, cause }))),
            None if missed => {
                self.tell(Ok(Event::Resumed(Resumed { resume, channels, cause: Cause::Told })));
            }
            None => {}
        }
    }

    /// Takes the answer to a poll from the position.
    ///
    /// # Errors
    ///
    /// It has a frame of a channel that nobody asked for.
    pub(super) fn take_page(&mut self, page: Page<M>) -> Result<(), Error> {
        let Page { frames, next, mut resume, .. } = page;
        let had = |frame: &Frame<M>| self.track.judge(frame) == Verdict::Had;
        if resume == Resume::Unknown && frames.iter().any(had) {
            // RET-4: the whole window comes where it does not show the position any more.
            resume = Resume::Gap;
        } else {
            let from = self.position.clone();
            self.resume(resume, &BTreeMap::new(), from.as_ref());
        }
        self.tell_resumed(resume, BTreeMap::new());
        for frame in frames {
            match self.track.judge(&frame) {
                Verdict::Had => {}
                Verdict::Broken => {
                    return Err(Error::Malformed("it has a message of a channel that nobody asked for"));
                }
                Verdict::New => {
                    self.track.see(&frame);
                    self.tell(Ok(Event::Message(frame)));
                }
            }
        }
        if let Some(next) = next {
            // What is behind the last one is behind the page.
            if let Some((Some(Ok(Event::Message(_))), position)) = self.told.back_mut() {
                *position = Some(next.clone());
                self.position = Some(next);
            } else {
                self.moved(next);
            }
        }
        Ok(())
    }
}
