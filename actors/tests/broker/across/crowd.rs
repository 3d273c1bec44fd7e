//! Many at once, on two threads, over the log on disk: posters, and readers who poll and who wait, while a bus is closed and made again.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use actix_rt::Arbiter;
use backplane_actors::log::{DiskLog, DiskSettings};
use backplane_actors::{Broker, BusSettings, Event, MessageId, Part, PostError, Resume, Since};
use futures::StreamExt as _;
use futures::future::join_all;

use super::{ids, name};
use crate::{builder, clock, eventually, posting};

/// The third is closed and made again, the last one idle.
const BUSES: [&str; 4] = ["a", "b", "passing", "idle"];
const POSTS: usize = 300;

/// The broker's buses of these names that are open now.
fn open(broker: &Broker, names: &[&str]) -> Vec<(backplane_actors::BusHandle, Part)> {
    names.iter().filter_map(|name| broker.bus(name)).map(|bus| (bus, Part::All)).collect()
}

/// Runs on a thread of its own that the broker's actors use as well.
async fn elsewhere<F: Future<Output = ()> + 'static>(
    broker: &Broker,
    run: impl FnOnce(Broker) -> F + Send + 'static,
) -> impl Future<Output = ()> {
    let (arbiter, broker) = (Arbiter::new(), broker.clone());
    let (joined, has_joined) = futures::channel::oneshot::channel();
    let (ended, end) = futures::channel::oneshot::channel();
    arbiter.spawn_fn(move || {
        broker.join_arbiter();
        joined.send(()).unwrap();
        actix_rt::spawn(async move {
            run(broker).await;
            ended.send(()).unwrap();
        });
    });
    has_joined.await.unwrap();
    async move {
        // It has panicked, or it is done.
        end.await.unwrap();
        arbiter.stop();
        arbiter.join().unwrap();
    }
}

/// Follows positions until all is posted and nothing is left.
async fn poll(broker: Broker, over: Arc<AtomicBool>, seen: Arc<Mutex<Vec<MessageId>>>) {
    let mut since = Since::Start;
    loop {
        let was_over = over.load(Ordering::SeqCst);
        let members = open(&broker, &["a", "b", "idle"]);
        let page =
            broker.across(members).read(since, &|_, _| true, NonZeroUsize::new(7).unwrap()).await.unwrap();
        assert_eq!(page.resume, Resume::Complete);
        seen.lock().unwrap().extend(ids(&page));
        since = page.next.into();
        if was_over && !page.more {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The same of all buses, one of which comes and goes: then what comes after is read from the position on.
async fn follow(broker: Broker, over: Arc<AtomicBool>, seen: Arc<Mutex<Vec<MessageId>>>) {
    let mut since = Since::Start;
    while !over.load(Ordering::SeqCst) {
        // One that is about to be closed ends at once.
        tokio::task::yield_now().await;
        let Ok(mut events) = broker.across(open(&broker, &BUSES)).subscribe(since, None) else { continue };
        while let Some(event) = events.next().await {
            match event {
                Event::Message(message) => seen.lock().unwrap().push(message.id()),
                // A bus that was made again may have had something before.
                Event::Resumed(_) => {}
                Event::End(_) => break,
            }
            since = events.position().into();
            if over.load(Ordering::SeqCst) {
                break;
            }
        }
    }
    // What is left.
    let page =
        broker.across(open(&broker, &BUSES)).read(since, &|_, _| true, NonZeroUsize::MAX).await.unwrap();
    seen.lock().unwrap().extend(ids(&page));
}

async fn post(broker: Broker, bus: &'static str, posted: Arc<Mutex<Vec<MessageId>>>) {
    let mut n = 0;
    while n < POSTS {
        match broker.post(&name(bus), posting(&format!("c{}", n % 3), &["1", "2"][..=n % 2])).await {
            Ok(answer) => {
                posted.lock().unwrap().extend(answer.ids());
                n += 1;
            }
            Err(PostError::BusClosed | PostError::UnknownBus) if bus == "passing" => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[actix::test]
async fn i_9_a_crowd_sees_everything_once_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let settings = BusSettings {
        bus_window: NonZeroUsize::new(4 * POSTS).unwrap(),
        channel_window: NonZeroUsize::new(4 * POSTS).unwrap(),
        ..BusSettings::default()
    };
    let builder =
        BUSES.iter().fold(builder(&clock()), |builder, bus| builder.bus(name(bus), settings.clone()));
    let broker = builder.log(DiskLog::open(DiskSettings::at(folder.path())).unwrap()).start().unwrap();
    broker.join_arbiter();
    let over = Arc::new(AtomicBool::new(false));
    let [polled, followed, polled_here, followed_here]: [Arc<Mutex<Vec<MessageId>>>; 4] = Default::default();
    let stable = Arc::new(Mutex::new(Vec::new()));
    let there = elsewhere(&broker, {
        let (over, polled, followed, stable) =
            (Arc::clone(&over), Arc::clone(&polled), Arc::clone(&followed), Arc::clone(&stable));
        move |broker| async move {
            let readers = [
                actix_rt::spawn(poll(broker.clone(), Arc::clone(&over), polled)),
                actix_rt::spawn(follow(broker.clone(), over, followed)),
            ];
            post(broker, "a", stable).await;
            for reader in readers {
                reader.await.unwrap();
            }
        }
    })
    .await;
    let readers = [
        actix_rt::spawn(poll(broker.clone(), Arc::clone(&over), Arc::clone(&polled_here))),
        actix_rt::spawn(follow(broker.clone(), Arc::clone(&over), Arc::clone(&followed_here))),
    ];
    let comes_and_goes = async {
        for _ in 0..10 {
            broker.close_bus(&name("passing")).await.unwrap();
            tokio::task::yield_now().await;
            broker.open_bus(name("passing"), settings.clone()).await.unwrap();
            broker.post(&name("passing"), posting("c", &["1"])).await.unwrap();
        }
    };
    join_all([
        Box::pin(post(broker.clone(), "b", Arc::clone(&stable)))
            as std::pin::Pin<Box<dyn Future<Output = ()>>>,
        Box::pin(post(broker.clone(), "passing", Arc::default())),
        Box::pin(comes_and_goes),
    ])
    .await;
    let posted = || stable.lock().unwrap().len() == 2 * (POSTS + POSTS / 2);
    eventually("all is posted", posted).await;
    over.store(true, Ordering::SeqCst);
    // Whoever waits notices.
    let last = broker.post(&name("idle"), posting("c", &["the last"])).await.unwrap().last().unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    there.await;
    let mut stable = stable.lock().unwrap().clone();
    stable.sort_unstable();
    for seen in [polled, polled_here] {
        let mut seen = seen.lock().unwrap();
        seen.pop_if(|id| *id == last);
        assert_eq!(*seen, stable, "polled: in order, each once");
    }
    for seen in [followed, followed_here] {
        let seen = seen.lock().unwrap();
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "followed: in order, each once");
        let of_stable: Vec<_> = seen.iter().copied().filter(|id| stable.binary_search(id).is_ok()).collect();
        assert_eq!(of_stable, stable, "nothing of the others is missing when one comes and goes");
    }
    broker.shutdown().await;
}
