//! Requests that attacks begin with.

use testkit::{basic, message};

use crate::house::{House, from};
use crate::peer::Peer;

/// What anybody may ask, and is answered shortly.
pub(crate) const PROBE: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// A channel that everybody may read and `alice` may post to.
pub(crate) const CHANNEL: &str = "/v1/bus/customer.com/channel/c";

/// The head of a POST as `alice`, of a body of so many bytes.
pub(crate) fn post_head(target: &str, length: usize) -> Vec<u8> {
    let alice = basic("alice");
    format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\n{alice}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

/// A POST as `alice`.
pub(crate) fn post(target: &str, body: &[u8]) -> Vec<u8> {
    [&post_head(target, body.len()), body].concat()
}

/// Fills a channel with so many messages of so many bytes.
pub(crate) fn fill(house: &House, target: &str, messages: usize, bytes: usize) {
    let sockets = house.sockets();
    let mut peer = Peer::connect(from(0), house.plain);
    let request = post(target, format!("[{}]", message(&format!("\"{}\"", "x".repeat(bytes)))).as_bytes());
    for number in 1..=messages {
        peer.offer(&request);
        assert_eq!(peer.answered(number)[number - 1].status, 200);
    }
    drop(peer);
    house.sockets_come_back_to(sockets);
}
