//! What is carried is what was promised and lives, and a file that is not as it was written is carried nowhere.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::log::disk::record_of_any_kind;
use crate::log::disk::segment;

const END: u64 = 1 << 40;

/// A segment with these contents, and how long it is.
fn segment_of(contents: &[Content]) -> (Vec<u8>, u64) {
    let mut group = Vec::new();
    for content in contents {
        push_frame(&mut group, |into| match content {
            Content::Post(record) => encode(record, into),
            Content::Note(note) => note.encode(into),
        })
        .unwrap();
    }
    place(&mut group, 5, HEADER_LENGTH, 0).unwrap();
    let header = Header::new(5, MessageId::ZERO).encode();
    let bytes = [&header[..], &group, &[0; 100]].concat();
    let end = length(bytes.len() - 100);
    (bytes, end)
}

fn contents(bytes: &[u8], owner: u64) -> Vec<Content> {
    Frames::of(bytes, owner, HEADER).map(|frame| frame.content.unwrap()).collect()
}

fn settled(first: u64, lost_sticky: u64) -> Settled {
    Settled { first, lost_sticky: MessageId::from_u64(lost_sticky) }
}

fn no_buses() -> HashSet<BusName, RandomState> {
    HashSet::default()
}

proptest! {
    #[test]
    fn what_is_promised_and_lives_is_carried(
        records in prop::collection::vec(record_of_any_kind(), 0..5), now: u64,
    ) {
        let now = Moment::from_millis(now);
        let (bytes, end) = segment_of(&records.iter().cloned().map(Content::Post).collect::<Vec<_>>());
        let group = Group::of((&bytes, 5), end, now, &no_buses(), settled(6, 0)).unwrap();
        let lives = |item: &crate::log::Item| item.until > now;
        let carried: Vec<_> =
            records.iter().flat_map(|record| record.parts(|item| item.promise.is_any() && lives(item))).collect();
        let lost = records.iter().flat_map(Record::numbered);
        let lost = lost.filter(|(_, item)| item.promise.sticky && !lives(item)).map(|(id, _)| id).max();
        let settled = settled(6, lost.map_or(0, MessageId::as_u64));
        let buses: HashSet<_, RandomState> = carried.iter().map(|record| record.bus.clone()).collect();
        prop_assert_eq!((group.settled, &group.buses), (settled, &buses));
        let (file, kept) = group.into_file(3).unwrap();
        prop_assert_eq!(kept.length, length(file.len()));
        let mut expected: Vec<_> = carried.into_iter().map(Content::Post).collect();
        expected.push(Content::Note(Note::Settled(settled)));
        prop_assert_eq!(contents(&file, owner(3)), expected);
        prop_assert!(contents(&file, 3).is_empty(), "it is taken for no segment");
    }
}

fn promised(bus: &str, id: u64, incarnation: u64) -> Record {
    let mut proposal = crate::log::contract::proposal(bus, &["{}"]);
    let promise = crate::log::Promise { sticky: true, dated: false };
    let until = Moment::from_millis(END);
    let items = proposal.items.iter().map(|item| crate::log::Item { until, promise, ..item.clone() });
    proposal.items = crate::log::Items::new(items.collect()).unwrap();
    proposal.incarnation = Incarnation(MessageId::from_u64(incarnation));
    Record::new(MessageId::from_u64(id), proposal).unwrap()
}

fn closed(bus: &str, next: u64) -> Content {
    let next = Incarnation(MessageId::from_u64(next));
    Content::Note(Note::Retired { bus: bus.parse().unwrap(), next })
}

#[test]
fn what_a_bus_was_is_left_behind_and_that_it_was_closed_is_carried_with_what_is_kept_of_it() {
    let (old, other, new) = (promised("a", 1, 0), promised("b", 2, 0), promised("a", 9, 5));
    let all = [
        Content::Post(old.clone()),
        Content::Post(other.clone()),
        closed("a", 5),
        closed("c", 5),
        Content::Post(new.clone()),
    ];
    let (bytes, end) = segment_of(&all);
    let kept: HashSet<BusName, RandomState> = ["a".parse().unwrap()].into_iter().collect();
    for (kept, carries_note) in [(&no_buses(), false), (&kept, true)] {
        let group = Group::of((&bytes, 5), end, Moment::ZERO, kept, settled(6, 0)).unwrap();
        assert_eq!((group.settled, group.keep.retires), (settled(6, 1), carries_note));
        let (file, _) = group.into_file(1).unwrap();
        let note = Content::Note(Note::Settled(settled(6, 1)));
        let mut expected = vec![Content::Post(other.clone()), Content::Post(new.clone()), note];
        if carries_note {
            expected.insert(1, closed("a", 5));
        }
        assert_eq!(contents(&file, owner(1)), expected);
    }
}

#[test]
fn a_segment_that_is_not_as_it_was_written_is_not_carried() {
    let (bytes, end) = segment_of(&[Content::Post(promised("a", 1, 0)), Content::Post(promised("a", 2, 0))]);
    let group = |bytes: &[u8]| Group::of((bytes, 5), end, Moment::ZERO, &no_buses(), settled(6, 0)).map(drop);
    assert_eq!(group(&bytes), Ok(()));
    let written = usize::try_from(end).unwrap();
    for at in HEADER..written {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert_eq!(group(&other), Err(NotAsWritten), "byte {at}");
    }
    assert_eq!(group(&bytes[..written - 1]), Err(NotAsWritten));
}

#[test]
fn it_is_written_anew_when_more_is_over_than_lives() {
    let until = |minutes| Moment::ZERO.after(Duration::from_mins(minutes));
    let (mut kept, mut one) = (KeptFile::none(1, MessageId::ZERO), promised("a", 1, 0));
    kept.keep.add(&one);
    kept.length = HEADER_LENGTH + kept.keep.live(Moment::ZERO);
    let over = Moment::from_millis(END).after(Duration::from_mins(1));
    assert!(!kept.is_stale(Moment::ZERO, 0) && kept.is_stale(over, 0));
    assert!(!kept.is_stale(over, 1 << 10), "but not for a little");
    let mut proposal = (*one).clone();
    let items = proposal.items.iter().map(|item| crate::log::Item { until: until(5), ..item.clone() });
    proposal.items = crate::log::Items::new(items.collect()).unwrap();
    one = Record::new(MessageId::from_u64(2), proposal).unwrap();
    for _ in 0..2 {
        kept.keep.add(&one);
    }
    kept.length = HEADER_LENGTH + kept.keep.live(Moment::ZERO);
    assert!(!kept.is_stale(until(4), 0) && kept.is_stale(until(6), 0));
}

#[test]
fn names_are_numbers() {
    assert_eq!(name(17), "0000000000000017.kept");
    assert_eq!(generation(&name(17)), Some(17));
    assert_eq!(segment::number(&name(17)), None, "it is no segment");
    for other in
        ["lock", "17.kept", "+000000000000017.kept", "0000000000000017.kept~", "0000000000000017.log"]
    {
        assert_eq!(generation(other), None, "{other}");
    }
}
