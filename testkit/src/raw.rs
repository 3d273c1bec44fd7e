//! A socket, for requests that no ordinary client sends.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use socket2::{Domain, Socket, Type};

use crate::users::{BUS, password_of};
use crate::{PATIENCE, Reply};

/// One connection.
pub struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// The `Authorization` header of one of the harness's users, with its line end.
pub fn basic(user: &str) -> String {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{}", password_of(user)));
    format!("Authorization: Basic {encoded}\r\n")
}

impl Raw {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects from an address of this machine.
    pub fn connect_from(from: [u8; 4], address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Sends these bytes as they are, where that may fail.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends these bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).unwrap();
        self
    }

    /// A request without a body.
    pub fn request(&mut self, method: &str, target: &str, headers: &str) -> &mut Self {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n"))
    }

    /// The head of a POST to a channel of the first bus as `poster`.
    pub fn post_head(&mut self, channel: &str, headers: &str) -> &mut Self {
        let target = format!("/v1/bus/{BUS}/channel/{channel}");
        let auth = basic("poster");
        self.request("POST", &target, &format!("{auth}Content-Type: application/json\r\n{headers}"))
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// The next answer. Fails if the connection is reset before it is there in full.
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("a whole answer")
    }

    /// As [`Raw::reply`], where it may fail.
    pub fn try_reply(&mut self) -> io::Result<Reply> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            self.read_more()?;
        };
        let head = String::from_utf8(self.unread.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
        }
        let length =
            headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
        while self.unread.len() < length {
            self.read_more()?;
        }
        Ok(Reply { status, headers, body: self.unread.drain(..length).collect() })
    }

    /// An answer to HEAD: what `Content-Length` says does not follow.
    pub fn reply_to_head(&mut self) -> Reply {
        let head = loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break self.unread.drain(..at + 4).collect::<Vec<_>>();
            }
            self.read_more().unwrap();
        };
        let kept = std::mem::take(&mut self.unread);
        let text = String::from_utf8(head).unwrap();
        self.unread = text.replace("content-length", "x-length").into_bytes();
        let reply = self.reply();
        self.unread = kept;
        reply
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.unread.extend_from_slice(&buffer[..length]);
                Ok(())
            }
        }
    }

    /// Whether the server has closed the connection, in either way; waits for it. Nothing may come before.
    pub fn is_closed(&mut self) -> bool {
        assert!(
            self.unread.is_empty(),
            "more than was expected: {:?}",
            String::from_utf8_lossy(&self.unread)
        );
        match self.stream.read(&mut [0; 1]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}
