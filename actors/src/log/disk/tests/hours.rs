//! Hours of a log, by a clock that is moved by hand, of which little lives.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::{DiskLog, DiskSettings, Durability};
use super::bounds::wait_until;
use super::kept::{ids, sticky};
use super::real::ending;
use super::world::START;
use crate::clock::ManualClock;
use crate::log::Log as _;
use crate::log::contract::{Bus, start};
use crate::model::MessageId;

const SEGMENT: u64 = 64 << 10;

fn open(path: &Path) -> DiskLog {
    let durability = Durability::Interval(Duration::from_hours(1));
    DiskLog::open(DiskSettings { segment: SEGMENT, durability, ..DiskSettings::at(path) }).unwrap()
}

/// Bytes of all files.
fn bytes(path: &Path) -> u64 {
    let files = fs::read_dir(path).unwrap().map(|file| file.unwrap().metadata());
    // One that was there a moment ago may be gone.
    files.filter_map(Result::ok).map(|file| file.len()).sum()
}

#[test]
fn i_5_a_log_of_which_little_lives_is_small_on_the_disk_and_to_a_start() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::at(START)));
    let path = folder.path();
    let (log, extent, _) = start(open(path), &clock, 1);
    let (mut bus, mut promised, mut posted, mut largest): (_, Vec<MessageId>, _, _) =
        (Bus::new(), vec![], 0, 0);
    // One of a hundred is promised for the eight hours, the others are kept for a minute.
    for _ in 0..480 {
        for n in 0..100 {
            let now = extent.timeline.now();
            bus.propose(&log, if n == 50 { sticky(now, 480) } else { ending(now) }).unwrap();
        }
        log.flush();
        bus.settle();
        let records = bus.committed.drain(..).map(|record| record.first()).collect::<Vec<_>>();
        promised.push(records[50]);
        posted += records.len();
        clock.advance(Duration::from_mins(1));
        largest = largest.max(bytes(path));
    }
    // What the keeper does in a second, it may do a little later.
    let most = 10 * SEGMENT;
    wait_until(|| bytes(path) < most);
    log.close();
    let (log, extent, kept) = start(open(path), &clock, 2);
    let found = ids(&kept);
    println!("{posted} records, {largest} bytes at most, {} records read", found.len());
    assert!(
        found.is_sorted() && promised.iter().all(|id| found.contains(id)),
        "something promised is missing"
    );
    assert!(found.len() < posted / 20, "{} of {posted} records are read", found.len());
    assert!(extent.lost_sticky < promised[0] && extent.lost > promised[400]);
    // When all of them are over, nothing stays.
    clock.advance(Duration::from_hours(9));
    wait_until(|| bytes(path) <= 2 * SEGMENT + 1024 && log.health().oldest.is_none());
    log.close();
    let (log, extent, kept) = start(open(path), &clock, 3);
    assert!(kept.is_empty(), "{} records", kept.len());
    assert!(promised.last() <= Some(&extent.lost_sticky));
    log.close();
}
