//! Whether so much has come at once that the next look would come too late. Pure.

use std::time::Duration;

/// So many requests, at least, are no single one that takes long.
const MANY: u32 = 16;

/// What requests took of the thread's time while it should have looked how late it is.
///
/// The look waits behind all that has come, as everybody does: by the time that it finds the thread late, a thousand requests may
/// have been worked on. A large body makes it wait as well, but that is one piece.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Haste {
    /// When the look was due; moves on with each request that begins after it. `None`: nobody looks.
    last: Option<Duration>,
    /// How far the thread may be behind. Zero: as far as it likes.
    most: Duration,
    begun: u32,
    longest: Duration,
    /// What they took in all, without the longest one.
    others: Duration,
}

impl Haste {
    /// A look is due at this time, by a thread that may be `most` behind.
    pub(super) fn from(due: Duration, most: Duration) -> Self {
        Self { last: Some(due), most, ..Self::default() }
    }

    /// A request begins.
    pub(super) fn begun(&mut self, now: Duration) {
        let Some(last) = self.last.filter(|last| *last <= now) else { return };
        let took = now.saturating_sub(last);
        self.last = Some(now);
        self.begun = self.begun.saturating_add(1);
        self.others = self.others.saturating_add(took.min(self.longest));
        self.longest = self.longest.max(took);
    }

    /// Whether many have kept the thread busy since the look was due, for longer than it may be behind.
    pub(super) fn is_needed(&self) -> bool {
        !self.most.is_zero() && self.begun >= MANY && self.others >= self.most
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: Duration = Duration::from_millis(50);
    const DUE: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn many_that_take_long_together_are_too_much_before_the_look() {
        let mut haste = Haste::from(DUE, MOST);
        for request in 0..51 {
            assert!(!haste.is_needed(), "{request}");
            haste.begun(DUE + at(request));
        }
        haste.begun(DUE + at(51));
        assert!(haste.is_needed());
        assert!(!Haste { most: Duration::ZERO, ..haste }.is_needed(), "it may be as late as it likes");
    }

    #[test]
    fn a_large_body_is_none_of_many() {
        let mut haste = Haste::from(DUE, MOST);
        haste.begun(DUE + at(1));
        // It takes two seconds, and what had to wait for it is done quickly.
        for request in 0..40 {
            haste.begun(DUE + at(2_000 + request));
        }
        assert!(!haste.is_needed());
    }

    proptest! {
        /// Whatever takes how long: it is what many took since the look was due, without the longest.
        #[test]
        fn it_takes_many_and_time(
            due in 0u64..1_000, pauses in prop::collection::vec(0u64..40, 0..200),
        ) {
            let (mut haste, mut now) = (Haste::from(at(due), MOST), Duration::ZERO);
            for pause in pauses {
                now += at(pause);
                haste.begun(now);
                let is_needed = haste.begun >= MANY && at(due) + haste.longest + MOST <= now;
                prop_assert_eq!(haste.is_needed(), is_needed);
            }
        }
    }
}
