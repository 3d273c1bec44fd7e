//! Whether frames come whole, once and in order: the check of `prev`. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::message::Frame;
use crate::names::ChannelName;
use crate::position::MessageId;

/// What a reader asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of a bus.
    Bus,
    /// Channels of a bus: one, or several in one stream.
    Channels(BTreeSet<ChannelName>),
}

/// What a frame is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The next one.
    New,
    /// The reader has it.
    Had,
    /// Something before it is missing, or it is of a channel that nobody asked for: the way does not hold.
    Broken,
}

/// Up to where a reader has seen a channel, or the bus.
#[derive(Debug, Clone)]
enum Seen {
    /// Nothing is known: whatever comes is next.
    Nothing,
    /// It stands there, but has seen nothing of it: what comes lies beyond, and if its `prev` does too, something is missing.
    From(MessageId),
    /// This was the last, and it has everything before it.
    Last(MessageId),
}

/// What a reader has seen.
#[derive(Debug)]
pub(crate) struct Track {
    scope: Scope,
    /// By channel, for one `prev` is of one; of a bus, all in one. As many as were asked for (I-5).
    seen: BTreeMap<Option<ChannelName>, Seen>,
    /// The last frame that came, of whichever channel: the next one of the stream names it.
    last: Option<MessageId>,
}

impl Track {
    /// A reader that has seen nothing.
    pub(crate) fn new(scope: Scope) -> Self {
        let mut track = Self { scope, seen: BTreeMap::new(), last: None };
        track.forget(None);
        track
    }

    fn keys(&self) -> Vec<Option<ChannelName>> {
        match &self.scope {
            Scope::Bus => vec![None],
            Scope::Channels(names) => names.iter().cloned().map(Some).collect(),
        }
    }

    fn key(&self, frame: &Frame) -> Option<ChannelName> {
        match self.scope {
            Scope::Bus => None,
            Scope::Channels(_) => Some(frame.channel.clone()),
        }
    }

    /// The history has a hole, or is another one: whatever comes is next, of these channels or of all.
    pub(crate) fn forget(&mut self, channels: Option<&BTreeSet<ChannelName>>) {
        for key in self.keys() {
            if channels.is_none_or(|names| key.as_ref().is_none_or(|key| names.contains(key))) {
                self.seen.insert(key, Seen::Nothing);
            }
        }
    }

    /// The reader has everything up to this id, by a position of its own that holds: what comes names it as the message before.
    pub(crate) fn has_up_to(&mut self, id: &MessageId) {
        for seen in self.seen.values_mut() {
            match seen {
                Seen::From(known) | Seen::Last(known) if *known >= *id => {}
                _ => *seen = Seen::Last(id.clone()),
            }
        }
    }

    /// The server says that the reader stands at this id. What is known already counts more: a position may have moved past
    /// what was dropped on the way.
    pub(crate) fn stand_at(&mut self, id: &MessageId) {
        for seen in self.seen.values_mut().filter(|seen| matches!(seen, Seen::Nothing)) {
            *seen = Seen::From(id.clone());
        }
    }

    /// What this frame is. One without `prev`, as polls have them, is not checked for what is missing.
    pub(crate) fn judge(&self, frame: &Frame) -> Verdict {
        let Some(seen) = self.seen.get(&self.key(frame)) else { return Verdict::Broken };
        let known = match seen {
            Seen::Nothing => return Verdict::New,
            Seen::Last(id) if frame.id <= *id => return Verdict::Had,
            Seen::From(id) | Seen::Last(id) => id,
        };
        // Of several channels it may be of another one. If that came, nothing is missing between.
        let is_next = |prev: &MessageId| prev <= known || self.last.as_ref() == Some(prev);
        if frame.prev.as_ref().is_none_or(is_next) { Verdict::New } else { Verdict::Broken }
    }

    /// The frame came, whatever it is to the reader.
    pub(crate) fn pass(&mut self, frame: &Frame) {
        self.last = Some(frame.id.clone());
    }

    /// The reader has seen this frame.
    pub(crate) fn see(&mut self, frame: &Frame) {
        let key = self.key(frame);
        if let Some(seen) = self.seen.get_mut(&key) {
            *seen = Seen::Last(frame.id.clone());
        }
        self.pass(frame);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(channel: &str, prev: u32, id: u32) -> Frame {
        let text =
            format!(r#"{{"message":{{}},"channel_name":"{channel}","id":"{id:03}","prev":"{prev:03}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn channels(names: &[&str]) -> Scope {
        Scope::Channels(names.iter().map(|name| ChannelName::told(name)).collect())
    }

    #[test]
    fn i_10_frames_of_several_channels_are_one_chain() {
        let mut track = Track::new(channels(&["c", "d"]));
        track.see(&frame("c", 0, 5));
        track.see(&frame("d", 5, 6));
        track.see(&frame("d", 6, 7));
        assert_eq!(track.judge(&frame("c", 7, 8)), Verdict::New);
        assert_eq!(track.judge(&frame("c", 8, 9)), Verdict::Broken, "one is missing, of whichever channel");
        assert_eq!(track.judge(&frame("d", 8, 9)), Verdict::Broken);
        track.pass(&frame("c", 7, 8));
        assert_eq!(track.judge(&frame("d", 8, 9)), Verdict::New);
    }

    #[test]
    fn a_reader_tells_new_had_and_broken_apart() {
        let mut track = Track::new(channels(&["c"]));
        assert_eq!(track.judge(&frame("c", 4, 5)), Verdict::New, "nothing is known");
        track.see(&frame("c", 4, 5));
        for (prev, id, verdict) in [
            (4, 5, Verdict::Had),
            (2, 3, Verdict::Had),
            (5, 6, Verdict::New),
            (0, 6, Verdict::New),
            (6, 7, Verdict::Broken),
        ] {
            assert_eq!(track.judge(&frame("c", prev, id)), verdict, "{prev} {id}");
        }
        assert_eq!(track.judge(&frame("d", 5, 6)), Verdict::Broken, "nobody asked for it");
        let polled = Frame { prev: None, ..frame("c", 0, 9) };
        assert_eq!(track.judge(&polled), Verdict::New);
        track.forget(None);
        assert_eq!(track.judge(&frame("c", 1, 2)), Verdict::New, "another history");
    }

    #[test]
    fn a_position_counts_less_than_what_was_seen() {
        let mut track = Track::new(channels(&["c"]));
        track.stand_at(&MessageId::told("005"));
        assert_eq!(track.judge(&frame("c", 6, 7)), Verdict::Broken, "the first was dropped");
        assert_eq!(track.judge(&frame("c", 4, 7)), Verdict::New);
        let mut held = Track::new(channels(&["c"]));
        held.has_up_to(&MessageId::told("005"));
        assert_eq!(held.judge(&frame("c", 4, 5)), Verdict::Had);
        assert_eq!(held.judge(&frame("c", 6, 7)), Verdict::Broken);
        track.see(&frame("c", 4, 7));
        track.has_up_to(&MessageId::told("006"));
        track.stand_at(&MessageId::told("009"));
        assert_eq!(
            track.judge(&frame("c", 8, 10)),
            Verdict::Broken,
            "8 was dropped before the position moved"
        );
        assert_eq!(track.judge(&frame("c", 6, 7)), Verdict::Had);
        track.has_up_to(&MessageId::told("009"));
        assert_eq!(track.judge(&frame("c", 9, 10)), Verdict::New, "it went on from there");
    }

    #[test]
    fn channels_are_apart_and_a_bus_is_one() {
        let mut track = Track::new(channels(&["c", "d"]));
        track.see(&frame("c", 0, 9));
        track.see(&frame("d", 0, 5));
        assert_eq!(track.judge(&frame("d", 5, 8)), Verdict::New);
        track.forget(Some(&[ChannelName::told("c")].into()));
        assert_eq!(track.judge(&frame("c", 1, 2)), Verdict::New);
        assert_eq!(track.judge(&frame("d", 1, 2)), Verdict::Had);
        let mut track = Track::new(Scope::Bus);
        track.see(&frame("c", 0, 9));
        assert_eq!(track.judge(&frame("d", 0, 8)), Verdict::Had);
        assert_eq!(track.judge(&frame("d", 9, 10)), Verdict::New);
        assert_eq!(track.judge(&frame("d", 10, 11)), Verdict::Broken);
    }

    proptest! {
        /// Frames of a few channels go through a way that drops, doubles and swaps them. Whoever stops at `Broken` and leaves
        /// out what is `Had` has seen a beginning of what was sent, each once and in order.
        #[test]
        fn nothing_is_missed_doubled_or_swapped_in_silence(
            of in prop::collection::vec(0usize..3, 1..40),
            harm in prop::collection::vec((0u8..4, any::<prop::sample::Index>()), 0..4),
            bus in any::<bool>(),
        ) {
            let names = ["a", "b", "c"];
            let mut last = [0; 3];
            let sent: Vec<_> = of.iter().zip(1u32..).map(|(channel, id)| {
                let prev = if bus { id - 1 } else { last[*channel] };
                last[*channel] = id;
                frame(names[*channel], prev, id)
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
            let mut track = Track::new(if bus { Scope::Bus } else { channels(&names) });
            track.stand_at(&MessageId::told("000"));
            let mut seen: BTreeMap<&str, Vec<Frame>> = BTreeMap::new();
            let name = |frame: &Frame| if bus { "bus" } else { names[names.iter().position(|name| *name == frame.channel.as_str()).unwrap()] };
            for frame in &arrived {
                match track.judge(frame) {
                    Verdict::Broken => break,
                    Verdict::Had => {}
                    Verdict::New => {
                        track.see(frame);
                        seen.entry(name(frame)).or_default().push(frame.clone());
                    }
                }
            }
            for (of, seen) in seen {
                let wanted: Vec<_> = sent.iter().filter(|frame| name(frame) == of).take(seen.len()).cloned().collect();
                prop_assert_eq!(seen, wanted);
            }
        }
    }
}
