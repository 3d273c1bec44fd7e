//! A bound on bytes that many hold at the same time, and who may have how much of it (I-5).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

/// How many bytes may be held, and who holds how many.
#[derive(Debug)]
pub(crate) struct Budget<H> {
    most: AtomicUsize,
    shares: Mutex<Shares<H>>,
}

/// There is no room for what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl<H: Eq + Hash + Clone> Budget<H> {
    /// A budget of so many bytes.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), shares: Mutex::new(Shares::default()) })
    }

    /// Nothing yet, for somebody who is going to need more.
    pub(crate) fn open(self: &Arc<Self>, holder: H) -> Lease<H> {
        Lease { budget: Arc::clone(self), holder, bytes: 0 }
    }

    /// Takes bytes until the lease is dropped.
    pub(crate) fn take(self: &Arc<Self>, holder: H, bytes: usize) -> Result<Lease<H>, NoRoom> {
        let mut lease = self.open(holder);
        lease.grow(bytes)?;
        Ok(lease)
    }

    /// Sets another bound. What is held beyond it stays until it is given back.
    pub(crate) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Bytes that are held now.
    pub(crate) fn held(&self) -> usize {
        self.shares().held
    }

    /// Nothing in here panics half way.
    fn shares(&self) -> MutexGuard<'_, Shares<H>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a [`Budget`], given back on drop.
#[derive(Debug)]
pub(crate) struct Lease<H: Eq + Hash + Clone> {
    budget: Arc<Budget<H>>,
    holder: H,
    bytes: usize,
}

impl<H: Eq + Hash + Clone> Lease<H> {
    /// Takes more bytes. A refusal takes nothing and gives nothing back.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        if bytes == 0 {
            return Ok(());
        }
        let most = self.budget.most.load(Ordering::Relaxed);
        self.budget.shares().take(&self.holder, bytes, most)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl<H: Eq + Hash + Clone> Drop for Lease<H> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.shares().give_back(&self.holder, self.bytes);
        }
    }
}

/// Who holds how many bytes. Pure.
#[derive(Debug)]
struct Shares<H> {
    held: usize,
    of: HashMap<H, usize, RandomState>,
}

impl<H> Default for Shares<H> {
    fn default() -> Self {
        Self { held: 0, of: HashMap::default() }
    }
}

impl<H: Eq + Hash + Clone> Shares<H> {
    /// Whoever wants more may have it if he then holds no more than what is left for everybody else.
    ///
    /// So one holder alone gets half of all, and the next one half of the rest, whatever the first does: nobody
    /// can take what others need to be served at all, and nobody has to be told who the others are.
    ///
    /// Whoever comes while nothing is held is let in whatever it takes: otherwise a bound that is smaller than
    /// twice the largest of those who come would shut that one out for ever.
    fn take(&mut self, holder: &H, bytes: usize, most: usize) -> Result<(), NoRoom> {
        let own = self.of.get(holder).copied().unwrap_or_default().saturating_add(bytes);
        let held = self.held.saturating_add(bytes);
        if self.held > 0 && own > most.saturating_sub(held) {
            return Err(NoRoom);
        }
        self.held = held;
        self.of.insert(holder.clone(), own);
        Ok(())
    }

    fn give_back(&mut self, holder: &H, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
        let Some(own) = self.of.get_mut(holder) else { return };
        *own = own.saturating_sub(bytes);
        // Nobody is remembered who holds nothing.
        if *own == 0 {
            self.of.remove(holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn i_5_what_is_taken_is_bounded_and_comes_back() {
        let budget = Budget::new(20);
        let (first, second) = (budget.take('a', 6), budget.take('a', 4));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(budget.held(), 10);
        assert_eq!(budget.take('a', 1).unwrap_err(), NoRoom);
        assert_eq!(budget.held(), 10, "a refusal takes nothing");
        drop(first);
        assert_eq!(budget.held(), 4);
        let mut third = budget.open('a');
        assert_eq!((third.grow(2), third.grow(5), third.grow(4)), (Ok(()), Err(NoRoom), Ok(())));
        assert_eq!(budget.held(), 10);
        drop((second, third));
        assert_eq!(budget.held(), 0);
        assert!(budget.shares().of.is_empty(), "nobody is remembered");
    }

    #[test]
    fn i_5_who_takes_all_that_he_may_leaves_as_much_to_others() {
        let budget = Budget::new(100);
        let mut greedy = budget.open('a');
        while greedy.grow(1).is_ok() {}
        assert_eq!(budget.held(), 50);
        let other = budget.take('b', 25).unwrap();
        assert!(budget.take('c', 13).is_err());
        assert!(budget.take('c', 12).is_ok());
        drop(greedy);
        assert!(budget.take('b', 12).is_ok(), "there is more for all once somebody lets go");
        drop(other);
    }

    #[test]
    fn one_alone_is_let_in_whatever_it_takes() {
        let budget = Budget::new(10);
        let large = budget.take('a', usize::MAX).unwrap();
        assert!(budget.take('a', 1).is_err() && budget.take('b', 1).is_err());
        drop(large);
        assert!(budget.take('b', 1).is_ok());
    }

    proptest! {
        /// However many come and go: all is counted, and the room halves at most with each who holds any.
        #[test]
        fn i_5_there_is_room_for_one_more(
            most in 64_usize..10_000,
            steps in prop::collection::vec((0_u8..5, 1_usize..5_000, any::<bool>(), any::<prop::sample::Index>()), 1..60),
        ) {
            let budget = Budget::new(most);
            let mut leases: Vec<Lease<u8>> = Vec::new();
            for (holder, bytes, takes, which) in steps {
                if takes || leases.is_empty() {
                    // Half of all is what one alone may have by the rule.
                    leases.extend(budget.take(holder, bytes.min(most / 2)));
                } else {
                    drop(leases.swap_remove(which.index(leases.len())));
                }
                let sum: usize = leases.iter().map(|lease| lease.bytes).sum();
                let shares = budget.shares();
                prop_assert_eq!(shares.held, sum);
                prop_assert_eq!(shares.of.values().sum::<usize>(), sum);
                prop_assert!(shares.of.values().all(|own| *own > 0));
                let left = most - sum;
                prop_assert!(left << shares.of.len() >= most, "{} left of {most} beside {shares:?}", left);
            }
        }
    }
}
