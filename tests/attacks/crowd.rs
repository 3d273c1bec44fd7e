//! More connections than there may be, from one address and in all: those beyond the bounds are told so at once, and
//! when to come back; nobody waits for ever, and operators have a door that a crowd cannot fill (I-5).

use std::io::ErrorKind;

use testkit::eventually;

use crate::answers::Answer;
use crate::attack::Attack;
use crate::house::{House, Plan, from};
use crate::newcomers::{Door, all_served, ask, come, tell};
use crate::peer::{Peer, trusting};
use crate::requests::PROBE;

const PER_ADDRESS: usize = 50;
const IN_ALL: usize = 300;
/// A connection that was served and stays.
fn stay(house: &House, number: usize) -> Peer {
    let mut peer = Peer::connect(from(number), house.plain);
    peer.offer(PROBE.as_bytes());
    assert_eq!(peer.answered(1)[0].status, 200);
    peer
}

fn ask_from(house: &House, number: usize) -> Option<Answer> {
    ask(from(number), house.plain, None, "/v1/backplane.js").ok()
}

/// Told to come back, and when.
fn is_refused(answer: Option<&Answer>) -> bool {
    matches!(answer, Some(Answer { status: 503, retry_after: true, .. }))
}

#[test]
fn i_5_connections_beyond_the_bounds_are_told_so_at_once() {
    let mut attack = Attack::begin("more connections than there may be");
    let house = Plan::new()
        .limit("connections", IN_ALL.to_string())
        .limit("connections_per_address", PER_ADDRESS.to_string())
        .start();
    let (memory, sockets) = (house.memory(), house.sockets());
    let beyond = attack.size(20, 200);

    let mut crowd: Vec<_> = (0..PER_ADDRESS).map(|_| stay(&house, 0)).collect();
    for number in 0..beyond {
        let answer = ask_from(&house, 0);
        assert!(is_refused(answer.as_ref()), "number {number} beyond the bound got {answer:?}");
    }
    attack.figure("refused beyond the bound of one address", beyond);
    assert_eq!(ask_from(&house, 1).map(|answer| answer.status), Some(200), "from another address");

    // Those who have left are not counted any more.
    house.sockets_come_back_to(sockets + PER_ADDRESS);
    for number in PER_ADDRESS..IN_ALL {
        crowd.push(stay(&house, number / PER_ADDRESS));
    }
    for number in 0..beyond {
        let answer = ask_from(&house, 1_000 + number);
        assert!(is_refused(answer.as_ref()), "number {number} beyond the bound got {answer:?}");
    }
    attack.figure("refused beyond the bound of all", beyond);
    // Probes have a reserve: one that is told no would have somebody restart a server that is only full.
    for number in 0..beyond {
        let probed = ask(from(2_000 + number), house.plain, None, "/healthz");
        assert_eq!(probed.ok().map(|answer| answer.status), Some(200), "probe {number}");
    }
    let mut served = come(&house, &[Door::Operators], attack.size(20, 200));
    tell(&mut attack, "while all places are taken", &mut served);
    all_served(&served);
    // Whoever is in is served as ever.
    let peer = crowd.last_mut().unwrap();
    peer.offer(PROBE.as_bytes());
    assert_eq!(peer.answered(2)[1].status, 200);
    let counted = house.metric("connections_refused").unwrap_or_default();
    attack.figure("refused before they were in, as the metrics have it", counted);
    attack.figure("bytes logged", house.logged());
    // Those beyond the bound of all may have been told in the reserve.
    assert!(counted >= f64::from(u32::try_from(beyond).unwrap()), "{counted} are counted");

    crowd.truncate(IN_ALL - 1);
    eventually("there is a place again", || {
        ask_from(&house, 1_000).is_some_and(|answer| answer.status == 200)
    });
    drop(crowd);
    house.sockets_come_back_to(sockets);
    attack.figure(
        "memory after all, more than before",
        crate::attack::bytes(house.memory().saturating_sub(memory)),
    );
}

#[test]
fn i_5_a_trusted_proxy_is_not_one_address() {
    let mut attack = Attack::begin("many connections of a trusted proxy");
    let house = Plan::new()
        .set("", "trusted_proxies", format!("[\"{}\"]", from(0).ip()))
        .limit("connections_per_address", PER_ADDRESS.to_string())
        .start();
    let crowd: Vec<_> = (0..PER_ADDRESS * 2).map(|_| stay(&house, 0)).collect();
    attack.figure("connections of the proxy, all served", crowd.len());
    let others: Vec<_> = (0..PER_ADDRESS).map(|_| stay(&house, 1)).collect();
    let refused = ask_from(&house, 1);
    assert!(is_refused(refused.as_ref()), "the bound holds for others: {refused:?}");
    drop((crowd, others));
}

#[test]
fn i_5_the_bound_of_an_address_holds_over_tls() {
    let mut attack = Attack::begin("more TLS connections than one address may have");
    let house = Plan::new().tls().limit("connections_per_address", PER_ADDRESS.to_string()).start();
    let trusting = trusting(&house.certificate);
    let to = house.tls.unwrap();
    let mut crowd: Vec<_> =
        (0..PER_ADDRESS).map(|_| Peer::connect(from(0), to).with_tls(&trusting)).collect();
    for peer in &mut crowd {
        peer.offer(PROBE.as_bytes());
        assert_eq!(peer.answered(1)[0].status, 200);
    }
    // Told so or closed: either at once.
    let beyond = ask(from(0), to, Some(&trusting), "/healthz");
    attack.figure("beyond the bound", format!("{beyond:?}"));
    match beyond {
        Ok(answer) => assert!(is_refused(Some(&answer)), "{answer:?}"),
        Err(error) => {
            assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        }
    }
    // The bound is of the address, whatever it speaks.
    let plain = ask_from(&house, 0);
    assert!(is_refused(plain.as_ref()), "{plain:?}");
    assert_eq!(ask(from(1), to, Some(&trusting), "/healthz").unwrap().status, 200);
}
