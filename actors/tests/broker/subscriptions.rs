//! Readers that wait: what is posted reaches them at once, in order, each once, and whatever may be missing is told.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use backplane_actors::{
    Bound, Broker, BrokerLimits, BusHandle, BusSettings, Delivered, End, Event, Message, MessageId, Resume,
    Resumed, Selection, Since, SubscribeError, Subscription, Work,
};
use futures::{FutureExt as _, StreamExt as _};

use crate::{Page, builder, bus, channel, clock, eventually, posted_ids, posting, read, stats, texts};

fn handle(broker: &Broker) -> BusHandle {
    broker.bus(bus().as_str()).unwrap()
}

fn subscribe(broker: &Broker, names: &[&str], since: impl Into<Since> + Copy) -> Subscription {
    let channels = names.iter().map(|name| (channel(name), since.into())).collect();
    handle(broker).subscribe(Selection::Channels(channels)).unwrap()
}

async fn resumed(subscription: &mut Subscription) -> Resumed {
    match subscription.next().await {
        Some(Event::Resumed(resumed)) => resumed,
        other => panic!("{other:?} instead of where it stands"),
    }
}

async fn message(subscription: &mut Subscription) -> Delivered {
    match subscription.next().await {
        Some(Event::Message(message)) => message,
        other => panic!("{other:?} instead of a message"),
    }
}

async fn messages(subscription: &mut Subscription, count: usize) -> Vec<Delivered> {
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(message(subscription).await);
    }
    messages
}

fn text(message: &Delivered) -> String {
    texts(&Page {
        entries: vec![Arc::clone(message.entry())],
        next: message.position(),
        resume: Resume::Complete,
    })
    .remove(0)
}

/// Each one's `prev` is the one before it.
fn assert_chained(messages: &[Delivered]) {
    for pair in messages.windows(2) {
        assert!(pair[0].id() < pair[1].id());
        assert_eq!(pair[1].prev(), pair[0].id());
    }
}

/// What was not yielded yet, without waiting.
fn at_hand(subscription: &mut Subscription) -> Option<Event> {
    subscription.next().now_or_never().flatten()
}

#[actix::test]
async fn a_reader_gets_what_there_is_and_then_what_comes() {
    let broker = builder(&clock()).start().unwrap();
    broker.post(&bus(), posting("a", &["1", "2"])).await.unwrap();
    let mut all = subscribe(&broker, &["a"], Since::Start);
    let mut bus_wide = handle(&broker).subscribe(Selection::Bus(Since::Start)).unwrap();
    assert_eq!(resumed(&mut all).await.resume, Resume::Complete);
    assert_eq!(resumed(&mut bus_wide).await.channels, []);
    let mut seen = messages(&mut all, 2).await;
    assert!(at_hand(&mut all).is_none());
    broker.post(&bus(), posting("other", &["x"])).await.unwrap();
    broker.post(&bus(), posting("a", &["3", "4"])).await.unwrap();
    seen.extend(messages(&mut all, 2).await);
    assert_eq!(seen.iter().map(text).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    assert_chained(&seen);
    let of_bus = messages(&mut bus_wide, 5).await;
    assert_eq!(of_bus.iter().map(text).collect::<Vec<_>>(), ["1", "2", "x", "3", "4"]);
    assert_chained(&of_bus);
    assert_eq!(all.position(), seen[3].position());
}

#[actix::test]
async fn a_reader_goes_on_from_its_position() {
    let broker = builder(&clock()).start().unwrap();
    let posted = posted_ids(broker.post(&bus(), posting("a", &["1", "2", "3"])).await.unwrap());
    let position = read(&broker, "a", Since::Start).await.next;
    for id in &posted {
        for since in [Since::from(*id), Since::After(backplane_actors::Position { id: *id, ..position })] {
            let mut reader = subscribe(&broker, &["a"], since);
            let stands = resumed(&mut reader).await;
            assert_eq!((stands.resume, stands.position.id), (Resume::Complete, *id));
            while let Some(event) = at_hand(&mut reader) {
                let Event::Message(message) = event else { panic!("{event:?}") };
                assert_eq!(message.prev().as_u64() + 1, message.id().as_u64());
            }
            assert_eq!(reader.position().id, posted[2]);
        }
    }
}

/// A position may lie between messages: of the bus, or of a time without any.
#[actix::test]
async fn ret_5_a_position_between_messages_repeats_nothing() {
    let broker = builder(&clock()).start().unwrap();
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let mut quiet = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut quiet).await;
    message(&mut quiet).await;
    assert!(quiet.refresh().is_none(), "it is told of the message's own position already");
    broker.post(&bus(), posting("b", &["x"])).await.unwrap();
    let between = quiet.refresh().unwrap();
    assert!(quiet.refresh().is_none());
    broker.post(&bus(), posting("a", &["2"])).await.unwrap();
    assert_eq!(texts(&read(&broker, "a", between).await), ["2"]);
    let mut reader = subscribe(&broker, &["a"], between);
    assert_eq!(resumed(&mut reader).await.position, between);
    assert_eq!(text(&message(&mut reader).await), "2");
}

/// Posted and told, and not looked at yet: the position stays.
#[actix::test]
async fn i_10_a_fresh_position_is_never_ahead_of_what_was_told() {
    let broker = builder(&clock()).start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    let begin = resumed(&mut reader).await.position;
    assert!(at_hand(&mut reader).is_none());
    let id = posted_ids(broker.post(&bus(), posting("a", &["1"])).await.unwrap())[0];
    assert!(reader.refresh().is_none_or(|position| position.id < id));
    assert!(reader.position().id < id && begin.id < id);
    assert_eq!(message(&mut reader).await.id(), id);
}

#[actix::test]
async fn a_channel_that_does_not_exist_has_a_position_and_a_future() {
    let broker = builder(&clock()).start().unwrap();
    let mut reader = subscribe(&broker, &["later"], Since::Start);
    assert_eq!(resumed(&mut reader).await.resume, Resume::Complete);
    assert_eq!(stats(&broker).channels, 0, "I-4");
    broker.post(&bus(), posting("later", &["1"])).await.unwrap();
    let first = message(&mut reader).await;
    assert!(first.prev() < first.id());
}

/// Watchers outlive the lives of a channel (RET-8), and nobody is told of a gap who has seen all of the last one.
#[actix::test]
async fn ret_8_a_reader_outlives_its_channel() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    let mut seen = Vec::new();
    for life in 0..3 {
        broker.post(&bus(), posting("a", &[&format!("{life}")])).await.unwrap();
        seen.push(message(&mut reader).await);
        clock.advance(BusSettings::default().channel_idle + Duration::from_secs(1));
        assert!(read(&broker, "a", Since::Start).await.entries.is_empty());
    }
    assert_chained(&seen);
    let position = reader.position();
    let mut again = subscribe(&broker, &["a"], position);
    assert_eq!(resumed(&mut again).await.resume, Resume::Complete);
}

#[actix::test]
async fn i_6_who_does_not_read_falls_back_on_the_window_and_misses_nothing_that_it_has() {
    let broker = builder(&clock()).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    assert!(at_hand(&mut slow).is_none());
    for n in 0..100 {
        broker.post(&bus(), posting("a", &[&n.to_string()])).await.unwrap();
    }
    let seen = messages(&mut slow, 100).await;
    assert_eq!(
        seen.iter().map(text).collect::<Vec<_>>(),
        (0..100).map(|n| n.to_string()).collect::<Vec<_>>()
    );
    assert_chained(&seen);
}

#[actix::test]
async fn i_10_who_falls_out_of_the_window_is_told() {
    let broker = builder(&clock()).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    for n in 0..150 {
        broker.post(&bus(), posting("a", &[&n.to_string()])).await.unwrap();
    }
    let stands = resumed(&mut slow).await;
    assert_eq!((stands.resume, &stands.channels[..]), (Resume::Gap, &[(channel("a"), Resume::Gap)][..]));
    assert_eq!(slow.last(), Some(stands.position.id), "the chain goes on from there");
    let seen = messages(&mut slow, 100).await;
    assert_eq!((text(&seen[0]).as_str(), text(&seen[99]).as_str()), ("50", "149"));
    assert_eq!(seen[0].prev(), stands.position.id, "who is told stands right before what comes");
    assert_eq!(stands.last, None, "nothing was yielded before");
    assert_chained(&seen);
    assert!(at_hand(&mut slow).is_none());
}

/// What was told and not taken is not shown when it is over.
#[actix::test]
async fn i_10_what_expires_before_it_is_taken_is_a_gap() {
    let clock = clock();
    let broker = builder(&clock).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    assert!(at_hand(&mut slow).is_none());
    broker.post(&bus(), posting("a", &["old"])).await.unwrap();
    clock.advance(BusSettings::default().retention);
    broker.post(&bus(), posting("a", &["new"])).await.unwrap();
    assert_eq!(resumed(&mut slow).await.resume, Resume::Gap);
    assert_eq!(text(&message(&mut slow).await), "new");
}

#[actix::test]
async fn many_channels_come_in_the_order_of_the_bus() {
    let broker = builder(&clock()).start().unwrap();
    for (name, text) in [("a", "1"), ("b", "2"), ("c", "-"), ("a", "3")] {
        broker.post(&bus(), posting(name, &[text])).await.unwrap();
    }
    let mut reader = subscribe(&broker, &["a", "b"], Since::Start);
    let stands = resumed(&mut reader).await;
    assert_eq!(stands.channels.len(), 2);
    for (name, text) in [("b", "4"), ("c", "-"), ("a", "5")] {
        broker.post(&bus(), posting(name, &[text])).await.unwrap();
    }
    let seen = messages(&mut reader, 5).await;
    assert_eq!(seen.iter().map(text).collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    assert!(seen.is_sorted_by_key(Delivered::id));
    // One chain over all of them: whoever loses one on the way notices with the next, of whichever channel it is.
    assert_chained(&seen);
    assert!(seen[0].prev() <= stands.position.id);
}

/// More than a look asks for of each: what comes in parts comes in order all the same.
#[actix::test]
async fn a_look_in_parts_keeps_the_order() {
    let broker = builder(&clock()).start().unwrap();
    let names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    let mut posted = Vec::new();
    for n in 0..300usize {
        let name = &names[n * 7 % 20];
        posted.extend(posted_ids(broker.post(&bus(), posting(name, &[&n.to_string()])).await.unwrap()));
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut reader = subscribe(&broker, &names, Since::Start);
    resumed(&mut reader).await;
    let seen = messages(&mut reader, 300).await;
    assert_eq!(seen.iter().map(Delivered::id).collect::<Vec<_>>(), posted);
    assert!(at_hand(&mut reader).is_none());
}

/// One comes from where it was, another from its start, which takes more than one look: nobody gets anything twice.
#[actix::test]
async fn a_look_in_parts_repeats_nothing_to_who_is_further_on() {
    let broker = builder(&clock()).start().unwrap();
    let names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    for n in 0..300usize {
        broker.post(&bus(), posting(&names[n * 7 % 20], &[&n.to_string()])).await.unwrap();
    }
    let known = read(&broker, "c0", Since::Start).await.next;
    let from = |name: &String| if name == "c0" { known.into() } else { Since::Start };
    let channels = names.iter().map(|name| (channel(name), from(name))).collect();
    let mut reader = handle(&broker).subscribe(Selection::Channels(channels)).unwrap();
    resumed(&mut reader).await;
    let seen = messages(&mut reader, 300 - 15).await;
    assert!(seen.iter().all(|message| message.entry().channel() != &channel("c0")), "{seen:?}");
    assert!(at_hand(&mut reader).is_none());
}

#[actix::test]
async fn channels_join_and_leave() {
    let broker = builder(&clock()).start().unwrap();
    broker.post(&bus(), posting("b", &["before"])).await.unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    reader.add(vec![(channel("b"), Since::Start)]).unwrap();
    assert_eq!(resumed(&mut reader).await.channels, [(channel("b"), Resume::Complete)]);
    assert_eq!(text(&message(&mut reader).await), "before");
    assert_eq!(reader.add(vec![(channel("a"), Since::Start)]), Err(SubscribeError::Twice));
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    broker.post(&bus(), posting("b", &["2"])).await.unwrap();
    assert_eq!(text(&message(&mut reader).await), "1");
    let last = reader.last();
    reader.remove(&[channel("b")]);
    assert_eq!(reader.channels().collect::<Vec<_>>(), [&channel("a")]);
    broker.post(&bus(), posting("b", &["3"])).await.unwrap();
    broker.post(&bus(), posting("a", &["4"])).await.unwrap();
    let fourth = message(&mut reader).await;
    assert_eq!((text(&fourth).as_str(), Some(fourth.prev())), ("4", last));
    assert_eq!(stats(&broker).subscribers, 1);
}

/// What comes of added channels moves the position of all: nothing of the others may be left behind it.
#[actix::test]
async fn i_10_channels_that_are_added_overtake_nobody() {
    let broker = builder(&clock()).start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    broker.post(&bus(), posting("b", &["2"])).await.unwrap();
    reader.add(vec![(channel("b"), Since::Start)]).unwrap();
    assert_eq!(resumed(&mut reader).await.channels, [(channel("b"), Resume::Complete)]);
    let seen = messages(&mut reader, 2).await;
    assert_eq!(seen.iter().map(text).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(reader.position(), seen[1].position());
}

/// Of several channels each comes from where it was, and the stream stands where the first of them was. A frame that named what lies behind
/// that would be taken for a loss by its reader.
#[actix::test]
async fn i_10_the_first_frame_names_nothing_beyond_where_its_reader_stands() {
    let broker = builder(&clock()).start().unwrap();
    let early = read(&broker, "b", Since::Start).await.next;
    let first = posted_ids(broker.post(&bus(), posting("a", &["1"])).await.unwrap())[0];
    let late = read(&broker, "a", Since::Start).await.next;
    assert!(early.id < first && late.id >= first);
    let channels = vec![(channel("a"), late.into()), (channel("b"), early.into())];
    let mut reader = handle(&broker).subscribe(Selection::Channels(channels)).unwrap();
    let stands = resumed(&mut reader).await;
    assert_eq!((stands.resume, stands.position), (Resume::Complete, early));
    broker.post(&bus(), posting("a", &["2", "3"])).await.unwrap();
    let seen = messages(&mut reader, 2).await;
    assert!(seen[0].prev() <= early.id, "{:?} after {early:?}", seen[0]);
    assert_chained(&seen);
}

/// What a look has found of a channel is for who was subscribed to it when the look began: it may come from further back than who has
/// subscribed to it since.
#[actix::test]
async fn i_10_a_channel_that_is_left_while_it_is_looked_for_begins_anew() {
    let broker = builder(&clock()).start().unwrap();
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    broker.post(&bus(), posting("b", &["2", "3"])).await.unwrap();
    let known = read(&broker, "b", Since::Start).await.next;
    let mut reader = subscribe(&broker, &["a", "b"], Since::Start);
    assert!(at_hand(&mut reader).is_none(), "the look is under way");
    reader.remove(&[channel("b")]);
    reader.add(vec![(channel("b"), known.into())]).unwrap();
    let stands = resumed(&mut reader).await;
    assert_eq!((stands.resume, stands.channels.len()), (Resume::Complete, 2));
    assert_eq!(text(&message(&mut reader).await), "1");
    broker.post(&bus(), posting("b", &["4"])).await.unwrap();
    assert_eq!(text(&message(&mut reader).await), "4", "what is known is not told again");
}

#[actix::test]
async fn i_5_readers_that_wait_are_bounded() {
    let limits = BrokerLimits {
        subscribers: 5,
        subscribers_per_bus: 4,
        subscribers_per_channel: 2,
        ..BrokerLimits::default()
    };
    let other = "other".parse::<backplane_actors::BusName>().unwrap();
    let broker = builder(&clock()).bus(other.clone(), BusSettings::default()).limits(limits).start().unwrap();
    let ask = |broker: &Broker, name: &str| {
        handle(broker).subscribe(Selection::Channels(vec![(channel(name), Since::Start)]))
    };
    let mut held = vec![ask(&broker, "a").unwrap(), ask(&broker, "a").unwrap()];
    assert_eq!(ask(&broker, "a").unwrap_err(), SubscribeError::TooMany(Bound::Channel, 2));
    held.push(ask(&broker, "b").unwrap());
    let two = vec![(channel("c"), Since::Start), (channel("d"), Since::Start)];
    let refused = handle(&broker).subscribe(Selection::Channels(two)).unwrap_err();
    assert_eq!(refused, SubscribeError::TooMany(Bound::Bus, 4));
    assert_eq!(stats(&broker).subscribers, 3, "a refusal leaves nothing");
    held.push(ask(&broker, "c").unwrap());
    let of_other = broker.bus(other.as_str()).unwrap();
    held.push(of_other.subscribe(Selection::Bus(Since::Start)).unwrap());
    assert_eq!(
        of_other.subscribe(Selection::Bus(Since::Start)).unwrap_err(),
        SubscribeError::TooMany(Bound::Broker, 5)
    );
    held.clear();
    assert_eq!(stats(&broker).subscribers, 0);
    assert!(ask(&broker, "a").is_ok(), "who leaves makes room");
}

#[actix::test]
async fn i_6_what_was_told_is_not_kept_for_who_does_not_take_it() {
    let settings = BusSettings {
        bus_window: NonZeroUsize::MIN,
        channel_window: NonZeroUsize::MIN,
        ..BusSettings::default()
    };
    let broker = Broker::builder().bus(bus(), settings).start().unwrap();
    let mut slow = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut slow).await;
    assert!(at_hand(&mut slow).is_none());
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let one = stats(&broker).window_memory;
    for n in 0..1_000 {
        broker.post(&bus(), posting("a", &[&format!("{n:04}")])).await.unwrap();
    }
    // The ring of this thread keeps some for a moment.
    eventually("the ring lets go", || stats(&broker).window_memory < 2 * one).await;
    assert_eq!(resumed(&mut slow).await.resume, Resume::Gap);
    assert_eq!(text(&message(&mut slow).await), "0999");
}

#[actix::test]
async fn a_bus_that_ends_says_so_behind_its_last_message() {
    let broker = builder(&clock()).start().unwrap();
    let mut closed = subscribe(&broker, &["a"], Since::Start);
    let mut fresh = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut closed).await;
    broker.post(&bus(), posting("a", &["last"])).await.unwrap();
    let bus_handle = handle(&broker);
    broker.close_bus(&bus()).await.unwrap();
    assert_eq!(text(&message(&mut closed).await), "last");
    assert!(matches!(closed.next().await, Some(Event::End(End::BusClosed))));
    assert!(closed.next().await.is_none());
    assert!(
        matches!(fresh.next().await, Some(Event::End(End::BusClosed))),
        "nothing of it is shown any more"
    );
    let refused = bus_handle.subscribe(Selection::Bus(Since::Start)).unwrap_err();
    assert_eq!(refused, SubscribeError::Ended(End::BusClosed));
}

#[actix::test]
async fn the_end_of_the_broker_is_told() {
    let broker = builder(&clock()).start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    broker.shutdown().await;
    assert!(matches!(reader.next().await, Some(Event::End(End::Closed))));
}

#[actix::test]
async fn i_10_a_panic_in_the_bus_ends_its_readers() {
    let broker = builder(&clock())
        .fail_points(|work| assert!(work != Work::Settle && work != Work::Post, "on purpose"));
    let broker = broker.start().unwrap();
    let mut reader = subscribe(&broker, &["a"], Since::Start);
    resumed(&mut reader).await;
    _ = broker.post(&bus(), posting("a", &["1"])).await;
    loop {
        match reader.next().await {
            Some(Event::Message(_)) => {}
            Some(Event::End(end)) => break assert_eq!(end, End::BusFailed),
            other => panic!("{other:?}"),
        }
    }
}

/// A message for many is made into a frame once (I-7).
#[actix::test]
async fn i_7_those_who_wait_for_a_message_share_its_frame() {
    let broker = builder(&clock()).start().unwrap();
    let mut readers: Vec<_> = (0..3).map(|_| subscribe(&broker, &["a"], Since::Start)).collect();
    for reader in &mut readers {
        resumed(reader).await;
        assert!(at_hand(reader).is_none());
    }
    broker.post(&bus(), posting("a", &["1"])).await.unwrap();
    let mut made = 0;
    for reader in &mut readers {
        let delivered = message(reader).await;
        let frame = delivered.encoded(1, |delivered: &Delivered| {
            made += 1;
            let text: &Message = delivered.entry().message();
            text.as_bytes().to_vec().into()
        });
        assert!(!frame.is_empty());
    }
    assert_eq!(made, 1);
}

/// On several threads, with readers of all kinds of slowness, while channels expire, windows evict and readers come and go: what
/// each got is what was posted, in order, each once, from its position on; what is missing was told.
#[test]
fn stress_nothing_is_missed_in_silence() {
    const POSTS: usize = 4_000;
    const CHANNELS: usize = 4;
    let settings = BusSettings { channel_window: NonZeroUsize::new(50).unwrap(), ..BusSettings::default() };
    let broker = Broker::builder().bus(bus(), settings).start().unwrap();
    let arbiters: Vec<_> = (0..2)
        .map(|_| {
            let (started, ready) = std::sync::mpsc::channel();
            let broker = broker.clone();
            let thread = std::thread::spawn(move || {
                actix::System::new().block_on(async move {
                    let arbiter = actix_rt::Arbiter::new();
                    let joining = broker.clone();
                    arbiter.spawn_fn(move || joining.join_arbiter());
                    started.send(arbiter.handle()).unwrap();
                    // Until everybody is done.
                    futures::future::pending::<()>().await;
                });
            });
            (ready.recv().unwrap(), thread)
        })
        .collect();
    let (report, reports) = std::sync::mpsc::channel();
    for n in 0..24usize {
        let (broker, report) = (broker.clone(), report.clone());
        arbiters[n % 2].0.spawn_fn(move || {
            actix_rt::spawn(async move {
                let names: Vec<String> =
                    (0..CHANNELS).filter(|c| (n + c) % 3 != 0).map(|c| format!("c{c}")).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let mut since = Since::Start;
                let mut seen: Vec<(MessageId, String)> = Vec::new();
                let mut gaps = 0usize;
                'lives: loop {
                    let mut reader = subscribe(&broker, &names, since);
                    let mut taken = 0;
                    while let Some(event) = reader.next().await {
                        match event {
                            Event::Resumed(resumed) => {
                                gaps += usize::from(resumed.resume != Resume::Complete);
                            }
                            Event::Message(message) => {
                                let text = text(&message);
                                let is_last = text == "last";
                                seen.push((message.id(), text));
                                if is_last {
                                    break 'lives;
                                }
                            }
                            Event::End(end) => panic!("{end:?}"),
                        }
                        taken += 1;
                        if n % 4 == 1 && taken % 10 == 0 {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        if n % 5 == 2 && taken % 97 == 0 {
                            // Comes again with its position.
                            since = reader.position().into();
                            break;
                        }
                    }
                }
                report
                    .send((n, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), seen, gaps))
                    .unwrap();
            });
        });
    }
    drop(report);
    let mut posted: Vec<(MessageId, String, String)> = Vec::new();
    actix::System::new().block_on(async {
        for n in 0..POSTS {
            let name = format!("c{}", n % CHANNELS);
            let ids = posted_ids(broker.post(&bus(), posting(&name, &[&n.to_string()])).await.unwrap());
            posted.push((ids[0], name, n.to_string()));
        }
        for c in 0..CHANNELS {
            let name = format!("c{c}");
            let ids = posted_ids(broker.post(&bus(), posting(&name, &["last"])).await.unwrap());
            posted.push((ids[0], name, "last".to_owned()));
        }
    });
    let mut told = 0;
    for (n, names, seen, gaps) in reports {
        assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "reader {n} has something twice, or out of order");
        let end = seen.last().unwrap().0;
        let expected: Vec<_> =
            posted.iter().filter(|(id, name, _)| names.contains(name) && *id <= end).collect();
        let missing = expected.len() - seen.len();
        assert!(missing == 0 || gaps > 0, "reader {n} misses {missing} in silence");
        for (id, text) in &seen {
            assert!(expected.iter().any(|(posted, _, of)| posted == id && of == text));
        }
        told += gaps;
    }
    // Somebody was slow, or nothing of it was tried.
    eprintln!("{told} gaps were told");
    for (arbiter, thread) in arbiters {
        arbiter.stop();
        drop(thread);
    }
}
