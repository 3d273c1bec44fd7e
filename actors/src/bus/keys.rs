//! Pure: answers given to POSTs that carried an `Idempotency-Key` (I-2).

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::log::Keyed;
use crate::model::{ChannelName, Fingerprint, IdempotencyKey, Moment, Posted, Poster};
use crate::window::{Held, OneKey};

/// What a key is remembered by: its poster, its channel and its text.
pub(super) type Place = (Poster, ChannelName, Box<str>);

pub(super) fn place(poster: &Poster, channel: &ChannelName, key: &IdempotencyKey) -> Place {
    (poster.clone(), channel.clone(), key.as_str().into())
}

#[derive(Debug)]
struct Answer {
    body: Fingerprint,
    posted: Posted,
    _held: Held<OneKey>,
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

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_place.len()
    }

    /// The body that came with this key, and its answer.
    pub(super) fn answer(&self, place: &Place) -> Option<(Fingerprint, Posted)> {
        self.by_place.get(place).map(|answer| (answer.body, answer.posted))
    }

    /// Remembers a POST that is committed.
    pub(super) fn remember(&mut self, place: Place, keyed: &Keyed, posted: Posted, held: Held<OneKey>) {
        self.in_order.push_back((keyed.until, posted, place.clone()));
        self.by_place.insert(place, Answer { body: keyed.key.body(), posted, _held: held });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;
    use crate::window::{Memory, Own};

    fn keyed(text: &str, until: u64) -> Keyed {
        let key = IdempotencyKey::new(text, Fingerprint([1; 32])).unwrap();
        Keyed { key, until: Moment::from_millis(until) }
    }

    fn at(poster: &str, channel: &str, text: &str) -> Place {
        let channel: ChannelName = channel.parse().unwrap();
        place(&Poster::new(poster).unwrap(), &channel, &keyed(text, 0).key)
    }

    fn held() -> Held<OneKey> {
        Memory::unbounded().open(&[], Own::default()).hold(&Poster::nobody(), OneKey)
    }

    fn posted(id: u64) -> Posted {
        Posted::new(MessageId::from_u64(id), 1)
    }

    #[test]
    fn i_2_a_key_belongs_to_its_poster_and_its_channel() {
        let mut keys = Keys::default();
        keys.remember(at("u", "a", "k"), &keyed("k", 10), posted(1), held());
        let known = |place: Place| keys.answer(&place).map(|(_, posted)| posted);
        assert_eq!(known(at("u", "a", "k")), Some(posted(1)));
        assert_eq!(known(at("v", "a", "k")), None);
        assert_eq!(known(at("u", "b", "k")), None);
        assert_eq!(known(at("u", "a", "l")), None);
    }

    #[test]
    fn i_5_a_key_is_forgotten_at_its_end_and_may_come_again() {
        let (mut keys, at) = (Keys::default(), at("u", "a", "k"));
        keys.remember(at.clone(), &keyed("k", 10), posted(1), held());
        // A log shows it a second time, before anybody has looked at the clock.
        keys.remember(at.clone(), &keyed("k", 20), posted(2), held());
        keys.expire(Moment::from_millis(10));
        assert_eq!(
            keys.answer(&at).map(|(_, posted)| posted),
            Some(posted(2)),
            "the first use does not end the second"
        );
        keys.expire(Moment::from_millis(20));
        assert_eq!((keys.answer(&at), keys.len()), (None, 0));
    }
}
