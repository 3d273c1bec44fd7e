//! Pure: answers already given to POSTs that carried an `Idempotency-Key` (I-2).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::{ChannelName, Posted, Timestamp};

/// Longest key, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// A client's name for one POST, so that a retry of it stores nothing twice.
///
/// ```
/// use backplane_actors::{Fingerprint, IdempotencyKey};
/// let key = IdempotencyKey::new("order-17", Fingerprint([0; 32]))?;
/// assert!(IdempotencyKey::new("", Fingerprint([0; 32])).is_err());
/// # Ok::<(), backplane_actors::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    text: Box<str>,
    body: Fingerprint,
}

/// A collision-resistant hash of what was posted, such as SHA-256 of the body. The caller computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// The text is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters")]
pub struct KeyError;

impl IdempotencyKey {
    /// A key for a POST with this body.
    ///
    /// # Errors
    ///
    /// The text is empty, longer than [`IDEMPOTENCY_KEY_MAX`] or has other than visible ASCII characters.
    pub fn new(text: &str, body: Fingerprint) -> Result<Self, KeyError> {
        let good = (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self { text: text.into(), body }) } else { Err(KeyError) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The fingerprint of what was posted.
    #[must_use]
    pub const fn body(&self) -> Fingerprint {
        self.body
    }
}

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
        match self.by_place.get(&(channel.clone(), key.text.clone())) {
            None => Known::No,
            Some(answer) if answer.body != key.body => Known::OtherBody,
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
        let place = (channel.clone(), key.text.clone());
        self.in_order.push_back((now.after(self.keep), place.clone()));
        self.by_place.insert(place, Answer { body: key.body, posted, durable: false });
    }

    /// Remembers a POST that a log has kept.
    pub(crate) fn restore(
        &mut self,
        channel: &ChannelName,
        key: &IdempotencyKey,
        posted: Posted,
        accepted: Timestamp,
    ) {
        let place = (channel.clone(), key.text.clone());
        // The key was free again when this POST was accepted: its earlier time does not count any more.
        if self.by_place.contains_key(&place) {
            self.in_order.retain(|(_, other)| *other != place);
        }
        self.in_order.push_back((accepted.after(self.keep), place.clone()));
        self.by_place.insert(place, Answer { body: key.body, posted, durable: true });
    }

    /// The POST is durable: from now on a retry is answered at once.
    pub(crate) fn settle(&mut self, channel: &ChannelName, key: &IdempotencyKey) {
        if let Some(answer) = self.by_place.get_mut(&(channel.clone(), key.text.clone())) {
            answer.durable = true;
        }
    }

    /// The POST was refused after all and leaves nothing (I-2).
    pub(crate) fn forget(&mut self, channel: &ChannelName, key: &IdempotencyKey) {
        let place = (channel.clone(), key.text.clone());
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

    #[test]
    fn keys_are_bounded_visible_ascii() {
        for bad in ["", "a b", "ä", "a\n", &"k".repeat(IDEMPOTENCY_KEY_MAX + 1)] {
            assert_eq!(IdempotencyKey::new(bad, Fingerprint([0; 32])), Err(KeyError), "{bad:?}");
        }
    }
}
