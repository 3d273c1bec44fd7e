//! I-10: `complete` is never said when something may have been missed, whichever history a position is from.

use std::num::NonZeroUsize;
use std::time::Duration;

use backplane_actors::{BusSettings, Epoch, Event, MessageId, Position, Resume, Selection, Since};
use futures::{FutureExt as _, StreamExt as _};

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

/// A reader of version 2.0 never gets what is not newer than its position, whatever became of that: what nobody can vouch for is told.
#[actix::test]
async fn ret_5_a_strict_reader_gets_nothing_again() {
    let (log, clock) = (Recorder::default(), clock());
    let open = || builder(&clock).log(log.clone()).start().unwrap();
    let broker = open();
    broker.post(&bus(), posting("a", &["0"])).await.unwrap();
    let first_run = read_bus(&broker, Since::Start).await.next;
    broker.post(&bus(), posting("a", &["told and lost"])).await.unwrap();
    let lost = read_bus(&broker, Since::Start).await.next;
    broker.shutdown().await;
    log.lose_tail(1);
    let broker = open();
    let ids: Vec<MessageId> =
        broker.post(&bus(), posting("a", &["1", "2", "3"])).await.unwrap().ids().collect();
    let now = read_bus(&broker, Since::Start).await.next;
    let position = |id, epoch| Position { id, epoch };
    let nobodys = Some(Epoch::from_u64(1));
    let later = MessageId::from_u64(now.id.as_u64() + 1_000);
    for (since, resume, wanted) in [
        (Since::Start, Resume::Complete, &["0", "1", "2", "3"][..]),
        (first_run.into(), Resume::Gap, &["1", "2", "3"]),
        (position(first_run.id, None).into(), Resume::Gap, &["1", "2", "3"]),
        (lost.into(), Resume::Gap, &["1", "2", "3"]),
        (position(ids[0], now.epoch).into(), Resume::Complete, &["2", "3"]),
        (position(ids[0], None).into(), Resume::Complete, &["2", "3"]),
        // An id of what is gone.
        (position(lost.id, None).into(), Resume::Gap, &["1", "2", "3"]),
        (position(ids[1], nobodys).into(), Resume::Gap, &["3"]),
        (position(later, now.epoch).into(), Resume::Reset, &[]),
        (position(later, None).into(), Resume::Reset, &[]),
        (position(later, nobodys).into(), Resume::Gap, &[]),
        (Since::Unknown, Resume::Reset, &[]),
    ] {
        let since = since.strictly();
        for page in [read(&broker, "a", since).await, read_bus(&broker, since).await] {
            assert_eq!(
                (texts(&page), page.resume, page.next),
                (wanted.iter().map(ToString::to_string).collect(), resume, now),
                "{since:?}"
            );
        }
        let bus = broker.bus(bus().as_str()).unwrap();
        for selection in [Selection::Bus(since), Selection::Channels(vec![(crate::channel("a"), since)])] {
            let mut events = bus.subscribe(selection).unwrap();
            let Some(Event::Resumed(resumed)) = events.next().await else {
                panic!("it begins with where it stands")
            };
            assert_eq!(resumed.resume, resume, "{since:?}");
            let mut got = Vec::new();
            while let Some(Some(Event::Message(message))) = events.next().now_or_never() {
                got.push(message.id());
            }
            assert_eq!(got.len(), wanted.len(), "{since:?}");
            let of_this_run: Vec<_> = got.into_iter().filter(|id| *id > first_run.id).collect();
            assert_eq!(of_this_run, ids[3_usize.saturating_sub(wanted.len())..], "{since:?}");
            assert_eq!(events.position(), now, "{since:?}");
        }
    }
    assert!(read(&broker, "nobody", Since::Unknown.strictly()).await.resume == Resume::Reset);
    assert!(
        read(&broker, "nobody", Since::from(position(ids[1], nobodys)).strictly()).await.resume
            == Resume::Gap
    );
    broker.shutdown().await;
}

/// More than a look brings at once: a strict reader that begins further on than another one gets nothing from before that.
#[actix::test]
async fn ret_5_a_look_in_parts_goes_back_for_nobody() {
    const MANY: usize = 600;
    let many = NonZeroUsize::new(MANY).unwrap();
    let settings = BusSettings { channel_window: many, bus_window: many, ..BusSettings::default() };
    let broker = builder(&clock()).bus(bus(), settings).start().unwrap();
    for _ in 0..MANY / 2 {
        broker.post(&bus(), posting("a", &["1"])).await.unwrap();
        broker.post(&bus(), posting("b", &["1"])).await.unwrap();
    }
    let page = read(&broker, "b", Since::Start).await;
    let from = page.entries[MANY / 2 - 3].id();
    // Of a run that nobody knows.
    let doubtful = Since::Newer(Position { id: from, epoch: Some(Epoch::from_u64(1)) });
    let selection =
        Selection::Channels(vec![(crate::channel("a"), Since::Start), (crate::channel("b"), doubtful)]);
    let mut events = broker.bus(bus().as_str()).unwrap().subscribe(selection).unwrap();
    let mut of_b = Vec::new();
    let mut all = 0;
    while all < MANY / 2 + 2 {
        if let Some(Event::Message(message)) = events.next().await {
            all += 1;
            if message.entry().channel().as_str() == "b" {
                of_b.push(message.id());
            }
        }
    }
    assert!(of_b.iter().all(|id| *id > from), "nothing from before its position");
    assert_eq!(of_b.len(), 2);
}
