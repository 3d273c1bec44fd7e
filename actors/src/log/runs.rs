//! Pure: which runs of a log gave out which ids, and so whether a position can be believed (I-10).

use crate::model::{Epoch, MessageId, Position, Since};
use crate::window::{Origin, Resume};

/// Most runs that are remembered. A position of an older one is told of a gap.
pub const RUNS_MAX: usize = 1024;

/// One run of a log, from a start to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub epoch: Epoch,
    /// Ids of the run are above this one.
    pub from: MessageId,
    /// The last id of the run that the log still knows of. Positions beyond it stand for what was lost with the run.
    pub up_to: MessageId,
}

/// The run that is under way and those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    past: Vec<Run>,
    epoch: Epoch,
    from: MessageId,
}

impl Runs {
    /// The runs before this one, oldest first, and this one, whose ids are above `from`. Only the last
    /// [`RUNS_MAX`] are remembered.
    #[must_use]
    pub fn new(mut past: Vec<Run>, epoch: Epoch, from: MessageId) -> Self {
        debug_assert!(past.is_sorted_by_key(|run| run.from), "runs follow one another");
        past.drain(..past.len().saturating_sub(RUNS_MAX));
        Self { past, epoch, from }
    }

    /// The epoch of the run that is under way.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What a position means, when ids up to `issued` were given out. Everything that cannot be vouched for is told
    /// as a gap (I-10), what no run ever gave out as a reset.
    pub(crate) fn judge(&self, since: Since, issued: MessageId) -> Origin {
        match since {
            Since::Start => Origin::Whole(Resume::Complete),
            Since::Unknown => Origin::Whole(Resume::Reset),
            Since::Newer(position) => match self.judge(Since::After(position), issued) {
                Origin::Whole(resume) | Origin::Doubtful(_, resume) => Origin::Doubtful(position.id, resume),
                Origin::After(id) | Origin::Newer(id) => Origin::Newer(id),
            },
            Since::After(Position { id, epoch: Some(epoch) }) if epoch != self.epoch => {
                let known = self.past.iter().any(|run| run.epoch == epoch && id <= run.up_to);
                if known { Origin::Newer(id) } else { Origin::Whole(Resume::Gap) }
            }
            Since::After(Position { id, .. }) if id > issued => Origin::Whole(Resume::Reset),
            Since::After(Position { id, epoch: None }) if self.is_lost(id) => Origin::Whole(Resume::Gap),
            // It may be a moment between messages; a bare id is a message's.
            Since::After(Position { id, epoch: Some(_) }) => Origin::Newer(id),
            Since::After(Position { id, epoch: None }) => Origin::After(id),
        }
    }

    /// Whether a bare id lies behind the end of a run that is known and before the next one: it was lost with
    /// that run, if it was ever given out.
    fn is_lost(&self, id: MessageId) -> bool {
        if id > self.from {
            return false;
        }
        let before = self.past.iter().rev().find(|run| run.from < id);
        before.is_some_and(|run| id > run.up_to)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> MessageId {
        MessageId::from_u64(number)
    }

    fn at(number: u64, epoch: u64) -> Since {
        Since::After(Position { id: id(number), epoch: Some(Epoch::from_u64(epoch)) })
    }

    /// Run 1 told ids to 30, of which the log has kept those to 20; run 2 goes on above 40.
    fn runs() -> Runs {
        let first = Run { epoch: Epoch::from_u64(1), from: id(10), up_to: id(20) };
        Runs::new(vec![first], Epoch::from_u64(2), id(40))
    }

    #[test]
    fn i_10_a_position_beyond_what_its_run_left_is_a_gap() {
        for (since, origin) in [
            (at(15, 1), Origin::Newer(id(15))),
            (at(20, 1), Origin::Newer(id(20))),
            (at(21, 1), Origin::Whole(Resume::Gap)),
            (at(45, 1), Origin::Whole(Resume::Gap)),
            (at(15, 3), Origin::Whole(Resume::Gap)),
            (at(15, 2), Origin::Newer(id(15))),
            (at(51, 2), Origin::Whole(Resume::Reset)),
            (id(15).into(), Origin::After(id(15))),
            (id(25).into(), Origin::Whole(Resume::Gap)),
            (id(45).into(), Origin::After(id(45))),
            (id(51).into(), Origin::Whole(Resume::Reset)),
            (id(5).into(), Origin::After(id(5))),
        ] {
            assert_eq!(runs().judge(since, id(50)), origin, "{since:?}");
            // Strictly it is told the same, and goes on from nowhere else (RET-5).
            let Since::After(position) = since else { panic!("{since:?}") };
            let strictly = match origin {
                Origin::Whole(resume) => Origin::Doubtful(position.id, resume),
                _ => Origin::Newer(position.id),
            };
            assert_eq!(runs().judge(since.strictly(), id(50)), strictly, "{since:?}");
        }
    }

    proptest! {
        /// Whatever was lost at the end of whichever run, nobody who was told a lost id goes on as if nothing were.
        #[test]
        fn i_10_nobody_beyond_a_lost_end_is_believed(
            ends in prop::collection::vec((1u64..20, 0u64..20, 0u64..5), 1..6), run: prop::sample::Index, back in 0u64..40,
        ) {
            let (mut past, mut floor) = (Vec::new(), 0);
            let mut told = Vec::new();
            for (n, (kept, lost, idle)) in (1u64..).zip(&ends) {
                past.push(Run { epoch: Epoch::from_u64(n), from: id(floor), up_to: id(floor + kept) });
                told.push((floor, floor + kept, floor + kept + lost));
                floor += kept + lost + idle;
            }
            let runs = Runs::new(past, Epoch::from_u64(99), id(floor));
            let n = run.index(ends.len());
            let (from, kept, highest) = told[n];
            let position = highest.saturating_sub(back).max(from + 1);
            for since in [at(position, u64::try_from(n).unwrap() + 1), id(position).into()] {
                let origin = runs.judge(since, id(floor));
                let believed = matches!(origin, Origin::After(at) | Origin::Newer(at) if at == id(position));
                prop_assert_eq!(believed, position <= kept);
            }
        }
    }
}
