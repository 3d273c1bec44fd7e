//! I-3: channels that are reaped all the time, under posts and reads.

use std::time::{Duration, Instant};

use actix_rt::Arbiter;
use backplane_actors::{Broker, BusSettings, Since};
use futures::future::join_all;
use testkit::broker::{builder, bus, channel, clock, eventually, ids, posting};

#[actix::test]
async fn the_reaper_reaps_what_is_due_and_frees_its_memory() {
    let clock = clock();
    let settings = BusSettings { channel_idle: Duration::from_millis(200), ..BusSettings::default() };
    let broker = builder(&clock).bus(bus(), settings).start().unwrap();
    for n in 0..1_000 {
        broker.post(&bus(), posting(&format!("c{n}"), &["1"])).await.unwrap();
    }
    clock.advance(Duration::from_millis(150));
    broker.post(&bus(), posting("c7", &["2"])).await.unwrap();
    let page = broker.read_channel(&bus(), &channel("c7"), Since::Start).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    clock.advance(Duration::from_millis(100));
    eventually("999 reaped, 1 reprieved", || {
        let stats = broker.bus_stats(&bus()).unwrap();
        (stats.reaped, stats.reprieved, stats.channels) == (999, 1, 1)
    })
    .await;
    clock.advance(Duration::from_mins(30));
    drop(page);
    eventually("all memory is free", || broker.bus_stats(&bus()).unwrap().window_memory == 0).await;
    assert_eq!(broker.bus_stats(&bus()).unwrap().reaped, 1_000);
}

/// Posts on few channels that live for milliseconds, from several arbiters, each followed by a read.
#[actix::test]
async fn i_3_no_message_meets_a_channel_that_is_being_reaped() {
    const IDLE: Duration = Duration::from_millis(3);
    let settings = BusSettings { channel_idle: IDLE, ..BusSettings::default() };
    let broker = Broker::builder().bus(bus(), settings).start().unwrap();
    let arbiters = [Arbiter::new(), Arbiter::new()];
    for arbiter in &arbiters {
        let broker = broker.clone();
        arbiter.spawn_fn(move || broker.join_arbiter());
    }
    let posters = (0..8usize).map(|poster| {
        let (broker, (sender, receiver)) = (broker.clone(), futures::channel::oneshot::channel());
        arbiters[poster % 2].spawn(async move { sender.send(poster_loop(&broker, poster).await).unwrap() });
        receiver
    });
    let checked: usize = join_all(posters).await.into_iter().map(Result::unwrap).sum();
    let stats = broker.bus_stats(&bus()).unwrap();
    assert!(
        stats.reaped > 500 && checked > 1_000,
        "collided too little to prove anything: {checked} {stats:?}"
    );
    assert_eq!(stats.messages, 8 * 2_000 * 2);
    assert_eq!((stats.crashed, stats.revived), (0, 0));
}

async fn poster_loop(broker: &Broker, poster: usize) -> usize {
    let mut checked = 0;
    for n in 0..2_000usize {
        let name = format!("p{poster}-{}", n % 3);
        let began = Instant::now();
        let answer = broker.post(&bus(), posting(&name, &["1", "2"])).await.unwrap();
        let page = broker.read_channel(&bus(), &channel(&name), Since::Start).await.unwrap();
        // Milliseconds are cut off on both sides of the comparison in the broker.
        if began.elapsed() + Duration::from_millis(1) < Duration::from_millis(3) {
            checked += 1;
            assert!(
                ids(&page).ends_with(&answer.ids().collect::<Vec<_>>()),
                "an acknowledged message is missing"
            );
        }
        if n % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    checked
}
