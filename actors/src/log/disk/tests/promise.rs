//! What the running log tells, its threads included, against what the disk has at that moment.

use std::sync::Arc;
use std::time::Duration;

use super::super::sim::{Dice, Fate, SimFolder};
use super::super::{DiskLog, DiskSettings, Durability};
use super::world::{Found, SEGMENT, START, recover};
use crate::clock::ManualClock;
use crate::log::contract::{self, Bus, PATIENCE, start};
use crate::log::{Log, Outcome, Ticket};

/// Nothing that was not synced survives.
pub(super) const NOTHING: Fate = Fate { kept: 0, torn: false };

pub(super) fn log(folder: &SimFolder, durability: Durability) -> DiskLog {
    let settings = DiskSettings { durability, segment: SEGMENT, ..DiskSettings::at("log") };
    DiskLog::in_folder(Arc::new(folder.clone()), settings).unwrap()
}

fn running(folder: &SimFolder, durability: Durability) -> (DiskLog, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(START));
    (start(log(folder, durability), &clock, 1).0, clock)
}

fn after_a_power_loss(folder: &SimFolder) -> Found {
    recover(&SimFolder::of(&folder.crash(folder.ops(), NOTHING, &mut Dice(1)))).unwrap()
}

#[test]
fn the_disk_log_keeps_the_contract_on_a_simulated_disk() {
    for durability in [Durability::Sync, Durability::Interval(Duration::from_millis(1))] {
        contract::check(|| log(&SimFolder::default(), durability));
        let folder = SimFolder::default();
        contract::check_durable(|| log(&folder, durability));
    }
}

#[test]
fn i_2_what_is_told_committed_is_on_the_disk() {
    let folder = SimFolder::default();
    let (log, _) = running(&folder, Durability::Sync);
    let mut bus = Bus::new();
    // Over several segments.
    for _ in 1..100 {
        let id = bus.post(&log, contract::proposal("b", &[&"m".repeat(100)]));
        let found = after_a_power_loss(&folder);
        assert_eq!(found.records.last().map(|(first, _)| *first), Some(id));
    }
    log.close();
}

#[test]
fn i_1_with_durability_interval_ids_that_were_told_are_reserved_and_records_synced_in_time() {
    let folder = SimFolder::default();
    let mut bus = Bus::new();
    let (log, clock) = running(&folder, Durability::Interval(Duration::from_millis(1)));
    let last = bus.post(&log, contract::proposal("b", &["{}"]));
    let found = after_a_power_loss(&folder);
    assert!(found.records.is_empty() && found.highest >= last, "{:?}", found.highest);
    clock.advance(Duration::from_millis(1));
    let end = std::time::Instant::now() + PATIENCE;
    while after_a_power_loss(&folder).records.is_empty() {
        assert!(std::time::Instant::now() < end, "nothing goes to the disk by itself");
        std::thread::yield_now();
    }
    log.close();
}

#[test]
fn i_5_a_large_group_is_written_though_more_may_be_at_hand() {
    let folder = SimFolder::default();
    let (log, _) = running(&folder, Durability::Sync);
    let bus = Bus::new();
    for ticket in 1..=10 {
        log.propose(contract::proposal("b", &[&"m".repeat(30_000)]), Ticket(ticket), &bus.feed).unwrap();
    }
    // Nobody has said that it is all.
    assert!(matches!(bus.told(), Outcome::Committed(_)));
    log.close();
}

#[test]
fn with_durability_interval_a_bus_that_was_closed_stays_closed() {
    let folder = SimFolder::default();
    let (log, _) = running(&folder, Durability::Interval(Duration::from_hours(1)));
    let (sender, done) = std::sync::mpsc::channel();
    let mut bus = Bus::new();
    bus.post(&log, contract::proposal("b", &["{}"]));
    let next = log.retire(&"b".parse().unwrap(), Box::new(move |told| sender.send(told).unwrap())).unwrap();
    assert_eq!(done.recv_timeout(PATIENCE), Ok(Ok(())));
    let image = folder.crash(folder.ops(), NOTHING, &mut Dice(1));
    let restarted = self::log(&SimFolder::of(&image), Durability::Sync);
    let (_, _, found) = start(restarted, &Arc::new(ManualClock::at(START)), 2);
    let retired = crate::log::Kept::Retired { bus: "b".parse().unwrap(), next };
    assert_eq!(found.len(), 2);
    assert_eq!(found.last(), Some(&retired), "durable, and behind the records that it is about");
    log.close();
}
