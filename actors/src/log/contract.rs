//! What every log must keep, as a suite that each runs.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Appended, Extent, Log, LogError, Notify, Outcome, Record, Recovered};
use crate::memory::MemoryGauge;
use crate::{BusName, Entry, Message, MessageId, Timestamp};

/// Far more than any log needs.
const PATIENCE: Duration = Duration::from_secs(30);
const NOW: Timestamp = Timestamp::from_millis(500);

fn record(bus: &str, first: u64, count: u64) -> Arc<Record> {
    let gauge = MemoryGauge::new(usize::MAX);
    let entries = (first..first + count)
        .map(|id| {
            let (until, message) = (Timestamp::from_millis(1_000), Message::trusted("{}"));
            Arc::new(Entry::new(MessageId::from_u64(id), until, "c".parse().unwrap(), message, &gauge))
        })
        .collect();
    let (accepted, kept_until) = (Timestamp::EPOCH, Timestamp::from_millis(1_000));
    let (bus, channel) = (bus.parse().unwrap(), "c".parse().unwrap());
    Arc::new(Record { bus, channel, entries, key: None, accepted, kept_until })
}

/// Runs the suite on logs that `open` makes, each of them fresh.
pub(crate) fn check<L: Log>(open: impl Fn() -> L) {
    a_fresh_log_is_empty(&mut open());
    every_record_becomes_durable_in_order(&mut open());
    what_is_flushed_becomes_durable_by_itself(&mut open());
    a_closed_log_takes_nothing(&mut open());
}

/// Runs what durable logs keep beyond the process: `open` opens the same log again and again.
pub(crate) fn check_durable<L: Log>(open: impl Fn() -> L) {
    let mut appended = Vec::new();
    for run in 0..4u64 {
        let mut log = open();
        let mut found = Vec::new();
        let extent = log.recover(NOW, &mut |recovered| found.push(shown(&recovered))).unwrap();
        assert_eq!(found, appended, "exactly what was durable, whole and in order");
        let before = MessageId::first_at(NOW).as_u64();
        assert_eq!(extent.lost, MessageId::first_at(NOW), "nothing was lost since the log is there");
        let highest = before + run * 1_000;
        assert_eq!(extent.highest.as_u64(), highest.max(before));
        for n in 0..200 {
            let count = 1 + n % 5;
            let record = record(["a", "b"][usize::from(n % 3 == 0)], highest + 1 + n * 5, count);
            let notify =
                Notify::new(|outcome| assert!(matches!(outcome, Outcome::Durable(_)), "{outcome:?}"));
            log.append(&record, &notify).unwrap();
            appended.push((record.bus.clone(), record.entries[0].id(), record.entries.len()));
        }
        log.close();
    }
}

fn shown(recovered: &Recovered) -> (BusName, MessageId, usize) {
    assert!(recovered.messages.iter().all(|message| message.as_str() == "{}"));
    assert_eq!((recovered.accepted, recovered.until), (Timestamp::EPOCH, Timestamp::from_millis(1_000)));
    (recovered.bus.clone(), recovered.first, recovered.messages.len())
}

fn a_fresh_log_is_empty(log: &mut impl Log) {
    let mut visited = 0;
    let extent = log.recover(NOW, &mut |_| visited += 1).unwrap();
    assert_eq!(extent, Extent { highest: MessageId::first_at(NOW), lost: MessageId::first_at(NOW) });
    assert_eq!(visited, 0);
}

fn every_record_becomes_durable_in_order(log: &mut impl Log) {
    log.recover(NOW, &mut |_| ()).unwrap();
    let told = Arc::new(Mutex::new([MessageId::ZERO; 2]));
    let notify = [0, 1].map(|bus| {
        let told = Arc::clone(&told);
        Notify::new(move |outcome| {
            let Outcome::Durable(id) = outcome else { panic!("{outcome:?}") };
            let highest = &mut told.lock().unwrap()[bus];
            assert!(id >= *highest, "durability is told in order");
            *highest = id;
        })
    });
    let mut appended = [MessageId::ZERO; 2];
    for n in 0..200u64 {
        let bus = usize::from(n % 3 == 0);
        let record = record(["a", "b"][bus], 1 + n * 3, 3);
        match log.append(&record, &notify[bus]).unwrap() {
            Appended::Durable => notify[bus].tell(Outcome::Durable(record.last())),
            Appended::Pending => {}
        }
        appended[bus] = record.last();
    }
    log.close();
    assert_eq!(*told.lock().unwrap(), appended, "closing leaves nothing pending");
}

fn what_is_flushed_becomes_durable_by_itself(log: &mut impl Log) {
    log.recover(NOW, &mut |_| ()).unwrap();
    let (sender, told) = channel();
    let notify = Notify::new(move |outcome| _ = sender.send(outcome));
    for round in 0..20u64 {
        let records: Vec<_> = (1..=round % 3 + 1).map(|n| record("a", round * 10 + n, 1)).collect();
        let pending = records.iter().map(|record| log.append(record, &notify).unwrap()).last();
        log.flush();
        let last = Outcome::Durable(records.last().unwrap().last());
        while pending == Some(Appended::Pending) && told.recv_timeout(PATIENCE).unwrap() != last {}
    }
    log.flush();
    log.close();
    assert!(told.try_recv().is_err(), "nothing is told twice");
}

fn a_closed_log_takes_nothing(log: &mut impl Log) {
    log.recover(NOW, &mut |_| ()).unwrap();
    log.close();
    let notify = Notify::new(|outcome| panic!("{outcome:?}"));
    assert_eq!(log.append(&record("a", 1, 1), &notify), Err(LogError::Closed));
}
