//! What a way between server and client may do to a stream: nothing of it goes unnoticed.

use std::time::Duration;

use tokio::time::Instant;

use crate::fake::{Fake, fact, page, polled, position, pushed, pushed_on, resume, stream, tells};

const HEARTBEAT: Duration = Duration::from_secs(15);

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

fn moved_on(to: u32) -> String {
    fact(&format!(r#"{{"cursor":"{}"}}"#, position(to)))
}

#[tokio::test]
async fn i_10_what_was_dropped_before_the_position_moved_on_is_noticed() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.since()) {
        (true, None) => stream(&[resume("complete", 0), pushed(0, 1), moved_on(5), pushed(2, 6)]),
        (false, Some(1)) => page("complete", 6, &[polled("c", 2), polled("c", 6)]),
        (true, Some(6)) => stream(&[resume("complete", 6)]),
        other => panic!("{other:?}"),
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1", "Mended complete", "2", "6"]).await;
}

#[tokio::test]
async fn i_10_a_connection_begins_where_it_was_sure_and_not_where_the_position_moved_on() {
    let fake = Fake::start(|asked| match asked.since() {
        None => stream(&[resume("complete", 0), pushed(0, 1), moved_on(5)]).cut(),
        Some(1) => stream(&[resume("complete", 1), pushed(1, 2)]),
        other => panic!("{other:?}"),
    })
    .await;
    let mut subscription = fake.subscribe();
    let cut = "interrupted: the stream was cut on the way";
    tells(&mut subscription, &["Started complete", "1", cut, "Reconnected complete", "2"]).await;
}

#[tokio::test]
async fn i_10_where_that_is_too_long_ago_it_is_the_position_that_counts() {
    let fake = Fake::start(|asked| match asked.since() {
        None => stream(&[resume("complete", 0), pushed(0, 1), moved_on(5)]).cut(),
        Some(1) => stream(&[resume("gap", 4), moved_on(6)]),
        Some(5) => stream(&[resume("complete", 5), pushed(5, 6)]),
        other => panic!("{other:?}"),
    })
    .await;
    let mut subscription = fake.subscribe();
    let cut = "interrupted: the stream was cut on the way";
    tells(&mut subscription, &["Started complete", "1", cut, "Reconnected complete", "6"]).await;
}

#[tokio::test]
async fn i_10_of_several_channels_each_is_mended_from_its_own_place() {
    let fake = Fake::start(|asked| match (asked.wants_stream(), asked.header("last-event-id")) {
        (true, None) => {
            let cursor = format!("{}.set", position(0));
            let first = fact(&format!(r#"{{"resume":"complete","cursor":"{cursor}"}}"#));
            stream(&[first, pushed_on("c", 0, 1), pushed_on("d", 0, 3), pushed_on("c", 2, 4)])
        }
        (false, Some(last)) if last == position(1) => {
            page("complete", 4, &[polled("c", 2), polled("d", 3), polled("c", 4)])
        }
        (true, Some(_)) => stream(&[]),
        other => panic!("{other:?}"),
    })
    .await;
    let bus = fake.builder().build().unwrap().bus("b").unwrap();
    let mut subscription = bus.channels(["c", "d"]).unwrap().subscribe(None);
    tells(&mut subscription, &["Started complete", "1", "3", "Mended complete", "2", "4"]).await;
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
        stream(&[resume("complete", 0), pushed(0, 1), pushed(0, 1), pushed(1, 2), pushed(0, 1), pushed(2, 3)])
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
