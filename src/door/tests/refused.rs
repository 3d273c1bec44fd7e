//! Requests to a thread that is late.

use super::super::load::{REST, TICK};
use super::{ASKED, Instant, Peer, connect, get};

/// Makes its thread late while it is asked for something, until it refuses all that writes and nothing that reads.
async fn overload(peer: &mut Peer) {
    for _ in 0..7 {
        peer.send(get("/echo/1")).await;
        assert_eq!(peer.reply().await, "1:0");
        tokio::time::advance(5 * TICK).await;
    }
}

#[actix_web::test]
async fn i_5_who_is_refused_is_not_listened_to_for_a_while() {
    let mut peer = connect().await;
    overload(&mut peer).await;
    ASKED.set(0);
    let refused = Instant::now();
    peer.send("POST /echo/2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]").await;
    let reply = peer.reply().await;
    assert!(reply.contains("overloaded"), "{reply}");
    assert_eq!((ASKED.get(), refused.elapsed().as_secs()), (0, 0));
    // What it sends meanwhile is answered afterwards.
    peer.send(get("/echo/3")).await;
    assert_eq!(peer.reply().await, "3:0");
    assert_eq!(refused.elapsed().as_secs(), REST.as_secs());
}
