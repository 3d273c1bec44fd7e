//! RET-9: what was promised is kept, whatever happens to a channel, its actor or the process.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backplane_actors::log::{DiskLog, DiskSettings};
use backplane_actors::{
    Broker, BusSettings, Clock as _, EndError, Expire, ManualClock, PostError, Posted, Posting, Query,
    Resume, Since, Work,
};
use testkit::broker::promised;

use crate::{builder, bus, channel, clock, eventually, posting, read, read_bus, stats, texts};

async fn promise(
    broker: &Broker,
    name: &str,
    text: &str,
    sticky: bool,
    end: Option<Expire>,
) -> Result<Posted, PostError> {
    let posting = Posting { messages: vec![promised(text, sticky, end)].into(), ..posting(name, &[]) };
    broker.post(&bus(), posting).await
}

fn end(clock: &ManualClock, seconds: u64) -> Expire {
    Expire::at(clock.wall().after(Duration::from_secs(seconds)))
}

fn windows(channel: usize, bus: usize) -> BusSettings {
    let size = |size| NonZeroUsize::new(size).unwrap();
    BusSettings { channel_window: size(channel), bus_window: size(bus), ..BusSettings::default() }
}

#[actix::test]
async fn ret_9_promises_come_back_with_their_log() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let open = || {
        let settings = DiskSettings { segment: 2048, ..DiskSettings::at(folder.path()) };
        builder(&clock).log(DiskLog::open(settings).unwrap()).start().unwrap()
    };
    let mut broker = open();
    promise(&broker, "a", "sticky", true, None).await.unwrap();
    promise(&broker, "a", "dated", false, Some(end(&clock, 4 * 3600))).await.unwrap();
    let last = promise(&broker, "a", "both", true, Some(end(&clock, 3600))).await.unwrap().last().unwrap();
    broker.post(&bus(), posting("a", &["plain"])).await.unwrap();
    for (minutes, shown, sticky) in [
        (10, &["sticky", "dated", "both", "plain"][..], &["sticky", "both"][..]),
        (40, &["sticky", "dated", "both"], &["sticky", "both"]),
        (20, &["sticky", "dated"], &["sticky"]),
        (180, &["sticky"], &["sticky"]),
        (300, &[], &[]),
    ] {
        clock.advance(Duration::from_mins(minutes));
        for restart in [false, true] {
            if restart {
                broker.shutdown().await;
                broker = open();
            }
            let page = read(&broker, "a", Since::Start).await;
            assert_eq!(texts(&page), shown, "{minutes} {restart}");
            assert_eq!(texts(&read_bus(&broker, Since::Start).await), shown, "{minutes} {restart}");
            let query = Query::from(Since::Start).sticky();
            assert_eq!(texts(&broker.read_channel(&bus(), &channel("a"), query).await.unwrap()), sticky);
            // Behind the last sticky one nothing that is sticky was ever missing.
            let query = Query::from(last).sticky();
            let resume = broker.read_channel(&bus(), &channel("a"), query).await.unwrap().resume;
            assert_eq!(resume, Resume::Complete, "{minutes} {restart}");
        }
    }
    assert_eq!(stats(&broker).channels, 0);
    broker.shutdown().await;
}

/// The bus has let go of them, and the actor that had them is gone: the channel still has its promises.
#[actix::test]
async fn ret_9_i_3_a_channel_that_has_panicked_keeps_its_promises() {
    let panics = Arc::new(AtomicBool::new(false));
    let hook = {
        let panics = Arc::clone(&panics);
        move |work| {
            assert!(work != Work::ReadChannel || !panics.swap(false, Ordering::AcqRel), "as announced");
        }
    };
    let clock = clock();
    let broker = builder(&clock).bus(bus(), windows(3, 2)).fail_points(hook).start().unwrap();
    promise(&broker, "a", "1", true, None).await.unwrap();
    promise(&broker, "a", "2", true, None).await.unwrap();
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["1", "2"]);
    for n in 0..4 {
        promise(&broker, &format!("b{n}"), "other", true, None).await.unwrap();
    }
    let last = broker.post(&bus(), posting("a", &["3"])).await.unwrap().last().unwrap();
    broker.post(&bus(), posting("b0", &["other", "other"])).await.unwrap();
    panics.store(true, Ordering::Release);
    let page = read(&broker, "a", Since::Start).await;
    assert_eq!(texts(&page), ["1", "2"], "made anew from what was promised; the bus has nothing else of it");
    let sticky = |since: Since| Query::from(since).sticky();
    let page = broker.read_channel(&bus(), &channel("a"), sticky(last.into())).await.unwrap();
    assert_eq!((texts(&page).len(), page.resume), (0, Resume::Complete), "no sticky one is gone");
    promise(&broker, "a", "4", true, None).await.unwrap();
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["1", "2", "4"]);
    assert!(matches!(promise(&broker, "a", "5", true, None).await, Err(PostError::TooManyPromises(3))));
}

#[actix::test]
async fn ret_9_smaller_windows_break_no_promise() {
    let clock = clock();
    let broker = builder(&clock).bus(bus(), windows(4, 10)).start().unwrap();
    for n in 0..4 {
        promise(&broker, "a", &n.to_string(), true, None).await.unwrap();
    }
    broker.change_bus(&bus(), windows(2, 10)).unwrap();
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["0", "1", "2", "3"]);
    assert_eq!(promise(&broker, "a", "4", true, None).await, Err(PostError::TooManyPromises(2)));
    broker.post(&bus(), posting("a", &["5", "6", "7"])).await.unwrap();
    assert_eq!(texts(&read(&broker, "a", Since::Start).await), ["0", "1", "2", "3", "6", "7"]);
}

/// RET-8: what is not promised ends with its retention, and its memory is given back, whoever looks.
#[actix::test]
async fn i_5_a_promise_does_not_keep_what_is_beside_it() {
    tokio::time::pause();
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    for (name, is_read) in [("resting", false), ("awake", true)] {
        promise(&broker, name, "sticky", true, None).await.unwrap();
        broker.post(&bus(), posting(name, &[&"x".repeat(10_000)])).await.unwrap();
        if is_read {
            drop(read(&broker, name, Since::Start).await);
        }
    }
    assert!(stats(&broker).window_memory > 20_000);
    clock.advance(Duration::from_mins(31));
    eventually("what is over gives its memory back", || stats(&broker).window_memory < 4_000).await;
    assert_eq!(stats(&broker).channels, 2);
    for name in ["resting", "awake"] {
        assert_eq!(texts(&read(&broker, name, Since::Start).await), ["sticky"]);
    }
    clock.advance(Duration::from_hours(8));
    eventually("and so do promises", || stats(&broker).window_memory == 0 && stats(&broker).channels == 0)
        .await;
}

#[actix::test]
async fn ret_9_an_end_is_refused_by_name_and_place() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let refused = promise(&broker, "a", "1", false, Some(end(&clock, 0))).await;
    assert_eq!(refused, Err(PostError::End { index: 0, error: EndError::Over }));
    let refused = promise(&broker, "a", "1", false, Some(end(&clock, 8 * 3600 + 1))).await;
    assert_eq!(refused, Err(PostError::End { index: 0, error: EndError::Beyond(Duration::from_hours(8)) }));
    assert!(read(&broker, "a", Since::Start).await.entries.is_empty());
}
