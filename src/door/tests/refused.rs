//! Requests to a thread that is late.

use super::super::load::{REST, TICK};
use super::{ASKED, Instant, Peer, connect, get};

const POST: &str = "POST /echo/2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]";

/// Posts while its thread is late, until one is refused.
async fn refused() -> Peer {
    let mut peer = connect().await;
    for _ in 0..100 {
        ASKED.set(0);
        peer.send(POST).await;
        let reply = peer.reply().await;
        if reply.contains("overloaded") {
            assert_eq!(ASKED.get(), 0, "nothing was done of it");
            return peer;
        }
        assert_eq!(reply, "2:2");
        tokio::time::advance(5 * TICK).await;
    }
    panic!("a thread that is late refuses nothing");
}

#[actix_web::test]
async fn i_5_who_is_refused_is_not_listened_to_for_a_while() {
    let mut peer = refused().await;
    let refused = Instant::now();
    // What it sends meanwhile is answered afterwards.
    peer.send(get("/echo/3")).await;
    assert_eq!(peer.reply().await, "3:0");
    assert!((REST..=REST * 2).contains(&refused.elapsed()), "{:?}", refused.elapsed());
}
