//! I-5: what is bounded refuses with an error, stores nothing, and accepts again when there is room.

use std::time::Duration;

use backplane_actors::{BrokerLimits, Fingerprint, IdempotencyKey, PostError, Since};
use testkit::broker::{builder, bus, channel, clock, eventually, posting};

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
async fn i_5_memory_of_all_windows() {
    let clock = clock();
    let limits = BrokerLimits { window_memory: 10_000, ..BrokerLimits::default() };
    let broker = builder(&clock).limits(limits).start().unwrap();
    let big = "x".repeat(8_000);
    broker.post(&bus(), posting("a", &[&big])).await.unwrap();
    assert_eq!(broker.post(&bus(), posting("b", &[&big])).await, Err(PostError::MemoryFull(10_000)));
    assert!(broker.channel(&bus(), &channel("b")).is_none());
    clock.advance(Duration::from_mins(30));
    broker.read_bus(&bus(), Since::Start).await.unwrap();
    broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    eventually("the expired channel gives its memory back", || {
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
    let with_key = |key: &str| {
        let mut posting = posting("a", &["1"]);
        posting.key = Some(IdempotencyKey::new(key, Fingerprint([0; 32])).unwrap());
        posting
    };
    broker.post(&bus(), with_key("k")).await.unwrap();
    assert_eq!(broker.post(&bus(), with_key("l")).await, Err(PostError::TooManyKeys(1)));
    broker.post(&bus(), with_key("k")).await.unwrap();
    broker.post(&bus(), posting("a", &["2"])).await.unwrap();
    clock.advance(BrokerLimits::default().idempotency_window);
    broker.post(&bus(), with_key("l")).await.unwrap();
}
