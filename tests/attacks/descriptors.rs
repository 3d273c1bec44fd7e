//! More connections than the process has descriptors for: nobody's messages are refused for longer than that lasts, and
//! the log has not failed (I-2, I-5).

use testkit::{eventually, message};

use crate::KIB;
use crate::attack::Attack;
use crate::house::{Plan, from};
use crate::peer::{Peer, connect};
use crate::requests::{CHANNEL, post};

/// What the process may have open, and how many connect.
const DESCRIPTORS: &str = "--nofile=256:256";
const CROWD: usize = 400;
/// POSTs, and bytes of each: together several files of the log.
const POSTS: usize = 24;
const POST: usize = 200 * KIB;

#[test]
fn i_2_i_5_no_descriptor_left_is_no_failed_log() {
    let mut attack = Attack::begin("more connections than descriptors");
    let house =
        Plan::new().set("storage", "segment", r#""1MiB""#).started_by(&["prlimit", DESCRIPTORS]).start();
    let before = house.sockets();
    let mut poster = Peer::connect(from(0), house.plain);
    let body = format!("[{}]", message(&format!("\"{}\"", "x".repeat(POST))));
    let post = post(CHANNEL, body.as_bytes());
    poster.offer(&post);
    assert_eq!(poster.answered(1)[0].status, 200);

    let crowd: Vec<_> =
        (0..CROWD).filter_map(|number| connect(from(number % 40), house.plain, None).ok()).collect();
    eventually("they have used up what there is", || house.sockets() >= 200);
    let mut statuses = std::collections::BTreeMap::new();
    for number in 2..POSTS {
        poster.offer(&post);
        *statuses.entry(poster.answered(number)[number - 1].status).or_insert(0) += 1;
    }
    attack.figure("connections, for 256 descriptors", crowd.len());
    attack.figure("POSTs of 200 KiB meanwhile, by status", format!("{statuses:?}"));
    drop(crowd);
    house.sockets_come_back_to(before + 1);
    let mut number = POSTS - 1;
    eventually("messages are taken again", || {
        number += 1;
        poster.offer(&post);
        poster.answered(number)[number - 1].status == 200
    });
    eventually("it is ready", || house.client().get("/readyz").status == 200);
}
