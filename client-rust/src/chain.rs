//! Whether a stream comes whole and in order: the check of `prev`, which links all that a stream says. Pure.

use crate::message::Frame;
use crate::position::MessageId;

/// What a frame is to whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The next one.
    New,
    /// The reader has it.
    Had,
    /// Something before it is missing, or nobody asked for it: the way does not hold.
    Broken,
}

/// The end of what one stream has said until now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chain {
    /// It has not said where it stands, which it says first of all. Whatever else comes hides that.
    Unsaid,
    /// It has said that it stands there, and had no frame since.
    From(MessageId),
    /// This was its last frame.
    Last(MessageId),
}

impl Chain {
    /// What a frame is. `Had`: this stream brought it before.
    pub(crate) fn judge<M>(&self, frame: &Frame<M>) -> Verdict {
        let Some(prev) = &frame.prev else { return Verdict::Broken };
        let is_next = match self {
            Self::Unsaid => false,
            Self::From(place) => prev <= place,
            // Ids rise along the chain, and all of it until here has come.
            Self::Last(last) if frame.id <= *last => return Verdict::Had,
            Self::Last(last) => prev == last,
        };
        if is_next { Verdict::New } else { Verdict::Broken }
    }

    /// The next frame has come.
    pub(crate) fn follow<M>(&mut self, frame: &Frame<M>) {
        *self = Self::Last(frame.id.clone());
    }

    /// Whether all came before a position whose fact names this as the last frame before it.
    pub(crate) fn proves(&self, prev: Option<&MessageId>) -> bool {
        match self {
            Self::Unsaid => false,
            // It names the place itself where that was told with a gap.
            Self::From(place) => prev.is_none_or(|prev| prev == place),
            Self::Last(last) => prev == Some(last),
        }
    }

    /// Whether everything up to this place has come: what is told of it is told twice.
    pub(crate) fn is_past(&self, place: &MessageId) -> bool {
        match self {
            Self::Unsaid => false,
            Self::From(known) | Self::Last(known) => place <= known,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(prev: usize, id: usize) -> Frame {
        let text = format!(r#"{{"message":{{}},"channel_name":"c","id":"{id:03}","prev":"{prev:03}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn id(number: usize) -> MessageId {
        MessageId::told(&format!("{number:03}"))
    }

    #[test]
    fn i_10_a_frame_names_exactly_the_one_before_it() {
        let chain = Chain::Last(id(5));
        for (prev, number, verdict) in [
            (4, 5, Verdict::Had),
            (5, 5, Verdict::Had),
            (2, 3, Verdict::Had),
            (5, 6, Verdict::New),
            (5, 9, Verdict::New),
            (4, 6, Verdict::Broken),
            (6, 7, Verdict::Broken),
        ] {
            assert_eq!(chain.judge(&frame(prev, number)), verdict, "{prev} {number}");
        }
    }

    #[test]
    fn i_10_the_first_frame_names_one_at_or_before_the_place() {
        let chain = Chain::From(id(5));
        for (prev, number, verdict) in [
            (5, 6, Verdict::New),
            (0, 6, Verdict::New),
            // Of a channel that is new to the set.
            (0, 2, Verdict::New),
            (6, 7, Verdict::Broken),
        ] {
            assert_eq!(chain.judge(&frame(prev, number)), verdict, "{prev} {number}");
        }
        assert_eq!(Chain::Unsaid.judge(&frame(0, 1)), Verdict::Broken, "the first fact is missing");
        let polled = Frame { prev: None, ..frame(0, 6) };
        assert_eq!(chain.judge(&polled), Verdict::Broken, "nothing says what was before it");
    }

    #[test]
    fn i_10_a_position_proves_itself_by_the_last_frame() {
        let (none, from, last) = (Chain::Unsaid, Chain::From(id(5)), Chain::Last(id(5)));
        for (chain, prev, holds) in [
            (&none, None, false),
            (&from, None, true),
            (&from, Some(id(5)), true),
            (&from, Some(id(6)), false),
            (&last, Some(id(5)), true),
            (&last, Some(id(6)), false),
            (&last, Some(id(4)), false),
            (&last, None, false),
        ] {
            assert_eq!(chain.proves(prev.as_ref()), holds, "{chain:?} {prev:?}");
        }
    }

    #[test]
    fn what_is_told_of_a_place_before_is_told_twice() {
        for chain in [Chain::From(id(5)), Chain::Last(id(5))] {
            assert_eq!([4, 5, 6].map(|number| chain.is_past(&id(number))), [true, true, false]);
        }
        assert!(!Chain::Unsaid.is_past(&id(0)));
    }

    proptest! {
        /// Frames go through a way that drops, doubles, swaps and replaces them. Whoever stops at `Broken` and leaves out what
        /// is `Had` has seen a beginning of what was sent, each once and in order; and the last one proves that it was all.
        #[test]
        fn i_10_nothing_is_missed_doubled_or_swapped_in_silence(
            steps in prop::collection::vec(1usize..4, 1..40),
            place in 0usize..4,
            harm in prop::collection::vec((0u8..4, any::<prop::sample::Index>()), 0..4),
        ) {
            let mut last = place;
            let sent: Vec<_> = steps.iter().map(|step| {
                let prev = last;
                last += step;
                frame(prev, last)
            }).collect();
            let mut arrived = sent.clone();
            for (kind, at) in harm {
                if arrived.is_empty() { break }
                let at = at.index(arrived.len());
                match kind {
                    0 => drop(arrived.remove(at)),
                    1 => arrived.insert(at, arrived[at].clone()),
                    2 => arrived.swap(0, at),
                    _ => arrived[at] = sent[0].clone(),
                }
            }
            let mut chain = Chain::From(id(place));
            let (mut seen, mut broken) = (Vec::new(), false);
            for frame in &arrived {
                match chain.judge(frame) {
                    Verdict::Broken => { broken = true; break }
                    Verdict::Had => {}
                    Verdict::New => {
                        chain.follow(frame);
                        seen.push(frame.clone());
                    }
                }
            }
            prop_assert_eq!(&seen, &sent[..seen.len()]);
            let whole = seen.len() == sent.len();
            prop_assert_eq!(chain.proves(Some(&id(last))), whole);
            if arrived == sent {
                prop_assert!(whole && !broken, "nothing is noticed where nothing happened");
            }
        }
    }
}
