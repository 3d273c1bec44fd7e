//! A WebSocket, as its client sees it: frame by frame, so that a test can send what no ordinary client would.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use reqwest::header::HeaderMap;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;

use crate::{Certificate, PATIENCE, Reply, described};

/// The first byte of frames.
pub const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
/// What opens one, beside the request's line and `Host`.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const MASK: [u8; 4] = [1, 2, 128, 0];

trait Wire: Read + Write + Send {}

impl<W: Read + Write + Send> Wire for W {}

/// An open WebSocket. Dropping it hangs up.
pub struct Socket {
    wire: Box<dyn Wire>,
    unread: Vec<u8>,
    /// Of the answer.
    pub headers: HeaderMap,
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A text.
    Text(Value),
    /// Are you there?
    Ping,
    /// This came back.
    Pong(Vec<u8>),
    /// The last one, with its code and reason.
    Close(Option<u16>, String),
    /// The connection has ended.
    End,
}

/// The headers that open a WebSocket with our subprotocol, and these.
pub fn upgrade(headers: &str) -> String {
    format!("{UPGRADE}Sec-WebSocket-Protocol: backplane.v1\r\n{headers}")
}

impl Socket {
    /// Opens one.
    #[track_caller]
    pub fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        Self::over(Box::new(connect(address)), path, headers)
    }

    /// Opens one over TLS, at a server with this certificate.
    #[track_caller]
    pub fn open_tls(address: SocketAddr, certificate: &Certificate, path: &str, headers: &str) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.cert.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        Self::over(Box::new(rustls::StreamOwned::new(client, connect(address))), path, headers)
    }

    #[track_caller]
    fn over(wire: Box<dyn Wire>, path: &str, headers: &str) -> Self {
        described::prepare();
        let mut socket = Self { wire, unread: Vec::new(), headers: HeaderMap::new() };
        let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{}\r\n", upgrade(headers));
        socket.wire.write_all(head.as_bytes()).unwrap();
        let end = loop {
            if let Some(at) = socket.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            assert!(socket.read_more().unwrap(), "the connection ended");
        };
        let head = String::from_utf8(socket.unread.drain(..end + 4).collect()).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}{:?}", String::from_utf8_lossy(&socket.unread));
        for line in head.trim_end().lines().skip(1) {
            let (name, value) = line.split_once(':').unwrap();
            let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            socket.headers.append(name, value.trim().parse().unwrap());
        }
        let reply = Reply { status: 101, headers: socket.headers.clone(), body: Vec::new() };
        described::check("GET", path.split('?').next().unwrap_or_default(), &reply);
        socket
    }

    /// Whether more has come; not after the end.
    fn read_more(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let count = self.wire.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            match self.read_more() {
                Ok(true) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("nothing came in all that time")
                }
                Ok(false) | Err(_) => return None,
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    /// The next frame.
    #[track_caller]
    pub fn frame(&mut self) -> Frame {
        let Some(head) = self.take(2) else { return Frame::End };
        let length = match head[1] {
            126 => self.take(2).map(|length| u64::from(u16::from_be_bytes(length.try_into().unwrap()))),
            127 => self.take(8).map(|length| u64::from_be_bytes(length.try_into().unwrap())),
            length => Some(u64::from(length)),
        };
        assert!(head[1] <= 127, "servers do not mask");
        let Some(body) = length.and_then(|length| self.take(length.try_into().unwrap())) else {
            return Frame::End;
        };
        match head[0] {
            TEXT => Frame::Text(serde_json::from_slice(&body).unwrap()),
            PING => Frame::Ping,
            PONG => Frame::Pong(body),
            CLOSE => match body.split_first_chunk() {
                None => Frame::Close(None, String::new()),
                Some((code, reason)) => {
                    Frame::Close(Some(u16::from_be_bytes(*code)), String::from_utf8(reason.to_vec()).unwrap())
                }
            },
            other => panic!("servers do not send frames that begin with {other:x}"),
        }
    }

    /// The next frame that is no ping; those are answered.
    #[track_caller]
    pub fn heard(&mut self) -> Frame {
        loop {
            match self.frame() {
                Frame::Ping => _ = self.try_send(&masked(PONG, b"")),
                other => return other,
            }
        }
    }

    /// The next text.
    #[track_caller]
    pub fn text(&mut self) -> Value {
        match self.heard() {
            Frame::Text(text) => text,
            other => panic!("no text but {other:?}"),
        }
    }

    /// The next text that is not about the position alone.
    #[track_caller]
    pub fn said(&mut self) -> Value {
        loop {
            let text = self.text();
            if !text.as_object().unwrap().keys().all(|key| key == "cursor" || key == "prev") {
                return text;
            }
        }
    }

    /// The next fact about what was missed, and its position.
    #[track_caller]
    pub fn resumed(&mut self) -> (String, String) {
        let text = self.said();
        let member =
            |name: &str| text[name].as_str().unwrap_or_else(|| panic!("{name} in {text}")).to_owned();
        (member("resume"), member("cursor"))
    }

    /// The payloads of the next messages.
    #[track_caller]
    pub fn payloads(&mut self, count: usize) -> Vec<String> {
        (0..count)
            .map(|_| {
                let text = self.said();
                assert!(text.get("message").is_some(), "no message but {text}");
                text["message"]["payload"].to_string()
            })
            .collect()
    }

    /// How it ends: the last fact, if there is one, the code and its reason. The close is answered.
    #[track_caller]
    pub fn end(&mut self) -> (Option<Value>, Option<u16>, String) {
        let mut fact = None;
        loop {
            match self.heard() {
                Frame::Text(text) if text.get("end").is_some() => fact = Some(text),
                Frame::Text(_) | Frame::Pong(_) => assert!(fact.is_none(), "nothing comes behind the end"),
                Frame::Close(code, reason) => {
                    _ = self.try_send(&masked(CLOSE, &code.unwrap_or(1000).to_be_bytes()));
                    assert_eq!(self.heard(), Frame::End);
                    return (fact, code, reason);
                }
                other => panic!("no end but {other:?}"),
            }
        }
    }

    /// Sends these bytes as they are, where that may fail.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes)
    }

    /// Sends these bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.try_send(bytes).unwrap();
        self
    }

    /// Says a text.
    pub fn say(&mut self, text: &str) -> &mut Self {
        self.send(&masked(TEXT, text.as_bytes()))
    }

    /// Asks whether the server is there.
    pub fn ping(&mut self, body: &[u8]) -> &mut Self {
        self.send(&masked(PING, body))
    }

    /// Wants no more, for this reason.
    pub fn close(&mut self, body: &[u8]) -> &mut Self {
        self.send(&masked(CLOSE, body))
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A frame of a client that begins with this byte.
pub fn masked(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match body.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..65_536 => {
            frame.push(0xfe);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(body.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
