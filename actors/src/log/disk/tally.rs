//! Pure: how many bytes live until when, without remembering each message.

use std::collections::BTreeMap;

use crate::model::Moment;

/// How exactly ends are known, in milliseconds, while there are not too many.
const MINUTE: u64 = 60_000;
/// Most ends that are told apart: 17 hours of minutes.
const MOST: usize = 1024;

/// Bytes by their ends. Ends are rounded up: what lives is never more than is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How exactly ends are known, in milliseconds.
    width: u64,
    /// By end, in units of the width.
    bytes: BTreeMap<u64, u64>,
}

impl Tally {
    /// No bytes.
    pub(crate) const NOTHING: Self = Self { width: MINUTE, bytes: BTreeMap::new() };

    /// So many bytes more live until then.
    pub(crate) fn add(&mut self, until: Moment, bytes: u64) {
        self.put(until.as_millis().div_ceil(self.width), bytes);
        while self.bytes.len() > MOST {
            self.widen();
        }
    }

    /// Those of another one as well.
    pub(crate) fn and(&mut self, mut other: Self) {
        while self.width < other.width {
            self.widen();
        }
        while other.width < self.width {
            other.widen();
        }
        for (end, bytes) in other.bytes {
            self.put(end, bytes);
        }
        while self.bytes.len() > MOST {
            self.widen();
        }
    }

    fn put(&mut self, end: u64, bytes: u64) {
        let there = self.bytes.entry(end).or_default();
        *there = there.saturating_add(bytes);
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        for (end, bytes) in std::mem::take(&mut self.bytes) {
            self.put(end.div_ceil(2), bytes);
        }
    }

    /// How many bytes live at this moment, at most.
    pub(crate) fn live(&self, now: Moment) -> u64 {
        let over = now.as_millis() / self.width;
        let live = self.bytes.range(over.saturating_add(1)..);
        live.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let end = prop_oneof![0..1u64 << 27, any::<u64>()];
        prop::collection::vec((end, 0..1u64 << 40), 0..40)
    }

    fn tally(ends: &[(u64, u64)]) -> Tally {
        let mut tally = Tally::NOTHING;
        for (end, bytes) in ends {
            tally.add(Moment::from_millis(*end), *bytes);
        }
        tally
    }

    fn alive(ends: &[(u64, u64)], now: u64) -> u64 {
        ends.iter().filter(|(end, _)| *end > now).map(|(_, bytes)| bytes).sum()
    }

    proptest! {
        #[test]
        fn what_lives_is_never_under_estimated_and_what_is_over_for_long_does_not_count(
            one in ends(), other in ends(), now in prop_oneof![0..1u64 << 27, any::<u64>()],
        ) {
            let mut both = tally(&one);
            both.and(tally(&other));
            let ends = [one, other].concat();
            prop_assert_eq!(&both, &tally(&ends), "in whichever order");
            let live = both.live(Moment::from_millis(now));
            prop_assert!(live >= alive(&ends, now));
            prop_assert!(live <= alive(&ends, now.saturating_sub(both.width)));
        }
    }

    #[test]
    fn it_is_bounded_however_many_ends_there_are() {
        let ends: Vec<_> = (0..50_000).map(|n| (n * n * 40_000, 1)).collect();
        let (mut all, mut later) = (tally(&ends), tally(&ends[40_000..]));
        later.and(tally(&ends[..40_000]));
        for tally in [&all, &later] {
            assert!(tally.bytes.len() <= MOST && tally.bytes.len() > MOST / 4, "{}", tally.bytes.len());
            assert!(tally.live(Moment::from_millis(ends[30_000].0)) >= 19_999);
            assert_eq!(tally.live(Moment::from_millis(u64::MAX)), 0);
        }
        all.add(Moment::ZERO, 7);
        assert_eq!(all.live(Moment::ZERO), 49_999);
    }
}
