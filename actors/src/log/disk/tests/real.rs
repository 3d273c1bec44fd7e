//! The log as the broker runs it: threads, and files of the operating system.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::log::disk::{DiskLog, DiskSettings, Durability, inspect, repair, segment};
use crate::log::{Log, LogError, Notify, Outcome, Record, Recovered, RecoveryError, contract};
use crate::memory::MemoryGauge;
use crate::{
    Broker, BusName, BusSettings, ChannelName, Clock, Entry, ManualClock, Message, MessageId, Page, Resume,
    Since, Timestamp,
};

const START: Timestamp = Timestamp::from_millis(1_000_000);

/// A clock by which nothing expires.
fn still() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(Timestamp::EPOCH))
}

fn settings(path: &Path) -> DiskSettings {
    DiskSettings { segment: 4096, ..DiskSettings::at(path) }
}

fn open(path: &Path) -> DiskLog {
    DiskLog::open(settings(path)).unwrap().clock(still())
}

fn record(first: u64, text: &'static str) -> Arc<Record> {
    let (until, gauge) = (START.after(Duration::from_mins(1)), MemoryGauge::new(usize::MAX));
    let channel: crate::ChannelName = "c".parse().unwrap();
    let entry =
        Entry::new(MessageId::from_u64(first), until, channel.clone(), Message::trusted(text), &gauge);
    let (bus, entries) = ("b".parse().unwrap(), vec![Arc::new(entry)]);
    Arc::new(Record { bus, channel, entries, key: None, accepted: START, kept_until: until })
}

pub(super) fn told() -> (Notify, Receiver<Outcome>) {
    let (sender, receiver) = channel();
    (Notify::new(move |outcome| _ = sender.send(outcome)), receiver)
}

/// Posts one after the other, waiting for each.
fn post(log: &mut DiskLog, ids: impl IntoIterator<Item = u64>) {
    let (notify, outcomes) = told();
    for id in ids {
        log.append(&record(id, "{\"text\": \"some message\"}"), &notify).unwrap();
        log.flush();
        assert_eq!(outcomes.recv().unwrap(), Outcome::Durable(MessageId::from_u64(id)));
    }
}

fn read(log: &mut DiskLog) -> Result<Vec<u64>, RecoveryError> {
    let mut ids = Vec::new();
    log.recover(Timestamp::EPOCH, &mut |recovered: Recovered| ids.push(recovered.first.as_u64()))?;
    Ok(ids)
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
            DiskLog::open(DiskSettings { durability, ..settings(&path) }).unwrap().clock(still())
        });
        let path = folder.path().join("durable");
        contract::check_durable(|| {
            DiskLog::open(DiskSettings { durability, ..settings(&path) }).unwrap().clock(still())
        });
    }
}

#[test]
fn a_second_process_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path());
    let second = DiskLog::open(settings(folder.path()));
    assert!(matches!(second, Err(RecoveryError::InUse { .. })));
    assert!(matches!(repair(folder.path(), &folder.path().join("new")), Err(RecoveryError::InUse { .. })));
    assert!(inspect(folder.path()).unwrap().in_use);
    first.close();
    assert!(!inspect(folder.path()).unwrap().in_use);
    DiskLog::open(settings(folder.path())).unwrap();
}

#[test]
fn a_torn_end_is_cut_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    read(&mut log).unwrap();
    post(&mut log, 1..4);
    log.close();
    let file = segments(folder.path()).remove(0);
    let used = inspect(folder.path()).unwrap().segments[0].used;
    let mut bytes = fs::read(&file).unwrap();
    bytes[usize::try_from(used).unwrap()..][..5].copy_from_slice(b"\xffb\xfepx");
    fs::write(&file, &bytes).unwrap();
    let torn = inspect(folder.path()).unwrap().torn.unwrap();
    assert_eq!((torn.offset, torn.length), (used, 5));
    let mut log = open(folder.path());
    assert_eq!(read(&mut log).unwrap(), [1, 2, 3]);
    post(&mut log, [4]);
    log.close();
    let mut log = open(folder.path());
    assert_eq!(read(&mut log).unwrap(), [1, 2, 3, 4]);
}

#[test]
fn damage_stops_the_start_and_what_is_whole_can_be_salvaged() {
    let folder = tempfile::tempdir().unwrap();
    let (path, new) = (folder.path().join("log"), folder.path().join("new"));
    let mut log = open(&path);
    read(&mut log).unwrap();
    post(&mut log, 1..120);
    log.close();
    let files = segments(&path);
    assert!(files.len() > 2);
    let mut bytes = fs::read(&files[1]).unwrap();
    bytes[segment::HEADER + 40] ^= 1;
    fs::write(&files[1], &bytes).unwrap();

    let refusal = read(&mut open(&path)).unwrap_err();
    let RecoveryError::Damaged { file, offset, .. } = &refusal else { panic!("{refusal}") };
    assert_eq!((file, *offset), (&files[1], crate::log::disk::open::length(segment::HEADER)));
    let inspection = inspect(&path).unwrap();
    assert_eq!(inspection.records(), 118);
    assert_eq!(inspection.segments[1].holes.len(), 1);
    assert_eq!(inspection.segments[1].holes[0].offset, crate::log::disk::open::length(segment::HEADER));
    assert!(inspection.refusal.is_some());

    let before: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let saved = repair(&path, &new).unwrap();
    assert_eq!(saved.records, 118);
    let after: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(before == after, "the old log is not touched");
    assert!(repair(&path, &new).is_err(), "and a log that is there neither");
    assert!(inspect(&new).unwrap().refusal.is_none());
    let mut log = open(&new);
    let salvaged = read(&mut log).unwrap();
    assert_eq!(salvaged.len(), 118);
    let missing = (1..120).find(|id| !salvaged.contains(id)).map(MessageId::from_u64);
    assert_eq!((saved.lost, inspect(&new).unwrap().salvaged), (missing, missing));
}

#[actix_rt::test]
async fn ret_4_who_comes_from_before_a_hole_is_told_of_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (path, new) = (folder.path().join("log"), folder.path().join("new"));
    let mut log = open(&path);
    read(&mut log).unwrap();
    post(&mut log, 1..6);
    log.close();
    let file = segments(&path).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let third = frame_of(&bytes, 3);
    bytes[third + segment::FRAME + 5] ^= 1;
    fs::write(&file, &bytes).unwrap();
    repair(&path, &new).unwrap();

    let (bus, channel): (BusName, ChannelName) = ("b".parse().unwrap(), "c".parse().unwrap());
    let clock = Arc::new(ManualClock::at(START));
    let broker = Broker::builder().bus(bus.clone(), BusSettings::default()).clock(clock).log(open(&new));
    let broker = broker.start().unwrap();
    broker.join_arbiter();
    let ids = |page: &Page| page.entries.iter().map(|entry| entry.id().as_u64()).collect::<Vec<_>>();
    for (since, expected, resume) in [
        (1, vec![2, 4, 5], Resume::Gap),
        (2, vec![4, 5], Resume::Gap),
        (3, vec![4, 5], Resume::Complete),
        (4, vec![5], Resume::Complete),
        (5, vec![], Resume::Complete),
    ] {
        let since = Since::After(MessageId::from_u64(since));
        for page in [broker.read_bus(&bus, since).await, broker.read_channel(&bus, &channel, since).await] {
            let page = page.unwrap();
            assert_eq!((ids(&page), page.resume), (expected.clone(), resume), "{since:?}");
            assert_eq!(page.next, MessageId::from_u64(5));
        }
    }
    broker.shutdown().await;
}

/// Where the n-th frame of a segment begins, counted from 1.
fn frame_of(bytes: &[u8], n: usize) -> usize {
    let mut at = segment::HEADER;
    for _ in 1..n {
        at = segment::frame_at(bytes, 1, at).unwrap().content.end;
    }
    at
}

#[test]
fn a_missing_segment_and_an_unknown_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    read(&mut log).unwrap();
    post(&mut log, 1..120);
    log.close();
    let files = segments(folder.path());
    let kept = fs::read(&files[1]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    assert!(matches!(read(&mut open(folder.path())), Err(RecoveryError::Damaged { .. })));
    fs::write(&files[1], &kept).unwrap();
    assert_eq!(read(&mut open(folder.path())).unwrap().len(), 119);
    let mut other = kept;
    other[8] = 9;
    fs::write(&files[1], &other).unwrap();
    let refusal = read(&mut open(folder.path())).unwrap_err();
    assert!(matches!(refusal, RecoveryError::Version { found: 9, known: 1, .. }), "{refusal}");
}

#[test]
fn i_1_segments_go_when_all_in_them_has_expired_and_ids_do_not_fall() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(START));
    let open = || {
        let clock: Arc<dyn Clock> = clock.clone();
        DiskLog::open(settings(folder.path())).unwrap().clock(clock)
    };
    let mut log = open();
    read(&mut log).unwrap();
    post(&mut log, 1..120);
    log.close();
    assert!(segments(folder.path()).len() > 2);
    clock.advance(Duration::from_mins(2));
    let mut log = open();
    read(&mut log).unwrap();
    while segments(folder.path()).len() > 2 {
        std::thread::yield_now();
    }
    log.close();
    // The clock steps back, and most of the records are gone.
    clock.set(Timestamp::EPOCH);
    let mut log = open();
    let mut first = None;
    let extent =
        log.recover(Timestamp::EPOCH, &mut |recovered| first = first.or(Some(recovered.first))).unwrap();
    assert_eq!(extent.highest, MessageId::from_u64(119));
    assert!(extent.lost.as_u64() > 50 && first.is_none_or(|first| extent.lost < first));
}

#[test]
fn records_that_come_together_are_synced_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    read(&mut log).unwrap();
    let (notify, outcomes) = told();
    for id in 1..=2_000 {
        log.append(&record(id, "{}"), &notify).unwrap();
    }
    log.close();
    let outcomes: Vec<_> = outcomes.try_iter().collect();
    assert_eq!(outcomes.last(), Some(&Outcome::Durable(MessageId::from_u64(2_000))));
    assert!(outcomes.len() < 2_000, "{} groups", outcomes.len());
    assert_eq!(log.append(&record(3_000, "{}"), &notify), Err(LogError::Closed));
}
