//! What the files take: their bound, their end by time, and what operators are shown.

use std::sync::Arc;
use std::time::Duration;

use super::super::bytes::length;
use super::super::file::Folder;
use super::super::kept::generation;
use super::super::segment::number;
use super::super::sim::{FREE, Fault, Plan, SimFolder};
use super::super::{DiskLog, DiskSettings};
use super::real::ending;
use super::world::{SEGMENT, START};
use crate::clock::ManualClock;
use crate::log::contract::{self, Bus, PATIENCE, start};
use crate::log::{Extent, Log, LogError, LogState, Outcome, Ticket};
use crate::model::{Epoch, Position, Since};
use crate::window::Origin;

const MAX: u64 = 6 * SEGMENT;

fn running(folder: &SimFolder, clock: &Arc<ManualClock>, epoch: u64, max: Option<u64>) -> (DiskLog, Extent) {
    let settings = DiskSettings { segment: SEGMENT, max, ..DiskSettings::at("log") };
    let log = DiskLog::in_folder(Arc::new(folder.clone()), settings).unwrap();
    let (log, extent, _) = start(log, clock, epoch);
    (log, extent)
}

/// Bytes of all files of the log.
pub(super) fn bytes(folder: &SimFolder) -> u64 {
    let names = folder.list().unwrap().into_iter();
    let names = names.filter(|name| number(name).is_some() || generation(name).is_some());
    // One that was there a moment ago may be gone.
    names.filter_map(|name| folder.read(&name).ok()).map(|bytes| length(bytes.len())).sum()
}

pub(super) fn wait_until(done: impl Fn() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !done() {
        assert!(std::time::Instant::now() < end, "it never comes");
        std::thread::yield_now();
    }
}

#[test]
fn i_5_beyond_the_bound_posts_are_refused_until_old_segments_go() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (log, begun) = running(&folder, &clock, 1, Some(MAX));
    let bus = Bus::new();
    let mut accepted = 0;
    let mut attempt = |until_refused: bool| loop {
        log.propose(ending(begun.timeline.now()), Ticket(0), &bus.feed).unwrap();
        log.flush();
        let told = bus.told();
        assert!(bytes(&folder) <= MAX, "{} bytes", bytes(&folder));
        match told {
            Outcome::Committed(_) => accepted += 1,
            Outcome::Refused { error: LogError::Full, .. } => return accepted,
            other => panic!("{other:?}"),
        }
        if !until_refused {
            return accepted;
        }
    };
    let before = attempt(true);
    assert!(before > 20, "{before} records");
    assert_eq!(log.health().state, LogState::Full);
    assert_eq!(attempt(true), before, "it stays so while nothing goes");
    clock.advance(Duration::from_mins(2));
    wait_until(|| bytes(&folder) <= 3 * MAX / 6);
    assert!(attempt(false) > before);
    assert_eq!(log.health().state, LogState::Open);
    log.close();
}

#[test]
fn i_5_a_post_that_is_longer_than_the_bound_is_refused() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (log, _) = running(&folder, &clock, 1, Some(MAX));
    let mut bus = Bus::new();
    bus.post(&log, contract::proposal("b", &["{}"]));
    // Also one that would leave no room for the segment after it, without which it could never go.
    for halves in [9, 12] {
        let text = "m".repeat(usize::try_from(SEGMENT).unwrap() / 2 * halves);
        log.propose(contract::proposal("b", &[&text]), Ticket(9), &bus.feed).unwrap();
        log.flush();
        let told = bus.told();
        let Outcome::Refused { error: LogError::Full, tickets } = told else { panic!("it is taken") };
        assert_eq!(tickets, [Ticket(9)]);
    }
    bus.post(&log, contract::proposal("b", &["{}"]));
    log.close();
}

#[test]
fn a_log_on_a_full_disk_is_opened_and_takes_posts_when_there_is_room() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (log, _) = running(&folder, &clock, 1, None);
    let mut bus = Bus::new();
    let kept = bus.post(&log, contract::proposal("b", &["{}"]));
    log.close();
    clock.advance(Duration::from_secs(1));
    // What is there can be made durable and the files keep their room; nothing more is to be had.
    folder.plan(Some(Plan { after: 4, fault: Fault::Full, for_good: true }));
    let (log, extent) = running(&folder, &clock, 2, None);
    let here = Since::from(Position { id: kept, epoch: Some(Epoch::from_u64(1)) });
    assert_eq!(extent.runs.judge(here, log.issued()), Origin::Newer(kept));
    wait_until(|| log.health().state == LogState::Full);
    let refused = Bus::new();
    log.propose(contract::proposal("b", &["{}"]), Ticket(1), &refused.feed).unwrap();
    log.flush();
    assert!(matches!(refused.told(), Outcome::Refused { error: LogError::Full, .. }));
    assert_eq!(log.health().state, LogState::Full);
    folder.plan(None);
    let later = bus.post(&log, contract::proposal("b", &["{}"]));
    assert_eq!(log.health().state, LogState::Open);
    log.close();
    let (log, extent) = running(&folder, &clock, 3, None);
    let there = Since::from(Position { id: later, epoch: Some(Epoch::from_u64(2)) });
    assert_eq!(
        extent.runs.judge(there, log.issued()),
        Origin::Newer(later),
        "the run was noted before its records"
    );
    log.close();
}

#[test]
fn without_file_descriptors_posts_are_refused_until_there_are_some() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (log, begun) = running(&folder, &clock, 1, None);
    let bus = Bus::new();
    let attempt = || {
        log.propose(ending(begun.timeline.now()), Ticket(0), &bus.feed).unwrap();
        log.flush();
        match bus.told() {
            Outcome::Committed(commits) => Ok(commits.len()),
            Outcome::Refused { error, .. } => Err(error),
            lost @ Outcome::Lost(_) => panic!("{lost:?}"),
        }
    };
    assert_eq!(attempt(), Ok(1));
    folder.plan(Some(Plan { after: 0, fault: Fault::Starved, for_good: true }));
    let mut accepted = 1;
    let refused = loop {
        match attempt() {
            Ok(count) => accepted += count,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, LogError::Starved);
    assert_eq!((attempt(), log.health().state), (Err(LogError::Starved), LogState::Starved));
    folder.plan(None);
    assert_eq!((attempt(), log.health().state), (Ok(1), LogState::Open));
    log.close();
    let settings = DiskSettings { segment: SEGMENT, ..DiskSettings::at("log") };
    let (log, _, kept) = start(DiskLog::in_folder(Arc::new(folder), settings).unwrap(), &clock, 2);
    assert_eq!(kept.len(), accepted + 1, "what was refused left nothing");
    log.close();
}

#[test]
fn what_is_over_leaves_the_disk_also_when_nobody_posts() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (log, extent) = running(&folder, &clock, 1, None);
    let mut bus = Bus::new();
    let last = bus.post(&log, ending(extent.timeline.now()));
    let first = folder.list().unwrap().into_iter().find(|name| number(name) == Some(1)).unwrap();
    clock.advance(Duration::from_mins(2));
    wait_until(|| !folder.list().unwrap().contains(&first));
    wait_until(|| log.health().oldest.is_none());
    log.close();
    // The clock was set back: nothing but the log tells what was.
    clock.step_wall(START);
    let (log, after) = running(&folder, &clock, 2, None);
    assert_eq!(after.lost, last);
    assert!(after.highest >= last && after.timeline.now() >= extent.timeline.now());
    log.close();
}

#[test]
fn what_is_over_leaves_the_disk_also_when_few_posts_come_all_the_time() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (log, extent) = running(&folder, &clock, 1, None);
    let mut bus = Bus::new();
    let first = folder.list().unwrap().into_iter().find(|name| number(name) == Some(1)).unwrap();
    // Each is kept for a minute, and so there is always one that is needed.
    for _ in 0..5 {
        bus.post(&log, ending(extent.timeline.now()));
        clock.advance(Duration::from_secs(25));
    }
    wait_until(|| folder.list().unwrap().iter().filter(|name| number(name).is_some()).count() > 2);
    bus.post(&log, ending(extent.timeline.now()));
    clock.advance(Duration::from_secs(59));
    wait_until(|| !folder.list().unwrap().contains(&first));
    log.close();
}

#[test]
fn a_log_shows_what_it_takes() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (log, extent) = running(&folder, &clock, 1, None);
    let mut bus = Bus::new();
    for _ in 0..100 {
        bus.post(&log, ending(extent.timeline.now()));
    }
    let files = || folder.list().unwrap().iter().filter(|name| number(name).is_some()).count();
    wait_until(|| {
        let health = log.health();
        // The keeper asks how much room there is at the end of its first round.
        health.bytes == Some(bytes(&folder))
            && health.segments == u64::try_from(files()).ok()
            && health.free.is_some()
    });
    let health = log.health();
    assert!(health.segments > Some(3));
    assert_eq!((health.state, health.free), (LogState::Open, Some(FREE)));
    assert_eq!(health.oldest, Some(ending(extent.timeline.now()).accepted));
    let syncs = health.syncs.unwrap().counts.iter().sum::<u64>();
    assert!(syncs >= 100, "{syncs}");
    log.close();
    assert_eq!(log.health().state, LogState::Closed);
}
