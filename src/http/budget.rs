//! A bound on bytes that many hold at the same time (I-5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes may be held, and how many are.
#[derive(Debug)]
pub(crate) struct Budget {
    most: AtomicUsize,
    held: AtomicUsize,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), held: AtomicUsize::new(0) })
    }

    /// Takes bytes until the lease is dropped; `None` when they are not there.
    ///
    /// Whoever comes while nothing is held is let in whatever it takes: otherwise a bound that is smaller than
    /// the largest of those who come would shut that one out for ever.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Option<Lease> {
        let most = self.most.load(Ordering::Relaxed);
        let with = |held: usize| {
            let sum = held.saturating_add(bytes);
            (held == 0 || sum <= most).then_some(sum)
        };
        self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, with).ok()?;
        Some(Lease { budget: Arc::clone(self), bytes })
    }

    /// Sets another bound. What is held beyond it stays until it is given back.
    pub(crate) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Bytes that are held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }
}

/// Bytes of a [`Budget`], given back on drop.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_5_what_is_taken_is_bounded_and_comes_back() {
        let budget = Budget::new(10);
        let (first, second) = (budget.take(6), budget.take(4));
        assert!(first.is_some() && second.is_some());
        assert_eq!(budget.held(), 10);
        assert!(budget.take(1).is_none());
        assert_eq!(budget.held(), 10, "a refusal takes nothing");
        drop(first);
        assert_eq!(budget.held(), 4);
        assert!(budget.take(7).is_none());
        drop(second);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn one_alone_is_let_in_whatever_it_takes() {
        let budget = Budget::new(10);
        let large = budget.take(usize::MAX);
        assert!(large.is_some());
        assert!(budget.take(1).is_none());
        drop(large);
        assert!(budget.take(1).is_some());
    }
}
