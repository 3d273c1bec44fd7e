//! Panics inside actors: they stay there, are counted, and nobody is left waiting or is told what is not so.

use std::sync::{Arc, Mutex};

use backplane_actors::{Broker, BusSettings, PostError, ReadError, Resume, Since, Work};
use std::time::Duration;

use crate::log::{Pace, Recorder};
use crate::{builder, bus, clock, eventually, keyed, post, posting, read, read_bus, stats, texts};

/// Panics once at each kind of work that a test has planned.
#[derive(Default, Clone)]
struct Trap(Arc<Mutex<Vec<Work>>>);

impl Trap {
    fn plan(&self, works: &[Work]) {
        self.0.lock().unwrap().extend(works);
    }

    fn is_spent(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    fn meet(&self, work: Work) {
        let planned = {
            let mut plan = self.0.lock().unwrap();
            plan.iter().position(|planned| *planned == work).map(|at| plan.remove(at))
        };
        assert!(planned.is_none(), "planned");
    }
}

/// A broker with messages, whose timers run when nothing else does.
async fn broker(trap: &Trap) -> Broker {
    tokio::time::pause();
    let hook = trap.clone();
    let broker = builder(&clock()).fail_points(move |work| hook.meet(work)).start().unwrap();
    for (name, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
        broker.post(&bus(), posting(name, &[text])).await.unwrap();
    }
    broker
}

#[actix::test]
async fn i_3_a_panic_in_a_channel_is_survived_by_its_messages() {
    let trap = Trap::default();
    let broker = broker(&trap).await;
    trap.plan(&[Work::ReadChannel]);
    assert_eq!(
        texts(&read(&broker, "a", Since::Start).await),
        ["1", "3"],
        "a new window has what the bus holds"
    );
    let after = stats(&broker);
    assert_eq!((after.crashed, after.revived, after.channels), (1, 1, 2));
    assert_eq!(texts(&read(&broker, "b", Since::Start).await), ["2"], "nobody else is harmed");
}

#[actix::test]
async fn i_3_posts_to_a_channel_that_has_panicked_are_not_lost() {
    let trap = Trap::default();
    let broker = broker(&trap).await;
    let seen = read(&broker, "a", Since::Start).await.next;
    trap.plan(&[Work::Deliver]);
    broker.post(&bus(), posting("a", &["4"])).await.unwrap();
    eventually("the channel has panicked", || trap.is_spent()).await;
    broker.post(&bus(), posting("a", &["5"])).await.unwrap();
    let page = read(&broker, "a", seen).await;
    assert_eq!((texts(&page), page.resume), (vec!["4".into(), "5".into()], Resume::Complete));
    assert_eq!(stats(&broker).revived, 1);
    assert!(!broker.bus(bus().as_str()).unwrap().has_failed(), "the bus goes on");
}

#[actix::test]
async fn a_channel_that_panics_again_and_again_is_an_error_and_not_a_loop() {
    let trap = Trap::default();
    let broker = broker(&trap).await;
    trap.plan(&[Work::ReadChannel; 3]);
    let failed = broker.read_channel(&bus(), &crate::channel("b"), Since::Start).await;
    assert_eq!(failed.unwrap_err(), ReadError::Crashed);
    assert_eq!(texts(&read(&broker, "b", Since::Start).await), ["2"]);
    assert_eq!(stats(&broker).crashed, 3);
}

/// What was over before a panic stays over (I-1): the window that is made anew is that of the present life.
#[actix::test]
async fn ret_8_a_channel_made_anew_shows_nothing_of_its_former_life() {
    tokio::time::pause();
    let (clock, trap) = (clock(), Trap::default());
    let settings = BusSettings { channel_idle: Duration::from_secs(10), ..BusSettings::default() };
    let hook = trap.clone();
    let broker =
        builder(&clock).bus(bus(), settings).fail_points(move |work| hook.meet(work)).start().unwrap();
    broker.post(&bus(), posting("a", &["old"])).await.unwrap();
    clock.advance(Duration::from_secs(11));
    broker.post(&bus(), posting("another", &["moves the position of the bus"])).await.unwrap();
    let gone = read(&broker, "a", Since::Start).await;
    assert!(gone.entries.is_empty());
    broker.post(&bus(), posting("a", &["new"])).await.unwrap();
    for plan in [&[][..], &[Work::ReadChannel]] {
        trap.plan(plan);
        let page = read(&broker, "a", gone.next).await;
        assert_eq!((texts(&page), page.resume), (vec!["new".into()], Resume::Complete));
    }
    assert_eq!(stats(&broker).revived, 1);
}

/// Has a bus do this work once, and panic at it.
async fn fail(work: Work, broker: &Broker, log: &Recorder) {
    match work {
        Work::Post => _ = broker.post(&bus(), keyed("a", "c", "c")).await,
        // Two outcomes, of which the second is not looked at any more.
        Work::Settle => (0..2).for_each(|_| log.commit(1)),
        Work::ReadBus => {
            let answer = broker.read_bus(&bus(), Since::Start).await;
            assert_eq!(answer.unwrap_err(), ReadError::Crashed);
        }
        Work::Revive => {
            let answer = broker.read_channel(&bus(), &crate::channel("a"), Since::Start).await;
            assert_eq!(answer.unwrap_err(), ReadError::BusFailed);
        }
        // They come by themselves.
        Work::Expire | Work::Reap => {}
        Work::Deliver | Work::ReadChannel => unreachable!("the bus survives these"),
    }
}

#[actix::test]
async fn i_2_a_panic_in_a_bus_leaves_nobody_waiting_and_a_retry_stores_nothing_twice() {
    tokio::time::pause();
    let of_the_bus = Work::ALL.into_iter().filter(|work| !matches!(work, Work::Deliver | Work::ReadChannel));
    for (work, kept) in of_the_bus.flat_map(|work| [(work, 0), (work, 9)]) {
        let (log, clock, trap) = (Recorder::default(), clock(), Trap::default());
        let hook = trap.clone();
        let broker =
            builder(&clock).log(log.clone()).fail_points(move |work| hook.meet(work)).start().unwrap();
        let early = broker.post(&bus(), keyed("a", "0", "0")).await.unwrap();
        log.set_pace(Pace::Told);
        let waiting = ["a", "b"].map(|key| post(&broker, keyed("a", key, key)));
        eventually("both proposed", || log.pending() == 2).await;
        trap.plan(if work == Work::Revive {
            &[Work::ReadChannel, Work::Revive]
        } else {
            std::slice::from_ref(&work)
        });
        fail(work, &broker, &log).await;
        let handle = broker.bus(bus().as_str()).unwrap();
        eventually("failed", || handle.has_failed()).await;
        for (n, waiting) in waiting.into_iter().enumerate() {
            let answer = waiting.await.unwrap();
            let settled = work == Work::Settle && n == 0;
            assert!(settled == answer.is_ok(), "{work:?} {n}: {answer:?}");
            assert!(settled || answer == Err(PostError::Crashed), "{work:?} {n}: {answer:?}");
        }
        assert_eq!(broker.post(&bus(), keyed("a", "0", "0")).await, Err(PostError::BusFailed), "{work:?}");
        assert_eq!(broker.canary().await, Err(PostError::BusFailed), "{work:?}");
        for since in [Since::Start, early.last().unwrap().into()] {
            assert_eq!(broker.read_bus(&bus(), since).await.unwrap_err(), ReadError::BusFailed, "{work:?}");
            let answer = broker.read_channel(&bus(), &crate::channel("a"), since).await;
            assert_eq!(answer.unwrap_err(), ReadError::BusFailed, "{work:?}");
        }
        log.kill(kept);
        broker.shutdown().await;
        log.set_pace(Pace::AtOnce);
        let again = builder(&clock).log(log.clone()).start().unwrap();
        assert_eq!(again.post(&bus(), keyed("a", "0", "0")).await, Ok(early), "{work:?}");
        for key in ["a", "b", "c"] {
            again.post(&bus(), keyed("a", key, key)).await.unwrap();
        }
        for page in [read_bus(&again, Since::Start).await, read(&again, "a", Since::Start).await] {
            let mut shown = texts(&page);
            shown.sort();
            assert_eq!(shown, ["0", "a", "b", "c"], "{work:?}");
        }
    }
}
