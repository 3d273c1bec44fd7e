//! A reader of streams that comes again with its position, and with other channels.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use super::events::{Events, Said};
use super::history::{ChannelKey, Cursor, History, Nanos, Position, Resume, View};
use super::notes::Notes;

/// One reader of a bus, of a channel, or of several channels of a bus.
pub struct Listener {
    /// Where the bus is found.
    path: String,
    views: Vec<View>,
    /// Of the last stream: what it was of, and the positions that it told, as `since` and as `Last-Event-ID`.
    of: Vec<View>,
    token: Option<String>,
    last: Option<String>,
    at: Option<Cursor>,
    events: Option<Events>,
    /// What it was told.
    pub notes: Notes,
}

/// How a stream goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Went {
    /// Something was told.
    On,
    /// The server ends it and says why, and after how many milliseconds to come back.
    Ended(String, Option<u64>),
}

impl Listener {
    /// Of these views of a bus, which is found at this path. From this position, if it is one view.
    pub fn new(path: String, views: Vec<View>, since: Position) -> Self {
        let notes = Notes::default();
        let mut listener =
            Self { path, views, of: Vec::new(), token: None, last: None, at: None, events: None, notes };
        if let (Position::Cursor(cursor), [_]) = (since, &listener.views[..]) {
            let id = backplane_actors::MessageId::from_u64(cursor.id);
            listener.token = Some(format!("{id}.{}", backplane_actors::Epoch::from_u64(cursor.epoch)));
            listener.of.clone_from(&listener.views);
            listener.at = Some(cursor);
        }
        listener
    }

    /// What it reads.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Leaves the stream, if there is one.
    pub fn hang_up(&mut self) {
        self.events = None;
        self.notes.cut();
    }

    /// Reads other channels from the next stream on.
    pub fn choose(&mut self, views: Vec<View>) {
        self.hang_up();
        self.views = views;
    }

    /// Forgets where it was.
    pub fn forget(&mut self) {
        self.hang_up();
        (self.token, self.last, self.at) = (None, None, None);
        self.of.clear();
    }

    /// Whether a stream is open.
    pub fn is_open(&self) -> bool {
        self.events.is_some()
    }

    /// Begins a stream from where it is. The status, if it is refused.
    pub async fn open(&mut self, address: SocketAddr, now: Nanos) -> io::Result<Result<(), u16>> {
        let mut path = self.path.clone();
        let several = self.views.len() > 1;
        if several {
            path.push_str("/channels");
        }
        let mut before = '?';
        for view in &self.views {
            if let View::Channel(ChannelKey { number, .. }) = view {
                if several {
                    _ = write!(path, "{before}channel=c{number}");
                    before = '&';
                } else {
                    _ = write!(path, "/channel/c{number}");
                }
            }
        }
        if let Some(token) = &self.token {
            _ = write!(path, "{before}since={token}");
        }
        // What was not in the last stream is new; its position is that of all that was.
        let since = |view: &View| {
            let at = self.at.filter(|_| self.of.contains(view));
            (*view, at.map_or(Position::Start, Position::Cursor))
        };
        let asked: Vec<_> = self.views.iter().map(since).collect();
        let bus = self.views[0].bus();
        match Events::open(address, &path, bus, self.last.as_deref()).await? {
            Ok(events) => {
                self.notes.ask(asked, now);
                self.events = Some(events);
                Ok(Ok(()))
            }
            Err(status) => Ok(Err(status)),
        }
    }

    /// Takes what comes next. An error where the stream was cut, or ends without a word; then it is gone.
    pub async fn next(&mut self, now: impl Fn() -> Nanos) -> io::Result<Went> {
        let Some(events) = &mut self.events else { return Err(io::ErrorKind::NotConnected.into()) };
        let said = events.next().await;
        let said = said.and_then(|said| said.ok_or_else(|| io::Error::other("it ends without a word")));
        let (said, id) = match said {
            Ok(told) => told,
            Err(error) => {
                self.hang_up();
                return Err(error);
            }
        };
        let now = now();
        match said {
            Said::Resumed { resume, channels, stands, token } => {
                let of = |view| match view {
                    View::Channel(ChannelKey { number, .. }) if self.views.len() > 1 => {
                        Some(channels.get(&format!("c{number}")).copied().unwrap_or(Resume::Complete))
                    }
                    _ => Some(resume),
                };
                self.notes.resumed(now, stands, of);
                self.at = Some(stands);
                self.token = Some(token);
                self.of.clone_from(&self.views);
            }
            Said::Shown(shown, prev, next) => {
                self.notes.shown(now, shown, Some(prev), next);
                self.at = Some(next);
            }
            Said::Moved(next, token, prev) => {
                self.at = Some(next);
                self.notes.silent(now, next, prev);
                self.token = Some(token);
            }
            Said::End(reason, retry) => {
                self.hang_up();
                return Ok(Went::Ended(reason, retry));
            }
            Said::Heartbeat => {}
        }
        self.last = id.or(self.last.take());
        Ok(Went::On)
    }

    /// Adds what it was told to what was seen.
    pub fn hand_in(self, history: &mut History) {
        self.notes.hand_in(history);
    }
}
