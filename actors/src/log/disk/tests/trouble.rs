//! A disk that hangs, and panics anywhere: nobody waits, nobody is left without an answer.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::super::sim::{Fault, Plan, SimFolder};
use super::super::{DiskLog, DiskSettings, Durability};
use super::promise::log;
use super::real::ending;
use super::world::START;
use crate::clock::ManualClock;
use crate::log::contract::{self, Bus, PATIENCE, start};
use crate::log::{Feed, Log, LogError, LogState, Outcome, RecoveryError, Ticket};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

#[test]
fn i_5_nobody_waits_for_a_disk_that_hangs() {
    let folder = SimFolder::default();
    let (log, _, _) = start(log(&folder, Durability::Sync), &clock(), 1);
    let mut bus = Bus::new();
    bus.post(&log, contract::proposal("b", &["{}"]));
    folder.gate().close();
    let (sender, asked) = channel();
    let hanging = folder.clone();
    let asking = std::thread::spawn(move || {
        for _ in 0..2 {
            bus.propose(&log, contract::proposal("b", &["{}"])).unwrap();
            log.flush();
            hanging.gate().hangs();
        }
        log.retire(&"other".parse().unwrap(), Box::new(|_| ())).unwrap();
        let (issued, health) = (log.issued(), log.health());
        // Neither does who drops it.
        drop(log);
        sender.send((bus, issued, health)).unwrap();
    });
    let (mut bus, issued, health) = asked.recv_timeout(PATIENCE).expect("somebody waits for the disk");
    asking.join().unwrap();
    assert_eq!(health.state, LogState::Open);
    assert!(bus.is_silent(), "nothing is told before it is durable");
    let settings = || DiskSettings::at("log");
    let again = || DiskLog::in_folder(Arc::new(folder.clone()), settings());
    assert!(matches!(again(), Err(RecoveryError::InUse { .. })), "its threads are at work");

    folder.gate().open();
    bus.settle();
    assert_eq!(bus.committed.last().unwrap().last(), issued);
    let free = loop {
        match again() {
            Ok(log) => break log,
            Err(RecoveryError::InUse { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    let (log, _, found) = start(free, &clock(), 2);
    assert_eq!(found.len(), 4, "three records and a bus that was closed");
    log.close();
}

/// A panic at the n-th operation from now on, in whichever thread does it.
#[test]
fn a_panic_anywhere_ends_the_log_and_leaves_nobody_waiting() {
    for after in 0..24 {
        let folder = SimFolder::default();
        let (log, _, _) = start(log(&folder, Durability::Sync), &clock(), 1);
        let bus = Bus::new();
        folder.plan(Some(Plan { after, fault: Fault::Panic, for_good: false }));
        let (mut taken, mut answered) = (0, 0);
        let refused = loop {
            let proposed =
                log.propose(contract::proposal("b", &[&"m".repeat(500)]), Ticket(taken), &bus.feed);
            match proposed {
                Ok(_) => taken += 1,
                Err(error) => break error,
            }
            log.flush();
            answered += match bus.told() {
                Outcome::Committed(commits) => u64::try_from(commits.len()).unwrap(),
                Outcome::Refused { tickets, error: LogError::Failed } => {
                    u64::try_from(tickets.len()).unwrap()
                }
                other => panic!("{other:?}"),
            };
        };
        assert_eq!(refused, LogError::Failed, "after {after} operations");
        assert_eq!(log.health().state, LogState::Failed);
        assert_eq!(answered, taken);
        log.close();
        assert!(bus.is_silent(), "nothing is told twice");
        assert_eq!(log.health().state, LogState::Failed, "also when it was closed");
        folder.plan(None);
        let (log, _, found) = start(super::promise::log(&folder, Durability::Sync), &clock(), 2);
        assert!(u64::try_from(found.len()).unwrap() <= taken);
        log.close();
    }
}

#[test]
fn a_panic_beside_the_writing_ends_the_log_also_when_nobody_posts() {
    let (folder, clock) = (SimFolder::default(), clock());
    let (log, extent, _) = start(log(&folder, Durability::Sync), &clock, 1);
    let mut bus = Bus::new();
    for _ in 0..40 {
        bus.post(&log, ending(extent.timeline.now()));
    }
    // The next thing that is done is to remove the first segment.
    folder.plan(Some(Plan { after: 0, fault: Fault::Panic, for_good: true }));
    clock.advance(std::time::Duration::from_mins(2));
    let end = std::time::Instant::now() + PATIENCE;
    while log.health().state != LogState::Failed {
        assert!(std::time::Instant::now() < end, "it goes on without its keeper");
        std::thread::yield_now();
    }
    folder.plan(None);
    log.close();
}

#[test]
fn a_panic_of_one_bus_keeps_nothing_from_another_and_ends_the_log() {
    let folder = SimFolder::default();
    let (log, _, _) = start(log(&folder, Durability::Sync), &clock(), 1);
    let bad = Feed::new(|_| panic!("a bus has a panic"));
    let buses = [Bus::new(), Bus::new(), Bus::new()];
    for (n, bus) in (0..).zip(&buses) {
        log.propose(contract::proposal("b", &["{}"]), Ticket(n), &bus.feed).unwrap();
        log.propose(contract::proposal("b", &["{}"]), Ticket(n), &bad).unwrap();
    }
    log.flush();
    for bus in &buses {
        assert!(matches!(bus.told(), Outcome::Committed(commits) if commits.len() == 1));
    }
    log.close();
    assert_eq!(log.health().state, LogState::Failed);
}
