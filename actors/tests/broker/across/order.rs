//! One thing at a time.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use backplane_actors::log::LogError;
use backplane_actors::{
    BrokerLimits, BusSettings, End, Epoch, Event, Filter, MessageId, Part, Position, ReadError, Resume,
    Since, SubscribeError, Work,
};
use futures::{FutureExt as _, StreamExt as _};

use super::log::{Numbers, Steered};
use super::{ALL, across, at_hand, ids, message, name, read, resumed, with_buses};
use crate::{builder, channel, clock, eventually, posted_ids, posting};

#[actix::test]
async fn i_9_buses_are_read_in_one_order_and_an_idle_one_stops_nobody() {
    let broker = with_buses(builder(&clock()), &["a", "b", "idle"]).start().unwrap();
    let mut posted = Vec::new();
    for n in 0..6 {
        let bus = name(["a", "b"][n % 2]);
        posted.extend(posted_ids(broker.post(&bus, posting("c", &["1", "2"])).await.unwrap()));
    }
    let all = across(&broker, &["a", "b", "idle"]);
    let page = read(&all, Since::Start).await;
    assert_eq!((ids(&page), page.resume, page.more), (posted.clone(), Resume::Complete, false));
    assert!(
        page.entries
            .iter()
            .zip(["a", "a", "b", "b"].iter().cycle())
            .all(|((bus, _), name)| bus.as_str() == *name)
    );
    assert_eq!(read(&all, page.next).await.next, page.next);
    // Also what was posted where nobody reads moves it on.
    let one = across(&broker, &["idle", "b"]);
    broker.post(&name("a"), posting("c", &["elsewhere"])).await.unwrap();
    let idle = read(&one, page.next).await;
    assert!(idle.entries.is_empty() && idle.next.id > page.next.id && idle.resume == Resume::Complete);
    // In parts, as each of them has it, and a filter that wants one bus.
    let (mut since, mut got) = (Since::Start, Vec::new());
    loop {
        let page =
            all.read(since, &|bus, _| bus.as_str() == "b", NonZeroUsize::new(1).unwrap()).await.unwrap();
        got.extend(ids(&page));
        since = page.next.into();
        if !page.more {
            break;
        }
    }
    assert_eq!(
        got,
        posted.iter().copied().enumerate().filter(|(n, _)| n % 4 >= 2).map(|(_, id)| id).collect::<Vec<_>>()
    );
    assert!(read(&broker.across(Vec::new()), Since::Start).await.next.id >= posted[11]);
    let nobody = broker.across(Vec::new()).subscribe(Since::Start, None);
    assert!(matches!(nobody, Err(SubscribeError::Ended(End::BusClosed))));
    broker.shutdown().await;
}

/// What is pending on one bus holds back what is shown on another, until it is shown or refused.
#[actix::test]
async fn i_9_what_is_pending_holds_back_what_is_above_it_until_it_is_shown_or_refused() {
    for refuses in [false, true] {
        let log = Steered::new(Numbers::Commits);
        let broker = with_buses(builder(&clock()), &["a", "b"]).log(log.clone()).start().unwrap();
        let all = across(&broker, &["a", "b"]);
        let mut events = all.clone().subscribe(Since::Start, None).unwrap();
        assert_eq!(resumed(&mut events).await.resume, Resume::Complete);
        let post = |bus: &str| {
            let (broker, bus) = (broker.clone(), name(bus));
            actix_rt::spawn(async move { broker.post(&bus, posting("c", &["1"])).await })
        };
        let before = read(&all, Since::Start).await.next;
        let slow = post("a");
        eventually("proposed", || log.pending() == 1).await;
        let fast = post("b");
        eventually("proposed", || log.pending() == 2).await;
        // The second one is answered first.
        log.commit(1);
        let fast = fast.await.unwrap().unwrap();
        assert_eq!(broker.read_bus(&name("b"), Since::Start).await.unwrap().entries.len(), 1);
        assert!(at_hand(&mut events).await.is_none(), "it is held back");
        assert_eq!(events.refresh(), None);
        let (waits, reader) = (std::rc::Rc::new(std::cell::Cell::new(true)), all.clone());
        let waiting = actix_rt::spawn({
            let waits = Rc::clone(&waits);
            async move {
                let page = read(&reader, before).await;
                waits.set(false);
                page
            }
        });
        assert!(at_hand(&mut events).await.is_none());
        assert!(waits.get(), "it waits for what is below what was answered (RET-10)");
        if refuses {
            log.refuse(0, LogError::Full);
            assert!(slow.await.unwrap().is_err());
        } else {
            log.commit(0);
            slow.await.unwrap().unwrap();
        }
        let page = waiting.await.unwrap();
        assert_eq!(message(&mut events).await.id(), fast.last().unwrap());
        let mut seen = ids(&page);
        seen.extend(ids(&read(&all, page.next).await));
        assert_eq!(seen.len(), if refuses { 1 } else { 2 });
        assert!(seen.is_sorted());
        broker.shutdown().await;
    }
}

/// Where the log hangs a read tells what it can.
#[actix::test]
async fn i_5_a_read_waits_for_a_log_that_hangs_no_longer_than_its_patience() {
    const PATIENCE: Duration = Duration::from_secs(3);
    tokio::time::pause();
    let log = Steered::new(Numbers::Commits);
    let limits = BrokerLimits { log_patience: PATIENCE, ..BrokerLimits::default() };
    let broker = with_buses(builder(&clock()), &["a", "b"]).limits(limits).log(log.clone()).start().unwrap();
    let all = across(&broker, &["a", "b"]);
    let before = read(&all, Since::Start).await;
    for bus in ["a", "b"] {
        let broker = broker.clone();
        actix_rt::spawn(async move { broker.post(&name(bus), posting("c", &["1"])).await });
        eventually("proposed", || log.pending() > 0).await;
    }
    eventually("proposed", || log.pending() == 2).await;
    log.commit(1);
    eventually("shown", || broker.bus_stats(&name("b")).unwrap().posts == 1).await;
    let began = tokio::time::Instant::now();
    let page = read(&all, Since::Start).await;
    assert!(began.elapsed() >= PATIENCE);
    assert_eq!((ids(&page), page.next), (Vec::new(), before.next));
    log.commit(0);
    assert_eq!(ids(&read(&all, page.next).await).len(), 2, "nothing was skipped");
}

/// What was pending when the log failed may come back after a restart: positions stay below it.
#[actix::test]
async fn i_10_what_a_log_that_failed_may_still_have_is_above_every_position() {
    let log = Steered::new(Numbers::Proposals);
    let broker = with_buses(builder(&clock()), &["a", "b"]).log(log.clone()).start().unwrap();
    let post = |bus: &str| {
        let (broker, bus) = (broker.clone(), name(bus));
        actix_rt::spawn(async move { broker.post(&bus, posting("c", &["1"])).await })
    };
    let first = post("a");
    eventually("proposed", || log.pending() == 1).await;
    log.commit(0);
    let first = first.await.unwrap().unwrap().last().unwrap();
    let mut events = across(&broker, &["a", "b"]).subscribe(Since::Start, None).unwrap();
    resumed(&mut events).await;
    assert_eq!(message(&mut events).await.id(), first);
    let doubtful = post("b");
    eventually("proposed", || log.pending() == 1).await;
    log.refuse(0, LogError::Failed);
    assert!(doubtful.await.unwrap().unwrap_err().is_unknown());
    assert_eq!(read(&across(&broker, &["a", "b"]), Since::Start).await.next.id, first);
    assert!(at_hand(&mut events).await.is_none());
    assert_eq!((events.refresh(), events.position().id), (None, first));
}

/// What others have proposed is shown later than it is told.
#[actix::test]
async fn i_9_what_others_propose_is_waited_for() {
    let log = crate::log::Recorder::default();
    let broker = with_buses(builder(&clock()), &["a", "b"]).log(log.clone()).start().unwrap();
    let all = across(&broker, &["a", "b"]);
    broker.post(&name("a"), posting("c", &["0"])).await.unwrap();
    let like = log.last();
    let before = read(&all, Since::Start).await.next;
    for _ in 0..100 {
        let elsewhere = log.post_elsewhere((**like).clone());
        let here = broker.post(&name("b"), posting("c", &["1"])).await.unwrap();
        let page = read(&all, before).await;
        assert!(ids(&page).ends_with(&[elsewhere.first(), here.last().unwrap()]), "both are there");
    }
    // Nobody has applied it yet, for this thread was not left: positions stay below it, also where only others are read.
    let position = read(&all, before).await.next;
    let elsewhere = log.post_elsewhere((**like).clone());
    let mut reader = Box::pin(read(&all, position));
    let page = loop {
        match (&mut reader).now_or_never() {
            Some(page) => break page,
            None => tokio::task::yield_now().await,
        }
    };
    let mut seen = ids(&page);
    seen.extend(ids(&read(&all, page.next).await));
    assert_eq!(seen, [elsewhere.first()]);
}

#[actix::test]
async fn i_10_a_gap_on_one_bus_is_a_gap_and_of_sticky_messages_only_theirs() {
    let few = BusSettings { bus_window: NonZeroUsize::new(2).unwrap(), ..BusSettings::default() };
    let broker = with_buses(builder(&clock()), &["a"]).bus(name("few"), few).start().unwrap();
    let all = across(&broker, &["a", "few"]);
    let start = read(&all, Since::Start).await.next;
    let first = broker.post(&name("few"), posting("c", &["1", "2", "3"])).await.unwrap();
    let page = read(&all, start).await;
    assert_eq!((ids(&page).len(), page.resume), (2, Resume::Gap));
    let sticky = all.clone().sticky().read(start.into(), &|_, _| true, ALL).await.unwrap();
    assert_eq!((ids(&sticky).len(), sticky.resume), (0, Resume::Complete));
    assert_eq!(read(&across(&broker, &["a"]), start).await.resume, Resume::Complete);
    let again = read(&all, page.next).await;
    assert_eq!((again.entries.len(), again.resume), (0, Resume::Complete), "told once");
    // Strictly, whatever becomes of the position (RET-5).
    let nobodys = Position { id: first.last().unwrap(), epoch: Some(Epoch::from_u64(1)) };
    for (since, resume) in [
        (Since::Unknown, Resume::Reset),
        (Since::from(MessageId::MAX), Resume::Reset),
        (nobodys.into(), Resume::Gap),
    ] {
        let page = read(&all, since).await;
        assert_eq!((page.entries.len(), page.resume, page.next), (0, resume, again.next), "{since:?}");
        let mut events = all.clone().subscribe(since, None).unwrap();
        assert_eq!(resumed(&mut events).await.resume, resume);
    }
    let mut events = all.clone().subscribe(Since::Unknown, None).unwrap();
    assert_eq!(resumed(&mut events).await.resume, Resume::Reset);
    let posted = broker.post(&name("a"), posting("c", &["4"])).await.unwrap();
    assert_eq!(message(&mut events).await.id(), posted.last().unwrap(), "it goes on");
}

#[actix::test]
async fn the_end_of_one_bus_is_the_end() {
    let broker = with_buses(builder(&clock()), &["a", "b"]).start().unwrap();
    let all = across(&broker, &["a", "b"]);
    let mut events = all.clone().subscribe(Since::Start, None).unwrap();
    resumed(&mut events).await;
    let posted = broker.post(&name("a"), posting("c", &["1"])).await.unwrap();
    assert_eq!(message(&mut events).await.id(), posted.last().unwrap());
    broker.close_bus(&name("a")).await.unwrap();
    assert!(matches!(events.next().await, Some(Event::End(End::BusClosed))));
    assert!(events.next().await.is_none());
    broker.open_bus(name("a"), BusSettings::default()).await.unwrap();
    let error = all.read(Since::Start, &|_, _| true, ALL).await.unwrap_err();
    assert_eq!((error.bus, error.error), (name("a"), ReadError::BusClosed), "that one is gone");
}

#[actix::test]
async fn i_9_a_bus_that_is_closed_and_made_again_begins_where_it_is_made() {
    let broker = with_buses(builder(&clock()), &["a", "b"]).start().unwrap();
    broker.post(&name("a"), posting("c", &["old"])).await.unwrap();
    let page = read(&across(&broker, &["a", "b"]), Since::Start).await;
    let first = broker.bus("a").unwrap().incarnation();
    broker.post(&name("a"), posting("c", &["old, and not seen"])).await.unwrap();
    broker.close_bus(&name("a")).await.unwrap();
    broker.open_bus(name("a"), BusSettings::default()).await.unwrap();
    let second = broker.bus("a").unwrap().incarnation();
    assert!(second > first && second == broker.bus("a").unwrap().incarnation());
    let new = broker.post(&name("a"), posting("c", &["new"])).await.unwrap();
    let of_b = broker.post(&name("b"), posting("c", &["new"])).await.unwrap();
    let again = read(&across(&broker, &["a", "b"]), page.next).await;
    assert_eq!((ids(&again), again.resume), (vec![new.last().unwrap(), of_b.last().unwrap()], Resume::Gap));
}

#[actix::test]
async fn a_bus_that_has_failed_is_named() {
    let fails = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let hook = std::sync::Arc::clone(&fails);
    let broker = with_buses(builder(&clock()), &["a", "b"])
        .fail_points(move |work| {
            assert!(
                work != Work::Post || !hook.swap(false, std::sync::atomic::Ordering::SeqCst),
                "a test wants it"
            );
        })
        .start()
        .unwrap();
    let mut events = across(&broker, &["a", "b"]).subscribe(Since::Start, None).unwrap();
    resumed(&mut events).await;
    fails.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(broker.post(&name("b"), posting("c", &["1"])).await.is_err());
    let error = across(&broker, &["a", "b"]).read(Since::Start, &|_, _| true, ALL).await.unwrap_err();
    assert_eq!((error.bus, error.error), (name("b"), ReadError::BusFailed));
    let mut last = events.next().await;
    while matches!(last, Some(Event::Message(_))) {
        last = events.next().await;
    }
    assert!(matches!(last, Some(Event::End(End::BusFailed))), "{last:?}");
    broker.post(&name("a"), posting("c", &["1"])).await.unwrap();
    assert_eq!(ids(&read(&across(&broker, &["a"]), Since::Start).await).len(), 1, "the others go on");
}

/// What a filter does not want is passed by, and links name what was yielded: of one bus and of several.
#[actix::test]
async fn i_10_filtered_messages_are_linked() {
    for buses in [&["a"][..], &["a", "b"]] {
        let broker = with_buses(builder(&clock()), &["a", "b"]).start().unwrap();
        let wanted: Rc<Filter<'static>> = Rc::new(|_, entry| entry.channel().as_str() == "yes");
        let before = posted_ids(broker.post(&name("a"), posting("yes", &["1"])).await.unwrap());
        let mut events = across(&broker, buses).subscribe(Since::Start, Some(Rc::clone(&wanted))).unwrap();
        let stands = resumed(&mut events).await;
        let first = message(&mut events).await;
        assert_eq!((first.id(), first.bus()), (before[0], &name("a")));
        assert!(first.prev() <= stands.position.id);
        let mut last = first.id();
        for n in 0..4 {
            let bus = buses[n % buses.len()];
            broker.post(&name(bus), posting("no", &["x"])).await.unwrap();
            let posted = posted_ids(broker.post(&name(bus), posting("yes", &["1", "2"])).await.unwrap());
            for id in posted {
                let next = message(&mut events).await;
                assert_eq!((next.id(), next.prev(), next.bus()), (id, last, &name(bus)));
                assert_eq!((events.position(), events.last()), (next.position(), Some(id)));
                last = id;
            }
        }
        let unwanted = broker.post(&name("a"), posting("no", &["x"])).await.unwrap();
        assert!(at_hand(&mut events).await.is_none());
        assert!(events.refresh().unwrap().id >= unwanted.last().unwrap(), "what is not wanted is behind it");
        assert_eq!(events.refresh(), None);
    }
}

#[actix::test]
async fn channels_of_several_buses_are_read_and_waited_for() {
    let broker = with_buses(builder(&clock()), &["a", "b"]).start().unwrap();
    let members = || {
        vec![
            (broker.bus("a").unwrap(), Part::Channel(channel("one"))),
            (broker.bus("a").unwrap(), Part::Channel(channel("two"))),
            (broker.bus("b").unwrap(), Part::All),
            (broker.bus("b").unwrap(), Part::Channel(channel("one"))),
        ]
    };
    let mut events = broker.across(members()).subscribe(Since::Start, None).unwrap();
    resumed(&mut events).await;
    let mut wanted = Vec::new();
    for (bus, to) in
        [("a", "one"), ("a", "other"), ("b", "one"), ("a", "two"), ("b", "other"), ("a", "other")]
    {
        let posted = broker.post(&name(bus), posting(to, &["1"])).await.unwrap();
        if bus == "b" || to != "other" {
            wanted.push(posted.last().unwrap());
        }
    }
    assert_eq!(ids(&read(&broker.across(members()), Since::Start).await), wanted);
    for id in wanted {
        assert_eq!(message(&mut events).await.id(), id);
    }
    assert!(at_hand(&mut events).await.is_none());
    let mut twice = members();
    twice.extend(members());
    assert_eq!(broker.across(twice).subscribe(Since::Start, None).unwrap_err(), SubscribeError::Twice);
    broker.shutdown().await;
    assert!(matches!(events.next().await, Some(Event::End(End::Closed))));
}

#[actix::test]
async fn v2_one_a_message_is_found_by_its_id() {
    let broker = with_buses(builder(&clock()), &["a"]).start().unwrap();
    let bus = broker.bus("a").unwrap();
    let posted = posted_ids(broker.post(&name("a"), posting("c", &["1", "2"])).await.unwrap());
    broker.post(&name("a"), posting("d", &["3"])).await.unwrap();
    for id in &posted {
        assert_eq!(bus.message(*id).await.unwrap().unwrap().id(), *id);
        assert_eq!(bus.channel_message(&channel("c"), *id).await.unwrap().unwrap().id(), *id);
        assert!(bus.channel_message(&channel("d"), *id).await.unwrap().is_none());
        assert!(bus.channel_message(&channel("nobody"), *id).await.unwrap().is_none());
    }
    let beside = [MessageId::ZERO, MessageId::from_u64(posted[0].as_u64() - 1), MessageId::MAX];
    for id in beside {
        assert!(bus.message(id).await.unwrap().is_none());
    }
    assert!(bus.message(posted[1]).now_or_never().is_none(), "it asks the actor");
    broker.close_bus(&name("a")).await.unwrap();
    assert_eq!(bus.message(posted[0]).await.unwrap_err(), ReadError::BusClosed);
}
