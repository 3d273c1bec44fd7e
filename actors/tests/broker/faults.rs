//! Panics inside actors: they stay there, are counted, and lose nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backplane_actors::{Broker, BusSettings, Clock, PostError, ReadError, Since, SystemClock, Timestamp};
use testkit::broker::{builder, bus, channel, clock, eventually, posting, texts};

/// A clock that panics at readings of the test's choice: bit n of the plan stands for the n-th from now.
/// The actors have no other dependency that could be made to fail from outside, and need no hook for it.
#[derive(Default)]
struct Trap(AtomicU64);

impl Trap {
    fn plan(&self, readings: u64) {
        self.0.store(readings, Ordering::SeqCst);
    }
}

impl Clock for Trap {
    fn now(&self) -> Timestamp {
        let plan = self.0.load(Ordering::SeqCst);
        self.0.store(plan >> 1, Ordering::SeqCst);
        assert!(plan & 1 == 0, "planned");
        SystemClock.now()
    }
}

/// A broker whose Supervisor sleeps while the test works, so that only the test reads the clock.
async fn broker(trap: &Arc<Trap>) -> Broker {
    tokio::time::pause();
    let broker = Broker::builder()
        .bus(bus(), BusSettings::default())
        .clock(Arc::clone(trap) as Arc<dyn Clock>)
        .start()
        .unwrap();
    for (name, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
        broker.post(&bus(), posting(name, &[text])).await.unwrap();
    }
    broker
}

#[actix::test]
async fn a_panic_in_a_channel_is_survived_by_its_messages() {
    let trap = Arc::new(Trap::default());
    let broker = broker(&trap).await;
    // The directory reads the clock first, the Channel actor second.
    trap.plan(0b10);
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(texts(&page), ["1", "3"], "a new actor has what the bus holds");
    let stats = broker.bus_stats(&bus()).unwrap();
    assert_eq!((stats.crashed, stats.revived, stats.channels), (1, 1, 2));
    let page = broker.read_channel(&bus(), &channel("b"), Since::Start).await.unwrap();
    assert_eq!(texts(&page), ["2"], "nobody else is harmed");
}

#[actix::test]
async fn posts_to_a_channel_that_has_panicked_are_not_lost() {
    let trap = Arc::new(Trap::default());
    let broker = broker(&trap).await;
    let actor = broker.channel(&bus(), &channel("a")).unwrap();
    trap.plan(0b1);
    let crashed = actor.send(backplane_actors::Read(Since::Start)).await.unwrap();
    assert_eq!(crashed.unwrap_err(), ReadError::Crashed);
    eventually("the actor is gone", || !actor.connected()).await;
    broker.post(&bus(), posting("a", &["4"])).await.unwrap();
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(texts(&page), ["1", "3", "4"]);
    assert_eq!(broker.bus_stats(&bus()).unwrap().revived, 1);
}

#[actix::test]
async fn a_channel_that_panics_again_and_again_is_an_error_and_not_a_loop() {
    let trap = Arc::new(Trap::default());
    let broker = broker(&trap).await;
    trap.plan(0b10_1010);
    let failed = broker.read_channel(&bus(), &channel("b"), Since::Start).await;
    assert_eq!(failed.unwrap_err(), ReadError::Crashed);
    let page = broker.read_channel(&bus(), &channel("b"), Since::Start).await.unwrap();
    assert_eq!(texts(&page), ["2"]);
    assert_eq!(broker.bus_stats(&bus()).unwrap().crashed, 3);
}

#[actix::test]
async fn a_panic_in_a_bus_fails_that_post_alone() {
    let trap = Arc::new(Trap::default());
    let broker = broker(&trap).await;
    trap.plan(0b1);
    assert_eq!(broker.post(&bus(), posting("a", &["4"])).await, Err(PostError::Crashed));
    broker.post(&bus(), posting("a", &["5"])).await.unwrap();
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(texts(&page), ["1", "3", "5"]);
}

/// A thread without an arbiter may be the first to use a broker, before its HTTP workers have joined.
#[test]
fn a_use_before_there_is_an_arbiter_does_not_close_the_bus_for_good() {
    let broker = builder(&clock()).start().unwrap();
    let elsewhere = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let early = elsewhere.block_on(broker.post(&bus(), posting("c", &["1"])));
    assert_eq!(early, Err(backplane_actors::PostError::Closed));
    assert!(broker.bus(&bus()).is_none());
    actix_rt::System::new().block_on(async {
        broker.post(&bus(), posting("c", &["2"])).await.unwrap();
    });
}
