//! Whoever begins a head, the first one or a later one, and does not end it: the connection is closed after
//! `limits.header_timeout`, whether the rest never comes or comes in drops (I-5).

use std::time::{Duration, Instant};

use testkit::message;

use crate::KIB;
use crate::attack::{Attack, bytes, spread};
use crate::house::{House, Plan, from};
use crate::peer::{Peer, push_until_still, trusting};
use crate::requests::{CHANNEL, PROBE, post};

/// Far beyond every deadline of the server.
const NEVER: Duration = Duration::from_secs(15);
/// Between two drops, and how many there are: far more than the deadline lets through.
const DROP: Duration = Duration::from_millis(100);
/// What a connection may hold whose head has 60 KiB.
const MOST: usize = 160 * KIB;

/// What an attacker does with a connection.
struct Way {
    name: &'static str,
    /// Sent first, and answered this often.
    before: String,
    answers: usize,
    /// Sent then.
    begun: String,
    /// Sent bit by bit after that.
    drops: &'static str,
}

fn ways() -> Vec<Way> {
    let body = format!("[{}]", message("1"));
    let post = String::from_utf8(post(CHANNEL, body.as_bytes())).unwrap();
    let way = |name, before: &str, answers, begun: &str, drops| Way {
        name,
        before: before.to_owned(),
        answers,
        begun: begun.to_owned(),
        drops,
    };
    let long = format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(127 * KIB));
    vec![
        way("silent from the first", "", 0, "", ""),
        way("first head not ended", "", 0, "GET /healthz HTTP/1.1\r\nHost: x\r\n", ""),
        way("first head in drops", "", 0, "GET /healthz HTTP/1.1\r\nX: ", "x"),
        way("idle after an answer", PROBE, 1, "", ""),
        way("`G` after an answer", PROBE, 1, "G", ""),
        way("a line end after an answer", PROBE, 1, "\r", ""),
        way("line ends in drops after an answer", PROBE, 1, "\r\n", "\r\n"),
        way("second head not ended", PROBE, 1, "GET /healthz HTTP/1.1\r\nHost: x\r\n", ""),
        way("second head in drops", PROBE, 1, "GET /healthz HTTP/1.1\r\nX: ", "x"),
        way("second head of 127 KiB not ended", PROBE, 1, &long, ""),
        way("in the packet of the first request", "", 1, &format!("{PROBE}G"), ""),
        way("third head not ended", &PROBE.repeat(2), 2, "GET /hea", ""),
        way("`P` after a POST", &post, 1, "P", ""),
    ]
}

/// Goes this way so many times; how long each connection was open then.
fn go(house: &House, way: &Way, count: usize, with_tls: bool) -> Vec<Peer> {
    let trusting = trusting(&house.certificate);
    let connection = |number| {
        let mut peer = if with_tls {
            Peer::connect(from(number), house.tls.unwrap()).with_tls(&trusting)
        } else {
            Peer::connect(from(number), house.plain)
        };
        if way.before.is_empty() {
            peer.offer(way.begun.as_bytes());
            peer.push();
        } else {
            peer.offer(way.before.as_bytes());
            assert!(peer.answered(way.answers).iter().all(|answer| answer.status == 200));
            peer.offer(way.begun.as_bytes());
            peer.push();
        }
        peer
    };
    (0..count).map(connection).collect()
}

fn attack_by_all_ways(attack: &mut Attack, with_tls: bool) {
    let house = Plan::new().tls().limit("header_timeout", r#""1s""#).limit("keep_alive", r#""2s""#).start();
    let sockets = house.sockets();
    let count = attack.size(3, 20);
    let ways = ways();
    let mut open: Vec<_> = ways
        .iter()
        .flat_map(|way| {
            go(&house, way, count, with_tls).into_iter().map(move |peer| (way, peer, Instant::now()))
        })
        .collect();
    let mut times = vec![Vec::new(); ways.len()];
    let mut dropped = Instant::now();
    let began = Instant::now();
    while !open.is_empty() && began.elapsed() < NEVER {
        let drops = dropped.elapsed() >= DROP;
        if drops {
            dropped = Instant::now();
        }
        open.retain_mut(|(way, peer, begun)| {
            if drops {
                peer.offer(way.drops.as_bytes());
            }
            peer.push();
            peer.pull(usize::MAX);
            if !peer.closed {
                return true;
            }
            // What came before was answered; then nothing, or a word of why.
            let (answered, word) = peer.read.split_at(way.answers.min(peer.read.len()));
            assert_eq!(answered.len(), way.answers, "{}: {:?}", way.name, peer.statuses());
            let allowed = |status| matches!(status, 400 | 408 | 431);
            assert!(word.len() <= 1 && word.iter().all(|answer| allowed(answer.status)), "{word:?}");
            let place = ways.iter().position(|other| std::ptr::eq(*way, other)).unwrap();
            times[place].push(begun.elapsed());
            false
        });
        std::thread::sleep(Duration::from_millis(5));
    }
    for (way, times) in ways.iter().zip(&mut times) {
        let closed = if times.is_empty() { "never".to_owned() } else { spread(times) };
        attack.figure(format!("closed: {}", way.name), closed);
    }
    let left: Vec<_> = open.iter().map(|(way, ..)| way.name).collect();
    assert_eq!(left, [""; 0], "still open after {NEVER:?}");
    house.sockets_come_back_to(sockets);
}

#[test]
fn i_5_a_head_that_does_not_end_is_closed_whichever_it_is() {
    let mut attack = Attack::begin("heads that do not end");
    attack_by_all_ways(&mut attack, false);
}

#[test]
fn i_5_a_head_that_does_not_end_is_closed_over_tls() {
    let mut attack = Attack::begin("heads that do not end, over TLS");
    attack_by_all_ways(&mut attack, true);
}

#[test]
fn i_5_large_second_heads_are_bounded_and_go() {
    let mut attack = Attack::begin("large second heads that do not end");
    let house = Plan::new().limit("header_timeout", r#""5s""#).limit("keep_alive", r#""2s""#).start();
    let (memory, sockets) = (house.memory(), house.sockets());
    let way = Way {
        name: "large",
        before: PROBE.to_owned(),
        answers: 1,
        begun: format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(60 * KIB)),
        drops: "",
    };
    let count = attack.size(200, 4_000);
    let mut peers = go(&house, &way, count, false);
    push_until_still(&mut peers);
    let held = house.memory().saturating_sub(memory) / count;
    attack.figure("connections with 60 KiB of a second head", count);
    attack.figure("memory held for each", bytes(held));
    assert!(held <= MOST, "{held} bytes for each");
    house.sockets_come_back_to(sockets);
    attack.figure("memory after all, more than before", bytes(house.memory().saturating_sub(memory)));
}
