//! Whoever asks for much and reads none of it: its answer holds a bound (I-6) until `limits.answer_timeout`, and whoever
//! reads, however slowly, gets all of it (I-5).

use std::time::{Duration, Instant};

use crate::attack::{Attack, bytes};
use crate::house::{House, Plan, from};
use crate::peer::{Peer, push_until_still};
use crate::requests::fill;
use crate::{KIB, MIB};

/// Messages of the channel, and bytes of each: together more than the systems hold on the way.
const MESSAGES: usize = 80;
const MESSAGE: usize = 160 * KIB;
const GET: &str = "GET /v1/bus/customer.com/channel/large HTTP/1.1\r\nHost: x\r\n\r\n";
/// What an answer may hold, and what its connection does beside.
const MOST: usize = 256 * KIB;
/// How long it takes that reads slowly: several times the deadline.
const SLOW: Duration = Duration::from_secs(6);

fn house() -> House {
    let house = Plan::new().limit("answer_timeout", r#""2s""#).start();
    fill(&house, "/v1/bus/customer.com/channel/large", MESSAGES, MESSAGE);
    house
}

#[test]
fn i_5_i_6_answers_that_nobody_reads_are_bounded_and_go() {
    let mut attack = Attack::begin("answers that nobody reads");
    let house = house();
    let count = attack.size(50, 500);
    let (memory, sockets) = (house.memory(), house.sockets());
    let began = Instant::now();
    let mut peers: Vec<_> = (0..count)
        .map(|number| {
            let mut peer = Peer::connect(from(number), house.plain);
            peer.offer(GET.as_bytes());
            peer.push();
            peer
        })
        .collect();
    push_until_still(&mut peers);
    let held = house.memory().saturating_sub(memory) / count;
    attack.figure("readers that do not read", count);
    attack.figure("bytes of each answer", bytes(MESSAGES * MESSAGE));
    attack.figure("memory held for each", bytes(held));
    assert!(held <= MOST, "{held} bytes for each");
    house.sockets_come_back_to(sockets);
    attack.figure("closed by the server after", format!("{:.1} s", began.elapsed().as_secs_f64()));
    attack.figure("memory after all, more than before", bytes(house.memory().saturating_sub(memory)));
    // They were closed while the attackers still had them open.
    drop(peers);
}

#[test]
fn i_5_a_reader_that_reads_slowly_gets_all_of_it() {
    let mut attack = Attack::begin("an answer that is read slowly");
    let house = house();
    let mut peer = Peer::connect(from(1), house.plain);
    peer.make_room(64 * KIB);
    peer.offer(GET.as_bytes());
    let (began, mut read) = (Instant::now(), 0);
    while began.elapsed() < SLOW {
        peer.push();
        read += peer.pull(32 * KIB);
        assert!(!peer.closed, "closed after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    attack.figure("read slowly", format!("{} in {SLOW:?}", bytes(read)));
    assert!(read < MESSAGES * MESSAGE - MIB, "it was not slow");
    let answer = &peer.answered(1)[0];
    assert_eq!(answer.status, 200);
    assert!(answer.length > MESSAGES * MESSAGE);
}
