//! The broker on the log that keeps its messages on disk.

use std::path::Path;
use std::time::Duration;

use backplane_actors::log::{DiskLog, DiskSettings, repair};
use backplane_actors::{Broker, Clock as _, MessageId, Position, Resume, Since, Timestamp};

use crate::{builder, bus, clock, ids, keyed, posting, read, read_bus, texts};

#[actix::test]
async fn i_1_i_2_a_broker_on_disk_comes_back_as_it_was() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let open = || {
        let settings = DiskSettings { segment: 2048, ..DiskSettings::at(folder.path()) };
        builder(&clock).log(DiskLog::open(settings).unwrap()).start().unwrap()
    };
    let mut seen: Vec<(Vec<MessageId>, Vec<String>, Resume, Position)> = Vec::new();
    let mut keys = Vec::new();
    for run in 0..4 {
        let broker = open();
        let pages = async |broker: &Broker| {
            let mut pages = vec![read_bus(broker, Since::Start).await];
            for name in ["a", "b", "never"] {
                pages.push(read(broker, name, Since::Start).await);
            }
            pages.iter().map(|page| (ids(page), texts(page), page.resume, page.next)).collect::<Vec<_>>()
        };
        if run > 0 {
            let found = pages(&broker).await;
            for (found, seen) in found.iter().zip(&seen) {
                assert_eq!(
                    (&found.0, &found.1, found.2, found.3.id),
                    (&seen.0, &seen.1, seen.2, seen.3.id),
                    "run {run}"
                );
                assert_ne!(found.3.epoch, seen.3.epoch, "each run has a name of its own");
                // Nothing is missing behind any position that was ever shown, in whichever run.
                for since in found.0.iter().map(|id| Since::from(*id)).chain([seen.3.into(), found.3.into()])
                {
                    assert_eq!(read_bus(&broker, since).await.resume, Resume::Complete);
                }
            }
            assert_eq!(broker.post(&bus(), keyed("a", "first", "key")).await.unwrap(), keys[0]);
        }
        broker.canary().await.unwrap();
        if run == 0 {
            keys.push(broker.post(&bus(), keyed("a", "first", "key")).await.unwrap());
        }
        for n in 0..20 {
            let text = format!("{run} {n}");
            let posted = broker.post(&bus(), posting(["a", "b"][n % 2], &[&text, "more"])).await.unwrap();
            let newest = seen.first().and_then(|(ids, ..)| ids.last().copied());
            assert!(posted.ids().next() > newest, "ids rise over restarts");
        }
        seen = pages(&broker).await;
        broker.shutdown().await;
        // The clock of the next run is behind that of this one.
        clock.step_wall(Timestamp::from_millis(clock.wall().as_millis() - 1_000));
        clock.advance(Duration::from_millis(1));
    }
}

#[actix::test]
async fn ret_4_who_comes_from_before_a_hole_in_a_salvaged_log_is_told_of_a_gap() {
    let (old, new, clock) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), clock());
    let open = |folder: &Path| {
        builder(&clock).log(DiskLog::open(DiskSettings::at(folder)).unwrap()).start().unwrap()
    };
    let broker = open(old.path());
    let mut positions = Vec::new();
    for text in ["one", "two", "three", "four", "five"] {
        positions.push(broker.post(&bus(), posting("a", &[text])).await.unwrap().last().unwrap());
    }
    let last = read(&broker, "a", Since::Start).await.next;
    broker.shutdown().await;
    let segment = old.path().join("0000000000000001.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let hole = bytes.windows(5).position(|five| five == b"three").unwrap();
    bytes[hole] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    assert_eq!(repair(old.path(), new.path()).unwrap().lost, Some(positions[2]));

    let broker = open(new.path());
    for (since, left, resume) in [
        (Since::from(positions[1]), vec!["four", "five"], Resume::Gap),
        (positions[3].into(), vec!["five"], Resume::Complete),
        (last.into(), vec![], Resume::Complete),
    ] {
        for page in [read(&broker, "a", since).await, read_bus(&broker, since).await] {
            assert_eq!(
                (texts(&page), page.resume),
                (left.iter().map(ToString::to_string).collect(), resume),
                "{since:?}"
            );
        }
    }
    broker.shutdown().await;
}
