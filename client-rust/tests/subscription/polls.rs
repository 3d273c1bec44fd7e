//! Servers without streams are polled.

use std::time::Duration;

use backplane_client::Resume;
use tokio::time::Instant;

use crate::fake::{Answer, Asked, Fake, answer, page, polled, pushed, refusal, resume, stream, tells};

const JSON: &str = "Content-Type: application/json\r\n";

/// A server with long polls: the third message comes after a while.
fn long_polls(asked: &Asked) -> Answer {
    match asked.since() {
        None => page("complete", 2, &[polled("c", 1), polled("c", 2)]),
        Some(2) => page("complete", 3, &[polled("c", 3)]),
        Some(3) => page("gap", 5, &[polled("c", 5)]),
        _ => stream(&[]),
    }
}

#[tokio::test]
async fn a_server_that_refuses_streams_is_asked_by_long_polls() {
    for (status, code) in [(406, "not_acceptable"), (404, "not_found")] {
        let fake =
            Fake::start(
                move |asked| {
                    if asked.wants_stream() { refusal(status, "", code) } else { long_polls(asked) }
                },
            )
            .await;
        tells(&mut fake.subscribe(), &["Started complete", "1", "2", "3", "Told gap", "5"]).await;
        let asked = fake.asked();
        assert!(asked[0].wants_stream());
        assert!(
            asked[1..].iter().all(|asked| !asked.wants_stream() && asked.target.contains("block=30")),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_answers_with_a_page_is_one_without_streams() {
    let fake = Fake::start(long_polls).await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1"]).await;
    assert_eq!(subscription.position(), None, "the page is not over");
    tells(&mut subscription, &["2", "3"]).await;
    let asked = fake.asked();
    assert!(asked[0].wants_stream() && asked[0].since().is_none());
    assert_eq!((asked[1].wants_stream(), asked[1].since()), (false, Some(2)), "the page was taken");
}

#[tokio::test]
async fn a_server_without_long_polls_is_not_asked_all_the_time() {
    let fake = Fake::start(|asked| match asked.number {
        0 => page("complete", 1, &[polled("c", 1)]),
        1..4 => page("complete", 1, &[]),
        _ => page("complete", 2, &[polled("c", 2)]),
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1"]).await;
    tokio::time::pause();
    let began = Instant::now();
    tells(&mut subscription, &["2"]).await;
    assert!(began.elapsed() >= Duration::from_secs(15), "{:?}", began.elapsed());
    let blocked = fake.asked().iter().map(|asked| asked.target.contains("block=")).collect::<Vec<_>>();
    assert_eq!(blocked, [false, true, false, false, false]);
}

#[tokio::test]
async fn a_server_that_lets_nobody_wait_so_long_is_polled() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.target.contains("block=")) {
        (true, _) => refusal(406, "", "not_acceptable"),
        (_, true) => refusal(400, "", "invalid_request"),
        _ => page("complete", 1, &[polled("c", 1)]),
    })
    .await;
    tells(&mut fake.subscribe(), &["Started complete", "1"]).await;
}

#[tokio::test]
async fn streams_are_tried_again_after_a_time_and_nothing_is_lost_or_doubled() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.since()) {
        (true, None) => refusal(406, "", "not_acceptable"),
        (true, Some(1)) => stream(&[resume("complete", 1), pushed(0, 1), pushed(1, 2)]),
        (false, None) => page("complete", 1, &[polled("c", 1)]),
        other => panic!("{other:?}"),
    })
    .await;
    let client = fake.builder().stream_again(Duration::ZERO).build().unwrap();
    let mut subscription = client.bus("b").unwrap().channel("c").unwrap().subscribe(None);
    tells(&mut subscription, &["Started complete", "1", "2"]).await;
}

#[tokio::test]
async fn a_server_that_is_back_may_know_streams() {
    let fake = Fake::start(|asked| match asked.number {
        0 => refusal(406, "", "not_acceptable"),
        1 => page("complete", 1, &[polled("c", 1)]),
        2 => refusal(503, "", "unavailable"),
        3 if asked.wants_stream() => stream(&[resume("complete", 1), pushed(1, 2)]),
        _ => refusal(403, "", "forbidden"),
    })
    .await;
    let away = "interrupted: the server answers 503 unavailable: because";
    tells(&mut fake.subscribe(), &["Started complete", "1", away, "Reconnected complete", "2"]).await;
}

#[tokio::test]
async fn ret_4_a_whole_window_of_a_server_of_old_is_a_gap() {
    let fake = Fake::start(|asked| {
        let frames = match asked.number {
            0 => vec![polled("c", 1), polled("c", 2)],
            1 => vec![polled("c", 3)],
            _ => vec![polled("c", 3), polled("c", 4)],
        };
        answer(200, JSON, &format!("[{}]", frames.join(",")))
    })
    .await;
    tells(&mut fake.subscribe(), &["Started unknown", "1", "2", "3", "Told gap", "4"]).await;
    assert_eq!(fake.asked()[1].since(), Some(2), "the last message is the position (RET-3)");
}

#[tokio::test]
async fn a_read_gives_a_page_and_where_to_go_on() {
    let fake = Fake::start(|asked| match asked.number {
        0 => refusal(503, "Retry-After: 0\r\n", "busy"),
        _ => long_polls(asked),
    })
    .await;
    let channel = fake.builder().build().unwrap().bus("b").unwrap().channel("c").unwrap();
    let page = channel.read(None).await.unwrap();
    assert_eq!((page.frames.len(), page.resume), (2, Resume::Complete));
    let page = channel.read(page.next.as_ref()).await.unwrap();
    assert_eq!(page.frames[0].message.payload().unwrap().get(), "3");
    let page = channel.read(page.next.as_ref()).await.unwrap();
    assert_eq!((page.frames.len(), page.resume), (1, Resume::Gap));
}

#[tokio::test]
async fn i_5_answers_are_bounded() {
    let fake = Fake::start(|_| answer(200, JSON, &"[".repeat(5000))).await;
    let client = fake.builder().answer_max(4000).build().unwrap();
    let error = client.bus("b").unwrap().channel("c").unwrap().read(None).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer has more than 4000 bytes");
    assert_eq!(fake.asked().len(), 1, "asking again does not help");
}
