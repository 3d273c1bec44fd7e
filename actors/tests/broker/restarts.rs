//! A broker that comes back from its log is what it was.

use std::time::Duration;

use backplane_actors::{BusSettings, MessageId, Resume, Since, Timestamp};

use crate::log::{Pace, Recorder};
use crate::{START, builder, bus, clock, eventually, keyed, post, posting, read, read_bus, texts};

#[actix::test]
async fn i_1_a_restart_brings_windows_back_and_ids_go_on_rising() {
    let (log, clock) = (Recorder::default(), clock());
    let broker = builder(&clock).log(log.clone()).start().unwrap();
    let first = broker.post(&bus(), keyed("a", "1", "key")).await.unwrap();
    broker.post(&bus(), posting("a", &["2"])).await.unwrap();
    broker.shutdown().await;
    // The clock of this run is behind that of the last.
    clock.step_wall(Timestamp::from_millis(START.as_millis() - 60_000));
    let broker = builder(&clock).log(log.clone()).start().unwrap();
    let page = read(&broker, "a", first.last().unwrap()).await;
    assert_eq!((texts(&page), page.resume), (vec!["2".into()], Resume::Complete));
    assert_eq!(read_bus(&broker, Since::Start).await.entries.len(), 2);
    assert_eq!(broker.post(&bus(), keyed("a", "1", "key")).await, Ok(first), "its key is remembered");
    let posted = broker.post(&bus(), posting("a", &["3"])).await.unwrap();
    assert_eq!(posted.last(), Some(MessageId::from_u64(page.next.id.as_u64() + 1)));
}

/// A channel ends or goes on by when a POST was accepted, however long the log took; and a restart finds the same.
#[actix::test]
async fn i_1_a_life_that_a_slow_log_outlasts_is_the_same_after_a_restart() {
    let (log, clock) = (Recorder::paced(Pace::Told), clock());
    let settings = BusSettings { channel_idle: Duration::from_secs(1), ..BusSettings::default() };
    let open = || builder(&clock).bus(bus(), settings.clone()).log(log.clone()).start().unwrap();
    let broker = open();
    let commit = async |posting| {
        let posted = post(&broker, posting);
        eventually("proposed", || log.pending() == 1).await;
        log.commit_all();
        posted.await.unwrap().unwrap().last().unwrap()
    };
    let old = commit(posting("a", &["old"])).await;
    commit(posting("another", &["moves the position of the bus"])).await;
    clock.advance(Duration::from_millis(950));
    let new = post(&broker, posting("a", &["new"]));
    eventually("proposed", || log.pending() == 1).await;
    // The disk takes its time. The channel's end has come meanwhile, but the POST that continues it came before.
    clock.advance(Duration::from_millis(100));
    let page = read(&broker, "a", Since::Start).await;
    assert_eq!((texts(&page), page.next.id), (vec!["old".into()], old));
    let position = page.next;
    log.commit_all();
    new.await.unwrap().unwrap();
    let restarted = async {
        log.kill(0);
        open()
    };
    for broker in [broker.clone(), restarted.await] {
        let page = read(&broker, "a", position).await;
        assert_eq!((texts(&page), page.resume), (vec!["new".into()], Resume::Complete));
        assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["old", "new"]);
    }
}

/// The end of a channel came while a POST to it was with the log, which then refused it.
#[actix::test]
async fn ret_8_a_channel_that_only_a_refused_post_kept_is_over() {
    let (log, clock) = (Recorder::default(), clock());
    let settings = BusSettings { channel_idle: Duration::from_secs(1), ..BusSettings::default() };
    let open = || builder(&clock).bus(bus(), settings.clone()).log(log.clone()).start().unwrap();
    let broker = open();
    broker.post(&bus(), posting("a", &["old"])).await.unwrap();
    log.set_pace(Pace::Told);
    clock.advance(Duration::from_millis(950));
    let refused = post(&broker, posting("a", &["refused"]));
    eventually("proposed", || log.pending() == 1).await;
    clock.advance(Duration::from_millis(100));
    let later = post(&broker, posting("a", &["new"]));
    eventually("proposed", || log.pending() == 2).await;
    log.refuse_pending(0, backplane_actors::log::LogError::Full);
    assert!(refused.await.unwrap().is_err());
    log.commit_all();
    later.await.unwrap().unwrap();
    for broker in [broker.clone(), open()] {
        assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["new"]);
    }
}
