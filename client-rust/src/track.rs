//! Up to where a reader has seen what it asked for, over all streams and polls. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::Verdict;
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

/// What a reader has seen.
#[derive(Debug)]
pub(crate) struct Track {
    scope: Scope,
    /// By channel, for one of them may be another history, or new to the set; of a bus, all in one. At most as many as were asked
    /// for (I-5).
    seen: BTreeMap<Option<ChannelName>, MessageId>,
}

impl Track {
    /// A reader that has seen nothing.
    pub(crate) fn new(scope: Scope) -> Self {
        Self { scope, seen: BTreeMap::new() }
    }

    /// The history has a hole, or is another one: whatever comes is new, of these channels or of all.
    pub(crate) fn forget(&mut self, channels: Option<&BTreeSet<ChannelName>>) {
        let is_meant = |key: &Option<ChannelName>| match (channels, key) {
            (Some(names), Some(key)) => names.contains(key),
            _ => true,
        };
        self.seen.retain(|key, _| !is_meant(key));
    }

    /// The reader has everything up to this id.
    pub(crate) fn has_up_to(&mut self, id: &MessageId) {
        let keys = match &self.scope {
            Scope::Bus => vec![None],
            Scope::Channels(names) => names.iter().cloned().map(Some).collect(),
        };
        for key in keys {
            self.has(key, id);
        }
    }

    fn has(&mut self, key: Option<ChannelName>, id: &MessageId) {
        let seen = self.seen.entry(key).or_insert_with(|| id.clone());
        if *seen < *id {
            seen.clone_from(id);
        }
    }

    /// What a frame is, if nothing is missing before it.
    pub(crate) fn judge<M>(&self, frame: &Frame<M>) -> Verdict {
        let key = match &self.scope {
            Scope::Bus => None,
            Scope::Channels(names) if names.contains(&frame.channel) => Some(frame.channel.clone()),
            Scope::Channels(_) => return Verdict::Broken,
        };
        if self.seen.get(&key).is_some_and(|seen| frame.id <= *seen) { Verdict::Had } else { Verdict::New }
    }

    /// The reader has seen this frame.
    pub(crate) fn see<M>(&mut self, frame: &Frame<M>) {
        let key = match self.scope {
            Scope::Bus => None,
            Scope::Channels(_) => Some(frame.channel.clone()),
        };
        self.has(key, &frame.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(channel: &str, id: u32) -> Frame {
        let text = format!(r#"{{"message":{{}},"channel_name":"{channel}","id":"{id:03}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn channels(names: &[&str]) -> Scope {
        Scope::Channels(names.iter().map(|name| ChannelName::told(name)).collect())
    }

    #[test]
    fn a_reader_knows_what_it_has() {
        let mut track = Track::new(channels(&["c"]));
        assert_eq!(track.judge(&frame("c", 5)), Verdict::New, "nothing is known");
        track.see(&frame("c", 5));
        let verdicts = [4, 5, 6].map(|id| track.judge(&frame("c", id)));
        assert_eq!(verdicts, [Verdict::Had, Verdict::Had, Verdict::New]);
        assert_eq!(track.judge(&frame("d", 6)), Verdict::Broken, "nobody asked for it");
        track.forget(None);
        assert_eq!(track.judge(&frame("c", 2)), Verdict::New, "another history");
    }

    #[test]
    fn a_position_counts_for_all_and_takes_nothing_back() {
        let mut track = Track::new(channels(&["c", "d"]));
        track.see(&frame("c", 7));
        track.has_up_to(&MessageId::told("005"));
        assert_eq!(track.judge(&frame("c", 7)), Verdict::Had);
        assert_eq!([5, 6].map(|id| track.judge(&frame("d", id))), [Verdict::Had, Verdict::New]);
    }

    #[test]
    fn channels_are_apart_and_a_bus_is_one() {
        let mut track = Track::new(channels(&["c", "d"]));
        track.see(&frame("c", 9));
        track.see(&frame("d", 5));
        assert_eq!(track.judge(&frame("d", 8)), Verdict::New);
        track.forget(Some(&[ChannelName::told("c")].into()));
        assert_eq!(track.judge(&frame("c", 2)), Verdict::New);
        assert_eq!(track.judge(&frame("d", 2)), Verdict::Had);
        let mut track = Track::new(Scope::Bus);
        track.see(&frame("c", 9));
        assert_eq!(track.judge(&frame("d", 8)), Verdict::Had);
        assert_eq!(track.judge(&frame("d", 10)), Verdict::New);
        track.forget(Some(&[ChannelName::told("c")].into()));
        assert_eq!(track.judge(&frame("d", 8)), Verdict::New, "it is one history");
    }
}
