//! Raw HTTP that nobody means, over real sockets: no panic, no 500, no hang, and nothing left behind.
//!
//! | module | what lives there |
//! |---|---|
//! | `grammar` | pure: from a seed to what a connection sends |
//! | `words` | pure: what that is made of |
//!
//! What is found is told with the seed of its script. `seeds.txt` keeps those that have found something.
//! `BACKPLANE_SEED` repeats a run's scripts.

mod grammar;
mod words;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use testkit::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use self::grammar::{Ending, Script, script};
use crate::MIB;
use crate::attack::{Attack, bytes};
use crate::house::{Plan, from};
use crate::rightful::Rightful;

/// Found before, or worth meeting in every run.
const SEEDS: &str = include_str!("seeds.txt");
/// Statuses from 500 on that are no fault of the server.
const MEANT: [u16; 3] = [501, 503, 505];
/// What the server may hold afterwards beyond what it held before: its windows, and what its allocator keeps.
const MOST: usize = 64 * MIB;

/// What a run has seen.
#[derive(Default)]
struct Seen {
    statuses: BTreeMap<u16, u64>,
    /// Connections that were closed without an answer.
    unanswered: u64,
    connections: u64,
    findings: Vec<String>,
}

struct Run {
    to: SocketAddr,
    seed: u64,
    next: AtomicUsize,
    /// Requests that are still to be sent.
    requests: usize,
    sent: AtomicUsize,
    seen: Mutex<Seen>,
}

/// The seeds that every run begins with.
fn kept() -> Vec<u64> {
    let lines = SEEDS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

impl Run {
    /// The seed of the next script, until enough requests were sent.
    fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(seed) = kept().get(number) {
            return Some(*seed);
        }
        let more = self.sent.load(Ordering::Relaxed) < self.requests;
        more.then(|| self.seed.wrapping_add(number as u64))
    }

    async fn work(self: Arc<Self>, me: usize) {
        while let Some(seed) = self.next() {
            let script = script(seed);
            self.sent.fetch_add(script.requests, Ordering::Relaxed);
            let played = tokio::time::timeout(PATIENCE, play(from(me), self.to, &script)).await;
            let mut seen = self.seen.lock().unwrap();
            seen.connections += 1;
            let finding = match played {
                Err(_) => Some("neither answered to its end nor closed".to_owned()),
                Ok(Err(error)) => Some(format!("no connection: {error}")),
                Ok(Ok(answered)) => seen.add(&answered),
            };
            if let Some(finding) = finding {
                let said: Vec<_> =
                    script.pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect();
                let said: String = said.join("|").chars().take(2_000).collect();
                seen.findings.push(format!("seed {seed}: {finding}\n    {said} {:?}", script.ending));
            }
        }
    }
}

impl Seen {
    /// Counts what a connection was answered. Says what should not have been.
    fn add(&mut self, answered: &[u8]) -> Option<String> {
        if answered.is_empty() {
            self.unanswered += 1;
            return None;
        }
        if !answered.starts_with(b"HTTP/1.") {
            return Some(format!("no answer: {}", answered[..answered.len().min(80)].escape_ascii()));
        }
        let mut wrong = None;
        // Answers to HEAD announce what does not follow: the heads themselves are looked for.
        let is_head = |window: &&[u8]| {
            matches!(window, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', b' ', ..])
        };
        for head in answered.windows(12).filter(is_head) {
            let status = str::from_utf8(&head[9..]).ok().and_then(|code| code.parse().ok()).unwrap_or(0);
            *self.statuses.entry(status).or_default() += 1;
            if !(100..500).contains(&status) && !MEANT.contains(&status) {
                wrong = Some(format!("answered {status}"));
            }
        }
        wrong
    }
}

/// Sends a script; what came back until the server closed the connection.
async fn play(from: SocketAddr, to: SocketAddr, script: &Script) -> io::Result<Vec<u8>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(from)?;
    let mut stream: TcpStream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut reading, mut writing) = stream.split();
    let send = async {
        for piece in &script.pieces {
            if writing.write_all(piece).await.is_err() {
                return;
            }
            // Otherwise pieces meet each other in the system.
            tokio::task::yield_now().await;
        }
        if script.ending == Ending::Finish {
            _ = writing.shutdown().await;
        }
    };
    let mut answered = Vec::new();
    if script.ending == Ending::Leave {
        send.await;
        return Ok(answered);
    }
    // A reset is an end as well.
    let receive = async { _ = reading.read_to_end(&mut answered).await };
    tokio::join!(send, receive);
    Ok(answered)
}

#[test]
fn i_5_requests_that_nobody_means_are_answered_or_closed() {
    let mut attack = Attack::begin("requests that nobody means");
    let seed = std::env::var("BACKPLANE_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed is a number"));
    attack.figure("BACKPLANE_SEED", seed);
    let house = Plan::new()
        .limit("header_timeout", r#""1s""#)
        .limit("body_timeout", r#""1s""#)
        .limit("keep_alive", r#""5s""#)
        .limit("answer_timeout", r#""5s""#)
        .start();
    let (memory, sockets) = (house.memory(), house.sockets());
    let rightful = Rightful::begin(&house, 2, false);
    let run = Arc::new(Run {
        to: house.plain,
        seed,
        next: AtomicUsize::new(0),
        requests: attack.size(3_000, 1_000_000),
        sent: AtomicUsize::new(0),
        seen: Mutex::default(),
    });
    let (began, cpu) = (Instant::now(), house.cpu());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let workers: Vec<_> =
        (0..attack.size(100, 500)).map(|me| runtime.spawn(Arc::clone(&run).work(me))).collect();
    for worker in workers {
        runtime.block_on(worker).unwrap();
    }
    let (took, cpu) = (began.elapsed(), house.cpu().saturating_sub(cpu));
    rightful.end(&mut attack, "meanwhile");
    house.sockets_come_back_to(sockets);
    let grown = house.memory().saturating_sub(memory);

    let found = std::mem::take(&mut *run.seen.lock().unwrap());
    let sent = run.sent.load(Ordering::Relaxed);
    attack.figure("requests, on so many connections", format!("{sent}, {}", found.connections));
    attack.figure(
        "took",
        format!("{:.1} s, {:.1} s of the server's processor time", took.as_secs_f64(), cpu.as_secs_f64()),
    );
    attack.figure("answers by status", format!("{:?}", found.statuses));
    attack.figure("connections closed without an answer", found.unanswered);
    attack.figure("bytes logged for each request", house.logged() / sent.max(1));
    attack.figure("memory after all, more than before", bytes(grown));
    for finding in found.findings.iter().take(20) {
        println!("FOUND {finding}");
    }
    assert!(found.findings.is_empty(), "{} findings, see above", found.findings.len());
    assert!(grown <= MOST, "{} more than before", bytes(grown));
    // A grammar that nobody understands proves nothing.
    for status in [200, 400, 401, 404, 405, 415] {
        assert!(found.statuses.contains_key(&status), "no answer was {status}");
    }
}
