//! The broker on the log that keeps its messages on disk.

use std::time::Duration;

use backplane_actors::log::{DiskLog, DiskSettings};
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
