//! What is written comes back as it was; what is not known is told from what is malformed.

use proptest::prelude::*;

use super::super::bytes::TooLong;
use super::super::content::{Content, Unreadable, decode, encode};
use super::*;
use crate::model::Promise;

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let item = ("\\PC{0,40}", any::<u64>(), any::<bool>(), any::<bool>()).prop_map(
        |(text, until, sticky, dated)| Item {
            message: Message::recovered(&text),
            until: Moment::from_millis(until),
            promise: Promise { sticky, dated },
        },
    );
    let keyed = ("[!-~]{1,255}", any::<[u8; 32]>(), any::<u64>()).prop_map(|(text, body, until)| {
        let key = IdempotencyKey::new(&text, Fingerprint(body)).unwrap();
        Keyed { key, until: Moment::from_millis(until) }
    });
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), 0..1u64 << 44);
    let names = ("[a-z]{1,255}", "[A-Za-z0-9_-]{4,128}", "\\PC{0,128}");
    let items = prop::collection::vec(item, 1..5);
    (names, 1..u64::MAX / 2, items, numbers, prop::option::of(keyed)).prop_map(
        |((bus, channel, poster), first, items, (at, idle_until, life, incarnation, accepted), keyed)| {
            let proposal = Proposal {
                bus: bus.parse().unwrap(),
                incarnation: Incarnation(MessageId::from_u64(incarnation)),
                poster: Poster::new(&poster).unwrap(),
                channel: channel.parse().unwrap(),
                life: Life(life),
                idle_until: Moment::from_millis(idle_until),
                items: Items::new(items).unwrap(),
                at: Moment::from_millis(at),
                accepted: Timestamp::from_millis(accepted),
                keyed,
            };
            Record::new(MessageId::from_u64(first), proposal).unwrap()
        },
    )
}

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(record, &mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was(record in record()) {
        prop_assert_eq!(decode(&encoded(&record)), Ok(Content::Post(record)));
    }

    #[test]
    fn other_bytes_are_refused_and_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..40, record in record(),
    ) {
        _ = decode(&bytes);
        let mut bytes = encoded(&record);
        bytes.truncate(bytes.len().saturating_sub(cut + 1));
        prop_assert_eq!(decode(&bytes), Err(Unreadable::Malformed));
    }

    #[test]
    fn what_follows_is_of_a_newer_program(record in record(), more in prop::collection::vec(any::<u8>(), 1..20)) {
        let mut bytes = encoded(&record);
        bytes.extend_from_slice(&more);
        prop_assert!(matches!(decode(&bytes), Err(Unreadable::Newer(_))));
    }
}

fn small(channel: &str) -> Record {
    let item = Item { message: Message::recovered("{}"), until: Moment::ZERO, promise: Promise::default() };
    let proposal = Proposal {
        bus: BusName::recovered("b"),
        incarnation: Incarnation::FIRST,
        poster: Poster::nobody(),
        channel: ChannelName::recovered(channel),
        life: Life(1),
        idle_until: Moment::ZERO,
        items: Items::new(vec![item]).unwrap(),
        at: Moment::ZERO,
        accepted: Timestamp::EPOCH,
        keyed: None,
    };
    Record::new(MessageId::from_u64(1), proposal).unwrap()
}

#[test]
fn unknown_promises_kinds_and_keys_are_of_a_newer_program() {
    let bytes = encoded(&small("c"));
    let promises = bytes.len() - "{}".len() - 4 - 1;
    // Kind, six numbers, two names of one character, the length of a name.
    let key = 1 + 6 * 8 + 2 * 2 + 4;
    for (place, value) in [(0, 200), (promises, 64), (promises, 128), (key, 2)] {
        let mut bytes = bytes.clone();
        bytes[place] = value;
        assert!(matches!(decode(&bytes), Err(Unreadable::Newer(_))), "{place}");
    }
}

/// Before posters had shares a record named the owner of its key alone.
#[test]
fn a_record_of_an_older_program_is_its_key_owners() {
    for (keyed, poster) in [(false, ""), (true, "vendor")] {
        let key = IdempotencyKey::new("k", Fingerprint([3; 32])).unwrap();
        let keyed = keyed.then(|| Keyed { key, until: Moment::from_millis(9) });
        let proposal = Proposal { keyed, poster: Poster::recovered(poster), ..(*small("c")).clone() };
        let record = Record::new(MessageId::from_u64(1), proposal).unwrap();
        let mut old = encoded(&record);
        old[0] = 1;
        let name = 1 + 6 * 8 + 2 * 2;
        let owner: Vec<u8> = old.splice(name..name + 4 + poster.len(), []).skip(4).collect();
        if !poster.is_empty() {
            let behind_keyed = name + 1;
            old.splice(behind_keyed..behind_keyed, [vec![6], owner].concat());
        }
        assert_eq!(decode(&old), Ok(Content::Post(record)));
    }
}

#[test]
fn a_name_that_is_refused_today_comes_back() {
    for channel in ["new", "with space", "ä", ""] {
        let record = small(channel);
        assert_eq!(decode(&encoded(&record)), Ok(Content::Post(record)));
    }
}

#[test]
fn a_part_that_the_format_cannot_say_is_refused() {
    let long = "x".repeat(256);
    assert_eq!(encode(&small(&long), &mut Vec::new()), Err(TooLong));
    assert_eq!(encode(&small(&long[1..]), &mut Vec::new()), Ok(()));
}
