//! A light HTTP client: one connection that is kept, one request at a time, hanging up when told.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use backplane_actors::{Epoch, MessageId};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use super::events::cursor_of;
use super::history::{Answer, ChannelKey, Cursor, Extent, Position, Resume, Shown, Stamp};

/// User and password of the demonstration.
pub(super) const CREDENTIALS: &str = "Basic ZGVtbzpkZW1v";

/// One connection to a server; a new one when it is needed.
pub struct Client {
    address: SocketAddr,
    /// Where from; without it, from wherever the system likes.
    from: Option<Ipv4Addr>,
    connection: Option<BufReader<TcpStream>>,
}

#[derive(Default)]
pub(super) struct Response {
    pub(super) status: u16,
    /// The query of its link.
    next: Option<String>,
    resume: Option<String>,
    pub(super) location: Option<String>,
    /// Whether the server ends the connection with it.
    is_last: bool,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// Whether something was missed.
    pub(super) fn resume(&self) -> io::Result<Resume> {
        match self.resume.as_deref() {
            Some("complete") => Ok(Resume::Complete),
            Some("gap") => Ok(Resume::Gap),
            Some("reset") => Ok(Resume::Reset),
            other => Err(io::Error::other(format!("Backplane-Resume is {other:?}"))),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    message: Payload,
    channel_name: &'a str,
    id: &'a str,
    pub(super) prev: Option<&'a str>,
    /// Over a WebSocket.
    pub(super) cursor: Option<&'a str>,
}

impl Frame<'_> {
    pub(super) fn shown(&self, bus: u8) -> io::Result<Shown> {
        let channel = ChannelKey::named(bus, self.channel_name);
        Ok(Shown { id: number_of(self.id)?, stamp: Stamp(self.message.payload), channel })
    }
}

#[derive(Deserialize)]
struct Payload {
    payload: u64,
}

impl Client {
    /// Of the server at this address. Connects with the first request.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, from: None, connection: None }
    }

    /// The same, which connects from this address of the machine.
    pub fn at(from: Ipv4Addr, address: SocketAddr) -> Self {
        Self { from: Some(from), ..Self::new(address) }
    }

    /// The ids, or the status of the refusal.
    pub async fn post(
        &mut self,
        path: &str,
        body: &str,
        key: Option<&str>,
    ) -> io::Result<Result<Vec<u64>, u16>> {
        let response = self.exchange(&post(path, body, key)).await?;
        if response.status != 200 {
            return Ok(Err(response.status));
        }
        let ids: Vec<&str> = serde_json::from_slice(&response.body)?;
        Ok(Ok(ids.into_iter().map(number_of).collect::<io::Result<_>>()?))
    }

    /// Sends this share of a POST and hangs up.
    pub async fn post_and_leave(
        &mut self,
        path: &str,
        body: &str,
        key: Option<&str>,
        share: f64,
    ) -> io::Result<()> {
        self.send_and_leave(&post(path, body, key), share).await
    }

    pub(super) async fn send_and_leave(&mut self, request: &str, share: f64) -> io::Result<()> {
        let sent = (request.len() as f64 * share) as usize;
        self.send(&request.as_bytes()[..sent.min(request.len())]).await?;
        self.connection = None;
        Ok(())
    }

    /// Reads what is at this path, of a bus or a channel of it.
    pub async fn read(&mut self, path: &str, bus: u8, since: Position) -> io::Result<Answer> {
        Ok(self.ask_once(get(path, since), bus).await?.0)
    }

    /// The same by a long poll of a second.
    pub async fn wait(&mut self, path: &str, bus: u8, since: Position) -> io::Result<Answer> {
        Ok(self.ask_once(request(path, &query(since, Some(1))), bus).await?.0)
    }

    /// Asks for this, whatever it is. The answer, and the query that its link names.
    pub async fn follow(&mut self, path: &str, query: &str, bus: u8) -> io::Result<(Answer, String)> {
        self.ask_once(request(path, &format!("?{query}")), bus).await
    }

    async fn ask_once(&mut self, request: String, bus: u8) -> io::Result<(Answer, String)> {
        let response = self.exchange(&request).await?;
        if response.status != 200 {
            return Err(io::Error::other(format!("GET was answered {}", response.status)));
        }
        let resume = response.resume()?;
        let frames: Vec<Frame> = serde_json::from_slice(&response.body)?;
        let shown = frames.iter().map(|frame| frame.shown(bus)).collect::<io::Result<_>>()?;
        let next = cursor(response.next.as_deref())?;
        let extent = Extent::Window;
        Ok((Answer { shown, next, resume, extent }, response.next.unwrap_or_default()))
    }

    /// Asks, reads the beginning of the answer, and hangs up.
    pub async fn read_and_leave(&mut self, path: &str) -> io::Result<()> {
        let connection = self.send(get(path, Position::Start).as_bytes()).await?;
        connection.read_exact(&mut [0; 9]).await?;
        self.connection = None;
        Ok(())
    }

    /// Asks this many times and reads nothing. Goes on until the connection is dropped.
    pub async fn ask(&mut self, path: &str, times: usize) -> io::Result<()> {
        self.send(get(path, Position::Start).repeat(times).as_bytes()).await?;
        Ok(())
    }

    pub(super) async fn exchange(&mut self, request: &str) -> io::Result<Response> {
        let response = receive(self.send(request.as_bytes()).await?).await;
        if response.as_ref().is_ok_and(|response| response.is_last) || response.is_err() {
            self.connection = None;
        }
        response
    }

    async fn send(&mut self, request: &[u8]) -> io::Result<&mut BufReader<TcpStream>> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let stream = match self.from {
                None => TcpStream::connect(self.address).await?,
                Some(from) => {
                    let socket = TcpSocket::new_v4()?;
                    socket.bind((from, 0).into())?;
                    socket.connect(self.address).await?
                }
            };
            stream.set_nodelay(true)?;
            BufReader::new(stream)
        };
        let connection = self.connection.insert(connection);
        connection.write_all(request).await?;
        Ok(connection)
    }
}

/// Reads the head of an answer whose body goes on; its status, if it has one.
pub(super) async fn status_of(connection: &mut BufReader<TcpStream>) -> io::Result<Option<u16>> {
    let (mut status, mut line) = (None, String::new());
    loop {
        line.clear();
        if connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim_end().is_empty() {
            return Ok(status);
        }
        status = status.or_else(|| line.split(' ').nth(1)?.parse().ok());
    }
}

async fn receive(connection: &mut BufReader<TcpStream>) -> io::Result<Response> {
    let mut response = Response::default();
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        match text.split_once(": ") {
            None => response.status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0),
            Some((name, value)) => match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().map_err(io::Error::other)?,
                "connection" => response.is_last = value.eq_ignore_ascii_case("close"),
                "location" => response.location = Some(value.to_owned()),
                "backplane-resume" => response.resume = Some(value.to_owned()),
                "link" => {
                    let query = value.split_once('?').and_then(|(_, rest)| rest.split_once('>'));
                    response.next = query.map(|(query, _)| query.to_owned());
                }
                _ => {}
            },
        }
    }
    response.body.resize(length, 0);
    connection.read_exact(&mut response.body).await?;
    Ok(response)
}

fn get(path: &str, since: Position) -> String {
    request(path, &query(since, None))
}

fn query(since: Position, block: Option<u8>) -> String {
    let since = match since {
        Position::Start => None,
        Position::Cursor(Cursor { id, epoch }) => {
            Some(format!("since={}&epoch={}", MessageId::from_u64(id), Epoch::from_u64(epoch)))
        }
        Position::Id(id) => Some(format!("since={}", MessageId::from_u64(id))),
        Position::Garbage => Some("since=nothing".to_owned()),
    };
    let block = block.map(|seconds| format!("block={seconds}"));
    let all: Vec<_> = since.into_iter().chain(block).collect();
    if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
}

fn request(path: &str, query: &str) -> String {
    // Of a path that asks for something already.
    let query = if path.contains('?') { query.replacen('?', "&", 1) } else { query.to_owned() };
    format!("GET {path}{query} HTTP/1.1\r\nHost: t\r\nAuthorization: {CREDENTIALS}\r\n\r\n")
}

fn post(path: &str, body: &str, key: Option<&str>) -> String {
    let key = key.map_or(String::new(), |key| format!("Idempotency-Key: {key}\r\n"));
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: t\r\nAuthorization: {CREDENTIALS}\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The position that the query of an answer's link names, in either form.
pub(super) fn cursor(query: Option<&str>) -> io::Result<Cursor> {
    let query = query.ok_or_else(|| io::Error::other("no position to go on from"))?;
    let value = |name| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let since = value("since").unwrap_or_default();
    match value("epoch") {
        Some(epoch) => cursor_of(&format!("{since}.{epoch}")),
        None => cursor_of(since),
    }
}

/// A position as text; nothing, if there is none.
pub(super) fn text_of(position: Position) -> Option<String> {
    match position {
        Position::Start => None,
        Position::Cursor(Cursor { id, epoch }) => {
            Some(format!("{}.{}", MessageId::from_u64(id), Epoch::from_u64(epoch)))
        }
        Position::Id(id) => Some(MessageId::from_u64(id).to_string()),
        Position::Garbage => Some("nothing".to_owned()),
    }
}

pub(super) fn number_of(id: &str) -> io::Result<u64> {
    id.parse().map(backplane_actors::MessageId::as_u64).map_err(io::Error::other)
}
