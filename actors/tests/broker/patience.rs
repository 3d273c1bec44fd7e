//! A log that hangs: posters wait for it no longer than they are told, and nothing is stored twice or lost.

use std::time::Duration;

use backplane_actors::{BrokerLimits, PostError, Since};

use crate::log::{Pace, Recorder};
use crate::{builder, bus, clock, eventually, keyed, post, posting, read, read_bus, stats, texts};

const PATIENCE: Duration = Duration::from_secs(3);

#[actix::test]
async fn i_5_nobody_waits_for_a_log_that_hangs_longer_than_its_patience() {
    tokio::time::pause();
    let (log, clock) = (Recorder::paced(Pace::Told), clock());
    let limits = BrokerLimits { log_patience: PATIENCE, ..BrokerLimits::default() };
    let broker = builder(&clock).limits(limits).log(log.clone()).start().unwrap();
    let stalled = [post(&broker, keyed("a", "1", "key")), post(&broker, keyed("a", "1", "key"))];
    let canary = actix_rt::spawn({
        let broker = broker.clone();
        async move { broker.canary().await }
    });
    eventually("both proposed", || log.pending() == 2).await;
    clock.advance(PATIENCE.saturating_sub(Duration::from_millis(1)));
    let late = post(&broker, posting("b", &["2"]));
    eventually("proposed", || log.pending() == 3).await;
    assert!(stalled.iter().all(|post| !post.is_finished()));
    clock.advance(Duration::from_millis(1));
    for post in stalled {
        assert_eq!(post.await.unwrap(), Err(PostError::Stalled(PATIENCE)));
    }
    assert_eq!(canary.await.unwrap(), Err(PostError::Stalled(PATIENCE)));
    // Whoever comes now is not tried, and waits for nothing.
    assert_eq!(broker.post(&bus(), keyed("a", "3", "other")).await, Err(PostError::LogStalled));
    assert_eq!(broker.canary().await, Err(PostError::LogStalled));
    assert_eq!(log.pending(), 3, "none of them reached the log");
    assert!(read(&broker, "a", Since::Start).await.entries.is_empty(), "retrievals go on");
    assert!(read_bus(&broker, Since::Start).await.entries.is_empty());
    // Its turn comes as well.
    assert!(!late.is_finished());
    clock.advance(PATIENCE);
    assert_eq!(late.await.unwrap(), Err(PostError::Stalled(PATIENCE)));
    // The log answers again: what was stalled is there, once.
    log.commit_all();
    eventually("visible", || stats(&broker).posts == 2).await;
    assert_eq!(texts(&read_bus(&broker, Since::Start).await), ["1", "2"]);
    log.set_pace(Pace::AtOnce);
    let retried = broker.post(&bus(), keyed("a", "1", "key")).await.unwrap();
    let page = read(&broker, "a", Since::Start).await;
    assert_eq!((texts(&page), Some(page.next.id)), (vec!["1".into()], retried.last()));
    broker.post(&bus(), keyed("a", "3", "other")).await.unwrap();
    assert_eq!(texts(&read_bus(&broker, Since::Start).await), ["1", "2", "3"]);
    broker.canary().await.unwrap();
    broker.shutdown().await;
}

#[actix::test]
async fn i_2_a_retry_of_a_stalled_post_waits_for_its_answer() {
    tokio::time::pause();
    let (log, clock) = (Recorder::paced(Pace::Told), clock());
    let limits = BrokerLimits { log_patience: PATIENCE, ..BrokerLimits::default() };
    let broker = builder(&clock).limits(limits).log(log.clone()).start().unwrap();
    let first = post(&broker, keyed("a", "1", "key"));
    eventually("proposed", || log.pending() == 1).await;
    clock.advance(PATIENCE);
    assert_eq!(first.await.unwrap(), Err(PostError::Stalled(PATIENCE)));
    // One is stalled again, the other comes when the log answers.
    let again = post(&broker, keyed("a", "1", "key"));
    assert_eq!(again.await.unwrap(), Err(PostError::Stalled(PATIENCE)));
    log.commit_all();
    assert!(broker.post(&bus(), keyed("a", "1", "key")).await.is_ok());
    assert_eq!(texts(&read_bus(&broker, Since::Start).await), ["1"]);
}
