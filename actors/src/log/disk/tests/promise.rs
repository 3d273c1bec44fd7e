//! What the running log tells, its threads included, against what the disk has at that moment.

use std::sync::Arc;
use std::time::Duration;

use super::super::sim::{Dice, Fate, SimFolder, again};
use super::super::{DiskLog, DiskSettings, Durability};
use super::real::told;
use super::world::{Found, SEGMENT, recover};
use crate::log::{Log, Outcome, Record, Recovered};
use crate::{Message, MessageId, Timestamp};

/// Far more than any machine needs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nothing that was not synced survives.
const NOTHING: Fate = Fate { kept: 0, torn: false };

fn running(folder: &SimFolder, durability: Durability) -> DiskLog {
    let settings = DiskSettings { durability, segment: SEGMENT, ..DiskSettings::at("log") };
    let mut log = DiskLog::in_folder(Arc::new(folder.clone()), settings).unwrap();
    log.recover(Timestamp::EPOCH, &mut |_| ()).unwrap();
    log
}

fn record(id: u64, length: usize) -> Arc<Record> {
    let until = Timestamp::from_millis(u64::MAX >> 20);
    Arc::new(again(Recovered {
        bus: "b".parse().unwrap(),
        channel: "c".parse().unwrap(),
        first: MessageId::from_u64(id),
        messages: vec![Message::recovered(&"m".repeat(length))],
        accepted: Timestamp::EPOCH,
        until,
        key: None,
        kept_until: until,
    }))
}

fn after_a_power_loss(folder: &SimFolder) -> Found {
    recover(&SimFolder::of(&folder.crash(folder.ops(), NOTHING, &mut Dice(1)))).unwrap()
}

#[test]
fn i_2_what_is_told_durable_is_on_the_disk() {
    let folder = SimFolder::default();
    let mut log = running(&folder, Durability::Sync);
    let (notify, outcomes) = told();
    // Over several segments.
    for id in 1..100 {
        log.append(&record(id, 100), &notify).unwrap();
        log.flush();
        assert_eq!(outcomes.recv_timeout(PATIENCE), Ok(Outcome::Durable(MessageId::from_u64(id))));
        let found = after_a_power_loss(&folder);
        assert_eq!(found.records.last().map(|(first, _)| *first), Some(MessageId::from_u64(id)));
    }
}

#[test]
fn i_1_with_durability_interval_ids_that_were_told_are_reserved_and_records_synced_in_time() {
    let folder = SimFolder::default();
    let (notify, outcomes) = told();
    let last = MessageId::from_u64(20);
    let mut log = running(&folder, Durability::Interval(Duration::from_hours(1)));
    log.append(&record(20, 100), &notify).unwrap();
    log.flush();
    assert_eq!(outcomes.recv_timeout(PATIENCE), Ok(Outcome::Durable(last)));
    let found = after_a_power_loss(&folder);
    assert!(found.records.is_empty() && found.extent.highest >= last, "{:?}", found.extent);
    log.close();

    let folder = SimFolder::default();
    let mut log = running(&folder, Durability::Interval(Duration::from_millis(1)));
    log.append(&record(20, 100), &notify).unwrap();
    log.flush();
    let end = std::time::Instant::now() + PATIENCE;
    while after_a_power_loss(&folder).records.is_empty() {
        assert!(std::time::Instant::now() < end, "nothing goes to the disk by itself");
        std::thread::yield_now();
    }
    log.close();
}

#[test]
fn i_5_a_large_group_is_written_though_more_may_be_at_hand() {
    let folder = SimFolder::default();
    let mut log = running(&folder, Durability::Sync);
    let (notify, outcomes) = told();
    for id in 1..=10 {
        log.append(&record(id, 30_000), &notify).unwrap();
    }
    // Nobody has said that it is all.
    assert!(matches!(outcomes.recv_timeout(PATIENCE), Ok(Outcome::Durable(_))));
    log.close();
}
