//! Whatever is damaged: what is whole is saved as it was, and what is not is told.

use std::sync::Arc;

use super::super::kept;
use super::super::salvage::{Salvaged, salvage};
use super::super::segment::{self, HEADER};
use super::super::sim::{Dice, Fate, Image, SimFolder};
use super::world::{SEGMENT, World, recover};
use crate::model::MessageId;

const EVERYTHING: Fate = Fate { kept: 16, torn: false };

/// A log that was closed in order, and what is in it.
struct Before {
    image: Image,
    records: Vec<(MessageId, Vec<u8>)>,
    highest: MessageId,
    lost_sticky: MessageId,
}

fn before(seed: u64) -> Before {
    let mut world = World::new(seed);
    world.live(20, true);
    world.close().unwrap();
    let image = world.folder.crash(world.folder.ops(), EVERYTHING, &mut Dice(seed));
    let found = recover(&SimFolder::of(&image)).unwrap();
    let (highest, lost_sticky) = (found.highest, found.lost_sticky);
    Before { image, records: found.records, highest, lost_sticky }
}

impl Before {
    /// Salvages what became of it, and checks what must hold whatever that is. `mark` says that the end of
    /// the last segment is whole, and so all before it is known to have been there.
    fn saved_from(&self, image: &Image, mark: bool) -> Salvaged {
        let new = SimFolder::default();
        let saved = salvage(&SimFolder::of(image), Arc::new(new.clone()), SEGMENT).unwrap();
        let found = recover(&new).unwrap();
        assert_eq!(found.records.len(), usize::try_from(saved.records).unwrap());
        let mut there = found.records.iter().peekable();
        for record in &self.records {
            if there.next_if(|saved| *saved == record).is_none() && mark {
                assert!(
                    saved.lost >= Some(record.0),
                    "{:?} is lost, and nobody is told: {saved:?}",
                    record.0
                );
            }
        }
        assert!(there.next().is_none(), "what was saved is what was there, in order");
        assert!(found.highest >= self.highest || !mark, "ids do not fall (I-1)");
        assert!(Some(found.lost) >= saved.lost && Some(found.lost_sticky) >= saved.lost);
        assert!(saved.lost.is_some() || !mark || found.lost_sticky == self.lost_sticky);
        // A second salvage knows what the first one knew.
        let again = salvage(&new, Arc::new(SimFolder::default()), SEGMENT).unwrap();
        assert_eq!((again.records, again.lost), (saved.records, saved.lost));
        saved
    }

    fn files(&self) -> Vec<String> {
        let is_of_log = |name: &&String| segment::number(name).is_some() || kept::generation(name).is_some();
        self.image.keys().filter(is_of_log).cloned().collect()
    }
}

/// The last segment with anything in it, and where its closing mark begins.
fn mark(image: &Image) -> (String, usize) {
    let used = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).map(|last| last + 1);
    let last =
        image.iter().rev().find(|(name, bytes)| segment::number(name).is_some() && used(bytes).is_some());
    let (name, bytes) = last.unwrap();
    let (number, mut at) = (segment::number(name).unwrap(), HEADER);
    let mut begins = at;
    while let Some(frame) = segment::frame_at(bytes, number, at) {
        (begins, at) = (at, frame.end);
    }
    (name.clone(), begins)
}

fn below(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.roll(u64::try_from(end).unwrap())).unwrap()
}

#[test]
fn a_good_log_is_saved_whole_and_nothing_is_called_lost() {
    for seed in 0..40 {
        let before = before(seed);
        let saved = before.saved_from(&before.image, true);
        assert_eq!(saved.lost, None, "seed {seed}");
        assert_eq!(usize::try_from(saved.records).unwrap(), before.records.len());
    }
}

#[test]
fn ret_4_whatever_bit_flips_nothing_is_lost_in_silence() {
    let (mut holes, mut dice) = (0, Dice(7));
    for seed in 0..60 {
        let before = before(seed);
        let (last, begins) = mark(&before.image);
        for _ in 0..40 {
            let mut image = before.image.clone();
            let files = before.files();
            let name = &files[below(&mut dice, files.len())];
            let bytes = image.get_mut(name).unwrap();
            let end = if *name == last { begins } else { bytes.len() };
            if end == 0 {
                continue;
            }
            let at = below(&mut dice, end);
            bytes[at] ^= 1 << dice.roll(8);
            holes += usize::from(before.saved_from(&image, true).lost.is_some());
        }
    }
    assert!(holes > 500, "{holes} flips made a hole");
}

#[test]
fn ret_4_whatever_segment_is_missing_nothing_is_lost_in_silence() {
    let mut holes = 0;
    for seed in 0..60 {
        let before = before(seed);
        let files = before.files();
        let (last, _) = mark(&before.image);
        // Without the last nobody knows what was there.
        let is_before = |name: &&String| kept::generation(name).is_some() || **name < last;
        for name in files.iter().filter(is_before) {
            let mut image = before.image.clone();
            image.remove(name);
            let saved = before.saved_from(&image, true);
            assert!(saved.lost.is_some(), "{name} of {files:?}");
            holes += 1;
        }
        let mut image = before.image.clone();
        image.remove(&last);
        before.saved_from(&image, false);
    }
    assert!(holes > 20, "{holes} segments were missing");
}
