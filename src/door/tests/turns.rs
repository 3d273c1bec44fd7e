//! Many who write, on one thread: whoever reads does not wait for all of them.

use std::cell::Cell;
use std::time::Duration;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::super::guard::Connection;
use super::super::load::{LONGEST_TURN, MOST_IN_A_TURN, REST};
use super::{Peer, connect_all, get, patience, pause};
use crate::error::ApiError;

const HEAD: &str = "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n";
const TALK: &str = "GET /talk HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: talk\r\n\r\n";
const MANY: usize = 40 * MOST_IN_A_TURN;
/// Those who go on until a retrieval that comes after the first of them is answered: in the turn in which it comes, in the one in
/// which it is read, and with a turn to spare.
const FEW: usize = 4 * MOST_IN_A_TURN;

thread_local! {
    static WRITTEN: Cell<usize> = const { Cell::new(0) };
}

async fn write(_: Bytes) -> &'static str {
    WRITTEN.set(WRITTEN.get() + 1);
    "written"
}

/// Writes what came over another protocol.
async fn talk(request: HttpRequest) -> Result<&'static str, ApiError> {
    request.conn_data::<Connection>().unwrap().may_write().await?;
    Ok(write(Bytes::new()).await)
}

/// Says how many have written.
async fn read() -> String {
    WRITTEN.get().to_string()
}

/// One more than these many, all on one thread.
async fn connect() -> (Vec<Peer>, Peer) {
    let application = || {
        let wrote = web::post().to(write);
        App::new()
            .route("/write", wrote)
            .route("/talk", web::get().to(talk))
            .route("/read", web::get().to(read))
            .default_service(web::to(HttpResponse::Gone))
    };
    pause();
    let mut peers = connect_all(application, |pipe| pipe, MANY + 1).await;
    let other = peers.pop().unwrap();
    (peers, other)
}

/// Sends this of each, until the first of them has written.
async fn send(peers: &mut [Peer], text: &str) {
    WRITTEN.set(0);
    for peer in peers {
        peer.send(text).await;
    }
    while WRITTEN.get() == 0 {
        yield_now().await;
    }
}

async fn all_have_written(peers: &mut [Peer]) {
    for peer in peers {
        assert_eq!(peer.reply().await, "written");
    }
    assert_eq!(WRITTEN.get(), MANY);
}

async fn written_before_a_read(reader: &mut Peer) -> usize {
    reader.send(get("/read")).await;
    reader.reply().await.parse().unwrap()
}

#[actix_web::test]
async fn i_5_who_reads_does_not_wait_for_all_who_write() {
    let (mut writers, mut reader) = connect().await;
    send(&mut writers, &format!("{HEAD}[]")).await;
    let written = written_before_a_read(&mut reader).await;
    assert!(written <= FEW, "{written}");
    all_have_written(&mut writers).await;
}

#[actix_web::test]
async fn i_5_ends_of_bodies_that_come_at_once_take_turns_as_well() {
    let (mut writers, mut reader) = connect().await;
    for writer in &mut writers {
        writer.send(format!("{HEAD}[")).await;
    }
    // Until everybody waits.
    tokio::time::sleep(Duration::from_millis(1)).await;
    send(&mut writers, "]").await;
    let written = written_before_a_read(&mut reader).await;
    assert!(written <= FEW, "{written}");
    all_have_written(&mut writers).await;
}

/// The bodies of all have come to their ends, and nearly all of them wait for a turn.
async fn all_wait_with_whole_bodies() -> Vec<Peer> {
    let (mut writers, _) = connect().await;
    for writer in &mut writers {
        writer.send(format!("{HEAD}[")).await;
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    send(&mut writers, "]").await;
    writers
}

/// A body that waits for a turn wants nothing more. What comes behind it is the next request's: to what reads requests that would
/// be a body that nobody reads, and the end of the connection.
#[actix_web::test]
async fn i_5_while_a_body_waits_for_its_turn_the_next_request_waits_as_well() {
    let mut writers = all_wait_with_whole_bodies().await;
    for writer in &mut writers {
        writer.send(HEAD).await;
    }
    let third = format!("{HEAD}[]");
    for next in ["[]", &third, ""] {
        for writer in &mut writers {
            assert_eq!(writer.reply().await, "written");
            writer.send(next).await;
        }
    }
    assert_eq!(WRITTEN.get(), 3 * MANY);
}

#[actix_web::test]
async fn i_5_nobody_is_late_with_a_body_while_it_waits_for_its_turn() {
    let mut writers = all_wait_with_whole_bodies().await;
    tokio::time::advance(patience().body.patience * 2).await;
    all_have_written(&mut writers).await;
}

#[actix_web::test]
async fn i_5_what_is_written_over_another_protocol_takes_turns_as_well() {
    let (mut writers, mut reader) = connect().await;
    send(&mut writers, TALK).await;
    let written = written_before_a_read(&mut reader).await;
    assert!(written <= FEW, "{written}");
    all_have_written(&mut writers).await;
}

#[actix_web::test]
async fn i_5_who_would_write_over_another_protocol_rests_when_it_is_too_much() {
    let (mut writers, mut late) = connect().await;
    send(&mut writers, &format!("{HEAD}[]")).await;
    for _ in 0..18 {
        tokio::time::advance(LONGEST_TURN).await;
    }
    let began = Instant::now();
    late.send(TALK).await;
    assert!(late.reply().await.contains("overloaded"));
    assert!((REST..=REST * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    all_have_written(&mut writers).await;
}

#[actix_web::test]
async fn i_5_while_one_has_waited_for_long_no_other_begins_to() {
    let (mut writers, mut late) = connect().await;
    send(&mut writers, &format!("{HEAD}[]")).await;
    // Each time that it comes back there is another turn.
    for _ in 0..18 {
        tokio::time::advance(LONGEST_TURN).await;
    }
    late.send(format!("{HEAD}[]")).await;
    assert!(late.reply().await.contains("overloaded"));
    all_have_written(&mut writers).await;
    late.send(format!("{HEAD}[]")).await;
    assert_eq!(late.reply().await, "written", "nobody waits any more");
}
