//! The Rust client behind a way that does not hold. What it does in memory is tested beside it; here are real sockets, and the server itself.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use backplane_client::{Backoff, Client, Event, Message, Resume, Subscription};
use fastrand::Rng;
use testkit::{BUS, Server, Setup, password_of};
use tokio::sync::watch;

use crate::way::{Tally, Way};
use crate::{CHANNELS, WATCHDOG};

/// Of the events of a stream one in so many does not come as it was sent.
const ONE_IN: u32 = 20;
/// Of a channel, of several, and of the bus.
const READERS: usize = 3;
/// How far behind the newest message a reader may be.
const AHEAD: usize = 32;
/// As many messages as there may be.
const ALL: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// The messages of a run: some, or very many.
fn messages() -> usize {
    match std::env::var("BACKPLANE_STRESS").as_deref() {
        Ok("full" | "short") => 12_000,
        _ => 1_500,
    }
}

fn dice() -> Rng {
    let seed = std::env::var("BACKPLANE_STRESS_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("BACKPLANE_STRESS_SEED={seed}");
    Rng::with_seed(seed)
}

fn client(address: SocketAddr) -> Client {
    let millis = Duration::from_millis;
    let brief = Backoff { soonest: millis(1), first: millis(2), longest: millis(20) };
    let client = Client::builder(&format!("http://{address}/v1")).credentials("alice", &password_of("alice"));
    client.backoff(brief).stream_again(millis(20)).build().unwrap()
}

/// Posts numbers, by turns to two channels, and no more of them than the slowest reader keeps up with; until nobody wants more.
async fn post(server: SocketAddr, mut seen: watch::Receiver<[usize; READERS]>) {
    let client = client(server);
    let channels = CHANNELS.map(|name| client.bus(BUS).unwrap().channel(name).unwrap());
    for n in 0.. {
        let keeps_up = |seen: &[usize; READERS]| seen.iter().all(|last| n < *last + AHEAD);
        if seen.wait_for(keeps_up).await.is_err() || seen.has_changed().is_err() {
            return;
        }
        let message = Message::new("http://client.com", "test", &n).unwrap();
        channels[n % 2].post(&[message]).await.unwrap();
    }
}

/// What a reader was told: the numbers of messages, and how often something was said to be missing before each.
async fn read(mut subscription: Subscription, last: usize, progress: impl Fn(usize)) -> Vec<(usize, usize)> {
    let (mut seen, mut gaps) = (Vec::new(), 0);
    while seen.last().is_none_or(|(n, _)| *n < last) {
        let event = tokio::time::timeout(WATCHDOG, subscription.next()).await;
        match event.unwrap_or_else(|_| panic!("nothing comes behind {:?}", seen.last())).unwrap().unwrap() {
            Event::Message(frame) => {
                let n = frame.message.payload_as().unwrap();
                seen.push((n, std::mem::take(&mut gaps)));
                progress(n);
            }
            Event::Resumed(resumed) => gaps += usize::from(resumed.resume != Resume::Complete),
            _ => {}
        }
    }
    // Nobody has to wait for it any more.
    progress(usize::MAX / 2);
    seen
}

/// All kinds of readers, each on its own way to the server: what they were told, how far apart the numbers are that they ask for,
/// and what their way did.
async fn run(server: &Server, last: usize) -> Vec<(Vec<(usize, usize)>, usize, Tally)> {
    let mut rng = dice();
    let (told, seen) = watch::channel([0; READERS]);
    let told = Arc::new(told);
    let mut readers = Vec::new();
    for kind in 0..READERS {
        let way = Way::to(server.address(), ONE_IN, rng.fork()).await;
        let bus = client(way.address).bus(BUS).unwrap();
        let (subscription, step) = match kind {
            0 => (bus.channel(CHANNELS[0]).unwrap().subscribe(None), 2),
            1 => (bus.channels(CHANNELS).unwrap().subscribe(None), 1),
            _ => (bus.subscribe(None), 1),
        };
        let told = Arc::clone(&told);
        let progress = move |n| told.send_modify(|seen| seen[kind] = n);
        readers.push((tokio::spawn(read(subscription, last, progress)), step, way));
    }
    drop(told);
    let poster = tokio::spawn(post(server.address(), seen));
    let mut told = Vec::new();
    for (reader, step, way) in readers {
        told.push((reader.await.unwrap(), step, std::mem::take(&mut *way.tally.lock().unwrap())));
    }
    poster.await.unwrap();
    for (.., tally) in &told {
        println!(
            "{} messages in streams, {:?}, {} of them harmful, {} gaps",
            tally.messages, tally.faults, tally.harmful, tally.gaps
        );
        assert_eq!(tally.unnoticed, Vec::<String>::new());
    }
    // A run in which little was done to what came proves nothing.
    let kinds: BTreeSet<_> = told.iter().flat_map(|(.., tally)| tally.faults.keys()).collect();
    let sum = |of: fn(&Tally) -> usize| told.iter().map(|(.., tally)| of(tally)).sum::<usize>();
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    assert!(sum(|tally| tally.harmful) > sum(|tally| tally.messages) / 100);
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_10_a_faulty_way_loses_doubles_and_reorders_nothing() {
    let setup = Setup::new().bus(|bus| (bus.window_bus, bus.window_channel) = (ALL, ALL));
    let last = messages();
    for (seen, step, tally) in run(&setup.start(), last).await {
        let expected: Vec<_> = (0..=last).step_by(step).map(|n| (n, 0)).collect();
        assert_eq!(seen.len(), expected.len());
        assert_eq!(seen, expected);
        assert_eq!(tally.gaps, 0);
        assert!(tally.messages > last / step / 2, "it listened to streams: {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_10_a_faulty_way_hides_no_gap_and_invents_none() {
    let few = NonZeroUsize::new(3).unwrap();
    let setup = Setup::new().bus(|bus| (bus.window_bus, bus.window_channel) = (few, few));
    let last = messages();
    let mut missing = 0;
    for (seen, step, tally) in run(&setup.start(), last).await {
        // By channel: of what is told at once, the windows of some reach further back than those of others.
        let (mut next, mut is_told) = ([None; 2], [false; 2]);
        for (n, gaps) in &seen {
            let channel = n % 2;
            is_told = is_told.map(|is_told| is_told || *gaps > 0);
            // It has the window as it was when it came.
            let expected = next[channel].replace(n + 2).unwrap_or(*n);
            assert!(*n >= expected && n % step == 0, "{n} comes where {expected} is expected");
            let is_missing = std::mem::take(&mut is_told[channel]);
            assert!(*n == expected || is_missing, "{expected} is missing before {n}, and nothing was said");
            missing += n - expected;
        }
        assert!(seen.is_sorted_by_key(|(n, _)| n));
        let told: usize = seen.iter().map(|(_, gaps)| gaps).sum();
        assert!(told <= tally.gaps, "the server told of {} gaps, the client of {told}", tally.gaps);
    }
    assert!(missing > 0, "nobody has lost anything");
}
