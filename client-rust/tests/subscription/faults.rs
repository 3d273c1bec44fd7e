//! What a way between server and client may do to a stream: nothing of it goes unnoticed.

use std::time::Duration;

use tokio::time::Instant;

use crate::fake::{Fake, fact, id, page, polled, position, pushed, pushed_on, resume, stream, tells};

const HEARTBEAT: Duration = Duration::from_secs(15);

/// The event of a position, behind a last frame.
fn moved_on(to: u32, last: Option<u32>) -> String {
    let prev = last.map(|last| format!(r#","prev":"{}""#, id(last))).unwrap_or_default();
    fact(&format!(r#"{{"cursor":"{}"{prev}}}"#, position(to)))
}

#[tokio::test]
async fn i_10_a_dropped_frame_is_noticed_and_read_again() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.since()) {
        (true, None) => stream(&[resume("complete", 0), pushed(0, 1), pushed(2, 3)]),
        (false, Some(1)) => page("complete", 3, &[polled("c", 2), polled("c", 3)]),
        (true, Some(3)) => stream(&[resume("complete", 3), pushed(3, 4)]),
        other => panic!("{other:?}"),
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1", "Mended complete", "2", "3", "4"]).await;
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn i_10_the_first_frame_may_be_dropped_too() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.number) {
        (true, 0) => stream(&[resume("complete", 0), pushed(1, 2)]),
        (false, 1) => page("complete", 2, &[polled("c", 1), polled("c", 2)]),
        _ => stream(&[resume("complete", 2)]),
    })
    .await;
    tells(&mut fake.subscribe(), &["Started complete", "Mended complete", "1", "2"]).await;
}

#[tokio::test]
async fn i_10_what_was_dropped_before_a_position_is_noticed_by_it() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.since()) {
        (true, None) => stream(&[resume("complete", 0), pushed(0, 1), moved_on(5, Some(2))]).cut(),
        (false, Some(1)) => page("complete", 5, &[polled("c", 2)]),
        (true, Some(5)) => stream(&[resume("complete", 5), pushed(2, 6)]),
        other => panic!("{other:?}"),
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1", "Mended complete", "2", "6"]).await;
}

#[tokio::test]
async fn i_10_a_position_that_holds_is_gone_on_from() {
    let fake = Fake::start(|asked| match asked.since() {
        None => stream(&[resume("complete", 0), moved_on(1, None), pushed(0, 2), moved_on(5, Some(2))]).cut(),
        Some(5) => stream(&[resume("complete", 5), moved_on(7, None)]).cut(),
        Some(7) => stream(&[resume("complete", 7), pushed(2, 8)]),
        other => panic!("{other:?}"),
    })
    .await;
    let mut subscription = fake.subscribe();
    let cut = "interrupted: the stream was cut on the way";
    tells(&mut subscription, &["Started complete", "2", cut, "Reconnected complete"]).await;
    tells(&mut subscription, &[cut, "Reconnected complete", "8"]).await;
}

/// The first fact of a stream of channels `c` and `d`.
fn of_both(word: &str, at: u32, channels: &str) -> String {
    fact(&format!(r#"{{"resume":"{word}","cursor":"{}.set","channels":{{{channels}}}}}"#, position(at)))
}

#[tokio::test]
async fn i_10_what_was_dropped_of_one_channel_is_noticed_by_another() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.header("last-event-id")) {
        (true, None) => {
            stream(&[of_both("complete", 0, ""), pushed_on("c", 0, 1), pushed_on("c", 2, 3)]).cut()
        }
        (false, Some(last)) if last == position(1) => page("complete", 3, &[polled("d", 2), polled("c", 3)]),
        (true, Some(_)) => stream(&[]),
        other => panic!("{other:?}"),
    })
    .await;
    let bus = fake.builder().build().unwrap().bus("b").unwrap();
    let mut subscription = bus.channels(["c", "d"]).unwrap().subscribe(None);
    tells(&mut subscription, &["Started complete", "1", "Mended complete", "2", "3"]).await;
}

#[tokio::test]
async fn i_10_a_gap_of_one_channel_hides_no_loss_of_another() {
    let fake = Fake::start(|asked| match asked.header("last-event-id") {
        // Message 2 of `c` was dropped before `d` lost something.
        None => stream(&[
            of_both("complete", 0, ""),
            pushed_on("c", 0, 1),
            of_both("gap", 5, r#""d":"gap""#),
            pushed_on("d", 5, 6),
        ]),
        Some(last) if last == position(1) => {
            stream(&[of_both("gap", 1, r#""d":"gap""#), pushed_on("c", 1, 2), pushed_on("d", 2, 6)])
        }
        other => panic!("{other:?}"),
    })
    .await;
    let bus = fake.builder().build().unwrap().bus("b").unwrap();
    let mut subscription = bus.channels(["c", "d"]).unwrap().subscribe(None);
    tells(&mut subscription, &["Started complete", "1", "Told gap", "2", "6"]).await;
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn i_10_what_cannot_be_mended_is_a_gap() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.since()) {
        (true, None) => stream(&[resume("complete", 0), pushed(0, 1), pushed(2, 3)]),
        (false, Some(1)) => page("gap", 3, &[polled("c", 3)]),
        _ => stream(&[resume("complete", 3), pushed(3, 4)]),
    })
    .await;
    tells(&mut fake.subscribe(), &["Started complete", "1", "Mended gap", "3", "4"]).await;
}

#[tokio::test]
async fn frames_that_come_twice_or_late_are_left_out() {
    let fake = Fake::start(|_| {
        let first = resume("complete", 0);
        let (one, two, moved) = (pushed(0, 1), pushed(1, 2), moved_on(1, Some(1)));
        stream(&[&first, &one, &one, &moved, &two, &first, &one, &moved, &pushed(2, 3)].map(String::clone))
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1", "2", "3"]).await;
    assert_eq!(subscription.position().unwrap().to_string(), position(3));
}

#[tokio::test]
async fn frames_that_are_broken_or_of_somebody_else_are_read_again() {
    for wrong in [pushed_on("d", 1, 2), "event: message\ndata: {\"mess\n\n".to_owned(), fact("{")] {
        let fake = Fake::start(move |asked| match (asked.wants_stream(), asked.since()) {
            (true, None) => stream(&[resume("complete", 0), pushed(0, 1), wrong.clone(), pushed(2, 3)]),
            (false, Some(1)) => page("complete", 2, &[polled("c", 2)]),
            _ => stream(&[resume("complete", 2), pushed(2, 3)]),
        })
        .await;
        tells(&mut fake.subscribe(), &["Started complete", "1", "Mended complete", "2", "3"]).await;
    }
}

#[tokio::test]
async fn a_stream_that_is_silent_for_two_heartbeats_is_dead() {
    let fake = Fake::start(|asked| match asked.since() {
        None => {
            let comment = ": \n\n";
            stream(&[resume("complete", 0)])
                .after(HEARTBEAT, comment)
                .after(HEARTBEAT, comment)
                .after(HEARTBEAT, &pushed(0, 1))
        }
        _ => stream(&[resume("complete", 1), pushed(1, 2)]),
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete"]).await;
    tokio::time::pause();
    let began = Instant::now();
    tells(&mut subscription, &["1"]).await;
    assert!(began.elapsed() >= HEARTBEAT * 3, "comments keep it: {:?}", began.elapsed());
    let spoke = Instant::now();
    tells(&mut subscription, &["interrupted: the stream was silent for too long"]).await;
    assert!(spoke.elapsed() >= HEARTBEAT * 2 && spoke.elapsed() < HEARTBEAT * 3, "{:?}", spoke.elapsed());
    tells(&mut subscription, &["Reconnected complete", "2"]).await;
}

#[tokio::test]
async fn where_streams_are_held_back_it_polls() {
    let fake =
        Fake::start(
            |asked| {
                if asked.wants_stream() { stream(&[]) } else { page("complete", 1, &[polled("c", 1)]) }
            },
        )
        .await;
    tokio::time::pause();
    let mut subscription = fake.subscribe();
    let silent = "interrupted: the stream was silent for too long";
    tells(&mut subscription, &[silent, silent, silent, "Started complete", "1"]).await;
}

#[tokio::test]
async fn i_5_an_event_without_end_is_not_kept() {
    let fake = Fake::start(|_| stream(&[resume("complete", 0), "x".repeat(5000)])).await;
    let client = fake.builder().answer_max(4000).build().unwrap();
    let mut subscription = client.bus("b").unwrap().channel("c").unwrap().subscribe(None);
    let error = "error: the answer has more than 4000 bytes";
    let told = crate::fake::told(&mut subscription).await;
    assert!(told == error || told == "Started complete", "{told}");
    if told != error {
        tells(&mut subscription, &[error]).await;
    }
    tells(&mut subscription, &["over"]).await;
}
