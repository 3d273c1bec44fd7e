//! Readers that wait: what is posted reaches them at once, in order, each once, and whatever may be missing is told.

mod bounds;
mod ends;
mod sets;
mod stress;

use std::sync::Arc;

use backplane_actors::{
    Broker, BusHandle, Delivered, Event, Resume, Resumed, Selection, Since, Subscription,
};
use futures::{FutureExt as _, StreamExt as _};

use crate::{Page, builder, bus, channel, clock, posted_ids, posting, read, stats, texts};

fn handle(broker: &Broker) -> BusHandle {
    broker.bus(bus().as_str()).unwrap()
}

fn subscribe(broker: &Broker, names: &[&str], since: impl Into<Since> + Copy) -> Subscription {
    let channels = names.iter().map(|name| (channel(name), since.into())).collect();
    handle(broker).subscribe(Selection::Channels(channels)).unwrap()
}

async fn resumed(subscription: &mut Subscription) -> Resumed {
    match subscription.next().await {
        Some(Event::Resumed(resumed)) => resumed,
        other => panic!("{other:?} instead of where it stands"),
    }
}

async fn message(subscription: &mut Subscription) -> Delivered {
    match subscription.next().await {
        Some(Event::Message(message)) => message,
        other => panic!("{other:?} instead of a message"),
    }
}

async fn messages(subscription: &mut Subscription, count: usize) -> Vec<Delivered> {
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(message(subscription).await);
    }
    messages
}

fn text(message: &Delivered) -> String {
    texts(&Page {
        entries: vec![Arc::clone(message.entry())],
        next: message.position(),
        resume: Resume::Complete,
    })
    .remove(0)
}

/// Each one's `prev` is the one before it.
fn assert_chained(messages: &[Delivered]) {
    for pair in messages.windows(2) {
        assert!(pair[0].id() < pair[1].id());
        assert_eq!(pair[1].prev(), pair[0].id());
    }
}

/// What was not yielded yet, without waiting.
fn at_hand(subscription: &mut Subscription) -> Option<Event> {
    subscription.next().now_or_never().flatten()
}
#[actix::test]
async fn a_reader_gets_what_there_is_and_then_what_comes() {
    let broker = builder(&clock()).start().unwrap();
    broker.post(&bus(), posting("a", &["1", "2"])).await.unwrap();
    let mut all = subscribe(&broker, &["a"], Since::Start);
    let mut bus_wide = handle(&broker).subscribe(Selection::Bus(Since::Start)).unwrap();
    assert_eq!(resumed(&mut all).await.resume, Resume::Complete);
    assert_eq!(resumed(&mut bus_wide).await.channels, []);
    let mut seen = messages(&mut all, 2).await;
    assert!(at_hand(&mut all).is_none());
    broker.post(&bus(), posting("other", &["x"])).await.unwrap();
    broker.post(&bus(), posting("a", &["3", "4"])).await.unwrap();
    seen.extend(messages(&mut all, 2).await);
    assert_eq!(seen.iter().map(text).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    assert_chained(&seen);
    let of_bus = messages(&mut bus_wide, 5).await;
    assert_eq!(of_bus.iter().map(text).collect::<Vec<_>>(), ["1", "2", "x", "3", "4"]);
    assert_chained(&of_bus);
    assert_eq!(all.position(), seen[3].position());
}

#[actix::test]
async fn a_reader_goes_on_from_its_position() {
    let broker = builder(&clock()).start().unwrap();
    let posted = posted_ids(broker.post(&bus(), posting("a", &["1", "2", "3"])).await.unwrap());
    let position = read(&broker, "a", Since::Start).await.next;
    for id in &posted {
        for since in [Since::from(*id), Since::After(backplane_actors::Position { id: *id, ..position })] {
            let mut reader = subscribe(&broker, &["a"], since);
            let stands = resumed(&mut reader).await;
            assert_eq!((stands.resume, stands.position.id), (Resume::Complete, *id));
            while let Some(event) = at_hand(&mut reader) {
                let Event::Message(message) = event else { panic!("{event:?}") };
                assert_eq!(message.prev().as_u64() + 1, message.id().as_u64());
            }
            assert_eq!(reader.position().id, posted[2]);
        }
    }
}

/// A position may lie between messages: of the bus, or of a time without any.
#[actix::test]
async fn ret_5_a_position_between_messages_repeats_nothing() {
    let broker = builder(&clock()).start().unwrap();
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let mut quiet = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut quiet).await;
    message(&mut quiet).await;
    assert!(quiet.refresh().is_none(), "it is told of the message's own position already");
    broker.post(&bus(), posting("b", &["x"])).await.unwrap();
    let between = quiet.refresh().unwrap();
    assert!(quiet.refresh().is_none());
    broker.post(&bus(), posting("a", &["2"])).await.unwrap();
    assert_eq!(texts(&read(&broker, "a", between).await), ["2"]);
    let mut reader = subscribe(&broker, &["a"], between);
    assert_eq!(resumed(&mut reader).await.position, between);
    assert_eq!(text(&message(&mut reader).await), "2");
}

/// Posted and told, and not looked at yet: the position stays.
#[actix::test]
async fn i_10_a_fresh_position_is_never_ahead_of_what_was_told() {
    let broker = builder(&clock()).start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    let begin = resumed(&mut reader).await.position;
    assert!(at_hand(&mut reader).is_none());
    let id = posted_ids(broker.post(&bus(), posting("a", &["1"])).await.unwrap())[0];
    assert!(reader.refresh().is_none_or(|position| position.id < id));
    assert!(reader.position().id < id && begin.id < id);
    assert_eq!(message(&mut reader).await.id(), id);
}

#[actix::test]
async fn a_channel_that_does_not_exist_has_a_position_and_a_future() {
    let broker = builder(&clock()).start().unwrap();
    let mut reader = subscribe(&broker, &["later"], Since::Start);
    assert_eq!(resumed(&mut reader).await.resume, Resume::Complete);
    assert_eq!(stats(&broker).channels, 0, "I-4");
    broker.post(&bus(), posting("later", &["1"])).await.unwrap();
    let first = message(&mut reader).await;
    assert!(first.prev() < first.id());
}
