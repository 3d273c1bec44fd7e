//! A socket that does only what it is told, with TLS or without: it sends what the other side takes, and reads when
//! asked to. Never blocks.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use socket2::{Domain, Socket, Type};
use testkit::{Certificate, PATIENCE};

use crate::answers::{Answer, Answers};

/// Between two looks at whether something moves.
const PAUSE: Duration = Duration::from_millis(10);
/// For how many looks in a row nothing moves that moves no more.
const STILL: u32 = 50;

/// One connection.
pub(crate) struct Peer {
    stream: TcpStream,
    tls: Option<ClientConnection>,
    /// What is still to be sent.
    offered: Vec<u8>,
    sent: usize,
    answers: Answers,
    /// What was read.
    pub(crate) read: Vec<Answer>,
    /// Whether the other side has closed it, in either way.
    pub(crate) closed: bool,
}

/// What trusts this certificate.
pub(crate) fn trusting(certificate: &Certificate) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.cert.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// A connection from this address, with room for so much that was received and is not read.
pub(crate) fn connect(from: SocketAddr, to: SocketAddr, room: Option<usize>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if let Some(room) = room {
        socket.set_recv_buffer_size(room)?;
    }
    socket.bind(&from.into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

impl Peer {
    /// Connects from this address, with little room for what is not read.
    pub(crate) fn connect(from: SocketAddr, to: SocketAddr) -> Self {
        let stream = connect(from, to, Some(4096)).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self {
            stream,
            tls: None,
            offered: Vec::new(),
            sent: 0,
            answers: Answers::default(),
            read: Vec::new(),
            closed: false,
        }
    }

    /// Makes a secure connection of it.
    pub(crate) fn with_tls(mut self, config: &Arc<ClientConfig>) -> Self {
        let name = "localhost".try_into().unwrap();
        let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        tls.set_buffer_limit(None);
        self.stream.set_nonblocking(false).unwrap();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut self.stream).unwrap();
        }
        self.stream.set_nonblocking(true).unwrap();
        self.tls = Some(tls);
        self
    }

    /// Has more to send.
    pub(crate) fn offer(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes).unwrap(),
            None => self.offered.extend_from_slice(bytes),
        }
    }

    /// Sends what the other side takes now. How much that was.
    pub(crate) fn push(&mut self) -> usize {
        self.push_at_most(usize::MAX)
    }

    /// As [`Peer::push`], about as much as this.
    pub(crate) fn push_at_most(&mut self, most: usize) -> usize {
        let mut moved = 0;
        while !self.closed && moved < most {
            let end = self.offered.len().min(self.sent.saturating_add(most - moved));
            let written = match &mut self.tls {
                Some(tls) if tls.wants_write() => tls.write_tls(&mut self.stream),
                None if self.sent < end => self.stream.write(&self.offered[self.sent..end]),
                _ => break,
            };
            match written {
                Ok(length) => {
                    self.sent += length;
                    moved += length;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.closed = true,
            }
        }
        moved
    }

    /// Reads what is there, at most this much. How much that was, as the network has it.
    pub(crate) fn pull(&mut self, most: usize) -> usize {
        let mut buffer = [0; 16 * 1024];
        let mut moved = 0;
        while !self.closed && moved < most {
            let room = (most - moved).min(buffer.len());
            let came = match &mut self.tls {
                Some(tls) => tls.read_tls(&mut self.stream),
                None => self.stream.read(&mut buffer[..room]),
            };
            let length = match came {
                Ok(0) => {
                    self.closed = true;
                    break;
                }
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => {
                    self.closed = true;
                    break;
                }
            };
            moved += length;
            let read = &mut self.read;
            let mut found = |answer| read.push(answer);
            match &mut self.tls {
                None => self.answers.take(&buffer[..length], &mut found),
                Some(tls) => {
                    if tls.process_new_packets().is_err() {
                        self.closed = true;
                    }
                    while let Ok(length @ 1..) = tls.reader().read(&mut buffer) {
                        self.answers.take(&buffer[..length], &mut found);
                    }
                }
            }
        }
        moved
    }

    /// Has more room for what it does not read.
    pub(crate) fn make_room(&self, room: usize) {
        socket2::SockRef::from(&self.stream).set_recv_buffer_size(room).unwrap();
    }

    /// Bytes that the other side's system has taken.
    pub(crate) fn sent(&self) -> usize {
        self.sent
    }

    /// The statuses of what was read.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.read.iter().map(|answer| answer.status).collect()
    }

    /// Waits for this many answers.
    pub(crate) fn answered(&mut self, count: usize) -> &[Answer] {
        testkit::eventually("it is answered", || {
            self.push();
            self.pull(usize::MAX);
            assert!(!self.closed || self.read.len() >= count, "closed after {:?}", self.statuses());
            self.read.len() >= count
        });
        &self.read
    }
}

/// Has all of them send until none of them can.
pub(crate) fn push_until_still(peers: &mut [Peer]) {
    let deadline = Instant::now() + PATIENCE * 3;
    let mut still = 0;
    while still < STILL {
        assert!(Instant::now() < deadline, "they never stop taking");
        let moved: usize = peers.iter_mut().map(Peer::push).sum();
        still = if moved == 0 { still + 1 } else { 0 };
        std::thread::sleep(PAUSE);
    }
}

/// Does this to all of them until it says of each that it is done. Ends by panicking if nothing moves for long.
pub(crate) fn all(what: &str, peers: &mut [Peer], mut step: impl FnMut(&mut Peer) -> (usize, bool)) {
    let mut deadline = Instant::now() + PATIENCE;
    loop {
        let steps: Vec<_> = peers.iter_mut().map(&mut step).collect();
        if steps.iter().all(|(_, done)| *done) {
            return;
        }
        if steps.iter().any(|(moved, _)| *moved > 0) {
            deadline = Instant::now() + PATIENCE;
        } else {
            assert!(Instant::now() < deadline, "nothing moves any more: {what}");
            std::thread::sleep(PAUSE / 10);
        }
    }
}
