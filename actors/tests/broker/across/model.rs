//! Readers of several buses against what was committed, while proposals are committed and refused in any order.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;

use backplane_actors::log::LogError;
use backplane_actors::{AcrossSubscription, Broker, Event, MessageId, Resume, Since};
use futures::StreamExt as _;
use futures::channel::mpsc;
use proptest::prelude::*;

use super::log::{Numbers, Steered};
use super::{across, name, with_buses};
use crate::{builder, clock, eventually, posting};

/// The last one is not read.
const BUSES: [&str; 5] = ["a", "b", "c", "idle", "unread"];
const READ: [&str; 4] = ["a", "b", "c", "idle"];

#[derive(Debug, Clone)]
enum Step {
    /// Posts so many messages to a bus.
    Post(usize, usize),
    Commit(usize),
    Refuse(usize),
    /// Has the poller follow its position to the end.
    Poll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bus = prop::sample::select(vec![0, 1, 2, 4]);
    let step = prop_oneof![
        5 => (bus, 1usize..3).prop_map(|(bus, count)| Step::Post(bus, count)),
        4 => any::<usize>().prop_map(Step::Commit),
        1 => any::<usize>().prop_map(Step::Refuse),
        2 => Just(Step::Poll),
    ];
    prop::collection::vec(step, 0..60)
}

/// The ids that were answered, and those that a reader has.
type Seen = Rc<RefCell<Vec<MessageId>>>;

/// Follows its position to the end, each time that it is told to; what was answered before is there then (RET-10).
async fn poll(
    broker: Broker,
    most: usize,
    mut told: mpsc::UnboundedReceiver<()>,
    answered: Seen,
    seen: Seen,
) {
    let (all, mut since) = (across(&broker, &READ), Since::Start);
    while told.next().await.is_some() {
        let before = answered.borrow().clone();
        loop {
            let page = all.read(since, &|_, _| true, NonZeroUsize::new(most).unwrap()).await.unwrap();
            assert_eq!(page.resume, Resume::Complete);
            seen.borrow_mut().extend(super::ids(&page));
            since = page.next.into();
            if !page.more {
                break;
            }
        }
        let seen = seen.borrow();
        assert!(before.iter().all(|id| seen.contains(id)), "RET-10: what was answered is there");
    }
}

/// Takes what comes, each linked to the one before it.
async fn follow(mut events: AcrossSubscription, seen: Seen) {
    let mut prev = None;
    while let Some(event) = events.next().await {
        match event {
            Event::Resumed(resumed) => assert_eq!(resumed.resume, Resume::Complete),
            Event::Message(message) => {
                assert!(prev.is_none_or(|prev| message.prev() == prev), "linked");
                prev = Some(message.id());
                seen.borrow_mut().push(message.id());
            }
            Event::End(_) => break,
        }
        events.refresh();
    }
}

async fn run(numbers: Numbers, steps: Vec<Step>, most: usize) {
    let log = Steered::new(numbers);
    let broker = with_buses(builder(&clock()), &BUSES).log(log.clone()).start().unwrap();
    let [answered, polled, followed]: [Seen; 3] = Default::default();
    let (tell, told) = mpsc::unbounded();
    let polls = actix_rt::spawn(poll(broker.clone(), most, told, Rc::clone(&answered), Rc::clone(&polled)));
    let events = across(&broker, &READ).subscribe(Since::Start, None).unwrap();
    let follows = actix_rt::spawn(follow(events, Rc::clone(&followed)));
    let mut posts = Vec::new();
    for step in steps {
        match step {
            Step::Post(bus, count) => {
                let (broker, answered) = (broker.clone(), Rc::clone(&answered));
                posts.push(actix_rt::spawn(async move {
                    let texts = vec!["x"; count];
                    if let Ok(posted) = broker.post(&name(BUSES[bus]), posting("c", &texts)).await
                        && READ.contains(&BUSES[bus])
                    {
                        answered.borrow_mut().extend(posted.ids());
                    }
                }));
                tokio::task::yield_now().await;
            }
            Step::Commit(n) => _ = log.commit(n),
            Step::Refuse(n) => log.refuse(n, LogError::Full),
            Step::Poll => tell.unbounded_send(()).unwrap(),
        }
        if most.is_multiple_of(2) {
            tokio::task::yield_now().await;
        }
    }
    for post in posts {
        while !post.is_finished() {
            log.commit(0);
            tokio::task::yield_now().await;
        }
        post.await.unwrap();
    }
    // Whoever has skipped something has this one all the same.
    let last = actix_rt::spawn({
        let broker = broker.clone();
        async move { broker.post(&name("a"), posting("c", &["the last"])).await.unwrap().last().unwrap() }
    });
    while !last.is_finished() {
        log.commit(0);
        tokio::task::yield_now().await;
    }
    let last = last.await.unwrap();
    answered.borrow_mut().push(last);
    tell.unbounded_send(()).unwrap();
    drop(tell);
    polls.await.unwrap();
    eventually("all is told", || followed.borrow().last() == Some(&last)).await;
    let mut all = answered.borrow().clone();
    all.sort_unstable();
    assert_eq!(*polled.borrow(), all, "polled: in order, each once");
    assert_eq!(*followed.borrow(), all, "followed: in order, each once");
    broker.shutdown().await;
    follows.await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// I-9: whichever proposals are committed and refused when, and whenever the log numbers them: who follows the positions and who
    /// waits get every message that was answered, in the order of the ids, each once; and a read has what was answered before it.
    #[test]
    fn i_9_nothing_is_skipped_and_nothing_comes_twice(
        steps in steps(), late: bool, most in 1usize..8,
    ) {
        let numbers = if late { Numbers::Commits } else { Numbers::Proposals };
        actix_rt::System::new().block_on(run(numbers, steps, most));
    }
}
