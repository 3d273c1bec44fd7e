//! Readers that are slow, and how many there may be.

use std::num::NonZeroUsize;

use backplane_actors::{
    Bound, Broker, BrokerLimits, BusSettings, Delivered, Message, Resume, Selection, Since, SubscribeError,
};

use super::{assert_chained, at_hand, handle, message, messages, resumed, subscribe, text};
use crate::{builder, bus, channel, clock, eventually, posting, stats};

#[actix::test]
async fn i_6_who_does_not_read_falls_back_on_the_window_and_misses_nothing_that_it_has() {
    let broker = builder(&clock()).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    assert!(at_hand(&mut slow).is_none());
    for n in 0..100 {
        broker.post(&bus(), posting("a", &[&n.to_string()])).await.unwrap();
    }
    let seen = messages(&mut slow, 100).await;
    assert_eq!(
        seen.iter().map(text).collect::<Vec<_>>(),
        (0..100).map(|n| n.to_string()).collect::<Vec<_>>()
    );
    assert_chained(&seen);
}

#[actix::test]
async fn i_10_who_falls_out_of_the_window_is_told() {
    let broker = builder(&clock()).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    for n in 0..150 {
        broker.post(&bus(), posting("a", &[&n.to_string()])).await.unwrap();
    }
    let stands = resumed(&mut slow).await;
    assert_eq!((stands.resume, &stands.channels[..]), (Resume::Gap, &[(channel("a"), Resume::Gap)][..]));
    assert_eq!(slow.last(), Some(stands.position.id), "the chain goes on from there");
    let seen = messages(&mut slow, 100).await;
    assert_eq!((text(&seen[0]).as_str(), text(&seen[99]).as_str()), ("50", "149"));
    assert_eq!(seen[0].prev(), stands.position.id, "who is told stands right before what comes");
    assert_eq!(stands.last, None, "nothing was yielded before");
    assert_chained(&seen);
    assert!(at_hand(&mut slow).is_none());
}

/// What was told and not taken is not shown when it is over.
#[actix::test]
async fn i_10_what_expires_before_it_is_taken_is_a_gap() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    assert!(at_hand(&mut slow).is_none());
    broker.post(&bus(), posting("a", &["old"])).await.unwrap();
    clock.advance(BusSettings::default().retention);
    broker.post(&bus(), posting("a", &["new"])).await.unwrap();
    assert_eq!(resumed(&mut slow).await.resume, Resume::Gap);
    assert_eq!(text(&message(&mut slow).await), "new");
}

#[actix::test]
async fn i_5_readers_that_wait_are_bounded() {
    let limits = BrokerLimits {
        subscribers: 5,
        subscribers_per_bus: 4,
        subscribers_per_channel: 2,
        ..BrokerLimits::default()
    };
    let other = "other".parse::<backplane_actors::BusName>().unwrap();
    let broker = builder(&clock()).bus(other.clone(), BusSettings::default()).limits(limits).start().unwrap();
    let ask = |broker: &Broker, name: &str| {
        handle(broker).subscribe(Selection::Channels(vec![(channel(name), Since::Start)]))
    };
    let mut held = vec![ask(&broker, "a").unwrap(), ask(&broker, "a").unwrap()];
    assert_eq!(ask(&broker, "a").unwrap_err(), SubscribeError::TooMany(Bound::Channel, 2));
    held.push(ask(&broker, "b").unwrap());
    let two = vec![(channel("c"), Since::Start), (channel("d"), Since::Start)];
    let refused = handle(&broker).subscribe(Selection::Channels(two)).unwrap_err();
    assert_eq!(refused, SubscribeError::TooMany(Bound::Bus, 4));
    assert_eq!(stats(&broker).subscribers, 3, "a refusal leaves nothing");
    held.push(ask(&broker, "c").unwrap());
    let of_other = broker.bus(other.as_str()).unwrap();
    held.push(of_other.subscribe(Selection::Bus(Since::Start)).unwrap());
    assert_eq!(
        of_other.subscribe(Selection::Bus(Since::Start)).unwrap_err(),
        SubscribeError::TooMany(Bound::Broker, 5)
    );
    held.clear();
    assert_eq!(stats(&broker).subscribers, 0);
    assert!(ask(&broker, "a").is_ok(), "who leaves makes room");
}

#[actix::test]
async fn i_6_what_was_told_is_not_kept_for_who_does_not_take_it() {
    let settings = BusSettings {
        bus_window: NonZeroUsize::MIN,
        channel_window: NonZeroUsize::MIN,
        ..BusSettings::default()
    };
    let broker = Broker::builder().bus(bus(), settings).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    assert!(at_hand(&mut slow).is_none());
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let one = stats(&broker).window_memory;
    for n in 0..1_000 {
        broker.post(&bus(), posting("a", &[&format!("{n:04}")])).await.unwrap();
    }
    // The ring of this thread keeps some for a moment.
    eventually("the ring lets go", || stats(&broker).window_memory < 2 * one).await;
    assert_eq!(resumed(&mut slow).await.resume, Resume::Gap);
    assert_eq!(text(&message(&mut slow).await), "0999");
}

/// A message for many is made into a frame once (I-7).
#[actix::test]
async fn i_7_those_who_wait_for_a_message_share_its_frame() {
    let broker = builder(&clock()).start().unwrap();
    let mut readers: Vec<_> = (0..3).map(|_| subscribe(&broker, &["a"], Since::Start)).collect();
    for reader in &mut readers {
        resumed(reader).await;
        assert!(at_hand(reader).is_none());
    }
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let mut made = 0;
    for reader in &mut readers {
        let delivered = message(reader).await;
        let frame = delivered.encoded(1, |delivered: &Delivered| {
            made += 1;
            let text: &Message = delivered.entry().message();
            text.as_bytes().to_vec().into()
        });
        assert!(!frame.is_empty());
    }
    assert_eq!(made, 1);
}
