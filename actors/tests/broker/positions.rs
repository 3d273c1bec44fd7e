//! I-10: `complete` is never said when something may have been missed, whichever history a position is from.

use std::time::Duration;

use backplane_actors::{Epoch, Position, Resume, Since};

use crate::log::Recorder;
use crate::{START, builder, bus, clock, posting, read, read_bus, texts};

#[actix::test]
async fn i_10_what_a_power_loss_took_is_a_gap() {
    let (log, clock) = (Recorder::default(), clock());
    let open = || builder(&clock).log(log.clone()).start().unwrap();
    let broker = open();
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let (bus_seen, seen) =
        (read_bus(&broker, Since::Start).await.next, read(&broker, "a", Since::Start).await.next);
    broker.post(&bus(), posting("a", &["2, answered and gone"])).await.unwrap();
    let told = read(&broker, "a", Since::Start).await.next;
    drop(broker);
    log.lose_tail(1);
    log.kill(0);
    for restarts in 1..3 {
        let again = open();
        for (name, since) in [
            ("told", Since::from(told)),
            ("told, a bare id", told.id.into()),
            ("seen", seen.into()),
            ("seen, a bare id", seen.id.into()),
        ] {
            let page = read(&again, "a", since).await;
            assert_eq!(page.resume, Resume::Gap, "{name}, after {restarts} restarts");
            assert!(page.next.id >= told.id, "positions do not go back");
        }
        for since in [bus_seen, told] {
            assert_eq!(read_bus(&again, since).await.resume, Resume::Gap);
        }
        assert_eq!(texts(&read(&again, "a", Since::Start).await)[0], "1", "what is left is shown");
        let next = read(&again, "a", Since::Start).await.next;
        let posted = again.post(&bus(), posting("a", &["3"])).await.unwrap();
        assert!(posted.ids().next().unwrap() > told.id, "ids that were told never come again");
        let page = read(&again, "a", next).await;
        assert_eq!(
            (texts(&page), page.resume),
            (vec!["3".into()], Resume::Complete),
            "who goes on misses nothing"
        );
        again.shutdown().await;
    }
}

#[actix::test]
async fn i_10_positions_are_good_over_restarts_that_lost_nothing() {
    let (log, clock) = (Recorder::default(), clock());
    let mut positions = Vec::new();
    for run in 0..4 {
        let broker = builder(&clock).log(log.clone()).start().unwrap();
        for (n, since) in positions.iter().enumerate() {
            let page = read(&broker, "a", *since).await;
            assert_eq!((page.entries.len(), page.resume), (run - n - 1, Resume::Complete));
        }
        broker.post(&bus(), posting("a", &["1"])).await.unwrap();
        positions.push(read(&broker, "a", Since::Start).await.next);
        broker.shutdown().await;
        clock.advance(Duration::from_secs(1));
    }
}

/// A log in memory, and a clock that was set back over the restart: the ids of both runs are the same numbers.
#[actix::test]
async fn i_10_a_position_of_another_history_is_a_gap() {
    let clock = clock();
    clock.advance(Duration::from_hours(1));
    let first = builder(&clock).start().unwrap();
    first.post(&bus(), posting("a", &["seen"])).await.unwrap();
    let seen = read(&first, "a", Since::Start).await.next;
    first.post(&bus(), posting("a", &["missed"])).await.unwrap();
    first.shutdown().await;
    clock.step_wall(START);
    let second = builder(&clock).start().unwrap();
    for _ in 0..4 {
        second.post(&bus(), posting("a", &["of the second run"])).await.unwrap();
        clock.advance(Duration::from_mins(20));
    }
    let last = second.post(&bus(), posting("a", &["last"])).await.unwrap();
    assert!(last.last().unwrap() > seen.id, "the number alone cannot tell");
    let stranger = Position { id: seen.id, epoch: Some(Epoch::from_u64(1)) };
    for since in [seen, stranger] {
        for page in [
            read(&second, "a", since).await,
            read_bus(&second, since).await,
            read(&second, "none", since).await,
        ] {
            assert_eq!(page.resume, Resume::Gap);
        }
    }
}
