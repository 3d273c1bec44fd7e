//! A reader of streams that comes again with its position, and with other channels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::events::{Events, Said};
use super::history::{ChannelKey, Cursor, History, Nanos, Position, Resume, View};
use super::http::text_of;
use super::notes::Notes;
use super::sockets::{Socket, name_of};

/// How a stream comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As server-sent events.
    Events,
    /// Over a WebSocket.
    Socket,
}

enum Stream {
    Events(Events),
    Socket(Socket),
}

/// What was asked for over a WebSocket: these are to go, and then these are to come, from there.
struct Change {
    gone: Vec<View>,
    new: Vec<(View, Position)>,
    asked: Nanos,
}

/// One reader of a bus, of a channel, or of several channels of a bus.
pub struct Listener {
    /// Where the bus is found.
    path: String,
    way: Way,
    views: Vec<View>,
    /// Of the last stream: what it was of, and the positions that it told, as `since` and as `Last-Event-ID`.
    of: Vec<View>,
    token: Option<String>,
    last: Option<String>,
    at: Option<Cursor>,
    stream: Option<Stream>,
    change: Option<Change>,
    /// How long it was silent, over a WebSocket that ended without a word.
    silence: Option<Duration>,
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
        let mut listener = Self {
            path,
            way: Way::Events,
            views,
            of: Vec::new(),
            token: None,
            last: None,
            at: None,
            stream: None,
            change: None,
            silence: None,
            notes: Notes::default(),
        };
        if let (Position::Cursor(cursor), [_]) = (since, &listener.views[..]) {
            listener.token = text_of(since);
            listener.of.clone_from(&listener.views);
            listener.at = Some(cursor);
        }
        listener
    }

    /// The same, by another way.
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// What it reads.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Leaves the stream, if there is one.
    pub fn hang_up(&mut self) {
        (self.stream, self.change) = (None, None);
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
        self.notes.forget();
    }

    /// Whether a stream is open.
    pub fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// The lowest position of all that is read now; nothing while something was only asked for.
    pub fn stands(&self) -> Option<u64> {
        self.notes.stands().filter(|_| self.change.is_none())
    }

    /// Where a stream of these channels is found, or of none to begin with.
    fn path_of(&self, channels: &[View]) -> String {
        let mut path = self.path.clone();
        let one = self.views.len() == 1;
        if !one {
            path.push_str("/channels");
        }
        let mut before = '?';
        for view in channels {
            if let View::Channel(ChannelKey { number, .. }) = view {
                if one {
                    _ = write!(path, "/channel/c{number}");
                } else {
                    _ = write!(path, "{before}channel=c{number}");
                    before = '&';
                }
            }
        }
        path
    }

    /// Begins a stream from where it is. The status, if it is refused.
    pub async fn open(&mut self, address: SocketAddr, now: Nanos) -> io::Result<Result<(), u16>> {
        self.silence = None;
        match self.way {
            Way::Events => self.open_events(address, now).await,
            Way::Socket => self.open_socket(address, now).await,
        }
    }

    async fn open_events(&mut self, address: SocketAddr, now: Nanos) -> io::Result<Result<(), u16>> {
        let mut path = self.path_of(&self.views);
        if let Some(token) = &self.token {
            _ = write!(path, "{}since={token}", if path.contains('?') { '&' } else { '?' });
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
                self.stream = Some(Stream::Events(events));
                Ok(Ok(()))
            }
            Err(status) => Ok(Err(status)),
        }
    }

    /// One view, or several from their start, are asked for by the URL; several from where each was by a text.
    async fn open_socket(&mut self, address: SocketAddr, now: Nanos) -> io::Result<Result<(), u16>> {
        let asked: Vec<_> = self.views.iter().map(|view| (*view, self.place(*view))).collect();
        let (mut by_url, mut by_text) = (self.views.clone(), Vec::new());
        let mut since = String::new();
        match &asked[..] {
            [(_, from)] => since = text_of(*from).map_or(since, |text| format!("?since={text}")),
            several if several.iter().any(|(_, from)| *from != Position::Start) => {
                by_text.clone_from(&asked);
                by_url.clear();
            }
            _ => {}
        }
        let path = self.path_of(&by_url) + &since;
        let mut socket = match Socket::open(address, &path, self.views[0].bus()).await? {
            Ok(socket) => socket,
            Err(status) => return Ok(Err(status)),
        };
        if !by_text.is_empty() {
            socket.subscribe(&by_text).await?;
        }
        self.notes.ask(asked, now);
        self.stream = Some(Stream::Socket(socket));
        Ok(Ok(()))
    }

    /// From where a view is read over a WebSocket: each has a position of its own.
    fn place(&self, view: View) -> Position {
        match self.notes.place(view) {
            Position::Start => {
                let begins = self.at.filter(|_| self.of.contains(&view));
                begins.map_or(Position::Start, Position::Cursor)
            }
            place => place,
        }
    }

    /// Whether a change was asked for, over an open WebSocket, and not answered.
    pub fn is_changing(&self) -> bool {
        self.change.is_some()
    }

    /// Over an open WebSocket: reads these no more, and then these too, from where they were. Those that went may come back.
    pub async fn change(&mut self, gone: Vec<View>, new: Vec<View>, now: Nanos) -> io::Result<()> {
        let asked: Vec<_> = new.iter().map(|view| (*view, self.place(*view))).collect();
        let Some(Stream::Socket(socket)) = &mut self.stream else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        if !gone.is_empty() {
            socket.unsubscribe(&gone).await?;
        }
        if !asked.is_empty() {
            socket.subscribe(&asked).await?;
        }
        self.views.retain(|view| !gone.contains(view));
        self.views.extend(new);
        if gone.is_empty() {
            self.notes.ask(asked, now);
        } else {
            self.change = Some(Change { gone, new: asked, asked: now });
        }
        Ok(())
    }

    /// Says that it is there, though it does not read; where that can be said.
    pub async fn ping(&mut self) {
        if let Some(Stream::Socket(socket)) = &mut self.stream {
            // That it is gone is found when it reads.
            _ = socket.ping().await;
        }
    }

    /// For how long at a time it was silent over a WebSocket, if that has just been cut: a server gives up who does not answer.
    pub fn silence(&self) -> Option<Duration> {
        self.silence.filter(|_| self.stream.is_none())
    }

    /// Takes what comes next. An error where the stream was cut, or ends without a word; then it is gone.
    pub async fn next(&mut self, now: impl Fn() -> Nanos) -> io::Result<Went> {
        let (said, id) = match &mut self.stream {
            None => return Err(io::ErrorKind::NotConnected.into()),
            Some(Stream::Events(events)) => match events.next().await {
                Ok(Some(told)) => told,
                other => {
                    self.hang_up();
                    return Err(other.err().unwrap_or_else(|| io::Error::other("it ends without a word")));
                }
            },
            Some(Stream::Socket(socket)) => match socket.next().await {
                Ok(said) => (said, None),
                Err(error) => {
                    self.silence = Some(socket.silence()).filter(|_| is_cut(&error));
                    self.hang_up();
                    return Err(error);
                }
            },
        };
        let now = now();
        match said {
            Said::Resumed { resume, channels, stands, token } => {
                self.resumed(now, resume, &channels, stands, token);
            }
            Said::Shown(shown, prev, next) => {
                self.notes.shown(now, shown, Some(prev), next);
                self.stands_at(next);
            }
            Said::Moved(next, token, prev) => {
                self.notes.silent(now, next, prev);
                self.stands_at(next);
                self.token = Some(token);
            }
            Said::End(reason, retry) => {
                self.hang_up();
                return Ok(Went::Ended(reason, retry));
            }
            Said::Heartbeat => {}
            Said::Unsubscribed(names, next) => {
                let change = self.change.take();
                let is_it =
                    |change: &Change| change.gone.iter().copied().map(name_of).eq(names.iter().cloned());
                let Some(Change { gone, new, asked }) = change.filter(is_it) else {
                    return Err(io::Error::other(format!("nobody wanted to leave {names:?}")));
                };
                self.notes.moved(now, next);
                for view in gone {
                    self.notes.close(view);
                }
                self.notes.ask(new, asked);
            }
            Said::Published(..) | Said::Refused(..) => {
                return Err(io::Error::other(format!("nobody asked for {said:?}")));
            }
        }
        self.last = id.or(self.last.take());
        Ok(Went::On)
    }

    fn resumed(
        &mut self,
        now: Nanos,
        resume: Resume,
        channels: &BTreeMap<String, Resume>,
        stands: Cursor,
        token: String,
    ) {
        let (way, several) = (self.way, self.views.len() > 1);
        let of = |view: View| match (way, view) {
            // All that it is about are named there.
            (Way::Socket, View::Channel(_)) => channels.get(&name_of(view)).copied(),
            (Way::Events, View::Channel(_)) if several => {
                Some(channels.get(&name_of(view)).copied().unwrap_or(Resume::Complete))
            }
            _ => Some(resume),
        };
        self.notes.resumed(now, stands, of);
        self.stands_at(stands);
        self.token = Some(token);
    }

    /// One position is that of all that a stream is of. Over a WebSocket each has its own, for they come and go.
    fn stands_at(&mut self, at: Cursor) {
        if self.way == Way::Events {
            self.at = Some(at);
            self.of.clone_from(&self.views);
        }
    }

    /// Adds what it was told to what was seen.
    pub fn hand_in(self, history: &mut History) {
        self.notes.hand_in(history);
    }
}

fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}
