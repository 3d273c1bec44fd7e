//! The broker with a log that takes its time or refuses.

use backplane_actors::log::{Incarnation, Item, Items, Life, LogError, Promise, Proposal};
use backplane_actors::{Broker, MessageId, Moment, PostError, Poster, Resume, Since};
use futures::future::join_all;

use crate::log::{Pace, Recorder};
use crate::{
    START, builder, bus, channel, clock, eventually, ids, keyed, message, post, posting, read, read_bus,
    texts,
};

fn slow(log: &Recorder) -> Broker {
    log.set_pace(Pace::Told);
    builder(&clock()).log(log.clone()).start().unwrap()
}

async fn visible(broker: &Broker) -> (usize, usize) {
    (read(broker, "a", Since::Start).await.entries.len(), read_bus(broker, Since::Start).await.entries.len())
}

#[actix::test]
async fn i_2_nothing_is_answered_or_visible_before_it_is_durable() {
    let log = Recorder::default();
    let broker = slow(&log);
    let posts: Vec<_> = (0..5).map(|n| post(&broker, posting("a", &[&n.to_string()]))).collect();
    eventually("five proposed", || log.pending() == 5).await;
    assert_eq!(visible(&broker).await, (0, 0));
    assert!(posts.iter().all(|post| !post.is_finished()));
    log.commit_all();
    let mut answered = Vec::new();
    for post in posts {
        answered.push(post.await.unwrap().unwrap().last().unwrap());
    }
    answered.sort();
    assert_eq!(ids(&read(&broker, "a", Since::Start).await), answered);
}

#[actix::test]
async fn i_2_a_refused_post_leaves_nothing() {
    let log = Recorder::default();
    let broker = slow(&log);
    log.refuse(Some(LogError::Full));
    assert_eq!(broker.post(&bus(), keyed("a", "1", "key")).await, Err(PostError::Log(LogError::Full)));
    log.refuse(None);
    let refused = post(&broker, keyed("a", "2", "key"));
    eventually("proposed", || log.pending() == 1).await;
    log.refuse_pending(0, LogError::Failed);
    assert_eq!(refused.await.unwrap(), Err(PostError::Log(LogError::Failed)));
    assert_eq!(visible(&broker).await, (0, 0));
    let left = crate::stats(&broker);
    assert_eq!((left.channels, left.window_memory), (0, 0), "neither a channel nor memory");
    // The key of a refused POST is free again.
    let accepted = post(&broker, keyed("a", "3", "key"));
    eventually("proposed", || log.pending() == 1).await;
    log.commit_all();
    assert!(accepted.await.unwrap().is_ok());
    assert_eq!(visible(&broker).await, (1, 1));
}

#[actix::test]
async fn i_2_a_refusal_does_not_reach_what_was_proposed_after_it() {
    let log = Recorder::default();
    let broker = slow(&log);
    let (first, second) = (post(&broker, posting("a", &["1"])), post(&broker, posting("a", &["2"])));
    eventually("both proposed", || log.pending() == 2).await;
    log.refuse_pending(0, LogError::Full);
    log.commit_all();
    assert_eq!(first.await.unwrap(), Err(PostError::Log(LogError::Full)));
    assert!(second.await.unwrap().is_ok());
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["2"]);
}

#[actix::test]
async fn i_2_a_retry_while_the_first_is_pending_waits_for_the_same_answer() {
    let log = Recorder::default();
    let broker = slow(&log);
    let twice = [post(&broker, keyed("a", "1", "key")), post(&broker, keyed("a", "1", "key"))];
    eventually("proposed", || log.pending() == 1).await;
    // Both are with the bus once the third has come through its mailbox after them.
    assert_eq!(broker.post(&bus(), keyed("a", "2", "key")).await, Err(PostError::KeyReused));
    assert_eq!(log.pending(), 1);
    log.commit_all();
    let [first, second] = join_all(twice).await.try_into().unwrap();
    let first = first.unwrap().unwrap();
    assert_eq!(first, second.unwrap().unwrap());
    assert_eq!(visible(&broker).await, (1, 1));
    assert_eq!(broker.post(&bus(), keyed("a", "1", "key")).await, Ok(first));
    assert_eq!(crate::stats(&broker).replays, 2);
}

#[actix::test]
async fn i_2_a_key_belongs_to_who_sent_it() {
    let broker = builder(&clock()).start().unwrap();
    let first = broker.post(&bus(), crate::keyed_by("vendor-a", "a", "1", "order-1")).await.unwrap();
    let other = broker.post(&bus(), crate::keyed_by("vendor-b", "a", "1", "order-1")).await.unwrap();
    assert_ne!(first, other, "an equal POST of somebody else is a POST of its own");
    broker.post(&bus(), crate::keyed_by("vendor-c", "a", "2", "order-1")).await.unwrap();
    assert_eq!(broker.post(&bus(), crate::keyed_by("vendor-a", "a", "1", "order-1")).await, Ok(first));
    let reused = broker.post(&bus(), crate::keyed_by("vendor-a", "a", "2", "order-1")).await;
    assert_eq!(reused, Err(PostError::KeyReused));
    assert_eq!(read(&broker, "a", Since::Start).await.entries.len(), 3);
}

#[actix::test]
async fn shutdown_waits_for_what_was_accepted() {
    let log = Recorder::default();
    let broker = slow(&log);
    let accepted = post(&broker, posting("a", &["1"]));
    eventually("proposed", || log.pending() == 1).await;
    let ending = actix_rt::spawn({
        let broker = broker.clone();
        async move { broker.shutdown().await }
    });
    // It refuses what comes from now on.
    tokio::task::yield_now().await;
    assert_eq!(broker.post(&bus(), posting("a", &["2"])).await, Err(PostError::Closed));
    assert!(!ending.is_finished());
    log.commit_all();
    ending.await.unwrap();
    assert!(accepted.await.unwrap().is_ok());
}

#[actix::test]
async fn a_log_may_answer_from_another_thread() {
    let log = Recorder::paced(Pace::Flushed);
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    let posts: Vec<_> =
        (0..200).map(|n| post(&broker, posting(&format!("c{}", n % 7), &["1", "2"]))).collect();
    let mut answered = Vec::new();
    for post in posts {
        answered.extend(post.await.unwrap().unwrap().ids());
    }
    answered.sort();
    assert_eq!(ids(&read_bus(&broker, Since::Start).await), answered);
    assert!(log.flushes() < 200, "what is at hand goes to the log as a group");
}

/// A record of another node, for a channel in a life of that number.
fn elsewhere(name: &str, text: &str, life: u64) -> Proposal {
    let item =
        Item { message: message(text), until: Moment::from_millis(60_000), promise: Promise::default() };
    Proposal {
        bus: bus(),
        incarnation: Incarnation::FIRST,
        poster: Poster::nobody(),
        channel: channel(name),
        life: Life(life),
        idle_until: Moment::from_millis(60_000),
        items: Items::new(vec![item]).unwrap(),
        at: Moment::ZERO,
        accepted: START,
        keyed: None,
    }
}

#[actix::test]
async fn records_that_somebody_else_proposed_are_made_visible_in_their_order() {
    let log = Recorder::default();
    let broker = slow(&log);
    let first = post(&broker, posting("a", &["1"]));
    eventually("proposed", || log.pending() == 1).await;
    log.commit_all();
    let seen = first.await.unwrap().unwrap().last().unwrap();
    let ours = post(&broker, posting("b", &["ours"]));
    eventually("proposed", || log.pending() == 1).await;
    log.commit_all();
    ours.await.unwrap().unwrap();
    let other = log.post_elsewhere(elsewhere("a", "theirs", 1));
    let page = read_bus(&broker, seen).await;
    assert_eq!((texts(&page), page.resume), (vec!["ours".into(), "theirs".into()], Resume::Complete));
    let page = read(&broker, "a", seen).await;
    assert_eq!(
        (texts(&page), page.next.id, page.resume),
        (vec!["theirs".into()], other.last(), Resume::Complete)
    );
    // A life that another node has begun is over for us too.
    log.post_elsewhere(elsewhere("a", "begins", 7));
    assert_eq!(read_bus(&broker, other.last()).await.entries.len(), 1);
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["begins"]);
    let next = post(&broker, posting("c", &["1"]));
    eventually("proposed", || log.pending() == 1).await;
    log.commit_all();
    next.await.unwrap().unwrap();
    assert!(log.last().life > Life(7), "no life is named twice");
}

#[actix::test]
async fn i_10_what_the_log_has_lost_is_a_gap_on_the_bus_and_on_every_channel() {
    let log = Recorder::default();
    let broker = slow(&log);
    let posted = post(&broker, posting("a", &["1"]));
    eventually("proposed", || log.pending() == 1).await;
    log.commit_all();
    let seen = posted.await.unwrap().unwrap().last().unwrap();
    assert_eq!(read(&broker, "a", seen).await.resume, Resume::Complete);
    // Another node took a hundred messages with it.
    let lost = MessageId::from_u64(seen.as_u64() + 100);
    let elsewhere = log.post_elsewhere(elsewhere("b", "2", 2));
    log.tell_lost(&bus(), elsewhere.last());
    assert!(elsewhere.last() < lost);
    for page in
        [read_bus(&broker, seen).await, read(&broker, "a", seen).await, read(&broker, "none", seen).await]
    {
        assert_eq!(page.resume, Resume::Gap);
        assert!(page.next.id >= elsewhere.last(), "and who goes on from here is told once");
    }
}
