//! Requests behind requests: one at a time, and none behind an answer that is not read.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;

use super::{ASKED, PIPE, connect, get};

#[actix_web::test]
async fn i_5_a_pipeline_that_is_not_read_costs_a_piece() {
    ASKED.set(0);
    let peer = connect().await;
    let mut pipeline = get("/long");
    for number in 1..2_000 {
        pipeline += &get(&format!("/echo/{number}"));
    }
    let (mut reader, mut writer) = tokio::io::split(peer.stream);
    let sending = actix_web::rt::spawn(async move { writer.write_all(pipeline.as_bytes()).await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!sending.is_finished(), "the server does not read");
    assert_eq!(ASKED.get(), 1, "nor does it ask for more answers");
    assert!(peer.guard.state.borrow().intake.held().len() <= crate::door::intake::PIECE);
    // All answers are there once they are read, in order.
    let mut text = Vec::new();
    reader.read_to_end(&mut text).await.unwrap();
    let text = String::from_utf8(text).unwrap();
    let answers: Vec<_> = text.split("HTTP/1.1 200 OK").skip(1).collect();
    assert_eq!(answers.len(), 2_000);
    for (number, answer) in answers.iter().enumerate().skip(1) {
        assert!(answer.ends_with(&format!("\r\n\r\n{number}:0")), "{number}: {answer}");
    }
    sending.await.unwrap().unwrap();
}

#[actix_web::test]
async fn after_the_last_request_no_other_is_answered() {
    // What comes behind a body of unknown length is handed on with its end.
    for (body, answer) in [("\r\n", "1:0"), ("transfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", "1:2")]
    {
        ASKED.set(0);
        let mut peer = connect().await;
        let last = format!("POST /echo/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{body}");
        peer.send(last + &get("/echo/2")).await;
        let (text, seconds) = peer.rest().await;
        assert!(text.ends_with(&format!("\r\n\r\n{answer}")), "{text}");
        assert_eq!((ASKED.get(), seconds), (1, 0));
    }
}

#[actix_web::test]
async fn i_5_no_more_is_asked_once_small_answers_are_not_read() {
    const MOST: usize = PIPE / 100 + 1;
    ASKED.set(0);
    let peer = connect().await;
    let (reader, mut writer) = tokio::io::split(peer.stream);
    // All but the last of them fit into the pipe: each answer has more than a hundred bytes.
    let pipeline = get("/echo/1").repeat(2_000);
    let sending = actix_web::rt::spawn(async move { writer.write_all(pipeline.as_bytes()).await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!sending.is_finished(), "the server does not read");
    assert!((1..=MOST).contains(&ASKED.get()), "{} were asked", ASKED.get());
    drop(reader);
}
