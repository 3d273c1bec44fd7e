//! What events of a stream and pages of polls are to a reader. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::{Cause, Event, Interrupted, Item, Resumed};
use crate::error::Error;
use crate::fact::{Fact, Reason, Resume};
use crate::http::Page;
use crate::message::Frame;
use crate::names::ChannelName;
use crate::position::Position;
use crate::resource::Resource;
use crate::sse::SseEvent;
use crate::track::{Track, Verdict};

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
    /// The way does not hold: read again from the last good position.
    Broken,
    /// The server ends the stream. Without a time to wait, for good.
    End(Reason, Option<Duration>),
}

/// A reader: what it has seen, where it stands, and what it is to be told.
pub(super) struct Reader {
    track: Track,
    several: bool,
    /// Where to go on from.
    position: Option<Position>,
    /// Up to where it has checked that nothing is missing. A position that only moved on has not been checked: what was dropped
    /// before it shows with the next frame.
    good: Option<Position>,
    /// Why the next word about where it stands is told. Without a reason it is told only if something was missed.
    cause: Option<Cause>,
    told: VecDeque<Item>,
}

impl Reader {
    pub(super) fn new(resource: &Resource, since: Option<Position>) -> Self {
        Self {
            track: Track::new(resource.scope()),
            several: resource.is_several(),
            position: since.clone(),
            good: since,
            cause: Some(Cause::Started),
            told: VecDeque::new(),
        }
    }

    pub(super) fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// The next thing to tell.
    pub(super) fn next(&mut self) -> Option<Item> {
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

    fn tell(&mut self, event: Result<Event, Error>) {
        self.told.push_back((event, self.position.clone()));
    }

    /// Takes an event of a stream.
    pub(super) fn take(&mut self, event: &SseEvent) -> Next {
        match event.kind.as_str() {
            MESSAGE => match serde_json::from_str(&event.data) {
                Ok(frame) => self.frame(frame, event.id.as_deref()),
                Err(_) => self.broken(),
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
            Fact::Cursor(position) => self.position = Some(position),
            Fact::End { reason, retry } => return Next::End(reason, retry),
            Fact::Other => {}
        }
        Next::GoOn
    }

    fn frame(&mut self, frame: Frame, position: Option<&str>) -> Next {
        match self.track.judge(&frame) {
            // Its position lies behind.
            Verdict::Had => Next::GoOn,
            Verdict::Broken => self.broken(),
            Verdict::New => {
                self.track.see(&frame);
                let behind = |position| Position::behind(self.position.as_ref(), position, self.several);
                if let Some(position) = position.and_then(behind) {
                    self.position = Some(position);
                }
                self.good.clone_from(&self.position);
                self.tell(Ok(Event::Message(frame)));
                Next::New
            }
        }
    }

    fn broken(&mut self) -> Next {
        self.position.clone_from(&self.good);
        self.cause = Some(Cause::Mended);
        Next::Broken
    }

    /// The server says what was missed since the position, and where the stream stands.
    fn stands(&mut self, resume: Resume, cursor: Option<Position>, channels: BTreeMap<ChannelName, Resume>) {
        self.resume(resume, &channels);
        if resume != Resume::Complete || self.position.is_none() {
            // Of several channels each has its own place, which the cursor does not tell.
            let id = cursor.as_ref().filter(|_| !self.several).and_then(Position::id);
            if let Some(id) = id {
                self.track.stand_at(&id);
            }
        }
        if cursor.is_some() {
            self.position = cursor;
        }
        if resume != Resume::Complete || self.good.is_none() {
            self.good.clone_from(&self.position);
        }
        self.tell_resumed(resume, channels);
    }

    /// What the answer about the position means for what was seen.
    fn resume(&mut self, resume: Resume, channels: &BTreeMap<ChannelName, Resume>) {
        match resume {
            Resume::Complete => {
                // Of several channels some may be new to the position.
                let id = self.position.as_ref().filter(|_| !self.several).and_then(Position::id);
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
    pub(super) fn take_page(&mut self, page: Page) -> Result<(), Error> {
        let Page { frames, next, mut resume } = page;
        let had = |frame: &Frame| self.track.judge(frame) == Verdict::Had;
        if resume == Resume::Unknown && frames.iter().any(had) {
            // RET-4: the whole window comes where it does not show the position any more.
            resume = Resume::Gap;
        } else {
            self.resume(resume, &BTreeMap::new());
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
        if next.is_some() {
            self.position = next;
        }
        self.good.clone_from(&self.position);
        // What is behind the last one is behind the page.
        if let Some((Ok(Event::Message(_)), position)) = self.told.back_mut() {
            position.clone_from(&self.position);
        }
        Ok(())
    }
}
