//! Several channels in one subscription: the order of the bus, and channels that join and leave.

use backplane_actors::{Delivered, Resume, Selection, Since, SubscribeError};

use super::{assert_chained, at_hand, handle, message, messages, resumed, subscribe, text};
use crate::{builder, bus, channel, clock, posted_ids, posting, read, stats};

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
