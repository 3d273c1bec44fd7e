//! A light reader of event streams: what it is told, and no more than it asks for.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::history::{Cursor, Resume, Shown};
use super::http::{CREDENTIALS, Frame, number_of, status_of};

/// An open event stream. Dropping it hangs up.
pub struct Events {
    bus: u8,
    connection: BufReader<TcpStream>,
    /// Of the answer's body, what was read and not told.
    text: String,
    /// Whether the body has ended as bodies do.
    whole: bool,
}

/// What a stream says.
#[derive(Debug)]
pub enum Said {
    /// Where it stands.
    Resumed {
        /// Whether something was missed.
        resume: Resume,
        /// Of several channels, those of which something was.
        channels: BTreeMap<String, Resume>,
        /// The position.
        stands: Cursor,
        /// The same as text.
        token: String,
    },
    /// A message, the message before it, and the position behind it.
    Shown(Shown, u64, Cursor),
    /// The position, behind this last frame.
    Moved(Cursor, String, Option<u64>),
    /// Why it ends, and after how many milliseconds to come back.
    End(String, Option<u64>),
    /// That it is there.
    Heartbeat,
    /// Nothing more of these channels comes, and the position; over a WebSocket only, as what follows.
    Unsubscribed(Vec<String>, Cursor),
    /// What was posted under this name has these ids.
    Published(String, Vec<u64>),
    /// What was posted under this name, or something else that was asked for, is refused with this status.
    Refused(Option<String>, u16),
}

#[derive(Deserialize)]
pub(super) struct Fact {
    resume: Option<String>,
    cursor: Option<String>,
    end: Option<String>,
    retry: Option<u64>,
    prev: Option<String>,
    #[serde(default)]
    channels: BTreeMap<String, String>,
}

impl Fact {
    /// Nothing, if it is none.
    pub(super) fn said(self) -> Option<io::Result<Said>> {
        match (self.resume, self.cursor, self.end) {
            (Some(resume), Some(token), None) => Some(resumed(&resume, self.channels, token)),
            (None, Some(token), None) => Some(moved(token, self.prev.as_deref())),
            (None, None, Some(end)) => Some(Ok(Said::End(end, self.retry))),
            _ => None,
        }
    }
}

fn resumed(resume: &str, channels: BTreeMap<String, String>, token: String) -> io::Result<Said> {
    let channels = channels.into_iter().map(|(name, resume)| Ok((name, resume_of(&resume)?)));
    let channels = channels.collect::<io::Result<_>>()?;
    Ok(Said::Resumed { resume: resume_of(resume)?, channels, stands: cursor_of(&token)?, token })
}

fn moved(token: String, prev: Option<&str>) -> io::Result<Said> {
    let prev = prev.map(number_of).transpose()?;
    Ok(Said::Moved(cursor_of(&token)?, token, prev))
}

impl Events {
    /// Asks for the events at this path, with this position as `Last-Event-ID`. The status, if there are none.
    pub async fn open(
        address: SocketAddr,
        path: &str,
        bus: u8,
        last: Option<&str>,
    ) -> io::Result<Result<Self, u16>> {
        let mut connection = BufReader::new(TcpStream::connect(address).await?);
        let last = last.map_or(String::new(), |last| format!("Last-Event-ID: {last}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: t\r\nAuthorization: {CREDENTIALS}\r\nAccept: text/event-stream\r\n{last}\r\n"
        );
        connection.write_all(request.as_bytes()).await?;
        Ok(match status_of(&mut connection).await? {
            Some(200) => Ok(Self { bus, connection, text: String::new(), whole: false }),
            other => Err(other.unwrap_or(0)),
        })
    }

    /// What it says next, and the position behind that as text, for `Last-Event-ID`. Nothing once it has ended in order; an error where it
    /// was cut.
    pub async fn next(&mut self) -> io::Result<Option<(Said, Option<String>)>> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (said, rest) = (read(event, self.bus), rest.to_owned());
                self.text = rest;
                return said.map(Some);
            }
            if self.whole {
                let left = self.text.is_empty();
                return left
                    .then_some(None)
                    .ok_or_else(|| io::Error::other("it ends in the midst of an event"));
            }
            self.read_chunk().await?;
        }
    }

    async fn read_chunk(&mut self) -> io::Result<()> {
        let mut line = String::new();
        if self.connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        self.connection.read_exact(&mut chunk).await?;
        chunk.truncate(length);
        self.whole = length == 0;
        self.text.push_str(std::str::from_utf8(&chunk).map_err(io::Error::other)?);
        Ok(())
    }
}

fn read(event: &str, bus: u8) -> io::Result<(Said, Option<String>)> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let id = field("id").map(str::to_owned);
    let wrong = || io::Error::other(format!("this is no event: {event}"));
    let data = field("data").unwrap_or_default();
    let said = match field("event") {
        None if event.starts_with(':') => Said::Heartbeat,
        Some("message") => {
            let frame: Frame = serde_json::from_str(data)?;
            let prev = number_of(frame.prev.ok_or_else(wrong)?)?;
            Said::Shown(frame.shown(bus)?, prev, cursor_of(field("id").ok_or_else(wrong)?)?)
        }
        Some("backplane") => {
            let fact: Fact = serde_json::from_str(data)?;
            fact.said().ok_or_else(wrong)??
        }
        _ => return Err(wrong()),
    };
    Ok((said, id))
}

fn resume_of(text: &str) -> io::Result<Resume> {
    match text {
        "complete" => Ok(Resume::Complete),
        "gap" => Ok(Resume::Gap),
        "reset" => Ok(Resume::Reset),
        other => Err(io::Error::other(format!("`{other}` is not known"))),
    }
}

/// A position as text, whatever channels it names.
pub fn cursor_of(text: &str) -> io::Result<Cursor> {
    let mut parts = text.split('.');
    let (Some(id), Some(epoch)) = (parts.next(), parts.next()) else {
        return Err(io::Error::other(format!("`{text}` is no position")));
    };
    let epoch: backplane_actors::Epoch = epoch.parse().map_err(io::Error::other)?;
    Ok(Cursor { id: number_of(id)?, epoch: epoch.as_u64() })
}
