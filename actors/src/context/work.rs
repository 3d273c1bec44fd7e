//! What actors do, by name, and panics in it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A kind of work that an actor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// The Bus decides about a POST.
    Post,
    /// The Bus makes committed records visible, or takes refused proposals back.
    Settle,
    /// The Bus answers a retrieval.
    ReadBus,
    /// The Bus drops what has expired.
    Expire,
    /// The Bus starts a channel anew whose actor has panicked.
    Revive,
    /// A Channel takes new messages into its window.
    Deliver,
    /// A Channel answers a retrieval.
    ReadChannel,
    /// The reaper takes channels away that have expired.
    Reap,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Post,
        Self::Settle,
        Self::ReadBus,
        Self::Expire,
        Self::Revive,
        Self::Deliver,
        Self::ReadChannel,
        Self::Reap,
    ];

    /// The name of the work.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Settle => "settle",
            Self::ReadBus => "read bus",
            Self::Expire => "expire",
            Self::Revive => "revive",
            Self::Deliver => "deliver",
            Self::ReadChannel => "read channel",
            Self::Reap => "reap",
        }
    }
}

/// A hook that is told what is about to be done, and may panic: so tests see what a panic anywhere leads to.
#[derive(Clone, Default)]
pub(crate) struct FailPoints(Option<Arc<dyn Fn(Work) + Send + Sync>>);

impl FailPoints {
    pub(crate) fn new(hook: impl Fn(Work) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    fn meet(&self, work: Work) {
        if let Some(hook) = &self.0 {
            hook(work);
        }
    }
}

impl fmt::Debug for FailPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FailPoints").field(&self.0.is_some()).finish()
    }
}

/// A panic was caught, counted and logged.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs work so that a panic in it stays there: actix would end the actor without a word.
///
/// What the work has done when it panics is what it leaves: the hook runs after it, so that a panic there finds the
/// work done and its answer lost.
pub(super) fn contain<T>(
    work: Work,
    fail_points: &FailPoints,
    run: impl FnOnce() -> T,
) -> Result<T, Panicked> {
    let run = AssertUnwindSafe(|| {
        let done = run();
        fail_points.meet(work);
        done
    });
    catch_unwind(run).map_err(|_| Panicked)
}
