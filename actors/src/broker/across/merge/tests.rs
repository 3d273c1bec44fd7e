use proptest::prelude::*;

use super::*;
use crate::model::{Message, Moment, Poster};
use crate::window::{Bytes, Memory, Own};

fn entry(id: u64) -> Arc<Entry> {
    let message = Message::trusted("{}");
    let held = Memory::unbounded().open(&[], Own::default()).hold(&Poster::nobody(), Bytes::at_most(0));
    Arc::new(Entry::new(MessageId::from_u64(id), Moment::ZERO, "c".parse().unwrap(), message, held))
}

/// What a window with these ids gives above a position.
fn slice(ids: &[u64], since: u64, most: usize) -> Slice {
    let above: Vec<_> = ids.iter().copied().filter(|id| *id > since).collect();
    let more = above.len() > most;
    let entries: Vec<_> = above.iter().take(most).map(|id| entry(*id)).collect();
    let next = if more {
        entries.last().unwrap().id()
    } else {
        MessageId::from_u64(ids.last().copied().unwrap_or(0))
    };
    Slice { entries, next, resume: Resume::Complete, more }
}

proptest! {
    /// I-9: whoever follows the positions gets everything that he wants up to the horizon, in order and each once, however small the
    /// parts are, and whatever lies above the horizon already.
    #[test]
    fn i_9_parts_follow_one_another(
        owners in prop::collection::vec(0usize..5, 0..40), horizon in 0u64..45, most in 1usize..6, wanted in 1u64..4,
    ) {
        let names: Vec<BusName> = (0..4).map(|n| format!("b{n}").parse().unwrap()).collect();
        // The last owner is a bus that is not read; the one before is read as a whole and a channel of it beside that.
        let ids_of = |bus: usize| -> Vec<u64> {
            (1..).zip(&owners).filter(|(_, owner)| **owner == bus).map(|(id, _)| id).collect()
        };
        let mut buses: Vec<(BusName, Vec<u64>)> = names.iter().cloned().zip((0..4).map(ids_of)).collect();
        buses.push((names[3].clone(), ids_of(3).into_iter().filter(|id| id % 2 == 0).collect()));
        let is_wanted = move |id: u64| id.is_multiple_of(wanted);
        let filter = move |_: &BusName, entry: &Entry| is_wanted(entry.id().as_u64());
        let (mut since, mut got) = (0, Vec::new());
        for round in 0.. {
            prop_assert!(round <= owners.len() + 1, "it goes on");
            let slices = buses.iter().map(|(bus, ids)| (bus.clone(), slice(ids, since, most))).collect();
            let merged =
                merge(slices, Resume::Complete, MessageId::from_u64(horizon), &filter, NonZeroUsize::new(most).unwrap());
            prop_assert!(merged.entries.len() <= most);
            prop_assert!(merged.up_to.as_u64() >= since && merged.up_to.as_u64() <= horizon);
            for (bus, entry) in &merged.entries {
                let id = entry.id().as_u64();
                prop_assert_eq!(bus, &names[owners[usize::try_from(id - 1).unwrap()]]);
                got.push(id);
            }
            prop_assert!(merged.more || merged.up_to.as_u64() == horizon);
            since = merged.up_to.as_u64();
            if !merged.more {
                break;
            }
        }
        let all: Vec<u64> =
            (1..=horizon).zip(&owners).filter(|(id, owner)| **owner < 4 && is_wanted(*id)).map(|(id, _)| id).collect();
        prop_assert_eq!(got, all);
    }
}

#[test]
fn i_10_what_one_of_them_missed_was_missed() {
    let name: BusName = "b".parse().unwrap();
    let empty = |resume| (name.clone(), Slice::empty(MessageId::ZERO, resume));
    let merged = |resumes: &[Resume], told| {
        let slices = resumes.iter().map(|resume| empty(*resume)).collect();
        merge(slices, told, MessageId::ZERO, &|_, _| true, NonZeroUsize::MIN).resume
    };
    assert_eq!(merged(&[Resume::Complete, Resume::Gap, Resume::Complete], Resume::Complete), Resume::Gap);
    assert_eq!(merged(&[Resume::Complete], Resume::Reset), Resume::Reset);
    assert_eq!(merged(&[], Resume::Complete), Resume::Complete);
}
