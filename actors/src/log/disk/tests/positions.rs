//! Which positions a start believes (I-10), whatever happened to the runs before.

use std::sync::Arc;
use std::time::Duration;

use super::super::sim::{Dice, Fate, Image, SimFolder};
use super::super::{DiskLog, Durability};
use super::promise::{NOTHING, log};
use super::world::START;
use crate::clock::ManualClock;
use crate::log::contract::{self, Bus, PATIENCE, start};
use crate::log::{Extent, Log};
use crate::model::{Epoch, MessageId, Position, Timestamp};
use crate::window::{Origin, Resume};

const HOUR: Durability = Durability::Interval(Duration::from_hours(1));
const EVERYTHING: Fate = Fate { kept: 16, torn: false };

fn post(bus: &mut Bus, log: &DiskLog) -> MessageId {
    bus.post(log, contract::proposal("b", &["{}"]))
}

fn image(folder: &SimFolder, fate: Fate) -> Image {
    folder.crash(folder.ops(), fate, &mut Dice(1))
}

/// Starts on these files as run 9.
fn restarted(image: &Image, clock: &Arc<ManualClock>) -> (DiskLog, Extent) {
    let (log, extent, _) = start(log(&SimFolder::of(image), HOUR), clock, 9);
    (log, extent)
}

fn judge(extent: &Extent, id: MessageId, epoch: Option<u64>) -> Origin {
    extent.runs.judge(Position { id, epoch: epoch.map(Epoch::from_u64) }.into(), extent.highest)
}

#[test]
fn i_10_a_power_loss_makes_gaps_of_the_positions_whose_messages_it_took() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (running, _, _) = start(log(&folder, HOUR), &clock, 1);
    let mut bus = Bus::new();
    let kept = post(&mut bus, &running);
    // A note that has to last takes what was written before it along.
    let (sender, done) = std::sync::mpsc::channel();
    running.retire(&"other".parse().unwrap(), Box::new(move |told| sender.send(told).unwrap())).unwrap();
    assert_eq!(done.recv_timeout(PATIENCE), Ok(Ok(())));
    let lost = post(&mut bus, &running);
    clock.reboot();
    let (after, extent) = restarted(&image(&folder, NOTHING), &clock);
    for epoch in [Some(1), None] {
        let believed = if epoch.is_some() { Origin::Newer(kept) } else { Origin::After(kept) };
        assert_eq!(judge(&extent, kept, epoch), believed);
        assert_eq!(judge(&extent, lost, epoch), Origin::Whole(Resume::Gap));
    }
    assert!(post(&mut Bus::new(), &after) > lost);
    after.close();
    running.close();
}

#[test]
fn i_10_a_kill_makes_no_gap() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (running, begun, _) = start(log(&folder, HOUR), &clock, 1);
    let mut bus = Bus::new();
    let ids = [begun.highest, post(&mut bus, &running), post(&mut bus, &running)];
    // What the system has is there, synced or not.
    let (after, extent) = restarted(&image(&folder, EVERYTHING), &clock);
    for id in ids {
        assert_eq!(judge(&extent, id, Some(1)), Origin::Newer(id));
    }
    after.close();
    running.close();
}

#[test]
fn i_10_what_came_after_a_backup_is_a_gap_when_it_is_restored() {
    for orderly in [false, true] {
        let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
        let (running, _, _) = start(log(&folder, HOUR), &clock, 1);
        let mut bus = Bus::new();
        let before = post(&mut bus, &running);
        if orderly {
            running.close();
        }
        let copy = image(&folder, EVERYTHING);
        let (running, _) = if orderly {
            let (log, extent, _) = start(log(&folder, HOUR), &clock, 3);
            (log, extent.highest)
        } else {
            (running, before)
        };
        clock.advance(Duration::from_secs(1));
        let later = post(&mut bus, &running);
        running.close();
        clock.advance(Duration::from_secs(1));
        let (restored, extent) = restarted(&copy, &clock);
        let epoch = if orderly { 3 } else { 1 };
        assert_eq!(judge(&extent, before, Some(1)), Origin::Newer(before));
        assert_eq!(judge(&extent, later, Some(epoch)), Origin::Whole(Resume::Gap));
        assert_eq!(judge(&extent, later, None), Origin::Whole(Resume::Gap), "a bare id as well");
        restored.close();
        // With a clock that was set back to before the copy was made, the epoch alone tells.
        clock.step_wall(Timestamp::EPOCH);
        let (restored, extent) = restarted(&copy, &clock);
        assert_eq!(judge(&extent, later, Some(epoch)), Origin::Whole(Resume::Gap));
        restored.close();
    }
}

#[test]
fn i_10_the_runs_are_known_when_the_segments_that_they_wrote_are_gone() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let mut ends = Vec::new();
    for epoch in 1..=5 {
        let (log, _, _) = start(log(&folder, Durability::Sync), &clock, epoch);
        let mut bus = Bus::new();
        // Enough for several segments.
        let ids: Vec<_> = (0..30).map(|_| post(&mut bus, &log)).collect();
        ends.push((epoch, ids[29]));
        log.close();
        clock.advance(Duration::from_secs(1));
    }
    let all = image(&folder, EVERYTHING);
    let (whole, expected) = restarted(&all, &clock);
    whole.close();
    let (mut believed, mut gaps) = (0, 0);
    for first in 0..all.len() {
        let suffix: Image =
            all.iter().skip(first).map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
        if !suffix.values().any(|bytes| bytes.starts_with(b"bplog")) {
            break;
        }
        // Where segments are gone, something says that nothing in them was promised.
        let suffix = super::kept::with_nothing_kept(suffix);
        let (log, extent, _) = start(log(&SimFolder::of(&suffix), HOUR), &clock, 9);
        assert_eq!((extent.highest, extent.timeline.now()), (expected.highest, expected.timeline.now()));
        for (epoch, end) in &ends {
            // What is below all that is left may have been followed by something.
            let origin = if *end < extent.lost { Origin::Whole(Resume::Gap) } else { Origin::Newer(*end) };
            assert_eq!(judge(&extent, *end, Some(*epoch)), origin, "run {epoch}, from file {first} on");
            believed += usize::from(*end >= extent.lost);
            gaps += usize::from(*end < extent.lost);
            let beyond = MessageId::from_u64(end.as_u64() + 1);
            assert_eq!(judge(&extent, beyond, Some(*epoch)), Origin::Whole(Resume::Gap));
        }
        log.close();
    }
    assert!(believed >= 10 && gaps >= 10, "{believed} believed, {gaps} gaps");
}

#[test]
fn i_11_a_clock_that_is_ahead_for_a_moment_removes_nothing() {
    let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
    let (running, extent, _) = start(log(&folder, Durability::Sync), &clock, 1);
    let mut bus = Bus::new();
    for _ in 0..100 {
        bus.post(&running, super::real::ending(extent.timeline.now()));
    }
    clock.step_wall(START.after(Duration::from_hours(100)));
    running.close();
    // The first thing that a start does is to look for what has expired; it ends when that is done.
    let (again, _, found) = start(log(&folder, Durability::Sync), &clock, 2);
    assert_eq!(found.len(), 100);
    again.close();
    clock.step_wall(START);
    let (last, _, found) = start(log(&folder, Durability::Sync), &clock, 3);
    assert_eq!(found.len(), 100);
    last.close();
}
