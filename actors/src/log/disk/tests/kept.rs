//! Promised messages over the ends of their segments: small logs, step by step.

use std::sync::Arc;
use std::time::Duration;

use super::super::content::Settled;
use super::super::file::Folder;
use super::super::inspect::look;
use super::super::kept::{self, Group};
use super::super::salvage::salvage;
use super::super::segment::{self, HEADER, HEADER_LENGTH, Header, number};
use super::super::sim::{Dice, Fate, Fault, Image, Plan, SimFolder};
use super::super::{DiskLog, DiskSettings};
use super::bounds::wait_until;
use super::promise::NOTHING;
use super::real::ending;
use super::world::{SEGMENT, START, World, recover};
use crate::clock::ManualClock;
use crate::log::contract::{Bus, start};
use crate::log::{Extent, Item, Items, Kept, Log, LogState, Promise, Proposal, RecoveryError};
use crate::model::{MessageId, Moment};

const EVERYTHING: Fate = Fate { kept: 16, torn: false };

/// Segments without those before them, of which nothing was promised and nobody knows what was sticky.
pub(super) fn with_nothing_kept(mut segments: Image) -> Image {
    let (first, bytes) = segments.iter().find_map(|(name, bytes)| Some((number(name)?, bytes))).unwrap();
    let lost_sticky = Header::decode(bytes).unwrap().highest;
    let group = Group::settling(Settled { first, lost_sticky }).unwrap();
    let (bytes, _) = group.into_file(2).unwrap();
    segments.insert(kept::name(2), bytes);
    segments
}

/// A POST that was promised for so many minutes.
pub(super) fn sticky(at: Moment, minutes: u64) -> Proposal {
    let mut proposal = ending(at);
    let until = at.after(Duration::from_mins(minutes));
    let promise = Promise { sticky: true, dated: false };
    let items = proposal.items.iter().map(|item| Item { until, promise, ..item.clone() });
    proposal.items = Items::new(items.collect()).unwrap();
    proposal
}

struct Running {
    folder: SimFolder,
    clock: Arc<ManualClock>,
    log: DiskLog,
    extent: Extent,
    bus: Bus,
}

impl Running {
    fn on(folder: SimFolder, clock: &Arc<ManualClock>, max: Option<u64>) -> (Self, Vec<Kept>) {
        let settings = DiskSettings { segment: SEGMENT, max, ..DiskSettings::at("log") };
        let log = DiskLog::in_folder(Arc::new(folder.clone()), settings).unwrap();
        let (log, extent, kept) = start(log, clock, 1);
        (Self { folder, clock: Arc::clone(clock), log, extent, bus: Bus::new() }, kept)
    }

    fn new() -> Self {
        Self::on(SimFolder::default(), &Arc::new(ManualClock::at(START)), None).0
    }

    fn now(&self) -> Moment {
        self.extent.timeline.now()
    }

    fn post(&mut self, proposal: Proposal) -> MessageId {
        self.bus.post(&self.log, proposal)
    }

    /// Posts what ends after a minute until so many segments are there.
    fn fill(&mut self, segments: u64) -> MessageId {
        let end = files(&self.folder).last().unwrap() + segments;
        loop {
            let last = self.post(ending(self.now()));
            if *files(&self.folder).last().unwrap() >= end {
                return last;
            }
        }
    }

    /// Ends in order, and starts again.
    fn again(self) -> (Self, Vec<Kept>) {
        self.log.close();
        Self::on(self.folder.clone(), &self.clock, None)
    }
}

/// The numbers of the segments.
fn files(folder: &SimFolder) -> Vec<u64> {
    folder.list().unwrap().iter().filter_map(|name| number(name)).collect()
}

pub(super) fn ids(kept: &[Kept]) -> Vec<MessageId> {
    let record = |kept: &Kept| match kept {
        Kept::Record(record) => Some(record.first()),
        Kept::Retired { .. } => None,
    };
    kept.iter().filter_map(record).collect()
}

/// Whoever begins its time anew keeps what was promised for too long.
#[test]
fn i_11_a_first_segment_that_does_not_say_what_was_before_it_is_damage() {
    let mut running = Running::new();
    running.post(sticky(running.now(), 60));
    running.fill(4);
    running.clock.advance(Duration::from_mins(2));
    wait_until(|| !files(&running.folder).contains(&1) && files(&running.folder).len() <= 2);
    running.log.close();
    let mut image = running.folder.crash(running.folder.ops(), EVERYTHING, &mut Dice(1));
    let first = *files(&running.folder).first().unwrap();
    // Nothing is behind its first frame: whoever reads it might take that for one that a crash has torn.
    let length = image[&segment::name(first)].len();
    image.retain(|name, _| number(name).is_none_or(|number| number == first));
    let bytes = image.get_mut(&segment::name(first)).unwrap();
    bytes.truncate(HEADER);
    bytes.resize(length, 0);
    let error = recover(&SimFolder::of(&image)).err().unwrap();
    assert!(matches!(error, RecoveryError::Damaged { offset: HEADER_LENGTH, .. }), "{error}");
}

#[test]
fn ret_9_what_was_promised_outlives_its_segment() {
    let mut running = Running::new();
    let promised = running.post(sticky(running.now(), 60));
    running.fill(4);
    running.clock.advance(Duration::from_mins(2));
    wait_until(|| !files(&running.folder).contains(&1) && files(&running.folder).len() <= 2);
    let (running, kept) = running.again();
    assert_eq!(ids(&kept)[0], promised);
    assert!(running.extent.lost > promised && running.extent.lost_sticky < promised);
    let Kept::Record(record) = &kept[0] else { panic!("{kept:?}") };
    assert_eq!(record.items, sticky(Moment::ZERO, 60).items, "with its promise and its end");
    wait_until(|| running.log.health().oldest == Some(record.accepted));
    running.log.close();
}

#[test]
fn ret_6_sticky_messages_that_are_over_are_lost_and_others_are_not_counted() {
    let mut running = Running::new();
    let short = running.post(sticky(running.now(), 1));
    let long = running.post(sticky(running.now(), 60));
    running.fill(3);
    running.clock.advance(Duration::from_mins(3));
    wait_until(|| !files(&running.folder).contains(&2));
    let (running, kept) = running.again();
    assert_eq!(ids(&kept)[0], long);
    assert_eq!(running.extent.lost_sticky, short);
    assert!(running.extent.lost > long);
    // When the other one is over, it is lost as well.
    running.clock.advance(Duration::from_hours(1));
    running.log.close();
    let folder = SimFolder::of(&running.folder.crash(running.folder.ops(), EVERYTHING, &mut Dice(1)));
    let (mut running, _) = Running::on(folder, &running.clock, None);
    running.fill(3);
    running.clock.advance(Duration::from_mins(3));
    wait_until(|| files(&running.folder).len() <= 2);
    let (running, _) = running.again();
    assert!(running.extent.lost_sticky >= short && running.extent.lost_sticky <= long);
    running.log.close();
}

#[test]
fn a_log_of_nothing_but_promises_is_not_carried_around() {
    let mut running = Running::new();
    for _ in 0..60 {
        running.post(sticky(running.now(), 60));
        running.clock.advance(Duration::from_secs(20));
    }
    let files = files(&running.folder);
    assert!(files.contains(&1) && files.len() < 8, "segments end when they are full: {files:?}");
    assert!(!running.folder.list().unwrap().iter().any(|name| kept::generation(name).is_some()));
    running.log.close();
}

#[test]
fn i_5_a_full_disk_is_made_room_on_with_the_next_segments_room() {
    let mut world = about_to_carry();
    // The first thing that takes room is what is carried.
    world.folder.plan(Some(Plan { after: 0, fault: Fault::Full, for_good: false }));
    let before = files(&world.folder);
    world.tend();
    assert!(files(&world.folder).first() > before.first(), "{before:?}");
    let image = world.folder.crash(world.folder.ops(), NOTHING, &mut Dice(1));
    let found = recover(&SimFolder::of(&image)).unwrap();
    world.check(&found, world.folder.ops());
    assert!(found.carries());
}

/// A log of which the next thing to do is to begin the kept file.
fn about_to_carry() -> World {
    let mut world = World::new(3);
    world.live(12, true);
    for _ in 0..6 {
        world.post(true).unwrap();
    }
    world.tend();
    world.later(61_000);
    world
}

#[test]
fn a_kept_file_whose_sync_fails_ends_the_log_and_nothing_goes_on_its_word() {
    let world = about_to_carry();
    let before = files(&world.folder);
    // The file is made, its bytes are written, and then it is synced.
    world.folder.plan(Some(Plan { after: 2, fault: Fault::Io, for_good: false }));
    let queue = world.run_keeper();
    assert_eq!(queue.log_state(), LogState::Failed);
    assert_eq!(files(&world.folder), before);
    let image = world.folder.crash(world.folder.ops(), NOTHING, &mut Dice(1));
    world.check(&recover(&SimFolder::of(&image)).unwrap(), world.folder.ops());
}

/// A log with something in its kept file, which was closed in order.
fn carried() -> (Image, Vec<MessageId>) {
    for seed in 0.. {
        let mut world = World::new(seed);
        world.live(40, true);
        _ = world.close();
        let image = world.folder.crash(world.folder.ops(), EVERYTHING, &mut Dice(seed));
        let found = recover(&SimFolder::of(&image)).unwrap();
        let there = found.kept.iter().filter(|kept| matches!(kept, Kept::Record(_))).count();
        if there > 3 && found.records.iter().filter(|(first, _)| *first <= found.lost).count() > 2 {
            return (image, found.records.iter().map(|(first, _)| *first).collect());
        }
    }
    unreachable!()
}

fn kept_file(image: &Image) -> (String, Vec<u8>) {
    let (name, bytes) = image.iter().find(|(name, _)| kept::generation(name).is_some()).unwrap();
    (name.clone(), bytes.clone())
}

#[test]
fn a_kept_file_that_is_missing_cut_or_changed_anywhere_is_damage_and_what_is_whole_is_saved() {
    let (image, all) = carried();
    let (name, whole) = kept_file(&image);
    let check = |image: &Image, what: &str| {
        let folder = SimFolder::of(image);
        match recover(&folder).map(drop) {
            Err(RecoveryError::Damaged { .. } | RecoveryError::Version { .. }) => {}
            other => panic!("{what}: {other:?}"),
        }
        assert!(look(&folder, std::path::Path::new("sim")).unwrap().refusal.is_some());
        let new = SimFolder::default();
        let saved = salvage(&folder, Arc::new(new.clone()), SEGMENT).unwrap();
        let found = recover(&new).unwrap();
        let ids: Vec<_> = found.records.iter().map(|(first, _)| *first).collect();
        assert_eq!(ids.len(), usize::try_from(saved.records).unwrap());
        assert!(ids.is_sorted() && ids.iter().all(|id| all.contains(id)), "{what}");
        let missing: Vec<_> = all.iter().filter(|id| !ids.contains(id)).collect();
        assert!(missing.iter().all(|id| saved.lost >= Some(**id) && found.lost_sticky >= **id), "{what}");
        missing.len()
    };
    let mut missing = image.clone();
    missing.remove(&name);
    assert!(check(&missing, "it is missing") > 0);
    let (mut some, mut none) = (0, 0);
    for at in 0..whole.len() {
        let mut image = image.clone();
        image.get_mut(&name).unwrap()[at] ^= 1;
        match check(&image, &format!("byte {at} is another")) {
            0 => none += 1,
            _ => some += 1,
        }
        image.insert(name.clone(), whole[..at].to_vec());
        check(&image, &format!("cut at byte {at}"));
    }
    assert!(some > 0 && none > 0, "{some} lost records, {none} none");
}

#[test]
fn what_a_torn_append_leaves_is_cut_off() {
    let (image, all) = carried();
    let (name, whole) = kept_file(&image);
    let group =
        Group::settling(Settled { first: u64::MAX, lost_sticky: MessageId::from_u64(u64::MAX) }).unwrap();
    let generation = kept::generation(&name).unwrap();
    let mut bytes = group.bytes;
    let end = u64::try_from(whole.len()).unwrap();
    super::super::segment::place(&mut bytes, kept::owner(generation), end, end).unwrap();
    for cut in 1..=bytes.len() {
        let mut image = image.clone();
        image.get_mut(&name).unwrap().extend_from_slice(&bytes[..cut]);
        let folder = SimFolder::of(&image);
        assert_eq!(
            look(&folder, std::path::Path::new("sim")).unwrap().torn.map(|torn| torn.offset),
            Some(end)
        );
        let found = recover(&folder).unwrap();
        assert_eq!(found.records.iter().map(|(first, _)| *first).collect::<Vec<_>>(), all);
        assert!(found.lost_sticky <= found.lost);
        assert_eq!(folder.read(&name).unwrap(), whole);
    }
}
