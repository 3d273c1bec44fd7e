//! A light reader over a WebSocket, who may post over it as well.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::events::{Fact, Said};
use super::history::{Position, View};
use super::http::{CREDENTIALS, Frame, number_of, status_of, text_of};
use crate::socket::{CLOSE, PING, PONG, TEXT, masked, upgrade};

/// The codes with which a server closes, by the reasons that it gives before.
const CODES: [(&str, u16); 6] = [
    ("drain", 1001),
    ("forbidden", 1008),
    ("failed", 1011),
    ("full", 1013),
    ("closed", 4000),
    ("idle", 4001),
];

/// An open WebSocket. Dropping it hangs up.
pub struct Socket {
    bus: u8,
    connection: BufReader<TcpStream>,
    spoke: Instant,
    /// The longest time between two things that it said.
    silence: Duration,
}

impl Socket {
    /// Opens one at this path. The status, if it is refused.
    pub async fn open(address: SocketAddr, path: &str, bus: u8) -> io::Result<Result<Self, u16>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut connection = BufReader::new(stream);
        let headers = upgrade(&format!("Authorization: {CREDENTIALS}\r\n"));
        let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\n{headers}\r\n");
        connection.write_all(request.as_bytes()).await?;
        let spoke = Instant::now();
        Ok(match status_of(&mut connection).await? {
            Some(101) => Ok(Self { bus, connection, spoke, silence: Duration::ZERO }),
            other => Err(other.unwrap_or(0)),
        })
    }

    /// For how long it has said nothing, now or before: the end of a connection is found behind what came before it.
    pub fn silence(&self) -> Duration {
        self.silence.max(self.spoke.elapsed())
    }

    async fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.connection.write_all(frame).await?;
        self.silence = self.silence();
        self.spoke = Instant::now();
        Ok(())
    }

    /// Says a text.
    pub async fn say(&mut self, text: &str) -> io::Result<()> {
        self.send(&masked(TEXT, text.as_bytes())).await
    }

    /// Says that it is there.
    pub async fn ping(&mut self) -> io::Result<()> {
        self.send(&masked(PING, b"")).await
    }

    /// Says this share of a text; what it says next is lost.
    pub async fn break_off(mut self, text: &str, share: f64) -> io::Result<()> {
        let frame = masked(TEXT, text.as_bytes());
        let sent = (frame.len() as f64 * share) as usize;
        self.send(&frame[..sent.min(frame.len())]).await
    }

    /// Wants to be told of these channels from these positions.
    pub async fn subscribe(&mut self, asked: &[(View, Position)]) -> io::Result<()> {
        let named = asked.iter().map(|(view, since)| (name_of(*view), json!(text_of(*since))));
        self.say(&json!({ "subscribe": named.collect::<serde_json::Map<_, _>>() }).to_string()).await
    }

    /// Wants to be told nothing more of these.
    pub async fn unsubscribe(&mut self, views: &[View]) -> io::Result<()> {
        let names: Vec<_> = views.iter().copied().map(name_of).collect();
        self.say(&json!({ "unsubscribe": names }).to_string()).await
    }

    /// What it is told next. An error where it ends without a word.
    pub async fn next(&mut self) -> io::Result<Said> {
        loop {
            let (kind, body) = self.frame().await?;
            match kind {
                TEXT => {
                    let said = read(&body, self.bus)?;
                    if let Said::End(reason, _) = &said {
                        self.expect_close(reason).await?;
                    }
                    return Ok(said);
                }
                PING => {
                    self.send(&masked(PONG, &body)).await?;
                    return Ok(Said::Heartbeat);
                }
                PONG => {}
                other => return Err(io::Error::other(format!("{other:x} without a word: {body:?}"))),
            }
        }
    }

    /// The end is the last text, and the connection is closed for the same reason (see `docs/PUSH.md`).
    async fn expect_close(&mut self, reason: &str) -> io::Result<()> {
        let (kind, body) = self.frame().await?;
        let known = CODES.iter().find(|(known, _)| *known == reason);
        let expected = known.map(|(_, code)| [&code.to_be_bytes(), reason.as_bytes()].concat());
        if kind != CLOSE || Some(&body) != expected.as_ref() {
            return Err(io::Error::other(format!("{kind:x} {body:?} behind the end, which is `{reason}`")));
        }
        self.send(&masked(CLOSE, &body[..2])).await
    }

    async fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.connection.read_exact(&mut head).await?;
        let length = match head[1] {
            126 => u64::from(self.connection.read_u16().await?),
            127 => self.connection.read_u64().await?,
            length => u64::from(length),
        };
        let mut body = vec![0; length as usize];
        self.connection.read_exact(&mut body).await?;
        Ok((head[0], body))
    }
}

/// The name of a channel.
pub(super) fn name_of(view: View) -> String {
    match view {
        View::Channel(channel) => format!("c{}", channel.number),
        View::Bus(_) => String::new(),
    }
}

fn read(text: &[u8], bus: u8) -> io::Result<Said> {
    let wrong = || io::Error::other(format!("nobody says {}", String::from_utf8_lossy(text)));
    if text.starts_with(b"{\"message\":") {
        let frame: Frame = serde_json::from_slice(text)?;
        let (prev, cursor) = (frame.prev.ok_or_else(wrong)?, frame.cursor.ok_or_else(wrong)?);
        return Ok(Said::Shown(frame.shown(bus)?, number_of(prev)?, super::events::cursor_of(cursor)?));
    }
    let mut value: Value = serde_json::from_slice(text)?;
    if value.get("refused").is_some() {
        let reference = value["refused"].as_str().map(str::to_owned);
        let status = value["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        return Ok(Said::Refused(reference, status.ok_or_else(wrong)?));
    }
    if let Some(reference) = value["published"].as_str() {
        let ids = value["ids"].as_array().ok_or_else(wrong)?;
        let ids = ids.iter().map(|id| number_of(id.as_str().unwrap_or_default()));
        return Ok(Said::Published(reference.to_owned(), ids.collect::<io::Result<_>>()?));
    }
    if let Some(names) = value.get_mut("unsubscribed").map(Value::take) {
        let cursor = super::events::cursor_of(value["cursor"].as_str().unwrap_or_default())?;
        return Ok(Said::Unsubscribed(serde_json::from_value(names)?, cursor));
    }
    serde_json::from_value::<Fact>(value)?.said().ok_or_else(wrong)?
}
