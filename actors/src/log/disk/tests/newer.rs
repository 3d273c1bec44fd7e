//! What a newer program wrote: it is neither read nor called damage, and a copy has it as it is.

use std::path::Path;
use std::sync::Arc;

use super::super::Durability;
use super::super::bytes::length;
use super::super::content::{Note, encode};
use super::super::file::Folder as _;
use super::super::inspect::look;
use super::super::kept;
use super::super::salvage::salvage;
use super::super::segment::{self, HEADER, Header, OLD_VERSION, VERSION, place, push_frame};
use super::super::sim::{Fault, Image, Plan, SimFolder};
use super::super::walk::Frames;
use super::world::{SEGMENT, START, recover};
use crate::clock::ManualClock;
use crate::log::contract::{Bus, start};
use crate::log::{Log as _, Record, RecoveryError, contract};
use crate::model::{ChannelName, MessageId, Timestamp};

/// A kind that is not known.
const NEWER: &[u8] = &[200, 1, 2, 3];

fn record(first: u64, channel: &str) -> Record {
    let mut proposal = contract::proposal("b", &["{}"]);
    proposal.channel = ChannelName::recovered(channel);
    Record::new(MessageId::from_u64(first), proposal).unwrap()
}

/// A log of one segment with these contents.
fn log_of(contents: &[Vec<u8>]) -> Image {
    log_of_version(VERSION, contents)
}

fn log_of_version(version: u32, contents: &[Vec<u8>]) -> Image {
    let mut group = Vec::new();
    for content in contents {
        push_frame(&mut group, |into| {
            into.extend_from_slice(content);
            Ok(())
        })
        .unwrap();
    }
    place(&mut group, 1, length(HEADER), 0).unwrap();
    let header = Header { version, ..Header::new(1, MessageId::first_at(START)) };
    let mut bytes = header.encode().to_vec();
    bytes.extend_from_slice(&group);
    Image::from([(segment::name(1), bytes)])
}

fn post(nth: u64, channel: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&record(MessageId::first_at(START).as_u64() + nth, channel), &mut bytes).unwrap();
    bytes
}

#[test]
fn what_a_newer_program_wrote_is_not_damage() {
    let contents = [post(1, "c"), NEWER.to_vec(), post(2, "c")];
    let old = SimFolder::of(&log_of(&contents));
    let place = HEADER + segment::FRAME + contents[0].len();
    let Err(RecoveryError::Newer { offset, problem, .. }) = recover(&old).map(drop) else {
        panic!("it is opened")
    };
    assert_eq!(offset, length(place));
    assert!(!problem.is_empty());

    let seen = look(&old, Path::new("sim")).unwrap();
    assert!(matches!(seen.refusal, Some(RecoveryError::Newer { .. })));
    let [report] = &seen.segments[..] else { panic!("{seen:?}") };
    assert_eq!((report.records, report.newer), (2, 1));
    assert!(report.holes.is_empty() && seen.torn.is_none());

    let new = SimFolder::default();
    let saved = salvage(&old, Arc::new(new.clone()), SEGMENT).unwrap();
    assert_eq!((saved.records, saved.lost), (2, None));
    let bytes = new.read(&segment::name(1)).unwrap();
    let copied: Vec<_> = Frames::of(&bytes, 1, HEADER).map(|frame| frame.bytes.to_vec()).collect();
    assert_eq!(copied[..3], contents);
}

#[test]
fn i_1_a_copy_knows_which_ids_were_reserved() {
    let far = MessageId::first_at(Timestamp::MAX);
    let mut reserved = Vec::new();
    Note::Reserved(far).encode(&mut reserved).unwrap();
    let old = SimFolder::of(&log_of(&[post(1, "c"), reserved]));
    let new = SimFolder::default();
    salvage(&old, Arc::new(new.clone()), SEGMENT).unwrap();
    assert_eq!(recover(&new).unwrap().highest, far);
}

#[test]
fn a_record_of_another_form_is_damage() {
    let mut bad = post(1, "c");
    bad.pop();
    let refusal = recover(&SimFolder::of(&log_of(&[bad]))).map(drop);
    assert!(matches!(refusal, Err(RecoveryError::Damaged { .. })));
}

#[test]
fn names_that_are_refused_today_do_not_make_a_log_unreadable() {
    let image = log_of(&[post(1, "new"), post(2, "a.b")]);
    assert_eq!(recover(&SimFolder::of(&image)).unwrap().records.len(), 2);
}

/// The version that a file says it has.
fn version(folder: &SimFolder, name: &str) -> u32 {
    let bytes = folder.read(name).unwrap();
    Header::decode(&bytes).unwrap().version
}

#[test]
fn a_log_of_before_there_were_kept_files_is_read_and_goes_on_in_a_segment_of_this_version() {
    for full in [false, true] {
        let folder = SimFolder::of(&log_of_version(OLD_VERSION, &[post(1, "c"), post(2, "c")]));
        if full {
            // Whatever takes room after what was read is durable.
            folder.plan(Some(Plan { after: 3, fault: Fault::Full, for_good: true }));
        }
        let clock = Arc::new(ManualClock::at(START));
        let (log, extent, kept) = start(super::promise::log(&folder, Durability::Sync), &clock, 1);
        assert_eq!((kept.len(), extent.lost_sticky), (2, extent.lost));
        if full {
            assert!(folder.read(&segment::name(2)).is_err() && !has_kept(&folder));
            folder.plan(None);
        }
        let mut bus = Bus::new();
        bus.post(&log, contract::proposal("b", &["{}"]));
        assert_eq!(version(&folder, &segment::name(2)), VERSION);
        log.close();
        // What an older program finds is refused by it.
        let (log, _, kept) = start(super::promise::log(&folder, Durability::Sync), &clock, 2);
        assert_eq!(kept.len(), 3);
        log.close();
    }
}

fn has_kept(folder: &SimFolder) -> bool {
    folder.list().unwrap().iter().any(|name| kept::generation(name).is_some())
}

/// Segments of the format without kept files go as they did, and nobody knows which of their messages were sticky.
#[test]
fn what_went_before_there_were_kept_files_may_have_been_sticky() {
    let mut group = Vec::new();
    push_frame(&mut group, |into| {
        into.extend_from_slice(&post(9, "c"));
        Ok(())
    })
    .unwrap();
    place(&mut group, 7, length(HEADER), 0).unwrap();
    let highest = MessageId::from_u64(MessageId::first_at(START).as_u64() + 8);
    for (version, opens) in [(OLD_VERSION, true), (VERSION, false)] {
        let header = Header { version, number: 7, highest };
        let bytes = [&header.encode()[..], &group].concat();
        match recover(&SimFolder::of(&Image::from([(segment::name(7), bytes)]))) {
            Ok(found) if opens => assert_eq!((found.lost, found.lost_sticky), (highest, highest)),
            Err(RecoveryError::Damaged { .. }) if !opens => {}
            other => panic!("version {version}: {:?}", other.map(drop)),
        }
    }
}
