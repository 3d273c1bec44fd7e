//! I-5: what is bounded refuses with an error, stores nothing, and accepts again when there is room.

use std::time::Duration;

use backplane_actors::log::LogError;
use backplane_actors::{
    Bound, BrokerLimits, BusName, BusSettings, PostError, Selection, Since, SubscribeError,
};
use futures::FutureExt as _;

use crate::log::{Pace, Recorder};
use crate::{builder, bus, channel, clock, eventually, keyed, posting, stats};

#[actix::test]
async fn i_5_channels_per_bus() {
    let clock = clock();
    let limits = BrokerLimits { channels_per_bus: 2, ..BrokerLimits::default() };
    let broker = builder(&clock).limits(limits).start().unwrap();
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    broker.post(&bus(), posting("b", &["1"])).await.unwrap();
    assert_eq!(broker.post(&bus(), posting("c", &["1"])).await, Err(PostError::TooManyChannels(2)));
    broker.post(&bus(), posting("a", &["2"])).await.unwrap();
    assert_eq!(broker.read_bus(&bus(), Since::Start).await.unwrap().entries.len(), 3);
    clock.advance(Duration::from_mins(30));
    broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    broker.post(&bus(), posting("c", &["1"])).await.unwrap();
}

#[actix::test]
async fn i_5_a_bus_has_bounds_of_its_own() {
    let clock = clock();
    let other: BusName = "other".parse().unwrap();
    let small = BusSettings {
        channels: Some(2),
        memory: Some(10_000),
        subscribers: Some(1),
        ..BusSettings::default()
    };
    let broker = builder(&clock)
        .bus(bus(), small.clone())
        .bus(other.clone(), BusSettings::default())
        .limits(BrokerLimits { channels_per_bus: 3, ..BrokerLimits::default() })
        .start()
        .unwrap();
    let big = "x".repeat(6_000);
    broker.post(&bus(), posting("a", &[&big])).await.unwrap();
    assert_eq!(broker.post(&bus(), posting("a", &[&big])).await, Err(PostError::BusMemoryFull(10_000)));
    broker.post(&bus(), posting("b", &["1"])).await.unwrap();
    assert_eq!(broker.post(&bus(), posting("c", &["1"])).await, Err(PostError::TooManyChannels(2)));
    let selection = || Selection::Channels(vec![(channel("a"), Since::Start)]);
    let handle = broker.bus(bus().as_str()).unwrap();
    let waits = handle.subscribe(selection()).unwrap();
    let refused = handle.subscribe(Selection::Channels(vec![(channel("b"), Since::Start)]));
    assert_eq!(refused.err(), Some(SubscribeError::TooMany(Bound::Bus, 1)));
    drop(waits);
    // The other one goes by the bounds of all.
    for name in ["a", "b", "c"] {
        broker.post(&other, posting(name, &[&big])).await.unwrap();
    }
    assert_eq!(broker.post(&other, posting("d", &["1"])).await, Err(PostError::TooManyChannels(3)));
    // Bounds change while it runs; what is held beyond them stays.
    broker.change_bus(&bus(), BusSettings { memory: None, channels: Some(4), ..small.clone() }).unwrap();
    broker.post(&bus(), posting("c", &[&big])).await.unwrap();
    broker.change_bus(&bus(), small).unwrap();
    assert_eq!(broker.post(&bus(), posting("a", &["1"])).await, Err(PostError::BusMemoryFull(10_000)));
    assert_eq!(broker.read_bus(&bus(), Since::Start).await.unwrap().entries.len(), 3);
}

#[actix::test]
async fn i_5_memory_of_all_windows() {
    let clock = clock();
    let limits = BrokerLimits { window_memory: 10_000, ..BrokerLimits::default() };
    let broker = builder(&clock).limits(limits).start().unwrap();
    let big = "x".repeat(8_000);
    broker.post(&bus(), posting("a", &[&big])).await.unwrap();
    assert_eq!(broker.post(&bus(), posting("b", &[&big])).await, Err(PostError::MemoryFull(10_000)));
    assert_eq!(stats(&broker).channels, 1);
    clock.advance(Duration::from_mins(30));
    broker.read_bus(&bus(), Since::Start).await.unwrap();
    broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    crate::eventually("the expired channel gives its memory back", || {
        broker.bus_stats(&bus()).unwrap().window_memory == 0
    })
    .await;
    broker.post(&bus(), posting("b", &[&big])).await.unwrap();
}

#[actix::test]
async fn i_5_idempotency_keys() {
    let clock = clock();
    let limits = BrokerLimits { idempotency_keys: 1, ..BrokerLimits::default() };
    let broker = builder(&clock).limits(limits).start().unwrap();
    let with_key = |key: &str| keyed("a", "1", key);
    broker.post(&bus(), with_key("k")).await.unwrap();
    assert_eq!(broker.post(&bus(), with_key("l")).await, Err(PostError::TooManyKeys(1)));
    broker.post(&bus(), with_key("k")).await.unwrap();
    broker.post(&bus(), posting("a", &["2"])).await.unwrap();
    clock.advance(BrokerLimits::default().idempotency_window);
    broker.post(&bus(), with_key("l")).await.unwrap();
}

/// What is pending counts as if it were there: a bound is not overrun by whatever a slow log holds.
#[actix::test]
async fn i_5_bounds_hold_for_what_is_pending() {
    let (log, clock) = (Recorder::paced(Pace::Told), clock());
    let limits = BrokerLimits {
        channels_per_bus: 2,
        idempotency_keys: 3,
        window_memory: 20_000,
        ..BrokerLimits::default()
    };
    let broker = builder(&clock).limits(limits).log(log.clone()).start().unwrap();
    let post = |posting| crate::post(&broker, posting);
    let mut accepted =
        vec![post(posting("a", &["1"])), post(keyed("b", "2", "k")), post(keyed("a", "3", "l"))];
    eventually("proposed", || log.pending() == 3).await;
    assert_eq!(broker.post(&bus(), posting("c", &["x"])).await, Err(PostError::TooManyChannels(2)));
    accepted.push(post(keyed("b", "4", "m")));
    eventually("proposed", || log.pending() == 4).await;
    assert_eq!(broker.post(&bus(), keyed("a", "x", "n")).await, Err(PostError::TooManyKeys(3)));
    let big = "x".repeat(8_000);
    accepted.extend([post(posting("a", &[&big])), post(posting("b", &[&big]))]);
    eventually("proposed", || log.pending() == 6).await;
    assert_eq!(broker.post(&bus(), posting("a", &[&big])).await, Err(PostError::MemoryFull(20_000)));
    let held = stats(&broker).window_memory;
    log.commit_all();
    for post in accepted {
        post.await.unwrap().unwrap();
    }
    assert_eq!((stats(&broker).channels, stats(&broker).window_memory), (2, held));
    assert_eq!(broker.post(&bus(), posting("c", &["x"])).await, Err(PostError::TooManyChannels(2)));
}

/// The first POST to a channel is refused by the log, the second brings the channel about: its share is counted.
#[actix::test]
async fn i_5_a_channel_is_counted_whichever_post_brings_it_about() {
    let (log, clock) = (Recorder::paced(Pace::Told), clock());
    let broker = builder(&clock).log(log.clone()).start().unwrap();
    let (first, second) =
        (crate::post(&broker, posting("a", &["1"])), crate::post(&broker, posting("a", &["1"])));
    eventually("proposed", || log.pending() == 2).await;
    let both = stats(&broker).window_memory;
    log.refuse_pending(0, LogError::Full);
    assert_eq!(first.await.unwrap(), Err(PostError::Log(LogError::Full)));
    let pending = stats(&broker).window_memory;
    log.commit_all();
    second.await.unwrap().unwrap();
    let (after, message) = (stats(&broker).window_memory, both - pending);
    assert_eq!(after, pending, "what was admitted is what it takes; a message takes {message}");
}

#[actix::test]
async fn i_5_posts_that_wait_for_their_answers() {
    let (log, clock) = (Recorder::paced(Pace::Told), clock());
    let limits = BrokerLimits { pending_posts: 3, ..BrokerLimits::default() };
    let broker = builder(&clock).limits(limits).log(log.clone()).start().unwrap();
    let handle = broker.bus(bus().as_str()).unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(handle.post(posting("a", &["1"])))).collect();
    for post in &mut waiting {
        assert!(futures::poll!(post).is_pending());
    }
    assert_eq!(handle.post(posting("a", &["2"])).now_or_never(), Some(Err(PostError::TooManyPending(3))));
    // Who goes away waits no more.
    drop(waiting.pop());
    let mut another = Box::pin(handle.post(posting("a", &["3"])));
    assert!(futures::poll!(&mut another).is_pending());
    assert_eq!(handle.post(posting("a", &["4"])).now_or_never(), Some(Err(PostError::TooManyPending(3))));
    log.set_pace(Pace::Flushed);
    log.commit_all();
    another.await.unwrap();
    for post in waiting {
        post.await.unwrap();
    }
    handle.post(posting("a", &["5"])).await.unwrap();
}

#[actix::test]
async fn i_5_bounds_may_be_changed_while_the_broker_runs() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    broker.change_limits(BrokerLimits { channels_per_bus: 1, ..BrokerLimits::default() });
    assert_eq!(broker.post(&bus(), posting("b", &["1"])).await, Err(PostError::TooManyChannels(1)));
    broker.change_limits(BrokerLimits { window_memory: 10, ..BrokerLimits::default() });
    assert_eq!(broker.post(&bus(), posting("a", &["1"])).await, Err(PostError::MemoryFull(10)));
    broker.change_limits(BrokerLimits::default());
    broker.post(&bus(), posting("b", &["1"])).await.unwrap();
}
