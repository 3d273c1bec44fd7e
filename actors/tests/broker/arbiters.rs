//! On which threads actors run: they may end, and nobody on them waits for long.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix_rt::Arbiter;
use backplane_actors::{Broker, BusSettings, ManualClock, PostError, Since, Work};
use futures::future::join_all;

use crate::log::{Pace, Recorder};
use crate::{builder, bus, clock, eventually, posting, read, read_bus, stats, texts};

/// A thread without an arbiter may be the first to use a broker, before its HTTP workers have joined.
#[test]
fn a_use_before_there_is_an_arbiter_does_not_close_the_bus_for_good() {
    let broker = builder(&clock()).start().unwrap();
    let elsewhere = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let early = elsewhere.block_on(broker.post(&bus(), posting("c", &["1"])));
    assert_eq!(early, Err(PostError::Closed));
    actix_rt::System::new().block_on(async {
        broker.post(&bus(), posting("c", &["2"])).await.unwrap();
    });
}

async fn joined(broker: &Broker) -> Arbiter {
    let (arbiter, (sender, joined)) = (Arbiter::new(), futures::channel::oneshot::channel());
    let broker = broker.clone();
    arbiter.spawn_fn(move || {
        broker.join_arbiter();
        sender.send(()).unwrap();
    });
    joined.await.unwrap();
    arbiter
}

#[actix::test]
async fn a_bus_whose_thread_has_ended_goes_on_with_all_its_messages() {
    let log = Recorder::paced(Pace::Flushed);
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    for round in 0..4u32 {
        let arbiter = joined(&broker).await;
        let text = round.to_string();
        broker.post(&bus(), posting("a", &[&text])).await.unwrap();
        let so_far: Vec<_> = (0..=round).map(|round| round.to_string()).collect();
        assert_eq!(texts(&read(&broker, "a", Since::Start).await), so_far);
        // One POST is with the log when its thread ends.
        log.set_pace(Pace::Told);
        let pending = crate::post(&broker, posting("b", &[&text]));
        eventually("proposed", || log.pending() == 1).await;
        arbiter.stop();
        arbiter.join().unwrap();
        assert_eq!(
            pending.await.unwrap(),
            Err(PostError::Crashed),
            "nobody knows, and nobody waits for ever"
        );
        log.commit_all();
        log.set_pace(Pace::Flushed);
    }
    // Without another the present thread takes over.
    broker.post(&bus(), posting("a", &["last"])).await.unwrap();
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["0", "1", "2", "3", "last"]);
    assert_eq!(texts(&read(&broker, "b", Since::Start).await), ["0", "1", "2", "3"]);
    assert_eq!(read_bus(&broker, Since::Start).await.entries.len(), 9);
    broker.shutdown().await;
}

/// What the log has not been told to write when a thread ends is written all the same.
#[actix::test]
async fn a_post_is_flushed_though_its_thread_has_ended() {
    let log = Recorder::paced(Pace::Told);
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    let arbiter = joined(&broker).await;
    let pending = crate::post(&broker, posting("a", &["1"]));
    eventually("proposed", || log.pending() == 1).await;
    arbiter.stop();
    arbiter.join().unwrap();
    assert!(pending.await.unwrap().is_err());
    let before = log.flushes();
    assert!(read_bus(&broker, Since::Start).await.entries.is_empty());
    assert!(log.flushes() > before);
}

/// Counts the turns of the others on this thread until it is told to stop.
fn others(stop: &Arc<AtomicBool>) -> Arc<AtomicU64> {
    let (turns, stop) = (Arc::new(AtomicU64::new(0)), Arc::clone(stop));
    let counter = Arc::clone(&turns);
    actix_rt::spawn(async move {
        while !stop.load(Ordering::SeqCst) {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    turns
}

/// How many turns others had had at each piece of this work.
async fn turns_at(work: Work) -> (Broker, Arc<ManualClock>, Arc<Mutex<Vec<u64>>>, Arc<AtomicBool>) {
    let (clock, stop, seen) = (clock(), Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let (turns, noted) = (others(&stop), Arc::clone(&seen));
    let settings = BusSettings { channel_idle: Duration::from_millis(8), ..BusSettings::default() };
    let broker = builder(&clock)
        .bus(bus(), settings)
        .fail_points(move |met| {
            if met == work {
                noted.lock().unwrap().push(turns.load(Ordering::SeqCst));
            }
        })
        .start()
        .unwrap();
    broker.post(&bus(), posting("a", &["starts it"])).await.unwrap();
    (broker, clock, seen, stop)
}

#[actix::test]
async fn others_have_their_turn_while_many_channels_are_reaped() {
    const CHANNELS: usize = 5_000;
    let (broker, clock, seen, stop) = turns_at(Work::Reap).await;
    for n in 0..CHANNELS {
        broker.post(&bus(), posting(&format!("c{n}"), &["1"])).await.unwrap();
    }
    clock.advance(Duration::from_secs(1));
    let before = seen.lock().unwrap().len();
    eventually("all are reaped", || stats(&broker).channels == 0).await;
    stop.store(true, Ordering::SeqCst);
    let seen = seen.lock().unwrap();
    let turns: BTreeSet<_> = seen[before..].iter().collect();
    assert!(turns.len() >= 5, "too few slices to prove anything");
    assert_eq!(turns.len(), seen.len() - before, "two slices in one turn");
}

#[actix::test]
async fn others_have_their_turn_while_many_posts_are_taken() {
    const POSTS: usize = 8_000;
    let (broker, _, seen, stop) = turns_at(Work::Post).await;
    let handle = broker.bus(bus().as_str()).unwrap();
    let answers = join_all((0..POSTS).map(|_| handle.post(posting("a", &["1"])))).await;
    assert!(answers.iter().all(Result::is_ok));
    stop.store(true, Ordering::SeqCst);
    let turns: BTreeSet<_> = seen.lock().unwrap().iter().copied().collect();
    assert!(turns.len() >= 4, "{} turns in {POSTS} POSTs", turns.len());
}

/// A POST goes to the log before what came after it is done, not once the mailbox is empty.
#[actix::test]
async fn a_post_does_not_wait_for_the_retrievals_behind_it() {
    let (log, flushes) = (Recorder::paced(Pace::Flushed), Arc::new(Mutex::new(Vec::new())));
    let (told, noted) = (log.clone(), Arc::clone(&flushes));
    let broker = builder(&clock())
        .log(log.clone())
        .fail_points(move |work| {
            if work == Work::ReadBus {
                noted.lock().unwrap().push(told.flushes());
            }
        })
        .start()
        .unwrap();
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let (before, handle) = (log.flushes(), broker.bus(bus().as_str()).unwrap());
    let mut posted = Box::pin(handle.post(posting("a", &["2"])));
    // The actor runs on this very thread: all of these are in its mailbox before it handles the first.
    assert!(futures::poll!(&mut posted).is_pending());
    let mut reads: Vec<_> = (0..100).map(|_| Box::pin(handle.read(Since::Start))).collect();
    for read in &mut reads {
        assert!(futures::poll!(read).is_pending());
    }
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    posted.await.unwrap();
    assert_eq!(flushes.lock().unwrap()[0], before + 1, "flushed before the first of them");
}
