//! Every state in which a crash may leave the disk opens to exactly what was acknowledged (plus possibly
//! POSTs that were not, whole and in order), and ids never fall.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use super::super::sim::{Dice, Fate, SimFolder};
use super::world::check::goes_on;
use super::world::{World, recover};

/// States to look at; `./test` and the full run want more.
fn states() -> usize {
    let wanted = std::env::var("BACKPLANE_CRASH_STATES").ok();
    wanted.map_or(3_000, |number| number.parse().unwrap())
}

/// Nothing, everything and parts of what was not synced survive.
const FATES: [Fate; 8] = [
    Fate { kept: 0, torn: false },
    Fate { kept: 16, torn: false },
    Fate { kept: 8, torn: false },
    Fate { kept: 8, torn: true },
    Fate { kept: 14, torn: false },
    Fate { kept: 15, torn: true },
    Fate { kept: 2, torn: false },
    Fate { kept: 16, torn: true },
];

/// Looks at states until there were enough different ones.
fn enumerate(sync: bool, wanted: usize) {
    let (mut seen, mut distinct, mut deep, mut carried) = (0, HashSet::new(), 0, 0);
    let hasher = RandomState::new();
    for seed in 0.. {
        let mut world = World::new(seed);
        world.live(24, sync);
        let mut dice = Dice(seed ^ 0xdead);
        for cut in 0..=world.folder.ops() {
            for fate in FATES {
                let image = world.folder.crash(cut, fate, &mut dice);
                seen += 1;
                if !distinct.insert(hasher.hash_one(&image)) {
                    continue;
                }
                let folder = SimFolder::of(&image);
                let found = recover(&folder)
                    .unwrap_or_else(|error| panic!("seed {seed}, cut {cut}, {fate:?}: {error}"));
                world.check(&found, cut);
                carried += usize::from(found.carries());
                if dice.roll(16) == 0 {
                    goes_on(&image, &mut dice);
                    // A crash in the middle of the start.
                    for cut_again in 0..=folder.ops() {
                        for fate in FATES {
                            let image = folder.crash(cut_again, fate, &mut dice);
                            seen += 1;
                            deep += 1;
                            if distinct.insert(hasher.hash_one(&image)) {
                                world.check(&recover(&SimFolder::of(&image)).unwrap(), cut);
                            }
                        }
                    }
                }
            }
        }
        if distinct.len() >= wanted {
            println!(
                "{seen} crash states ({} different, {deep} of crashed starts, {carried} with something carried), {} lives",
                distinct.len(),
                seed + 1
            );
            assert!(carried > wanted / 20, "{carried}");
            return;
        }
    }
}

#[test]
fn i_2_every_crash_keeps_what_was_answered() {
    enumerate(true, states());
}

#[test]
fn i_2_every_crash_between_syncs_keeps_a_beginning() {
    enumerate(false, states() / 2);
}

#[test]
fn i_1_ids_that_were_told_before_a_sync_are_reserved_until_an_end_in_order() {
    let mut world = World::new(1);
    world.post(false).unwrap();
    let nothing = Fate { kept: 0, torn: false };
    let lost = world.folder.crash(world.folder.ops(), nothing, &mut Dice(1));
    let found = recover(&SimFolder::of(&lost)).unwrap();
    assert!(found.records.is_empty());
    assert!(found.highest > world.highest());
    world.close().unwrap();
    let closed = world.folder.crash(world.folder.ops(), nothing, &mut Dice(1));
    let found = recover(&SimFolder::of(&closed)).unwrap();
    assert_eq!(found.highest, world.highest());
}

/// A flipped bit is refused with its place, or lay in what only the last sync vouches for, or in nothing.
#[test]
fn a_flipped_bit_is_never_taken_for_a_message() {
    let (mut refused, mut flips) = (0, 0);
    for seed in 0..(u64::try_from(states()).unwrap() / 300).max(1) {
        let mut world = World::new(seed);
        world.live(16, true);
        let closed = seed % 2 == 0;
        if closed {
            world.close().unwrap();
        }
        let (cut, mut dice) = (world.folder.ops(), Dice(seed ^ 0xf11b));
        let image = world.folder.crash(cut, Fate { kept: 16, torn: false }, &mut dice);
        let last = world.last_group(cut);
        for _ in 0..100 {
            let mut image = image.clone();
            let files = u64::try_from(image.len()).unwrap();
            let bytes = image.values_mut().nth(usize::try_from(dice.roll(files)).unwrap()).unwrap();
            if bytes.is_empty() {
                continue;
            }
            let bit = usize::try_from(dice.roll(u64::try_from(bytes.len()).unwrap() * 8)).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            flips += 1;
            match recover(&SimFolder::of(&image)) {
                Ok(found) => {
                    world.check_but(&found, cut, |group| !closed && last.is_none_or(|last| group >= last));
                }
                Err(error) => {
                    refused += 1;
                    let text = error.to_string();
                    assert!(text.contains("damaged at byte") || text.contains("format version"), "{text}");
                }
            }
        }
    }
    println!("{flips} flipped bits, {refused} refused");
    assert!(refused > flips / 4);
}
