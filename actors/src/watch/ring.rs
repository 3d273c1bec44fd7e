//! Pure: the latest messages of what somebody watches, until those who wait have taken them.

use std::collections::VecDeque;

use crate::model::MessageId;

/// Most messages that are kept. Whoever falls further behind looks at the window.
const MOST: usize = 64;

/// What is kept has an id.
pub(super) trait Numbered {
    fn number(&self) -> MessageId;
}

/// The end of what was told: everything above `floor` that was told is here.
#[derive(Debug)]
pub(super) struct Ring<T> {
    items: VecDeque<T>,
    floor: MessageId,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), floor: MessageId::ZERO }
    }
}

impl<T: Numbered> Ring<T> {
    /// Adds what was told last.
    pub(super) fn push(&mut self, item: T) {
        debug_assert!(
            self.items.back().is_none_or(|last| last.number() < item.number()),
            "I-1: what is told rises"
        );
        while self.items.len() >= MOST {
            if let Some(oldest) = self.items.pop_front() {
                self.floor = self.floor.max(oldest.number());
            }
        }
        self.items.push_back(item);
    }

    /// Lets go of everything up to this id, told or not.
    pub(super) fn skip(&mut self, up_to: MessageId) {
        while self.items.front().is_some_and(|oldest| oldest.number() <= up_to) {
            self.items.pop_front();
        }
        self.floor = self.floor.max(up_to);
    }

    /// Lets go of all that it keeps.
    pub(super) fn clear(&mut self) {
        if let Some(last) = self.items.back() {
            self.floor = self.floor.max(last.number());
        }
        self.items = VecDeque::new();
    }

    /// What was told above this id, if all of it is here.
    pub(super) fn after(&self, id: MessageId) -> Option<impl Iterator<Item = &T>> {
        (id >= self.floor).then(|| {
            let from = self.items.partition_point(|item| item.number() <= id);
            self.items.iter().skip(from)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Numbered for u64 {
        fn number(&self) -> MessageId {
            MessageId::from_u64(*self)
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(u64),
        Skip(u64),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            300 => (1u64..4).prop_map(Step::Push),
            1 => (0u64..9).prop_map(Step::Skip),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        /// Whatever was told and let go of: who asks gets all above its position that was told, or is sent to look; and who has
        /// seen the last one is never sent.
        #[test]
        fn i_10_what_is_not_here_is_known_to_be_gone(steps in prop::collection::vec(step(), 0..300)) {
            let (mut ring, mut told, mut newest) = (Ring::default(), Vec::new(), 0);
            let mut skipped = 0;
            for step in steps {
                match step {
                    Step::Push(by) => {
                        newest = newest.max(skipped) + by;
                        told.push(newest);
                        ring.push(newest);
                    }
                    Step::Skip(ahead) => {
                        skipped = skipped.max(newest + ahead);
                        ring.skip(MessageId::from_u64(skipped));
                    }
                    Step::Clear => ring.clear(),
                }
                prop_assert!(ring.items.len() <= MOST);
                for at in newest.saturating_sub(200)..=newest.max(skipped) + 1 {
                    let wanted: Vec<_> = told.iter().copied().filter(|id| *id > at).collect();
                    match ring.after(MessageId::from_u64(at)) {
                        Some(found) => prop_assert_eq!(found.copied().collect::<Vec<_>>(), wanted),
                        None => prop_assert!(at < newest.max(skipped)),
                    }
                }
            }
        }
    }
}
