//! Every kind of slowness at once, from many addresses, each connection replaced when it is closed, beside those who
//! mean well: they lose nothing, double nothing, reorder nothing and miss nothing in silence (I-1, I-2, I-5, I-6, I-10).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::KIB;
use crate::attack::{self, Attack, bytes};
use crate::house::{Plan, from};
use crate::newcomers::{Door, all_served, come, tell};
use crate::requests::{CHANNEL, fill, post_head};
use crate::rightful::Rightful;

/// How a connection is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Says nothing.
    Silent,
    /// Begins a head.
    PartialHead,
    /// Sends a head byte by byte.
    TricklingHead,
    /// Sends a body byte by byte.
    SlowBody,
    /// Asks once, and stays.
    Idle,
    /// Says nothing where TLS is spoken.
    SilentTls,
    /// Asks for much, and does not read it.
    Unread,
}

const KINDS: [Kind; 6] =
    [Kind::Silent, Kind::PartialHead, Kind::TricklingHead, Kind::SlowBody, Kind::Idle, Kind::SilentTls];
/// Between two bytes of what comes byte by byte.
const DROP: Duration = Duration::from_millis(500);
/// Before a connection that was closed is replaced, at most.
const AGAIN: u64 = 500;
/// Addresses that they come from.
const ADDRESSES: usize = 200;
/// Those who do not read have the systems hold megabytes each: more of them would attack this machine.
const UNREAD: usize = 150;
/// What one connection may hold, of whatever kind.
const MOST: usize = 64 * KIB;
/// Messages of the channel that is not read, and bytes of each.
const MESSAGES: usize = 60;
const MESSAGE: usize = 160 * KIB;
/// Descriptors that this process and the server need beside the connections.
const SPARE: usize = 500;

struct Slow {
    plain: SocketAddr,
    tls: SocketAddr,
    came: AtomicU64,
    refused: AtomicU64,
    /// Closed by the server, by kind.
    closed: Mutex<BTreeMap<Kind, u64>>,
}

impl Slow {
    async fn be(self: Arc<Self>, kind: Kind, number: usize) {
        let mut rng = fastrand::Rng::with_seed(number as u64);
        loop {
            if let Ok(stream) = self.connect(kind, number).await {
                self.came.fetch_add(1, Ordering::Relaxed);
                // However it ends, it ends.
                _ = self.dawdle(kind, stream).await;
                *self.closed.lock().unwrap().entry(kind).or_default() += 1;
            } else {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(rng.u64(..AGAIN))).await;
        }
    }

    async fn connect(&self, kind: Kind, number: usize) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        socket.bind(from(number % ADDRESSES))?;
        socket.connect(if kind == Kind::SilentTls { self.tls } else { self.plain }).await
    }

    async fn dawdle(&self, kind: Kind, mut stream: TcpStream) -> io::Result<()> {
        match kind {
            Kind::Silent | Kind::SilentTls => {}
            Kind::PartialHead => stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await?,
            Kind::TricklingHead => {
                stream.write_all(b"GET /healthz HTTP/1.1\r\nX: ").await?;
                return trickle(stream).await;
            }
            Kind::SlowBody => {
                stream.write_all(&post_head(CHANNEL, 10_000)).await?;
                return trickle(stream).await;
            }
            Kind::Idle => stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await?,
            Kind::Unread => {
                let get = "GET /v1/bus/customer.com/channel/large HTTP/1.1\r\nHost: x\r\n\r\n";
                stream.write_all(get.as_bytes()).await?;
                return unread(stream).await;
            }
        }
        let mut buffer = [0; 512];
        while stream.read(&mut buffer).await? > 0 {}
        Ok(())
    }
}

/// Sends blanks, one now and then, until the connection is closed.
async fn trickle(mut stream: TcpStream) -> io::Result<()> {
    let (mut reading, mut writing) = stream.split();
    let send = async {
        loop {
            writing.write_all(b" ").await?;
            tokio::time::sleep(DROP).await;
        }
    };
    let receive = async {
        let mut buffer = [0; 512];
        while reading.read(&mut buffer).await? > 0 {}
        Ok(())
    };
    tokio::select! {
        ended = send => ended,
        ended = receive => ended,
    }
}

/// Reads nothing until the connection is closed: that shows when a byte more is sent now and then.
async fn unread(mut stream: TcpStream) -> io::Result<()> {
    loop {
        tokio::time::sleep(DROP).await;
        stream.write_all(b"\r\n").await?;
    }
}

#[test]
fn i_5_i_6_everything_slow_at_once_costs_the_rightful_nothing() {
    let mut attack = Attack::begin("everything slow at once");
    let count = attack.size(600, 19_000);
    assert!(count + SPARE <= attack::descriptors(), "so many sockets need `ulimit -n {}`", count + SPARE);
    let span = attack.size("2s", "10s");
    let mut plan = Plan::new().tls().limit("connections", (count + SPARE / 2).to_string());
    for timeout in ["header_timeout", "body_timeout", "keep_alive", "answer_timeout", "handshake_timeout"] {
        plan = plan.limit(timeout, format!("\"{span}\""));
    }
    let house = plan.limit("handshakes", count.to_string()).start();
    fill(&house, "/v1/bus/customer.com/channel/large", MESSAGES, MESSAGE);
    let rest = Duration::from_secs(attack.size(2, 20));
    let alone = Rightful::begin(&house, 4, false);
    std::thread::sleep(rest);
    alone.end(&mut attack, "alone");
    let (memory, sockets) = (house.memory(), house.sockets());

    let rightful = Rightful::begin(&house, 4, false);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let slow = Arc::new(Slow {
        plain: house.plain,
        tls: house.tls.unwrap(),
        came: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        closed: Mutex::default(),
    });
    for number in 0..count {
        let kind = if number < UNREAD.min(count / 7) { Kind::Unread } else { KINDS[number % KINDS.len()] };
        runtime.spawn(Arc::clone(&slow).be(kind, number));
    }
    eventually("nearly all are there at once", || house.sockets() >= sockets + count * 8 / 10);
    let (held, cpu) = (house.memory().saturating_sub(memory) / count, house.load(rest * 2));
    attack.figure("slow connections at the same time", count);
    attack.figure("of them open in the server", house.sockets() - sockets);
    attack.figure("processors in use", format!("{cpu:.2}"));
    let mut served = come(&house, &[Door::Plain, Door::Operators], attack.size(20, 200));
    tell(&mut attack, "beside slowness", &mut served);
    let closed = || slow.closed.lock().unwrap().clone();
    let whole = || KINDS.iter().chain(&[Kind::Unread]).all(|kind| closed().contains_key(kind));
    let began = Instant::now();
    while !whole() && began.elapsed() < testkit::PATIENCE {
        std::thread::sleep(DROP);
    }
    let held = held.max(house.memory().saturating_sub(memory) / count);
    attack.figure("memory held for each, at the most", bytes(held));
    rightful.end(&mut attack, "beside slowness");
    attack.figure("slow connections that came", slow.came.load(Ordering::Relaxed));
    attack.figure("of them closed by the server", format!("{:?}", closed()));
    attack.figure("not connected", slow.refused.load(Ordering::Relaxed));
    // Without this deadline they would stay for ever.
    runtime.shutdown_timeout(testkit::PATIENCE);
    house.sockets_come_back_to(sockets);
    attack.figure("memory after all, more than before", bytes(house.memory().saturating_sub(memory)));
    all_served(&served);
    assert!(whole(), "of some kinds none was closed: {:?}", closed());
    assert!(held <= MOST, "{held} bytes for each");
}
