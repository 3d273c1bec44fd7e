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
    /// Its last checked position is too old to go on from: connect again from the latest one.
    Again,
    /// The server ends the stream. Without a time to wait, for good.
    End(Reason, Option<Duration>),
}

/// A reader: what it has seen, where it stands, and what it is to be told.
pub(super) struct Reader {
    track: Track,
    several: bool,
    /// What the server says it has. Whoever goes on from there loses what was dropped on the way just before.
    position: Option<Position>,
    /// Up to where it has checked that nothing is missing: a frame, or a place at which the server began. A connection begins
    /// there, and what was dropped comes again.
    good: Option<Position>,
    /// Of several channels a frame vouches for its own only. So this is where the connection began,
    base: Option<Position>,
    /// and these are the places behind the last frame of each since then.
    behind: BTreeMap<ChannelName, Option<Position>>,
    /// A connection has been asked for, and nothing has come of it.
    is_fresh: bool,
    /// The position is of this set of channels.
    is_own: bool,
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
            good: since.clone(),
            base: since,
            behind: BTreeMap::new(),
            is_fresh: false,
            is_own: false,
            cause: Some(Cause::Started),
            told: VecDeque::new(),
        }
    }

    /// Where a connection begins.
    pub(super) fn connects(&mut self) -> Option<&Position> {
        self.is_fresh = true;
        self.good.as_ref()
    }

    /// Where a poll goes on from.
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
                Err(_) => self.broken(None),
            },
            FACT => match Fact::read(&event.data) {
                Some(fact) => self.fact(fact),
                None => self.broken(None),
            },
            _ => Next::GoOn,
        }
    }

    fn fact(&mut self, fact: Fact) -> Next {
        match fact {
            Fact::Resume { resume, cursor, channels } => return self.stands(resume, cursor, channels),
            Fact::Cursor(position) => self.position = Some(position),
            Fact::End { reason, retry } => return Next::End(reason, retry),
            Fact::Other => {}
        }
        Next::GoOn
    }

    fn frame(&mut self, frame: Frame, position: Option<&str>) -> Next {
        match self.track.judge(&frame) {
            // Its position lies behind.
            Verdict::Had => {
                self.track.pass(&frame);
                Next::GoOn
            }
            Verdict::Broken => self.broken(Some(&frame.channel)),
            Verdict::New => {
                self.track.see(&frame);
                let behind = |position| Position::behind(self.position.as_ref(), position, self.several);
                if let Some(position) = position.and_then(behind) {
                    self.position = Some(position);
                }
                self.good.clone_from(&self.position);
                if self.several {
                    self.behind.insert(frame.channel.clone(), self.position.clone());
                }
                self.tell(Ok(Event::Message(frame)));
                Next::New
            }
        }
    }

    /// Something is wrong with what came of a channel, or of any.
    fn broken(&mut self, channel: Option<&ChannelName>) -> Next {
        self.position = if self.several {
            channel.and_then(|channel| self.behind.get(channel)).unwrap_or(&self.base).clone()
        } else {
            self.good.clone()
        };
        self.good.clone_from(&self.position);
        self.cause = Some(Cause::Mended);
        Next::Broken
    }

    /// Nothing is missing up to the position.
    fn is_good(&mut self) {
        self.good.clone_from(&self.position);
        self.base.clone_from(&self.position);
        self.behind.clear();
    }

    /// The server says what was missed since the position, and where the stream stands.
    fn stands(
        &mut self,
        resume: Resume,
        cursor: Option<Position>,
        channels: BTreeMap<ChannelName, Resume>,
    ) -> Next {
        let is_first = std::mem::take(&mut self.is_fresh);
        if is_first && resume != Resume::Complete && self.good != self.position {
            // What it last checked is long ago, and the server has let go of something since then that may be none of its. Of the
            // position that it gave out later it knows more.
            self.is_good();
            return Next::Again;
        }
        let from = self.good.clone().filter(|_| is_first);
        self.resume(resume, &channels, from.as_ref());
        // Of several channels each has its own place, which the cursor does not tell.
        let id = cursor.as_ref().filter(|_| !self.several).and_then(Position::id);
        if let Some(id) = id {
            self.track.stand_at(&id);
        }
        if cursor.is_some() {
            self.position = cursor;
        }
        if is_first || resume != Resume::Complete {
            self.is_good();
        }
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
    pub(super) fn take_page(&mut self, page: Page) -> Result<(), Error> {
        let Page { frames, next, mut resume } = page;
        let had = |frame: &Frame| self.track.judge(frame) == Verdict::Had;
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
        if next.is_some() {
            self.position = next;
        }
        self.is_fresh = false;
        self.is_good();
        // What is behind the last one is behind the page.
        if let Some((Ok(Event::Message(_)), position)) = self.told.back_mut() {
            position.clone_from(&self.position);
        }
        Ok(())
    }
}
