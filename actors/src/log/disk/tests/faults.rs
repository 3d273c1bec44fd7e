//! Disks that fail, at every n-th operation, once and for good.

use super::super::sim::{Dice, Fate, Fault, Plan, SimFolder};
use super::world::{World, recover};
use crate::log::LogError;

const NOTHING: Fate = Fate { kept: 0, torn: false };
const EVERYTHING: Fate = Fate { kept: 16, torn: false };

/// Posts on a disk that fails according to plan; then the disk is well again, and later there is a crash.
fn suffer(seed: u64, plan: Plan) -> (usize, usize, usize) {
    let mut world = World::new(seed);
    world.live(6, true);
    for _ in 0..3 {
        _ = world.post(true);
    }
    // So that something is to be carried.
    world.later(70_000);
    world.folder.plan(Some(plan));
    let (mut accepted, mut refused, mut failed) = (0, 0, 0);
    for n in 0..12 {
        match world.post(true) {
            Ok(()) => accepted += 1,
            Err(LogError::Full | LogError::Starved) => refused += 1,
            Err(_) => failed += 1,
        }
        if n % 3 == 0 {
            world.tend();
        }
    }
    world.folder.plan(None);
    let well = world.post(true);
    match plan.fault {
        // There is room again, and so POSTs are accepted again.
        Fault::Full | Fault::ShortThenFull | Fault::Starved => {
            assert_eq!((well, failed), (Ok(()), 0), "{plan:?}");
        }
        Fault::Short => assert_eq!((well, refused, failed), (Ok(()), 0, 0), "{plan:?}"),
        // Never again in this run: no sync is tried twice.
        Fault::Io | Fault::Panic => assert!(well.is_err() || failed == 0, "{plan:?}"),
    }
    let (cut, mut dice) = (world.folder.ops(), Dice(seed));
    for fate in [NOTHING, EVERYTHING, Fate { kept: 8, torn: true }] {
        let image = world.folder.crash(cut, fate, &mut dice);
        let found =
            recover(&SimFolder::of(&image)).unwrap_or_else(|error| panic!("{plan:?}, {fate:?}: {error}"));
        world.check(&found, cut);
    }
    (accepted, refused, failed)
}

fn every_nth(fault: Fault, for_good: bool) -> (usize, usize, usize) {
    let mut sums = (0, 0, 0);
    for seed in 0..20 {
        for after in 0..40 {
            let (accepted, refused, failed) = suffer(seed, Plan { after, fault, for_good });
            sums = (sums.0 + accepted, sums.1 + refused, sums.2 + failed);
        }
    }
    println!(
        "{fault:?}, for good: {for_good}: {} groups accepted, {} refused, {} failed",
        sums.0, sums.1, sums.2
    );
    sums
}

#[test]
fn eio_once_ends_acknowledging() {
    assert!(every_nth(Fault::Io, false).2 > 0);
}

#[test]
fn eio_for_good_ends_acknowledging() {
    assert!(every_nth(Fault::Io, true).2 > 0);
}

#[test]
fn enospc_once_refuses_that_group_alone() {
    assert!(every_nth(Fault::Full, false).1 > 0);
}

#[test]
fn enospc_for_good_refuses_until_there_is_room() {
    assert!(every_nth(Fault::Full, true).1 > 0);
}

#[test]
fn emfile_once_refuses_that_group_alone() {
    assert!(every_nth(Fault::Starved, false).0 > 0);
}

#[test]
fn emfile_for_good_refuses_until_files_can_be_opened() {
    let (accepted, refused, failed) = every_nth(Fault::Starved, true);
    assert!(accepted > 0 && refused > 0, "{accepted}, {refused}");
    assert_eq!(failed, 0);
}

#[test]
fn enospc_in_the_middle_of_a_group_leaves_nothing_of_it() {
    assert!(every_nth(Fault::ShortThenFull, false).1 > 0);
}

#[test]
fn short_writes_are_gone_on_with() {
    assert!(every_nth(Fault::Short, false).0 > 0);
    assert!(every_nth(Fault::Short, true).0 > 0);
}
