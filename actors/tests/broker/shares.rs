//! I-5: one customer's flood ends at his share, also after a restart.

use backplane_actors::log::{DiskLog, DiskSettings};
use backplane_actors::{
    Broker, BrokerBuilder, BrokerLimits, BusName, BusSettings, PostError, Poster, Posting, Share,
};

use crate::log::{Pace, Recorder};
use crate::{builder, bus, clock, eventually, keyed_by, posting, posting_of};

const MEMORY: usize = 200_000;

fn other() -> BusName {
    "organization.org".parse().unwrap()
}

/// Those who may post.
fn posters(names: &[&str]) -> BusSettings {
    let posters = names.iter().map(|name| Poster::new(name).unwrap()).collect();
    BusSettings { posters, ..BusSettings::default() }
}

fn limits() -> BrokerLimits {
    BrokerLimits {
        window_memory: MEMORY,
        channels_per_bus: 8,
        idempotency_keys: 8,
        ..BrokerLimits::default()
    }
}

/// Two buses, of which alice and bob post to the first.
fn two_buses(log: &Recorder) -> BrokerBuilder {
    let clock = clock();
    let broker = builder(&clock).bus(bus(), posters(&["alice", "bob"])).bus(other(), posters(&["alice"]));
    broker.limits(limits()).log(log.clone())
}

/// Posts until it is refused, and says how often it was not and why it was.
async fn flood(broker: &Broker, bus: &BusName, of: impl Fn(usize) -> Posting) -> (usize, PostError) {
    for n in 0.. {
        if let Err(error) = broker.post(bus, of(n)).await {
            return (n, error);
        }
    }
    unreachable!("numbers do not end")
}

fn big(poster: &str) -> Posting {
    posting_of(poster, "c0", &"x".repeat(1_000))
}

fn held(broker: &Broker) -> usize {
    broker.bus_stats(&bus()).unwrap().window_memory
}

#[actix::test]
async fn i_5_one_bus_leaves_the_others_their_part_of_the_memory() {
    let log = Recorder::default();
    let mut broker = two_buses(&log).start().unwrap();
    let (_, error) = flood(&broker, &bus(), |_| big("bob")).await;
    assert_eq!(error, PostError::ShareUsed(Share::Memory));
    for restarts in [false, true] {
        if restarts {
            broker.shutdown().await;
            broker = two_buses(&log).start().unwrap();
        }
        let (_, error) = flood(&broker, &bus(), |_| big("bob")).await;
        assert_eq!(error, PostError::ShareUsed(Share::Memory));
        // Half is free; of the rest half is the other bus's, and half of what is left is alice's.
        let held = held(&broker);
        assert!(held <= MEMORY * 5 / 8 && held > MEMORY * 5 / 8 - 2_000, "{held}, restarted: {restarts}");
    }
    let (_, error) = flood(&broker, &bus(), |_| big("alice")).await;
    assert_eq!(error, PostError::BusShareUsed, "she has all that was kept for her");
    let stats = broker.bus_stats(&bus()).unwrap();
    assert_eq!(stats.bus_memory_max, MEMORY * 3 / 4);
    assert!(stats.bus_memory <= MEMORY * 3 / 4 && stats.bus_memory > MEMORY * 3 / 4 - 2_000);
    let (posts, error) = flood(&broker, &other(), |_| big("alice")).await;
    assert_eq!(error, PostError::MemoryFull(MEMORY));
    assert!(posts >= MEMORY / 4 / 1_500, "{posts} POSTs");
    broker.canary().await.unwrap();
}

/// Also while a slow log holds everything: what is pending counts.
#[actix::test]
async fn i_5_one_poster_leaves_the_others_their_part_of_memory_channels_and_keys() {
    for paced in [false, true] {
        let log = if paced { Recorder::paced(Pace::Told) } else { Recorder::default() };
        let broker = two_buses(&log).start().unwrap();
        let post = async |posting: Posting| {
            if !paced {
                return broker.post(&bus(), posting).await.map(drop);
            }
            let before = log.pending();
            let posted = crate::post(&broker, posting);
            eventually("decided", || log.pending() > before || posted.is_finished()).await;
            if posted.is_finished() { posted.await.unwrap().map(drop) } else { Ok(()) }
        };
        let mut channels = 0;
        let refused = loop {
            match post(posting_of("bob", &format!("c{channels}"), "x")).await {
                Ok(()) => channels += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((channels, refused), (6, PostError::ShareUsed(Share::Channels)), "paced: {paced}");
        let mut keys = 0;
        let refused = loop {
            match post(keyed_by("bob", "c0", "x", &format!("k{keys}"))).await {
                Ok(()) => keys += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((keys, refused), (6, PostError::ShareUsed(Share::Keys)), "paced: {paced}");
        while let Ok(()) = post(big("bob")).await {}
        assert_eq!(post(big("bob")).await, Err(PostError::ShareUsed(Share::Memory)));
        for n in 0..2 {
            assert_eq!(post(keyed_by("alice", &format!("d{n}"), "x", "k")).await, Ok(()), "paced: {paced}");
        }
        assert_eq!(post(posting_of("alice", "e", "x")).await, Err(PostError::TooManyChannels(8)));
        assert_eq!(post(keyed_by("alice", "c0", "x", "l")).await, Err(PostError::TooManyKeys(8)));
        assert_eq!(post(big("alice")).await, Ok(()));
        log.set_pace(Pace::Flushed);
        log.commit_all();
    }
}

/// Bob uses his share up; after a restart it still is, and alice's is there.
async fn restart_knows_whose_it_is(open: &dyn Fn() -> BrokerBuilder) {
    let broker = open().start().unwrap();
    let channel = |n: usize| posting_of("bob", &format!("c{n}"), "x");
    let key = |n: usize| keyed_by("bob", "c0", "x", &format!("k{n}"));
    assert_eq!(flood(&broker, &bus(), channel).await.0, 6);
    assert_eq!(flood(&broker, &bus(), key).await.0, 6);
    flood(&broker, &bus(), |_| big("bob")).await;
    broker.shutdown().await;
    drop(broker);
    let broker = open().start().unwrap();
    assert_eq!(broker.post(&bus(), channel(9)).await, Err(PostError::ShareUsed(Share::Channels)));
    assert_eq!(broker.post(&bus(), key(9)).await, Err(PostError::ShareUsed(Share::Keys)));
    assert_eq!(broker.post(&bus(), big("bob")).await, Err(PostError::ShareUsed(Share::Memory)));
    for n in 0..2 {
        let text = format!("d{n}");
        broker.post(&bus(), keyed_by("alice", &text, "x", "k")).await.unwrap();
    }
    broker.post(&bus(), big("alice")).await.unwrap();
    broker.shutdown().await;
}

#[actix::test]
async fn i_5_a_restart_knows_whose_it_is() {
    let log = Recorder::default();
    restart_knows_whose_it_is(&|| two_buses(&log)).await;
}

#[actix::test]
async fn i_5_a_restart_knows_whose_it_is_on_disk() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Recorder::default());
    let open = || two_buses(&log).log(DiskLog::open(DiskSettings::at(folder.path())).unwrap());
    restart_knows_whose_it_is(&open).await;
}

/// Buses, posters and bounds may change while the broker runs.
#[actix::test]
async fn i_5_parts_follow_who_is_there() {
    let log = Recorder::default();
    let broker = two_buses(&log).start().unwrap();
    flood(&broker, &bus(), |_| big("bob")).await;
    broker.close_bus(&other()).await.unwrap();
    let (more, error) = flood(&broker, &bus(), |_| big("bob")).await;
    assert_eq!(error, PostError::ShareUsed(Share::Memory));
    assert!(more > 0, "alice's part is larger, and all else is free");
    assert!(held(&broker) > MEMORY * 3 / 4 - 2_000, "{}", held(&broker));
    broker.change_bus(&bus(), posters(&["bob"])).unwrap();
    assert_eq!(flood(&broker, &bus(), |_| big("bob")).await.1, PostError::MemoryFull(MEMORY));
    broker.change_limits(BrokerLimits { window_memory: 2 * MEMORY, ..limits() });
    broker.open_bus(other(), posters(&["alice"])).await.unwrap();
    let (_, error) = flood(&broker, &bus(), |_| big("bob")).await;
    assert_eq!(error, PostError::BusShareUsed);
    assert!(held(&broker) <= MEMORY * 3 / 2);
    broker.post(&other(), big("alice")).await.unwrap();
}

/// Probes ask whether a POST would go to the log, not whether there is room for one.
#[actix::test]
async fn i_5_the_canary_needs_no_room() {
    let clock = clock();
    let limits = BrokerLimits {
        window_memory: 10,
        channels_per_bus: 0,
        idempotency_keys: 0,
        ..BrokerLimits::default()
    };
    let broker = builder(&clock).limits(limits).start().unwrap();
    assert!(broker.post(&bus(), posting("a", &["1"])).await.is_err());
    for _ in 0..3 {
        broker.canary().await.unwrap();
    }
}
