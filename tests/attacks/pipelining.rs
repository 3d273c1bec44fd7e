//! Whoever sends request after request and reads no answer: nothing more is read from it than one request and a bound
//! (I-5), and nothing is done for it meanwhile. Once it reads, every answer is there, in order.

use std::fmt::Write as _;
use std::time::Duration;

use testkit::{BUS, messages};

use crate::KIB;
use crate::attack::{Attack, bytes};
use crate::house::{Plan, from};
use crate::peer::{Peer, all, push_until_still, trusting};
use crate::requests::post;

/// Requests for the largest answer that everybody gets. So many fill whatever the system holds on the way.
const FILLERS: usize = 350;
const FILLER: &str = "GET /v1/backplane.js HTTP/1.1\r\nHost: x\r\n\r\n";
/// The shortest requests that there are and do not end the connection, behind them.
const SMALL: usize = 10_000;
const SHORTEST: &str = "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n";
/// One of so many of them has an answer that says which one it is for.
const MARKED: usize = 16;
/// What one connection may hold in the server; the guard's own bounds are far below.
const MOST: usize = 256 * KIB;
/// Processors that a server may use that has nothing to do.
const IDLE: f64 = 0.2;

fn script() -> Vec<u8> {
    let mut script = FILLER.repeat(FILLERS);
    for number in 0..SMALL {
        if number % MARKED == 0 {
            let mark = format!("/v1/bus/{BUS}/channel/none?callback=f{number}");
            _ = write!(script, "GET {mark} HTTP/1.1\r\nHost: x\r\n\r\n");
        } else {
            script.push_str(SHORTEST);
        }
    }
    script.into_bytes()
}

fn pipeline(attack: &mut Attack, count: usize, with_tls: bool) {
    let house = Plan::new().tls().limit("answer_timeout", r#""2m""#).start();
    let trusting = trusting(&house.certificate);
    let (memory, sockets) = (house.memory(), house.sockets());
    let script = script();
    let mut peers: Vec<_> = (0..count)
        .map(|number| {
            let mut peer = if with_tls {
                Peer::connect(from(number), house.tls.unwrap()).with_tls(&trusting)
            } else {
                Peer::connect(from(number), house.plain)
            };
            peer.offer(&script);
            peer.push();
            peer
        })
        .collect();
    push_until_still(&mut peers);
    let sent: usize = peers.iter().map(Peer::sent).sum();
    let held = house.memory().saturating_sub(memory) / count;
    let load = house.load(Duration::from_secs(attack.size(2, 5)));
    attack.figure("connections that send and do not read", count);
    attack.figure(
        "offered by each, taken from each by the systems",
        format!("{}, {}", bytes(script.len()), bytes(sent / count)),
    );
    attack.figure("memory held for each", bytes(held));
    attack.figure("processors in use while nothing can be done", format!("{load:.2}"));

    for peer in &peers {
        peer.make_room(256 * KIB);
    }
    all("answers come", &mut peers, |peer| {
        let moved = peer.push() + peer.pull(usize::MAX);
        (moved, peer.closed || peer.read.len() >= FILLERS + SMALL)
    });
    let answers: usize = peers.iter().map(|peer| peer.read.len()).sum();
    attack.figure("answers, once they were read", answers);
    for peer in &peers {
        assert_eq!(peer.read.len(), FILLERS + SMALL, "not every request was answered");
        let (fillers, small) = peer.read.split_at(FILLERS);
        assert!(fillers.iter().all(|answer| answer.status == 200));
        for (number, answer) in small.iter().enumerate() {
            let begins = String::from_utf8_lossy(&answer.begins);
            if number % MARKED == 0 {
                assert_eq!(answer.status, 200);
                assert!(begins.contains(&format!("f{number}(")), "number {number} is answered {begins:?}");
            } else {
                assert_eq!(begins, "alive\n", "number {number}");
            }
        }
    }
    drop(peers);
    house.sockets_come_back_to(sockets);
    attack.figure("memory after all, more than before", bytes(house.memory().saturating_sub(memory)));
    assert!(held <= MOST, "{held} bytes are held for each connection");
    assert!(load <= IDLE, "{load:.2} processors are busy with nothing");
}

#[test]
fn i_5_requests_behind_unread_answers_cost_a_bound_and_no_time() {
    let mut attack = Attack::begin("pipelining without reading");
    let count = attack.size(20, 200);
    pipeline(&mut attack, count, false);
}

#[test]
fn i_5_requests_behind_unread_answers_cost_a_bound_and_no_time_over_tls() {
    let mut attack = Attack::begin("pipelining without reading, over TLS");
    let count = attack.size(8, 50);
    pipeline(&mut attack, count, true);
}

/// One of the requests of a long pipeline, and how its answer is known.
enum Ask {
    Marked(usize),
    Post,
    Library,
}

/// A pipeline of all kinds of requests, bodies between heads.
fn mixture(rng: &mut fastrand::Rng, channel: usize, count: usize) -> (Vec<u8>, Vec<Ask>) {
    let (mut bytes, mut asked) = (Vec::new(), Vec::new());
    for number in 0..count {
        match rng.u8(..12) {
            // The largest answer that there is, and so not too often: a peer by fits and starts has to come to its end.
            0 => {
                bytes.extend_from_slice(FILLER.as_bytes());
                asked.push(Ask::Library);
            }
            1..=3 => {
                let body = messages(&[&format!("\"{}\"", "x".repeat(rng.usize(..20_000)))]);
                let channel = format!("/v1/bus/{BUS}/channel/p{channel}");
                bytes.extend_from_slice(&post(&channel, body.as_bytes()));
                asked.push(Ask::Post);
            }
            _ => {
                let mark = format!("/v1/bus/{BUS}/channel/none?callback=f{number}");
                bytes.extend_from_slice(format!("GET {mark} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
                asked.push(Ask::Marked(number));
            }
        }
    }
    (bytes, asked)
}

/// Peers that send and read by fits and starts: nothing waits for what has come already.
#[test]
fn i_5_pipelines_by_fits_and_starts_are_answered_in_order() {
    let mut attack = Attack::begin("pipelines by fits and starts");
    let seed = fastrand::u64(..);
    attack.figure("seed", seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let house = Plan::new().tls().start();
    let trusting = trusting(&house.certificate);
    let (mut peers, mut scripts) = (Vec::new(), Vec::new());
    for number in 0..attack.size(30, 200) {
        let mut peer = if number % 3 == 0 {
            Peer::connect(from(number), house.tls.unwrap()).with_tls(&trusting)
        } else {
            Peer::connect(from(number), house.plain)
        };
        let (bytes, asked) = mixture(&mut rng, number, 300);
        peer.offer(&bytes);
        peers.push(peer);
        scripts.push(asked);
    }
    let wanted = scripts[0].len();
    all("answers come", &mut peers, |peer| {
        let moved = match rng.u8(..8) {
            0 => 0,
            1 => peer.push_at_most(1),
            2 | 3 => peer.push_at_most(rng.usize(1..9_000)),
            4 => peer.pull(1),
            _ => peer.pull(rng.usize(1..30_000)),
        };
        (moved, peer.closed || peer.read.len() >= wanted)
    });
    let (mut answers, mut library) = (0, None);
    for (peer, asked) in peers.iter().zip(&scripts) {
        assert_eq!(peer.read.len(), wanted, "closed before every request was answered");
        answers += wanted;
        let mut last = Vec::new();
        for (answer, ask) in peer.read.iter().zip(asked) {
            assert_eq!(answer.status, 200);
            match ask {
                Ask::Marked(number) => {
                    let begins = String::from_utf8_lossy(&answer.begins);
                    assert!(
                        begins.contains(&format!("f{number}(")),
                        "number {number} is answered {begins:?}"
                    );
                }
                Ask::Post => {
                    assert!(last < answer.begins, "ids do not rise");
                    last.clone_from(&answer.begins);
                }
                Ask::Library => assert_eq!(*library.get_or_insert(answer.length), answer.length),
            }
        }
    }
    attack.figure("answers, each in its place", answers);
}
