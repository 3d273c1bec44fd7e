//! What readers are told when a channel, a bus or the broker ends.

use std::time::Duration;

use backplane_actors::{BusSettings, End, Event, Resume, Selection, Since, SubscribeError, Work};
use futures::StreamExt as _;

use super::{assert_chained, handle, message, resumed, subscribe, text};
use crate::{builder, bus, clock, posting, read};

/// Watchers outlive the lives of a channel (RET-8), and nobody is told of a gap who has seen all of the last one.
#[actix::test]
async fn ret_8_a_reader_outlives_its_channel() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    let mut seen = Vec::new();
    for life in 0..3 {
        broker.post(&bus(), posting("a", &[&format!("{life}")])).await.unwrap();
        seen.push(message(&mut reader).await);
        clock.advance(BusSettings::default().channel_idle + Duration::from_secs(1));
        assert!(read(&broker, "a", Since::Start).await.entries.is_empty());
    }
    assert_chained(&seen);
    let position = reader.position();
    let mut again = subscribe(&broker, &["a"], position);
    assert_eq!(resumed(&mut again).await.resume, Resume::Complete);
}

#[actix::test]
async fn a_bus_that_ends_says_so_behind_its_last_message() {
    let broker = builder(&clock()).start().unwrap();
    let mut closed = subscribe(&broker, &["a"], Since::Start);
    let mut fresh = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut closed).await;
    broker.post(&bus(), posting("a", &["last"])).await.unwrap();
    let bus_handle = handle(&broker);
    broker.close_bus(&bus()).await.unwrap();
    assert_eq!(text(&message(&mut closed).await), "last");
    assert!(matches!(closed.next().await, Some(Event::End(End::BusClosed))));
    assert!(closed.next().await.is_none());
    assert!(
        matches!(fresh.next().await, Some(Event::End(End::BusClosed))),
        "nothing of it is shown any more"
    );
    let refused = bus_handle.subscribe(Selection::Bus(Since::Start)).unwrap_err();
    assert_eq!(refused, SubscribeError::Ended(End::BusClosed));
}

#[actix::test]
async fn the_end_of_the_broker_is_told() {
    let broker = builder(&clock()).start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    broker.shutdown().await;
    assert!(matches!(reader.next().await, Some(Event::End(End::Closed))));
}

#[actix::test]
async fn i_10_a_panic_in_the_bus_ends_its_readers() {
    let broker = builder(&clock())
        .fail_points(|work| assert!(work != Work::Settle && work != Work::Post, "on purpose"));
    let broker = broker.start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    _ = broker.post(&bus(), posting("a", &["1"])).await;
    loop {
        match reader.next().await {
            Some(Event::Message(_)) => {}
            Some(Event::End(end)) => break assert_eq!(end, End::BusFailed),
            other => panic!("{other:?}"),
        }
    }
}
