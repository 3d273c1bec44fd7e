//! Whoever has asked once and stays: what that costs (I-6).

use crate::KIB;
use crate::attack::{Attack, bytes};
use crate::house::{Plan, from};
use crate::newcomers::{Door, all_served, come, tell};
use crate::peer::{Peer, trusting};
use crate::requests::PROBE;

/// What such a connection may hold, without TLS and with it.
const MOST: [usize; 2] = [16 * KIB, 64 * KIB];

#[test]
fn i_6_connections_that_only_stay_cost_little() {
    let mut attack = Attack::begin("connections that only stay");
    let house = Plan::new().tls().limit("keep_alive", r#""5m""#).start();
    let trusting = trusting(&house.certificate);
    let (sockets, count) = (house.sockets(), attack.size(400, 8_000));
    for (with_tls, most) in [false, true].into_iter().zip(MOST) {
        let memory = house.memory();
        let connection = |number| {
            let mut peer = if with_tls {
                Peer::connect(from(number), house.tls.unwrap()).with_tls(&trusting)
            } else {
                Peer::connect(from(number), house.plain)
            };
            peer.offer(PROBE.as_bytes());
            assert_eq!(peer.answered(1)[0].status, 200);
            peer
        };
        let peers: Vec<_> = (0..count).map(connection).collect();
        let held = house.memory().saturating_sub(memory) / count;
        let kind = if with_tls { "with TLS" } else { "without TLS" };
        attack.figure(format!("memory held for each of {count} connections, {kind}"), bytes(held));
        let mut served = come(&house, &[Door::Plain, Door::Tls], 20);
        tell(&mut attack, kind, &mut served);
        drop(peers);
        house.sockets_come_back_to(sockets);
        all_served(&served);
        assert!(held <= most, "{held} bytes for each, {kind}");
    }
}
