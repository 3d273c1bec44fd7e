//! I-11: ends come by a clock that no one sets, and what is over gives its memory back whether somebody looks or not.

use std::sync::Arc;
use std::time::Duration;

use backplane_actors::{Broker, BrokerLimits, BusName, BusSettings, Clock, PostError, Since};

use crate::log::Recorder;
use crate::{START, builder, bus, clock, eventually, keyed, posting, read, read_bus, stats, texts};

#[actix::test]
async fn i_5_what_has_expired_in_channels_that_nobody_reads_gives_its_memory_back() {
    let clock = clock();
    let settings = BusSettings { retention: Duration::from_mins(2), ..BusSettings::default() };
    // Room for a few, of which there are never more than two at a time.
    let limits = BrokerLimits { window_memory: 40_000, ..BrokerLimits::default() };
    let broker = builder(&clock).bus(bus(), settings).limits(limits).start().unwrap();
    let big = "x".repeat(8_000);
    for _ in 0..100 {
        broker.post(&bus(), posting("a", &[&big])).await.unwrap();
        clock.advance(Duration::from_secs(90));
    }
    assert_eq!(read(&broker, "a", Since::Start).await.entries.len(), 1);
}

/// The same in a channel that was read once, whose window is with an actor.
#[actix::test]
async fn i_5_what_has_expired_in_a_channel_that_was_read_once_gives_its_memory_back() {
    let clock = clock();
    let settings = BusSettings { retention: Duration::from_mins(2), ..BusSettings::default() };
    let limits = BrokerLimits { window_memory: 40_000, ..BrokerLimits::default() };
    let broker = builder(&clock).bus(bus(), settings).limits(limits).start().unwrap();
    let big = "x".repeat(8_000);
    broker.post(&bus(), posting("a", &[&big])).await.unwrap();
    drop(read(&broker, "a", Since::Start).await);
    for _ in 0..100 {
        clock.advance(Duration::from_secs(90));
        broker.post(&bus(), posting("a", &[&big])).await.unwrap();
    }
}

/// Nobody has used the bus since the restart, and another one needs the memory.
#[actix::test]
async fn i_5_a_bus_that_nobody_uses_after_a_restart_expires_as_others_do() {
    tokio::time::pause();
    let (clock, log) = (clock(), Recorder::default());
    let (idle, busy): (BusName, BusName) = ("idle.com".parse().unwrap(), "busy.com".parse().unwrap());
    let limits = BrokerLimits { window_memory: 10_000, ..BrokerLimits::default() };
    let open = || {
        let broker = Broker::builder()
            .bus(idle.clone(), BusSettings::default())
            .bus(busy.clone(), BusSettings::default())
            .limits(limits.clone())
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .log(log.clone());
        broker.start().unwrap()
    };
    let big = "x".repeat(6_000);
    let broker = open();
    broker.post(&idle, posting("a", &[&big])).await.unwrap();
    broker.shutdown().await;
    drop(broker);
    let again = open();
    // It is all there before anybody asks, and before there is a thread to run on.
    assert_eq!(again.bus_stats(&idle).unwrap().channels, 1);
    let held = again.bus_stats(&idle).unwrap().window_memory;
    assert!(held > 6_000);
    again.join_arbiter();
    assert_eq!(again.post(&busy, posting("c", &[&big])).await, Err(PostError::MemoryFull(10_000)));
    clock.advance(Duration::from_mins(30));
    eventually("the memory is given back", || again.bus_stats(&idle).unwrap().window_memory == 0).await;
    again.post(&busy, posting("c", &[&big])).await.unwrap();
}

/// A wall clock that shows another year for a moment, or from then on, moves no end.
#[actix::test]
async fn i_11_a_wall_clock_that_jumps_moves_no_end() {
    const YEAR: Duration = Duration::from_hours(24 * 365);
    let ahead = START.after(YEAR);
    for steps in [[ahead, START], [START, ahead], [ahead, ahead], [START, backplane_actors::Timestamp::EPOCH]]
    {
        for restart in [false, true] {
            let (clock, log) = (clock(), Recorder::default());
            let limits = BrokerLimits { idempotency_keys: 5, ..BrokerLimits::default() };
            let open = || builder(&clock).limits(limits.clone()).log(log.clone()).start().unwrap();
            let mut broker = open();
            for (n, wall) in steps.into_iter().enumerate() {
                clock.step_wall(wall);
                for m in 0..2 {
                    broker
                        .post(&bus(), keyed("a", "1", &format!("{n} {m}").replace(' ', "-")))
                        .await
                        .unwrap();
                }
                if restart {
                    broker.shutdown().await;
                    broker = open();
                }
            }
            let last = broker.post(&bus(), keyed("b", "2", "last")).await.unwrap();
            clock.advance(Duration::from_millis(10 * 60_000 - 1));
            assert_eq!(broker.post(&bus(), keyed("b", "2", "new")).await, Err(PostError::TooManyKeys(5)));
            assert_eq!(broker.post(&bus(), keyed("b", "2", "last")).await, Ok(last), "not a moment sooner");
            clock.advance(Duration::from_millis(1));
            // Not a moment later.
            for n in 0..5 {
                broker.post(&bus(), keyed("b", "3", &format!("new-{n}"))).await.unwrap();
            }
            assert_eq!(texts(&read(&broker, "a", Since::Start).await).len(), 4);
            clock.advance(Duration::from_millis(20 * 60_000 - 1));
            assert_eq!(read_bus(&broker, Since::Start).await.entries.len(), 10);
            clock.advance(Duration::from_millis(1));
            assert_eq!(read(&broker, "a", Since::Start).await.entries.len(), 0);
            assert_eq!(read_bus(&broker, Since::Start).await.entries.len(), 5);
            assert_eq!(stats(&broker).channels, 1);
        }
    }
}
