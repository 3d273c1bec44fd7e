//! A log's own time, which goes on over restarts and never back (I-11).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Boot, Clock};
use crate::model::{Moment, Timestamp};

/// A point at which a log's time, a boot's uptime and the wall clock were read together. A log keeps one for each of
/// its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The log's time.
    pub moment: Moment,
    /// The uptime, in whole milliseconds.
    pub uptime: Duration,
    /// Of which boot.
    pub boot: Option<Boot>,
    /// The wall clock.
    pub wall: Timestamp,
}

/// The present in a log's own time.
#[derive(Clone)]
pub struct Timeline {
    clock: Arc<dyn Clock>,
    anchor: Anchor,
}

impl Timeline {
    /// The time of a log that begins now.
    #[must_use]
    pub fn fresh(clock: Arc<dyn Clock>) -> Self {
        let anchor = read(&*clock, Moment::ZERO);
        Self { clock, anchor }
    }

    /// The time of a log whose last run began at `anchor` and whose last record is of the moment `last`, when a wall
    /// clock showed `wall`.
    ///
    /// How long the log was closed is told by the uptime within the same boot, by the wall clock otherwise; it
    /// never was closed for less than no time.
    #[must_use]
    pub fn resume(clock: Arc<dyn Clock>, anchor: Anchor, last: Moment, wall: Timestamp) -> Self {
        // Read once: whatever held this thread up between two readings would be missing from the log's time for good.
        let here = read(&*clock, last);
        let same_boot = anchor.boot.is_some() && anchor.boot == here.boot;
        let elapsed = here.uptime.checked_sub(anchor.uptime).filter(|_| same_boot);
        let now = match elapsed {
            Some(elapsed) => anchor.moment.after(elapsed),
            None => last.after(here.wall.since(wall)),
        };
        Self { clock, anchor: Anchor { moment: now.max(last), ..here } }
    }

    /// The point at which this run began.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.anchor.moment.after(self.clock.uptime().saturating_sub(self.anchor.uptime))
    }

    /// The clock that it goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What a wall clock shows: for ids and for people.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.clock.wall()
    }
}

fn read(clock: &dyn Clock, moment: Moment) -> Anchor {
    // Whole milliseconds, as a log writes them: read back, the anchor is the same.
    let millis = u64::try_from(clock.uptime().as_millis()).unwrap_or(u64::MAX);
    Anchor { moment, uptime: Duration::from_millis(millis), boot: clock.boot(), wall: clock.wall() }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").field("anchor", &self.anchor).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::clock::ManualClock;

    #[derive(Debug, Clone)]
    enum Step {
        Pass(u64),
        SetWall(u64),
        Restart,
        Reboot,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u64..1000).prop_map(Step::Pass),
            2 => (0u64..100_000).prop_map(Step::SetWall),
            2 => Just(Step::Restart),
            1 => Just(Step::Reboot),
        ];
        prop::collection::vec(step, 0..40)
    }

    proptest! {
        /// Within a boot the log's time is the time that passed, whatever the wall clock showed and however often the
        /// process was started anew. A reboot never takes it back.
        #[test]
        fn i_11_time_goes_on_over_restarts_and_never_back(steps in steps()) {
            let clock = Arc::new(ManualClock::at(Timestamp::from_millis(50_000)));
            let mut timeline = Timeline::fresh(clock.clone());
            let mut expected = 0;
            for step in steps {
                let (before, wall) = (timeline.now(), clock.wall());
                match step {
                    Step::Pass(millis) => {
                        clock.advance(Duration::from_millis(millis));
                        expected += millis;
                    }
                    Step::SetWall(to) => clock.step_wall(Timestamp::from_millis(to)),
                    Step::Restart => {
                        timeline = Timeline::resume(clock.clone(), timeline.anchor(), before, wall);
                    }
                    Step::Reboot => {
                        clock.reboot();
                        timeline = Timeline::resume(clock.clone(), timeline.anchor(), before, wall);
                    }
                }
                prop_assert_eq!(timeline.now().as_millis(), expected);
            }
        }
    }

    /// A clock on which a second passes with each reading.
    #[derive(Debug, Default)]
    struct Slow(AtomicU64);

    impl Clock for Slow {
        fn wall(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn uptime(&self) -> Duration {
            Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
        }

        fn boot(&self) -> Option<Boot> {
            Some(Boot::from_u128(1))
        }
    }

    #[test]
    fn i_11_no_time_is_lost_while_a_log_resumes() {
        let clock = Arc::new(Slow::default());
        let first = Timeline::fresh(clock.clone()).anchor();
        let second = Timeline::resume(clock, first, first.moment, first.wall).anchor();
        assert_eq!(second.moment, first.moment.after(second.uptime.saturating_sub(first.uptime)));
    }

    #[test]
    fn i_11_after_a_reboot_the_wall_clock_says_how_long_the_log_was_closed() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(50_000)));
        let first = Timeline::fresh(clock.clone());
        clock.advance(Duration::from_millis(10));
        let (last, wall) = (first.now(), clock.wall());
        clock.advance(Duration::from_millis(20));
        clock.reboot();
        let second = Timeline::resume(clock.clone(), first.anchor(), last, wall);
        assert_eq!(second.now().as_millis(), 30);
        clock.step_wall(Timestamp::EPOCH);
        let third = Timeline::resume(clock, second.anchor(), second.now(), Timestamp::from_millis(1));
        assert_eq!(third.now().as_millis(), 30, "a wall clock that was set back says nothing");
    }
}
