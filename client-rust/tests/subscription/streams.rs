//! Streams that go as they should, and how they end.

use std::time::Duration;

use backplane_client::{ChannelName, Error, Event, Position, Reason};

use crate::fake::{Fake, fact, position, pushed, pushed_on, refusal, resume, stream, tells, told};

#[tokio::test]
async fn events_may_be_split_anywhere() {
    let fake = Fake::start(|_| {
        let text = [resume("complete", 0), pushed(0, 1), ": \n".into(), pushed(1, 2).replace('\n', "\r\n")];
        stream(&text).in_bytes()
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1", "2"]).await;
    assert_eq!(subscription.position().unwrap().to_string(), position(2));
    let asked = &fake.asked()[0];
    assert!(asked.wants_stream());
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/v1/bus/b/channel/c"));
    assert_eq!(asked.header("authorization"), None, "no password goes where none is needed");
}

#[tokio::test]
async fn a_bus_is_read_with_credentials_and_has_one_order() {
    let fake =
        Fake::start(|_| stream(&[resume("complete", 0), pushed_on("c", 0, 1), pushed_on("d", 1, 2)])).await;
    let mut subscription = fake.builder().build().unwrap().bus("b").unwrap().subscribe(None);
    tells(&mut subscription, &["Started complete", "1", "2"]).await;
    let asked = &fake.asked()[0];
    assert_eq!(asked.target, "/v1/bus/b");
    assert_eq!(asked.header("authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
}

#[tokio::test]
async fn a_cut_stream_goes_on_from_where_it_was() {
    let fake = Fake::start(|asked| match asked.since() {
        None => stream(&[resume("complete", 0), pushed(0, 1), pushed(1, 2)]).cut(),
        Some(2) => stream(&[resume("complete", 2), pushed(2, 3)]),
        other => panic!("{other:?}"),
    })
    .await;
    let mut subscription = fake.subscribe();
    let cut = "interrupted: the stream was cut on the way";
    tells(&mut subscription, &["Started complete", "1", "2", cut, "Reconnected complete", "3"]).await;
}

#[tokio::test]
async fn whoever_kept_a_position_goes_on_from_it() {
    let fake = Fake::start(|_| stream(&[resume("complete", 5), pushed(4, 5), pushed(5, 6)])).await;
    let since: Position = position(5).parse().unwrap();
    let channel = fake.builder().build().unwrap().bus("b").unwrap().channel("c").unwrap();
    let mut subscription = channel.subscribe(Some(since));
    tells(&mut subscription, &["Started complete", "6"]).await;
    assert_eq!(
        fake.asked()[0].target,
        format!("/v1/bus/b/channel/c?since={}", position(5).replace('.', "&epoch="))
    );
}

#[tokio::test]
async fn i_10_gaps_are_told_whenever_they_are() {
    let fake = Fake::start(|asked| match asked.number {
        0 => stream(&[resume("complete", 0), pushed(0, 5), resume("gap", 7), pushed(7, 8)]).cut(),
        1 => stream(&[resume("gap", 10), pushed(10, 11)]).cut(),
        // Another history, with lower ids.
        _ => stream(&[resume("reset", 1), pushed(1, 2)]),
    })
    .await;
    let mut subscription = fake.subscribe();
    let cut = "interrupted: the stream was cut on the way";
    tells(&mut subscription, &["Started complete", "5", "Told gap", "8", cut]).await;
    tells(&mut subscription, &["Reconnected gap", "11", cut, "Reconnected reset", "2"]).await;
}

#[tokio::test]
async fn an_end_that_says_when_to_come_back_is_waited_for() {
    let fake = Fake::start(|asked| match asked.number {
        0 => {
            let end = fact(r#"{"end":"drain","retry":20}"#);
            stream(&[resume("complete", 0), pushed(0, 1), format!("retry: 20\n{end}")]).cut()
        }
        _ => stream(&[resume("complete", 1), pushed(1, 2)]),
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete", "1"]).await;
    let Some(Ok(Event::Interrupted(interrupted))) = subscription.next().await else { panic!("it was ended") };
    assert!(matches!(interrupted.why, Error::Ended(Reason::Drain)), "{interrupted:?}");
    assert!(interrupted.wait >= Duration::from_millis(20) && interrupted.wait <= Duration::from_millis(25));
    tells(&mut subscription, &["Reconnected complete", "2"]).await;
}

#[tokio::test]
async fn who_is_cut_comes_back_when_the_stream_said_at_its_begin() {
    let fake = Fake::start(|_| stream(&["retry: 40\n".to_owned(), resume("complete", 0)]).cut()).await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["Started complete"]).await;
    let Some(Ok(Event::Interrupted(interrupted))) = subscription.next().await else { panic!("it was cut") };
    assert!(interrupted.wait >= Duration::from_millis(40), "{interrupted:?}");
}

#[tokio::test]
async fn a_channel_that_is_new_to_the_set_begins_with_its_window() {
    let fake = Fake::start(|_| {
        let cursor = format!("{}.set", position(1));
        let first = fact(&format!(r#"{{"resume":"complete","cursor":"{cursor}"}}"#));
        stream(&[first, pushed_on("d", 0, 2), pushed_on("c", 2, 6), pushed_on("d", 6, 7)])
    })
    .await;
    let since = format!("{}.of-c-alone", position(5)).parse().unwrap();
    let bus = fake.builder().build().unwrap().bus("b").unwrap();
    let mut subscription = bus.channels(["c", "d"]).unwrap().subscribe(Some(since));
    tells(&mut subscription, &["Started complete", "2", "6", "7"]).await;
}

#[tokio::test]
async fn an_end_for_good_ends_the_subscription_with_its_reason() {
    for (word, wanted) in
        [("closed", Reason::Closed), ("forbidden", Reason::Forbidden), ("failed", Reason::Failed)]
    {
        let fake = Fake::start(move |_| {
            stream(&[resume("complete", 0), pushed(0, 1), fact(&format!(r#"{{"end":"{word}"}}"#))]).cut()
        })
        .await;
        let mut subscription = fake.subscribe();
        tells(&mut subscription, &["Started complete", "1"]).await;
        match subscription.next().await {
            Some(Err(Error::Ended(reason))) => assert_eq!(reason, wanted),
            other => panic!("{other:?}"),
        }
        tells(&mut subscription, &["over", "over"]).await;
        assert_eq!(fake.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_waiting_does_not_help_ends_the_subscription() {
    for (status, code) in
        [(400, "invalid_request"), (401, "credentials_required"), (403, "forbidden"), (404, "unknown_bus")]
    {
        let fake = Fake::start(move |_| refusal(status, "", code)).await;
        let mut subscription = fake.subscribe();
        let error = format!("error: the server answers {status} {code}: because");
        tells(&mut subscription, &[&error, "over"]).await;
        assert_eq!(fake.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_later() {
    let fake = Fake::start(|asked| match asked.number {
        0 => refusal(429, "Retry-After: 0\r\n", "too_many_streams"),
        1 => refusal(503, "", "unavailable"),
        _ => stream(&[resume("complete", 0)]),
    })
    .await;
    let mut subscription = fake.subscribe();
    tells(&mut subscription, &["interrupted: the server answers 429 too_many_streams: because"]).await;
    tells(
        &mut subscription,
        &["interrupted: the server answers 503 unavailable: because", "Started complete"],
    )
    .await;
}

#[tokio::test]
async fn of_several_channels_the_cursor_names_the_set_and_the_event_says_where() {
    let cursor = "0000000000000.0t3k000000000.set";
    let first = fact(&format!(r#"{{"resume":"complete","cursor":"{cursor}"}}"#));
    let fake = Fake::start(move |asked| match asked.header("last-event-id") {
        None => stream(&[first.clone(), pushed_on("c", 0, 1), pushed_on("d", 1, 2)]).cut(),
        Some(_) => stream(&[
            fact(&format!(r#"{{"resume":"gap","cursor":"{cursor}","channels":{{"d":"gap"}}}}"#)),
            pushed_on("c", 0, 3),
            pushed_on("d", 3, 10),
        ]),
    })
    .await;
    let bus = fake.builder().build().unwrap().bus("b").unwrap();
    let mut subscription = bus.channels(["d", "c", "c"]).unwrap().subscribe(None);
    tells(&mut subscription, &["Started complete", "1", "2", "interrupted: the stream was cut on the way"])
        .await;
    let Some(Ok(Event::Resumed(resumed))) = subscription.next().await else {
        panic!("it is connected again")
    };
    assert_eq!(resumed.channels.keys().map(ChannelName::as_str).collect::<Vec<_>>(), ["d"]);
    assert_eq!(told(&mut subscription).await, "3");
    assert_eq!(told(&mut subscription).await, "10");
    let asked = fake.asked();
    assert_eq!(asked[0].target, "/v1/bus/b/channels?channel=c&channel=d");
    assert_eq!(asked[1].target, format!("/v1/bus/b/channels?channel=c&channel=d&since={cursor}"));
    assert_eq!(asked[1].header("last-event-id"), Some(position(2).as_str()));
}
