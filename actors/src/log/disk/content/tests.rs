//! Notes come back as they were.

use proptest::prelude::*;

use super::*;

fn stamp() -> impl Strategy<Value = Stamp> {
    (any::<u64>(), 0..1u64 << 44).prop_map(|(moment, wall)| Stamp {
        moment: Moment::from_millis(moment),
        wall: Timestamp::from_millis(wall),
    })
}

fn start() -> impl Strategy<Value = Start> {
    (any::<u64>(), any::<u64>(), stamp(), any::<u64>(), prop::option::of(any::<u128>())).prop_map(
        |(epoch, from, Stamp { moment, wall }, uptime, boot)| {
            let (uptime, boot) = (Duration::from_millis(uptime), boot.map(Boot::from_u128));
            let anchor = Anchor { moment, uptime, boot, wall };
            Start { epoch: Epoch::from_u64(epoch), from: MessageId::from_u64(from), anchor }
        },
    )
}

fn run() -> impl Strategy<Value = Run> {
    any::<[u64; 3]>().prop_map(|[epoch, from, up_to]| Run {
        epoch: Epoch::from_u64(epoch),
        from: MessageId::from_u64(from),
        up_to: MessageId::from_u64(up_to),
    })
}

fn note() -> impl Strategy<Value = Note> {
    let id = || any::<u64>().prop_map(MessageId::from_u64);
    prop_oneof![
        (id(), stamp()).prop_map(|(highest, at)| Note::Mark { highest, at }),
        id().prop_map(Note::Lost),
        id().prop_map(Note::Reserved),
        start().prop_map(Note::Run),
        (prop::collection::vec(run(), 0..9), start(), stamp()).prop_map(|(past, run, at)| Note::Carried {
            past,
            run,
            at
        }),
        ("[a-z]{1,255}", id())
            .prop_map(|(bus, next)| Note::Retired { bus: bus.parse().unwrap(), next: Incarnation(next) }),
        (any::<u64>(), id()).prop_map(|(first, lost_sticky)| Note::Settled(Settled { first, lost_sticky })),
    ]
}

proptest! {
    #[test]
    fn a_note_comes_back_as_it_was(note in note(), cut in 1usize..40) {
        let mut bytes = Vec::new();
        note.encode(&mut bytes).unwrap();
        prop_assert_eq!(decode(&bytes), Ok(Content::Note(note)));
        let cut = bytes.len().saturating_sub(cut);
        prop_assert_eq!(decode(&bytes[..cut]), Err(Unreadable::Malformed));
        bytes.push(0);
        prop_assert!(matches!(decode(&bytes), Err(Unreadable::Newer(_))));
    }
}
