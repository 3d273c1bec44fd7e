//! Whoever connects where TLS is spoken and says nothing, or hardly anything: it costs a slot of those that are for handshakes, until
//! `limits.handshake_timeout`, and no listener stops (I-5).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use crate::attack::Attack;
use crate::house::{House, Plan, from};
use crate::newcomers::{Door, Served, all_served, come, tell};

/// After a connection was closed, the next one comes after this long.
const AGAIN: Duration = Duration::from_millis(20);

/// Between two bytes of those that say a little.
const DROP: Duration = Duration::from_millis(200);

/// Connections that say nothing or hardly anything, each replaced when it is closed.
struct Silent {
    runtime: Runtime,
    /// How many came, and how many were closed.
    came: Arc<AtomicU64>,
    closed: Arc<AtomicU64>,
}

/// Begins a handshake and goes on with it byte by byte, until the connection is closed.
async fn drip(stream: &mut TcpStream) {
    let (mut reading, mut writing) = stream.split();
    let send = async {
        // A record of 4 KiB, with a client's first message in it.
        let mut sent = writing.write_all(b"\x16\x03\x01\x10\x00\x01\x00\x0f\xfc\x03\x03").await;
        while sent.is_ok() {
            tokio::time::sleep(DROP).await;
            sent = writing.write_all(b"x").await;
        }
    };
    let mut buffer = [0; 64];
    tokio::select! {
        () = send => {}
        _ = reading.read(&mut buffer) => {}
    }
}

impl Silent {
    fn gather(to: SocketAddr, count: usize) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (came, closed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        for number in 0..count {
            let (came, closed) = (Arc::clone(&came), Arc::clone(&closed));
            runtime.spawn(async move {
                loop {
                    let socket = TcpSocket::new_v4().unwrap();
                    socket.bind(from(number)).unwrap();
                    if let Ok(mut stream) = socket.connect(to).await {
                        came.fetch_add(1, Ordering::Relaxed);
                        if number % 4 == 0 {
                            drip(&mut stream).await;
                        } else {
                            _ = stream.read(&mut [0; 64]).await;
                        }
                        closed.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            });
        }
        let silent = Self { runtime, came, closed };
        eventually("all have come", || silent.came.load(Ordering::Relaxed) >= count as u64);
        silent
    }
}

fn served(attack: &mut Attack, house: &House, when: &str) -> Vec<Served> {
    let count = attack.size(15, 200);
    let mut served = come(house, &[Door::Plain, Door::Tls, Door::Operators], count);
    tell(attack, when, &mut served);
    served
}

/// Longer than any newcomer waits: whoever had to wait for silence to end would not be served.
const LONG: &str = r#""1m""#;

#[test]
fn i_5_silence_within_the_slots_costs_nobody_anything() {
    let mut attack = Attack::begin("silent TLS connections within the slots");
    let house = Plan::new().tls().limit("handshakes", "2000").limit("handshake_timeout", LONG).start();
    let (count, sockets) = (attack.size(700, 1_500), house.sockets());
    all_served(&served(&mut attack, &house, "alone"));
    let silent = Silent::gather(house.tls.unwrap(), count);
    attack.figure("silent connections at the same time", count);
    let beside = served(&mut attack, &house, "beside silence");
    drop(silent.runtime);
    all_served(&beside);
    house.sockets_come_back_to(sockets);
}

#[test]
fn i_5_silence_beyond_the_slots_stops_no_other_listener() {
    let mut attack = Attack::begin("silent TLS connections beyond the slots");
    let house = Plan::new().tls().limit("handshakes", "100").limit("handshake_timeout", LONG).start();
    let (count, sockets) = (attack.size(1_000, 6_000), house.sockets());
    let silent = Silent::gather(house.tls.unwrap(), count);
    attack.figure("silent connections at the same time, for 100 slots", count);
    let beside = served(&mut attack, &house, "beside silence");
    attack.figure("silent connections that came", silent.came.load(Ordering::Relaxed));
    attack.figure("of them closed by the server", silent.closed.load(Ordering::Relaxed));
    drop(silent.runtime);
    // Whoever wants TLS competes with the silent ones for the slots; nobody else does.
    let others: Vec<_> = beside.into_iter().filter(|served| !served.is_at(Door::Tls)).collect();
    all_served(&others);
    let mut after = come(&house, &[Door::Tls], 5);
    tell(&mut attack, "after silence", &mut after);
    all_served(&after);
    house.sockets_come_back_to(sockets);
}

#[test]
fn i_5_silence_is_closed() {
    let mut attack = Attack::begin("silent TLS connections until they are closed");
    let house = Plan::new().tls().limit("handshakes", "100").limit("handshake_timeout", r#""1s""#).start();
    let (count, sockets) = (attack.size(300, 3_000), house.sockets());
    let silent = Silent::gather(house.tls.unwrap(), count);
    eventually("all were closed", || silent.closed.load(Ordering::Relaxed) >= 2 * count as u64);
    attack.figure("silent connections at the same time, for 100 slots", count);
    attack.figure("silent connections that came", silent.came.load(Ordering::Relaxed));
    attack.figure("of them closed by the server", silent.closed.load(Ordering::Relaxed));
    drop(silent.runtime);
    house.sockets_come_back_to(sockets);
}
