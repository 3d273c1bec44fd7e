//! What is posted is read, in order, from the position asked for.

use std::num::NonZeroUsize;
use std::time::Duration;

use backplane_actors::{BusSettings, MessageId, PostError, Posted, ReadError, Resume, Since};

use crate::{builder, bus, channel, clock, ids, posted_ids, posting, texts};

#[actix::test]
async fn ret_10_what_was_posted_is_on_the_channel_and_on_the_bus() {
    let broker = builder(&clock()).start().unwrap();
    let a = broker.post(&bus(), posting("a", &["1", "2"])).await.unwrap();
    let b = broker.post(&bus(), posting("b", &["3"])).await.unwrap();
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!((ids(&page), texts(&page)), (posted_ids(a), vec!["1".into(), "2".into()]));
    let page = broker.read_bus(&bus(), Since::Start).await.unwrap();
    assert_eq!(ids(&page), [posted_ids(a), posted_ids(b)].concat());
    assert_eq!(page.next.id, b.last().unwrap());
}

#[actix::test]
async fn ret_3_since_the_newest_is_empty_and_keeps_its_place() {
    let broker = builder(&clock()).start().unwrap();
    let posted = broker.post(&bus(), posting("a", &["1", "2"])).await.unwrap();
    let newest = Since::from(posted.last().unwrap());
    for page in [
        broker.read_channel(&bus(), &channel("a"), newest).await.unwrap(),
        broker.read_bus(&bus(), newest).await.unwrap(),
    ] {
        assert_eq!((page.entries.len(), page.resume), (0, Resume::Complete));
        assert_eq!(page.next.id, posted.last().unwrap());
    }
}

#[actix::test]
async fn ret_8_an_expired_channel_is_empty_and_its_readers_are_told_of_the_gap() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let posted = broker.post(&bus(), posting("a", &["1", "2"])).await.unwrap();
    let first = posted.ids().next().unwrap();
    clock.advance(Duration::from_millis(30 * 60_000 - 1));
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    clock.advance(Duration::from_millis(1));
    let page = broker.read_channel(&bus(), &channel("a"), first).await.unwrap();
    assert_eq!((page.entries.len(), page.resume), (0, Resume::Gap));
    // Who goes on from the answer has missed nothing since.
    let page = broker.read_channel(&bus(), &channel("a"), page.next).await.unwrap();
    assert_eq!((page.entries.len(), page.resume), (0, Resume::Complete));
    // Stepping back brings nothing back.
    clock.step_wall(crate::START);
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(page.entries.len(), 0);
    assert_eq!(broker.bus_stats(&bus()).unwrap().channels, 0);
}

#[actix::test]
async fn ret_8_a_post_keeps_a_channel_alive_and_its_messages_for_their_own_time() {
    let clock = clock();
    let settings = BusSettings {
        channel_idle: Duration::from_secs(10),
        retention: Duration::from_secs(25),
        ..BusSettings::default()
    };
    let broker = builder(&clock).bus(bus(), settings).start().unwrap();
    for n in 0..4 {
        broker.post(&bus(), posting("a", &[&n.to_string()])).await.unwrap();
        clock.advance(Duration::from_secs(9));
    }
    // 36 s after the first: the first two are 36 and 27 s old.
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(texts(&page), ["2", "3"]);
    clock.advance(Duration::from_secs(1));
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(page.entries.len(), 0, "10 s without a post");
    let page = broker.read_bus(&bus(), Since::Start).await.unwrap();
    assert_eq!(texts(&page), ["2", "3"], "on the bus messages stay for their retention");
}

#[actix::test]
async fn a_new_life_of_a_channel_shows_nothing_of_the_old_one() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let old = broker.post(&bus(), posting("a", &["old"])).await.unwrap();
    clock.advance(Duration::from_mins(31));
    broker.post(&bus(), posting("a", &["new"])).await.unwrap();
    let page = broker.read_channel(&bus(), &channel("a"), old.last().unwrap()).await.unwrap();
    assert_eq!((texts(&page), page.resume), (vec!["new".into()], Resume::Complete));
    let stats = broker.bus_stats(&bus()).unwrap();
    assert_eq!((stats.begun, stats.reaped, stats.channels), (2, 1, 1));
}

#[actix::test]
async fn a_position_that_was_never_given_out_is_told_as_a_reset() {
    let broker = builder(&clock()).start().unwrap();
    let posted = broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let future = MessageId::from_u64(posted.last().unwrap().as_u64() + 1);
    for since in [future.into(), Since::from_text("no id", None)] {
        for page in [
            broker.read_channel(&bus(), &channel("a"), since).await.unwrap(),
            broker.read_bus(&bus(), since).await.unwrap(),
        ] {
            assert_eq!((texts(&page), page.resume), (vec!["1".into()], Resume::Reset));
        }
        let page = broker.read_channel(&bus(), &channel("none"), since).await.unwrap();
        assert_eq!((page.entries.len(), page.resume), (0, Resume::Reset));
    }
}

#[actix::test]
async fn full_windows_lose_their_oldest_and_say_so() {
    let settings = BusSettings {
        channel_window: NonZeroUsize::new(2).unwrap(),
        bus_window: NonZeroUsize::new(3).unwrap(),
        ..BusSettings::default()
    };
    let broker = builder(&clock()).bus(bus(), settings).start().unwrap();
    let posted = posted_ids(broker.post(&bus(), posting("a", &["1", "2", "3", "4"])).await.unwrap());
    let page = broker.read_channel(&bus(), &channel("a"), posted[0]).await.unwrap();
    assert_eq!((texts(&page), page.resume), (vec!["3".into(), "4".into()], Resume::Gap));
    let page = broker.read_bus(&bus(), posted[0]).await.unwrap();
    assert_eq!((page.entries.len(), page.resume), (3, Resume::Complete), "2 to 4 is all that came after 1");
}

#[actix::test]
async fn i_4_reading_creates_nothing() {
    let broker = builder(&clock()).start().unwrap();
    let before = broker.bus_stats(&bus()).unwrap();
    for n in 0..1_000 {
        let page = broker.read_channel(&bus(), &channel(&format!("c{n}")), Since::Start).await.unwrap();
        assert!(page.entries.is_empty());
    }
    assert_eq!(broker.bus_stats(&bus()), Some(before));
}

#[actix::test]
async fn a_channel_has_an_actor_once_it_is_read() {
    let broker = builder(&clock()).start().unwrap();
    let posted = broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    broker.post(&bus(), posting("b", &["2"])).await.unwrap();
    assert_eq!((crate::stats(&broker).begun, crate::stats(&broker).spawned), (2, 0));
    for _ in 0..2 {
        assert_eq!(ids(&crate::read(&broker, "a", Since::Start).await), posted_ids(posted));
    }
    // What comes after it is read is there as well.
    broker.post(&bus(), posting("a", &["3"])).await.unwrap();
    assert_eq!(texts(&crate::read(&broker, "a", Since::Start).await), ["1", "3"]);
    assert_eq!((crate::stats(&broker).begun, crate::stats(&broker).spawned), (2, 1));
}

#[actix::test]
async fn v1_post_1_an_empty_post_creates_nothing() {
    let broker = builder(&clock()).start().unwrap();
    let before = crate::stats(&broker);
    assert_eq!(broker.post(&bus(), posting("b", &[])).await, Ok(Posted::NOTHING));
    assert_eq!(crate::stats(&broker), before);
}

#[actix::test]
async fn unknown_buses_and_a_closed_broker_are_typed_errors() {
    let broker = builder(&clock()).start().unwrap();
    let other = "other.com".parse().unwrap();
    assert_eq!(broker.post(&other, posting("a", &["1"])).await, Err(PostError::UnknownBus));
    assert_eq!(broker.read_bus(&other, Since::Start).await.unwrap_err(), ReadError::UnknownBus);
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    assert_eq!(broker.canary().await, Ok(()));
    broker.shutdown().await;
    assert_eq!(broker.post(&bus(), posting("a", &["2"])).await, Err(PostError::Closed));
    assert_eq!(broker.canary().await, Err(PostError::Closed));
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(page.entries.len(), 1, "what is there can be read to the end");
}
