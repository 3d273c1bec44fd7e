//! Pure: until when the records of a segment are needed, and how many bytes of them were promised for longer.

use std::time::Duration;

use super::record::part_length;
use super::segment::FRAME_LENGTH;
use super::tally::Tally;
use crate::log::Record;
use crate::model::{MessageId, Moment, Timestamp};

/// What is known of the records of a segment, or of a kept file, without remembering each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keep {
    /// The last moment at which anything is needed that was not promised: messages, and idempotency keys.
    plain: Moment,
    /// The longest time that any of that is kept.
    longest: Duration,
    /// When the last one that was promised ends.
    promised: Moment,
    /// Bytes that what was promised takes when it is carried forward.
    tally: Tally,
    /// The highest id of a sticky message.
    sticky: MessageId,
    /// It says of a bus that it was closed.
    pub(crate) retires: bool,
    /// When the first record was accepted, in the log's time and as a wall clock showed it. `None` without records.
    first: Option<(Moment, Timestamp)>,
}

/// The least time between two segments that are ended by time: each takes room, and several syncs.
const ROLL_MIN: Duration = Duration::from_secs(10);

impl Keep {
    /// No records.
    pub(crate) const NOTHING: Self = Self {
        plain: Moment::ZERO,
        longest: Duration::ZERO,
        promised: Moment::ZERO,
        tally: Tally::NOTHING,
        sticky: MessageId::ZERO,
        retires: false,
        first: None,
    };

    /// A record follows.
    pub(crate) fn add(&mut self, record: &Record) {
        let mut plain = record.keyed.as_ref().map_or(Moment::ZERO, |keyed| keyed.until);
        let mut before = None;
        for (id, item) in record.numbered() {
            if item.promise.sticky {
                self.sticky = id;
            }
            if !item.promise.is_any() {
                plain = plain.max(item.until);
                before = None;
                continue;
            }
            // While both live they are parts of one record; another end may make two of it.
            let shared = before.replace(item.until) == Some(item.until);
            let alone = if shared { 0 } else { FRAME_LENGTH };
            self.tally.add(item.until, part_length(record, item, !shared).saturating_add(alone));
            self.promised = self.promised.max(item.until);
        }
        self.plain = self.plain.max(plain);
        self.longest = self.longest.max(plain.since(record.at));
        self.first = self.first.or(Some((record.at, record.accepted)));
    }

    /// What comes later as well.
    pub(crate) fn and(&mut self, later: Self) {
        self.plain = self.plain.max(later.plain);
        self.longest = self.longest.max(later.longest);
        self.promised = self.promised.max(later.promised);
        self.tally.and(later.tally);
        self.sticky = self.sticky.max(later.sticky);
        self.retires |= later.retires;
        self.first = self.first.or(later.first);
    }

    /// No records.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.first.is_none()
    }

    /// When the first one was accepted, as a wall clock showed it.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.first.map(|(_, accepted)| accepted)
    }

    /// The highest id of a sticky message, zero without.
    pub(crate) const fn sticky(&self) -> MessageId {
        self.sticky
    }

    /// Nothing of it is needed any more.
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.is_plain_over(now) && self.promised <= now
    }

    /// Nothing of it is needed any more but what was promised.
    pub(crate) fn is_plain_over(&self, now: Moment) -> bool {
        self.plain <= now
    }

    /// Bytes that what was promised and lives takes when it is carried forward, at most.
    pub(crate) fn live(&self, now: Moment) -> u64 {
        self.tally.live(now)
    }

    /// A segment of `used` bytes that is still written is to be ended, so that what is over can be removed: all of it is
    /// over, or it has been written for as long as any of its records is kept without a promise, and there will be less to
    /// carry forward than to remove.
    pub(crate) fn is_ripe(&self, now: Moment, used: u64) -> bool {
        self.first.is_some_and(|(first, _)| {
            let (age, live) = (now.since(first), self.live(now));
            let pays = age >= self.longest && used.saturating_sub(live) >= live;
            age >= ROLL_MIN && (self.is_over(now) || pays)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::content::encode;
    use super::super::record_of_any_kind;
    use super::super::segment::push_frame;
    use super::*;

    fn length(parts: &[Record]) -> u64 {
        let mut bytes = Vec::new();
        for part in parts {
            push_frame(&mut bytes, |into| encode(part, into)).unwrap();
        }
        u64::try_from(bytes.len()).unwrap()
    }

    proptest! {
        /// What is to be carried is never under-estimated, whichever messages of a record are over by then.
        #[test]
        fn what_lives_takes_no_more_than_is_said(
            records in prop::collection::vec(record_of_any_kind(), 1..4), now: u64,
        ) {
            let now = Moment::from_millis(now);
            let (mut keep, mut parts) = (Keep::NOTHING, Vec::new());
            for record in &records {
                keep.add(record);
                parts.extend(record.parts(|item| item.promise.is_any() && item.until > now));
            }
            prop_assert!(keep.live(now) >= length(&parts));
            prop_assert!(keep.live(Moment::ZERO) > 0 || !records.iter().any(
                |record| record.items.iter().any(|item| item.promise.is_any() && item.until > Moment::ZERO)
            ));
            let kept_until = records.iter().map(|record| record.kept_until()).max().unwrap();
            prop_assert_eq!(keep.is_over(now), kept_until <= now);
            let plain = records.iter().any(|record| {
                record.keyed.as_ref().is_some_and(|keyed| keyed.until > now)
                    || record.items.iter().any(|item| !item.promise.is_any() && item.until > now)
            });
            prop_assert_eq!(keep.is_plain_over(now), !plain);
        }

        #[test]
        fn records_count_alike_one_by_one_and_together(
            one in prop::collection::vec(record_of_any_kind(), 0..4),
            other in prop::collection::vec(record_of_any_kind(), 0..4),
        ) {
            let keep = |records: &[Record]| {
                let mut keep = Keep::NOTHING;
                let mut records = records.to_vec();
                records.sort_by_key(Record::first);
                for record in &records {
                    keep.add(record);
                }
                keep
            };
            let mut both = keep(&one);
            let highest = both.sticky.max(keep(&other).sticky);
            both.and(keep(&other));
            let all = keep(&[&one[..], &other].concat());
            prop_assert_eq!((&both.tally, both.promised, both.plain), (&all.tally, all.promised, all.plain));
            prop_assert_eq!((both.longest, both.sticky), (all.longest, highest));
        }
    }
}
