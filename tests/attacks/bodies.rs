//! Whoever sends a body but for its end: bodies under way have a bound together, and end after `limits.body_timeout`.
//! Other users' POSTs go on meanwhile (I-5).

use std::time::{Duration, Instant};

use testkit::messages;

use crate::attack::{Attack, bytes, spread};
use crate::house::{Plan, from};
use crate::newcomers::{Door, come, tell};
use crate::peer::{Peer, push_until_still};
use crate::requests::{CHANNEL, post_head};
use crate::{KIB, MIB};

/// What all bodies and answers under way may hold together.
const BUDGET: usize = 32 * MIB;
/// What a connection may hold beside that.
const BESIDE: usize = 64 * KIB;

#[test]
fn i_5_bodies_that_do_not_end_are_bounded_together_and_go() {
    let mut attack = Attack::begin("bodies that do not end");
    let house = Plan::new().limit("body_timeout", r#""5s""#).limit("traffic_memory", r#""32MiB""#).start();
    let count = attack.size(100, 900);
    let (memory, sockets) = (house.memory(), house.sockets());
    let mut peers: Vec<_> = (0..count)
        .map(|number| {
            let mut peer = Peer::connect(from(number), house.plain);
            peer.offer(&post_head(CHANNEL, MIB));
            peer.offer(&vec![b' '; MIB - 6]);
            peer.push();
            peer
        })
        .collect();
    let began = Instant::now();
    push_until_still(&mut peers);
    let memory_held = house.memory().saturating_sub(memory);
    let sent: usize = peers.iter().map(Peer::sent).sum();
    attack.figure("bodies of 1 MiB that do not end", count);
    attack.figure("sent by all, taken by the systems", bytes(sent));
    attack.figure("memory held for all", bytes(memory_held));
    attack.figure("memory held for each", bytes(memory_held / count));

    // Somebody else posts meanwhile.
    let mut rightful = Peer::connect(from(count), house.plain);
    let body = messages(&["1"]);
    let post = format!(
        "POST /v1/bus/b/channel/c HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut times = Vec::new();
    for number in 1..=20 {
        let began = Instant::now();
        rightful.offer(post.as_bytes());
        assert_eq!(rightful.answered(number)[number - 1].status, 200);
        times.push(began.elapsed());
    }
    attack.figure("POSTs of another user meanwhile", spread(&mut times));
    drop(rightful);
    let mut served = come(&house, &[Door::Plain, Door::Operators], 10);
    tell(&mut attack, "meanwhile", &mut served);

    let mut statuses = std::collections::BTreeMap::new();
    crate::peer::all("bodies end", &mut peers, |peer| {
        let moved = peer.push() + peer.pull(usize::MAX);
        (moved, peer.closed)
    });
    for peer in &peers {
        assert!(peer.read.len() <= 1, "{:?}", peer.statuses());
        *statuses.entry(peer.statuses()).or_insert(0) += 1;
    }
    attack
        .figure("what became of them", format!("{statuses:?} within {:.1} s", began.elapsed().as_secs_f64()));
    house.sockets_come_back_to(sockets);
    attack.figure("memory after all, more than before", bytes(house.memory().saturating_sub(memory)));
    crate::newcomers::all_served(&served);
    assert!(statuses.keys().flatten().all(|status| matches!(status, 408 | 503 | 429)), "{statuses:?}");
    assert!(memory_held <= BUDGET + BUDGET / 2 + count * BESIDE, "{} are held", bytes(memory_held));
    assert!(began.elapsed() < Duration::from_mins(1));
}

/// Bodies that no route asks for, and that do not end: whoever is answered is not held for the rest.
#[test]
fn i_5_bodies_that_nobody_wants_and_that_do_not_end_go() {
    const LENGTH: &str = "Content-Length: 1000\r\n\r\nabc";
    const CHUNK: &str = "Transfer-Encoding: chunked\r\n\r\n9\r\nabc";
    const NO_CHUNK: &str = "Transfer-Encoding: chunked\r\n\r\n";
    const HUGE_CHUNK: &str = "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc";
    let mut attack = Attack::begin("bodies that nobody wants and that do not end");
    let house = Plan::new()
        .limit("header_timeout", r#""1s""#)
        .limit("body_timeout", r#""1s""#)
        .limit("keep_alive", r#""2s""#)
        .start();
    let sockets = house.sockets();
    let targets =
        ["*", "/none", "/healthz", "/v1/backplane.js", "/v1/bus/customer.com", "/v1/bus/none/channel/c"];
    let mut peers = Vec::new();
    for method in ["POST", "GET", "PUT", "OPTIONS"] {
        for target in targets {
            for body in [LENGTH, CHUNK, NO_CHUNK, HUGE_CHUNK] {
                let mut peer = Peer::connect(from(peers.len()), house.plain);
                peer.offer(format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{body}").as_bytes());
                peers.push(peer);
            }
        }
    }
    let began = Instant::now();
    crate::peer::all("they are closed", &mut peers, |peer| {
        (peer.push() + peer.pull(usize::MAX), peer.closed)
    });
    attack.figure("connections, each closed", peers.len());
    attack.figure("within", format!("{:.1?}", began.elapsed()));
    let odd: Vec<_> =
        peers.iter().map(Peer::statuses).filter(|statuses| statuses.iter().any(|one| *one >= 500)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    house.sockets_come_back_to(sockets);
}
