//! The log as the broker runs it: threads, and files of the operating system.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::bytes::length;
use super::super::{DiskLog, DiskSettings, Durability, inspect, repair, segment};
use crate::clock::ManualClock;
use crate::log::contract::{self, Bus, start};
use crate::log::{Item, Items, Kept, Log, LogError, Outcome, Proposal, RecoveryError, Ticket};
use crate::model::{MessageId, Moment, Timestamp};

const START: Timestamp = Timestamp::from_millis(1_000_000);

/// A clock that stands still: nothing expires.
fn still() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

fn settings(path: &Path) -> DiskSettings {
    DiskSettings { segment: 4096, ..DiskSettings::at(path) }
}

fn open(path: &Path) -> DiskLog {
    DiskLog::open(settings(path)).unwrap()
}

/// A POST that is over a minute after `at`.
pub(super) fn ending(at: Moment) -> Proposal {
    let mut proposal = contract::proposal("b", &["{\"text\": \"some message\"}"]);
    let until = at.after(Duration::from_mins(1));
    let items = proposal.items.iter().map(|item| Item { until, ..item.clone() });
    (proposal.items, proposal.at) = (Items::new(items.collect()).unwrap(), at);
    proposal
}

/// Posts one after the other, waiting for each, and returns their ids.
fn post(log: &DiskLog, count: usize) -> Vec<MessageId> {
    let mut bus = Bus::new();
    (0..count).map(|_| bus.post(log, ending(Moment::ZERO))).collect()
}

/// Opens the log, and what it had kept.
fn reopen(path: &Path) -> Result<(DiskLog, Vec<MessageId>), RecoveryError> {
    let (mut log, mut ids) = (open(path), Vec::new());
    let clock: Arc<dyn crate::clock::Clock> = still();
    log.recover(&clock, crate::model::Epoch::from_u64(1), &mut |kept| {
        let Kept::Record(record) = kept else { panic!("{kept:?}") };
        ids.push(record.first());
    })?;
    Ok((log, ids))
}

/// A log with so many records, closed in order, and their ids.
fn filled(path: &Path, count: usize) -> Vec<MessageId> {
    let (log, _) = reopen(path).unwrap();
    let ids = post(&log, count);
    log.close();
    ids
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| segment::number(path.file_name().unwrap().to_str().unwrap()).is_some())
        .collect();
    files.sort();
    files
}

#[test]
fn the_disk_log_keeps_the_contract() {
    for durability in [Durability::Sync, Durability::Interval(Duration::from_millis(1))] {
        let folder = tempfile::tempdir().unwrap();
        let fresh = std::cell::Cell::new(0);
        contract::check(|| {
            fresh.set(fresh.get() + 1);
            let path = folder.path().join(fresh.get().to_string());
            DiskLog::open(DiskSettings { durability, ..settings(&path) }).unwrap()
        });
        let path = folder.path().join("durable");
        contract::check_durable(|| DiskLog::open(DiskSettings { durability, ..settings(&path) }).unwrap());
    }
}

#[test]
fn a_second_process_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = reopen(folder.path()).unwrap();
    let second = DiskLog::open(settings(folder.path()));
    assert!(matches!(second, Err(RecoveryError::InUse { .. })));
    assert!(matches!(repair(folder.path(), &folder.path().join("new")), Err(RecoveryError::InUse { .. })));
    assert!(inspect(folder.path()).unwrap().in_use);
    first.close();
    assert!(!inspect(folder.path()).unwrap().in_use);
    DiskLog::open(settings(folder.path())).unwrap();
}

/// Somebody has laid a link where the log will make its next segment.
#[test]
fn a_link_in_the_place_of_the_next_segment_is_not_written_through() {
    let home = tempfile::tempdir().unwrap();
    let (path, victim) = (home.path().join("log"), home.path().join("victim"));
    fs::write(&victim, "somebody else's").unwrap();
    let (log, _) = reopen(&path).unwrap();
    while segments(&path).len() < 2 {
        std::thread::yield_now();
    }
    std::os::unix::fs::symlink(&victim, path.join(segment::name(3))).unwrap();
    let bus = Bus::new();
    let mut accepted = 0;
    loop {
        if log.propose(ending(Moment::ZERO), Ticket(0), &bus.feed).is_err() {
            break;
        }
        log.flush();
        match bus.told() {
            Outcome::Committed(_) => accepted += 1,
            Outcome::Refused { error: LogError::Failed, .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(accepted > 40, "{accepted} records: the segments before it are of use");
    log.close();
    assert_eq!(fs::read(&victim).unwrap(), b"somebody else's");
    let Err(RecoveryError::Io { path: refused, .. }) = reopen(&path).map(drop) else {
        panic!("it is opened")
    };
    assert_eq!(refused, path.join(segment::name(3)));
}

#[test]
fn a_torn_end_is_cut_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut ids = filled(folder.path(), 3);
    let file = segments(folder.path()).remove(0);
    let used = inspect(folder.path()).unwrap().segments[0].used;
    let mut bytes = fs::read(&file).unwrap();
    bytes[usize::try_from(used).unwrap()..][..5].copy_from_slice(b"\xffb\xfepx");
    fs::write(&file, &bytes).unwrap();
    let torn = inspect(folder.path()).unwrap().torn.unwrap();
    assert_eq!((torn.offset, torn.length), (used, 5));
    let (log, found) = reopen(folder.path()).unwrap();
    assert_eq!(found, ids);
    ids.extend(post(&log, 1));
    log.close();
    assert_eq!(reopen(folder.path()).unwrap().1, ids);
}

/// Where the n-th frame of a segment begins, counted from 1, and where it ends.
fn frame_of(bytes: &[u8], segment: u64, n: usize) -> (usize, usize) {
    let mut frame = segment::frame_at(bytes, segment, segment::HEADER).unwrap();
    for _ in 1..n {
        frame = segment::frame_at(bytes, segment, frame.end).unwrap();
    }
    (frame.at, frame.end)
}

#[test]
fn damage_stops_the_start_and_what_is_whole_can_be_salvaged() {
    let folder = tempfile::tempdir().unwrap();
    let (path, new) = (folder.path().join("log"), folder.path().join("new"));
    let ids = filled(&path, 119);
    let files = segments(&path);
    assert!(files.len() > 2);
    let mut bytes = fs::read(&files[1]).unwrap();
    // The first frame tells what was before; the second is a record.
    let (at, _) = frame_of(&bytes, 2, 2);
    bytes[at + 40] ^= 1;
    fs::write(&files[1], &bytes).unwrap();

    let refusal = reopen(&path).map(drop).unwrap_err();
    let RecoveryError::Damaged { file, offset, .. } = &refusal else { panic!("{refusal}") };
    assert_eq!((file, *offset), (&files[1], length(at)));
    let inspection = inspect(&path).unwrap();
    assert_eq!(inspection.records(), 118);
    assert_eq!(inspection.segments[1].holes.len(), 1);
    assert_eq!(inspection.segments[1].holes[0].offset, length(at));
    assert!(inspection.refusal.is_some());

    let before: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let saved = repair(&path, &new).unwrap();
    assert_eq!(saved.records, 118);
    let after: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(before == after, "the old log is not touched");
    assert!(repair(&path, &new).is_err(), "and a log that is there neither");
    assert!(inspect(&new).unwrap().refusal.is_none());
    let salvaged = reopen(&new).unwrap().1;
    assert_eq!(salvaged.len(), 118);
    let missing = ids.into_iter().find(|id| !salvaged.contains(id));
    assert_eq!((saved.lost, inspect(&new).unwrap().salvaged), (missing, missing));
}

#[test]
fn ret_4_a_salvaged_log_says_up_to_where_something_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, new) = (folder.path().join("log"), folder.path().join("new"));
    let ids = filled(&path, 5);
    let file = segments(&path).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    // The run, two records, and the third.
    let (at, _) = frame_of(&bytes, 1, 4);
    bytes[at + segment::FRAME + 5] ^= 1;
    fs::write(&file, &bytes).unwrap();
    repair(&path, &new).unwrap();
    let (_, extent, found) = start(open(&new), &still(), 2);
    assert_eq!(extent.lost, ids[2]);
    assert_eq!(found.len(), 4);
}

#[test]
fn a_missing_segment_and_an_unknown_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ids = filled(folder.path(), 119);
    let files = segments(folder.path());
    let kept = fs::read(&files[1]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    assert!(matches!(reopen(folder.path()), Err(RecoveryError::Damaged { .. })));
    fs::write(&files[1], &kept).unwrap();
    let (log, found) = reopen(folder.path()).unwrap();
    assert_eq!(found, ids);
    log.close();
    for version in [1, 9] {
        let mut other = kept.clone();
        other[8] = version;
        fs::write(&files[1], &other).unwrap();
        let refusal = reopen(folder.path()).map(drop).unwrap_err();
        let RecoveryError::Version { found, known: 3, .. } = refusal else { panic!("{refusal}") };
        assert_eq!(found, u32::from(version));
    }
}

#[test]
fn i_1_segments_go_when_all_in_them_has_expired_and_ids_do_not_fall() {
    let folder = tempfile::tempdir().unwrap();
    let clock = still();
    let (log, _, _) = start(open(folder.path()), &clock, 1);
    let last = post(&log, 119).pop().unwrap();
    log.close();
    assert!(segments(folder.path()).len() > 2);
    clock.advance(Duration::from_mins(2));
    let (log, _, _) = start(open(folder.path()), &clock, 2);
    while segments(folder.path()).len() > 2 {
        std::thread::yield_now();
    }
    log.close();
    // The clock steps back, and most of the records are gone.
    clock.step_wall(Timestamp::EPOCH);
    let (log, extent, found) = start(open(folder.path()), &clock, 3);
    assert!(extent.highest >= last);
    let first = found.first().map(|kept| match kept {
        Kept::Record(record) => record.first(),
        Kept::Retired { .. } => panic!("{kept:?}"),
    });
    assert!(extent.lost > MessageId::first_at(START) && first.is_none_or(|first| extent.lost < first));
    log.close();
}

#[test]
fn records_that_come_together_are_synced_together() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = reopen(folder.path()).unwrap();
    let bus = Bus::new();
    for ticket in 1..=2_000 {
        log.propose(ending(Moment::ZERO), Ticket(ticket), &bus.feed).unwrap();
    }
    log.close();
    let (mut told, mut groups) = (0, 0);
    while told < 2_000 {
        let Outcome::Committed(commits) = bus.told() else { panic!("something is refused") };
        (told, groups) = (told + commits.len(), groups + 1);
    }
    assert!(bus.is_silent() && groups < 2_000, "{groups} groups");
    assert_eq!(log.propose(ending(Moment::ZERO), Ticket(0), &bus.feed).map(drop), Err(LogError::Closed));
}
