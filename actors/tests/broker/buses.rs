//! Buses that are opened, changed and closed while the broker runs.

use std::num::NonZeroUsize;
use std::time::Duration;

use backplane_actors::log::LogError;
use backplane_actors::{
    Broker, BusError, BusName, BusSettings, Position, PostError, Posting, ReadError, Resume, Since,
};
use futures::future::{join, join_all};

use crate::log::{Pace, Recorder};
use crate::{
    builder, bus, channel, clock, eventually, ids, keyed, post, posting, read, read_bus, stats, texts,
};

async fn filled(log: &Recorder) -> Broker {
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    for name in ["a", "b", "b"] {
        broker.post(&bus(), posting(name, &["of before"])).await.unwrap();
    }
    broker.post(&bus(), keyed("b", "of before", "key")).await.unwrap();
    broker
}

/// The name that the broker's own probe once used is free to take, and no bus waits for another's answer.
#[actix::test]
async fn buses_and_the_canary_do_not_hear_each_others_answers() {
    let log = Recorder::paced(Pace::Flushed);
    let name: BusName = "backplane.canary".parse().unwrap();
    let broker =
        Broker::builder().bus(name.clone(), BusSettings::default()).log(log.clone()).start().unwrap();
    broker.join_arbiter();
    for _ in 0..50 {
        let posts = join_all((0..4).map(|_| broker.post(&name, posting("a", &["1"]))));
        let canaries = join_all((0..4).map(|_| broker.canary()));
        let (posts, canaries) = join(posts, canaries).await;
        assert!(posts.iter().all(Result::is_ok) && canaries.iter().all(Result::is_ok));
    }
    assert_eq!(broker.buses().as_slice(), std::slice::from_ref(&name));
    assert_eq!(broker.read_bus(&name, Since::Start).await.unwrap().entries.len(), 200);
}

#[actix::test]
async fn a_bus_that_takes_a_name_again_shows_nothing_of_before() {
    let log = Recorder::default();
    let broker = filled(&log).await;
    let old = broker.bus(bus().as_str()).unwrap();
    // Behind each of them is a message that is not shown any more.
    let page = read_bus(&broker, Since::Start).await;
    let seen: Vec<_> = ids(&page)[..3].iter().map(|id| Position { id: *id, ..page.next }).collect();
    let exists = broker.open_bus(bus(), BusSettings::default()).await;
    assert_eq!(exists.unwrap_err(), BusError::Exists(bus()));
    broker.close_bus(&bus()).await.unwrap();
    assert_eq!(broker.close_bus(&bus()).await, Err(BusError::Unknown(bus())));
    assert_eq!(broker.change_bus(&bus(), BusSettings::default()), Err(BusError::Unknown(bus())));
    assert_eq!(broker.post(&bus(), posting("a", &["x"])).await, Err(PostError::UnknownBus));
    assert_eq!(broker.read_bus(&bus(), Since::Start).await.unwrap_err(), ReadError::UnknownBus);
    assert_eq!(old.post(posting("a", &["x"])).await, Err(PostError::BusClosed));
    assert_eq!(old.read(Since::Start).await.unwrap_err(), ReadError::BusClosed);
    let answer = old.read_channel(&channel("a"), Since::Start).await;
    assert_eq!(answer.unwrap_err(), ReadError::BusClosed);
    broker.open_bus(bus(), BusSettings::default()).await.unwrap();
    assert_eq!(old.post(posting("a", &["x"])).await, Err(PostError::BusClosed), "it is another one");
    // The same once more after a restart, and once without a note of it: the bus was not configured for a while.
    let mut broker = broker;
    for restarted in [false, true] {
        if restarted {
            broker.shutdown().await;
            broker = builder(&clock()).log(log.clone()).start().unwrap();
        }
        assert_eq!(stats(&broker).channels, usize::from(restarted));
        for since in &seen {
            for page in [read(&broker, "a", *since).await, read_bus(&broker, *since).await] {
                assert_eq!(page.resume, Resume::Gap);
                assert!(!texts(&page).contains(&"of before".to_owned()));
            }
        }
        // Its keys are gone with it.
        let posted = broker.post(&bus(), keyed("b", "mine", "key")).await.unwrap();
        assert!(posted.last().unwrap() > seen[2].id);
        assert_eq!(texts(&read(&broker, "b", Since::Start).await), ["mine"]);
    }
}

#[actix::test]
async fn a_bus_that_was_not_configured_for_a_while_comes_back_empty() {
    let log = Recorder::default();
    let broker = filled(&log).await;
    let seen = read(&broker, "a", Since::Start).await.next;
    broker.shutdown().await;
    let other: BusName = "other.com".parse().unwrap();
    // At the same moment: what it held has not expired meanwhile.
    let without = Broker::builder().bus(other.clone(), BusSettings::default());
    let without = without.clock(clock()).log(log.clone()).start().unwrap();
    without.post(&other, posting("a", &["1"])).await.unwrap();
    without.shutdown().await;
    let again = builder(&clock()).log(log.clone()).start().unwrap();
    let page = read_bus(&again, seen).await;
    assert_eq!((page.entries.len(), page.resume), (0, Resume::Gap));
    assert_eq!(stats(&again).channels, 0);
    again.post(&bus(), keyed("a", "mine", "key")).await.unwrap();
    assert_eq!(texts(&read(&again, "a", Since::Start).await), ["mine"]);
}

#[actix::test]
async fn posts_under_way_are_answered_before_a_bus_is_closed() {
    let log = Recorder::default();
    let broker = filled(&log).await;
    log.set_pace(Pace::Told);
    let under_way = post(&broker, posting("a", &["1"]));
    eventually("proposed", || log.pending() == 1).await;
    let closing = actix_rt::spawn({
        let broker = broker.clone();
        async move { broker.close_bus(&bus()).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(broker.post(&bus(), posting("a", &["2"])).await, Err(PostError::BusClosed));
    assert!(!closing.is_finished() && !under_way.is_finished());
    log.commit_all();
    under_way.await.unwrap().unwrap();
    closing.await.unwrap().unwrap();
    assert_eq!(broker.post(&bus(), posting("a", &["2"])).await, Err(PostError::UnknownBus));
    log.set_pace(Pace::Flushed);
    broker.open_bus(bus(), BusSettings::default()).await.unwrap();
    broker.post(&bus(), posting("a", &["of the new one"])).await.unwrap();
    assert_eq!(texts(&read_bus(&broker, Since::Start).await), ["of the new one"]);
}

#[actix::test]
async fn a_bus_whose_end_the_log_does_not_note_stays_open() {
    let log = Recorder::default();
    let broker = filled(&log).await;
    log.refuse_retire(Some(LogError::Full));
    assert_eq!(broker.close_bus(&bus()).await, Err(BusError::Log(LogError::Full)));
    broker.post(&bus(), posting("a", &["after"])).await.unwrap();
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["of before", "after"]);
    log.refuse_retire(None);
    broker.close_bus(&bus()).await.unwrap();
}

#[actix::test]
async fn what_a_closed_bus_held_is_given_back() {
    let broker = filled(&Recorder::default()).await;
    let other: BusName = "other.com".parse().unwrap();
    broker.open_bus(other.clone(), BusSettings::default()).await.unwrap();
    read(&broker, "a", Since::Start).await;
    broker.close_bus(&bus()).await.unwrap();
    let held = || broker.bus_stats(&other).unwrap().window_memory;
    eventually("the memory is given back", || held() == 0).await;
}

#[actix::test]
async fn a_bus_is_given_other_settings_while_it_runs() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let texts_of = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
    let all = texts_of(6);
    let messages = all.iter().map(|text| crate::message(text)).collect::<Vec<_>>().into();
    let posted = broker.post(&bus(), Posting { messages, ..posting("a", &[]) }).await.unwrap();
    let first = posted.ids().next().unwrap();
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), all);
    let small = BusSettings {
        channel_window: NonZeroUsize::new(2).unwrap(),
        bus_window: NonZeroUsize::new(3).unwrap(),
        channel_idle: Duration::from_secs(1),
        ..BusSettings::default()
    };
    broker.change_bus(&bus(), small.clone()).unwrap();
    assert_eq!(*broker.bus(bus().as_str()).unwrap().settings(), small);
    let page = read(&broker, "a", first).await;
    assert_eq!((texts(&page), page.resume), (all[4..].to_vec(), Resume::Gap));
    let page = read_bus(&broker, first).await;
    assert_eq!((texts(&page), page.resume), (all[3..].to_vec(), Resume::Gap));
    // Ends that were decided stay, those of later POSTs are by the new settings.
    clock.advance(Duration::from_secs(1));
    broker.post(&bus(), posting("b", &["1"])).await.unwrap();
    assert_eq!(read(&broker, "a", Since::Start).await.entries.len(), 2);
    clock.advance(Duration::from_secs(1));
    assert_eq!(read(&broker, "b", Since::Start).await.entries.len(), 0);
    assert_eq!(read(&broker, "a", Since::Start).await.entries.len(), 2);
}
