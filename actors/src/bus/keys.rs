//! Pure: answers given to POSTs that carried an `Idempotency-Key` (I-2).

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::log::Keyed;
use crate::model::{ChannelName, Fingerprint, IdempotencyKey, Moment, Posted};

/// What a key is remembered by: its owner, its channel and its text.
pub(super) type Place = (Box<str>, ChannelName, Box<str>);

pub(super) fn place(channel: &ChannelName, key: &IdempotencyKey) -> Place {
    (key.owner().into(), channel.clone(), key.as_str().into())
}

#[derive(Debug)]
struct Answer {
    body: Fingerprint,
    posted: Posted,
}

/// The answers of one bus, each until its end.
#[derive(Debug, Default)]
pub(super) struct Keys {
    by_place: HashMap<Place, Answer, RandomState>,
    /// In the order of acceptance, and so of their ends as long as all keys are remembered equally long. The answer tells
    /// a key that was free again and came once more from its earlier use.
    in_order: VecDeque<(Moment, Posted, Place)>,
}

impl Keys {
    pub(super) fn expire(&mut self, now: Moment) {
        while let Some((_, posted, place)) = self.in_order.pop_front_if(|(until, ..)| *until <= now) {
            if self.by_place.get(&place).is_some_and(|answer| answer.posted == posted) {
                self.by_place.remove(&place);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_place.len()
    }

    /// The body that came with this key, and its answer.
    pub(super) fn answer(&self, place: &Place) -> Option<(Fingerprint, Posted)> {
        self.by_place.get(place).map(|answer| (answer.body, answer.posted))
    }

    /// Remembers a POST that is committed.
    pub(super) fn remember(&mut self, channel: &ChannelName, keyed: &Keyed, posted: Posted) {
        let place = place(channel, &keyed.key);
        self.in_order.push_back((keyed.until, posted, place.clone()));
        self.by_place.insert(place, Answer { body: keyed.key.body(), posted });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    fn keyed(owner: &str, text: &str, until: u64) -> Keyed {
        let key = IdempotencyKey::new(owner, text, Fingerprint([1; 32])).unwrap();
        Keyed { key, until: Moment::from_millis(until) }
    }

    fn posted(id: u64) -> Posted {
        Posted::new(MessageId::from_u64(id), 1)
    }

    #[test]
    fn i_2_a_key_belongs_to_its_owner_and_its_channel() {
        let (a, b): (ChannelName, ChannelName) = ("a".parse().unwrap(), "b".parse().unwrap());
        let mut keys = Keys::default();
        keys.remember(&a, &keyed("u", "k", 10), posted(1));
        let known = |owner: &str, channel: &ChannelName, text: &str| {
            keys.answer(&place(channel, &keyed(owner, text, 0).key)).map(|(_, posted)| posted)
        };
        assert_eq!(known("u", &a, "k"), Some(posted(1)));
        assert_eq!(known("v", &a, "k"), None);
        assert_eq!(known("u", &b, "k"), None);
        assert_eq!(known("u", &a, "l"), None);
    }

    #[test]
    fn i_5_a_key_is_forgotten_at_its_end_and_may_come_again() {
        let channel: ChannelName = "a".parse().unwrap();
        let mut keys = Keys::default();
        keys.remember(&channel, &keyed("u", "k", 10), posted(1));
        // A log shows it a second time, before anybody has looked at the clock.
        keys.remember(&channel, &keyed("u", "k", 20), posted(2));
        keys.expire(Moment::from_millis(10));
        let at = place(&channel, &keyed("u", "k", 0).key);
        assert_eq!(
            keys.answer(&at).map(|(_, posted)| posted),
            Some(posted(2)),
            "the first use does not end the second"
        );
        keys.expire(Moment::from_millis(20));
        assert_eq!((keys.answer(&at), keys.len()), (None, 0));
    }
}
