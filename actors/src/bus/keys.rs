//! Pure: answers already given to POSTs that carried an `Idempotency-Key` (I-2).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::{ChannelName, Fingerprint, IdempotencyKey, Posted, Timestamp};

/// What is known about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is new.
    No,
    /// The same POST was given this answer.
    Answered(Posted),
    /// The same POST waits to become durable; it will have this answer.
    Pending(Posted),
    /// The key came with another body before.
    OtherBody,
}

#[derive(Debug)]
struct Answer {
    body: Fingerprint,
    posted: Posted,
    durable: bool,
}

type Place = (ChannelName, Box<str>);

/// The answers of one bus, kept for a time and bounded in number (I-5).
#[derive(Debug)]
pub(crate) struct Answers {
    by_place: HashMap<Place, Answer, RandomState>,
    in_order: VecDeque<(Timestamp, Place)>,
    keep: Duration,
    most: usize,
}

impl Answers {
    pub(crate) fn new(keep: Duration, most: usize) -> Self {
        Self { by_place: HashMap::default(), in_order: VecDeque::new(), keep, most }
    }

    pub(crate) fn expire(&mut self, now: Timestamp) {
        while let Some((_, place)) = self.in_order.pop_front_if(|(until, _)| *until <= now) {
            self.by_place.remove(&place);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.by_place.len() >= self.most
    }

    pub(crate) fn look_up(&self, channel: &ChannelName, key: &IdempotencyKey) -> Known {
        match self.by_place.get(&(channel.clone(), key.as_str().into())) {
            None => Known::No,
            Some(answer) if answer.body != key.body() => Known::OtherBody,
            Some(answer) if answer.durable => Known::Answered(answer.posted),
            Some(answer) => Known::Pending(answer.posted),
        }
    }

    /// Remembers that this POST was accepted, not yet durable. The key must be unknown.
    pub(crate) fn accept(
        &mut self,
        channel: &ChannelName,
        key: &IdempotencyKey,
        posted: Posted,
        now: Timestamp,
    ) {
        let place = (channel.clone(), key.as_str().into());
        self.in_order.push_back((now.after(self.keep), place.clone()));
        self.by_place.insert(place, Answer { body: key.body(), posted, durable: false });
    }

    /// Remembers a POST that a log has kept.
    pub(crate) fn restore(
        &mut self,
        channel: &ChannelName,
        key: &IdempotencyKey,
        posted: Posted,
        accepted: Timestamp,
    ) {
        let place = (channel.clone(), key.as_str().into());
        // The key was free again when this POST was accepted: its earlier time does not count any more.
        if self.by_place.contains_key(&place) {
            self.in_order.retain(|(_, other)| *other != place);
        }
        self.in_order.push_back((accepted.after(self.keep), place.clone()));
        self.by_place.insert(place, Answer { body: key.body(), posted, durable: true });
    }

    /// The POST is durable: from now on a retry is answered at once.
    pub(crate) fn settle(&mut self, channel: &ChannelName, key: &IdempotencyKey) {
        if let Some(answer) = self.by_place.get_mut(&(channel.clone(), key.as_str().into())) {
            answer.durable = true;
        }
    }

    /// The POST was refused after all and leaves nothing (I-2).
    pub(crate) fn forget(&mut self, channel: &ChannelName, key: &IdempotencyKey) {
        let place = (channel.clone(), key.as_str().into());
        self.by_place.remove(&place);
        self.in_order.retain(|(_, other)| *other != place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MessageId;

    const KEEP: Duration = Duration::from_millis(600);

    fn key(text: &str, body: u8) -> IdempotencyKey {
        IdempotencyKey::new(text, Fingerprint([body; 32])).unwrap()
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_key_belongs_to_its_channel_and_body() {
        let (mut answers, posted) = (Answers::new(KEEP, 10), Posted::new(MessageId::from_u64(7), 2));
        let (a, b): (ChannelName, ChannelName) = ("a".parse().unwrap(), "b".parse().unwrap());
        answers.accept(&a, &key("k", 1), posted, at(0));
        assert_eq!(answers.look_up(&a, &key("k", 1)), Known::Pending(posted));
        answers.settle(&a, &key("k", 1));
        assert_eq!(answers.look_up(&a, &key("k", 1)), Known::Answered(posted));
        assert_eq!(answers.look_up(&a, &key("k", 2)), Known::OtherBody);
        assert_eq!(answers.look_up(&a, &key("l", 1)), Known::No);
        assert_eq!(answers.look_up(&b, &key("k", 1)), Known::No);
    }

    #[test]
    fn i_5_answers_are_kept_for_their_time_and_bounded() {
        let (mut answers, posted) = (Answers::new(KEEP, 1), Posted::new(MessageId::from_u64(7), 1));
        let channel = "a".parse().unwrap();
        answers.accept(&channel, &key("k", 1), posted, at(0));
        assert!(answers.is_full());
        answers.expire(at(599));
        assert!(answers.is_full());
        answers.expire(at(600));
        assert!(!answers.is_full());
        assert_eq!(answers.look_up(&channel, &key("k", 1)), Known::No);
    }

    #[test]
    fn i_2_a_refused_post_leaves_no_answer() {
        let (mut answers, posted) = (Answers::new(KEEP, 2), Posted::new(MessageId::from_u64(7), 1));
        let channel = "a".parse().unwrap();
        answers.accept(&channel, &key("k", 1), posted, at(0));
        answers.forget(&channel, &key("k", 1));
        assert_eq!(answers.look_up(&channel, &key("k", 1)), Known::No);
        answers.accept(&channel, &key("k", 1), posted, at(300));
        answers.expire(at(600));
        assert_eq!(
            answers.look_up(&channel, &key("k", 1)),
            Known::Pending(posted),
            "the first time is forgotten"
        );
    }
}
