//! The levels of many. Nobody has a timer, and the bound holds (I-5).
//!
//! Whoever has all of his quota again may be forgotten: he comes back as he was. When a table is full of others, the eighth
//! that owes least is forgotten: that gives the least away, and whoever is used up stays so for as long as others owe less. So a
//! flood of addresses gets what new addresses get anyway, and who is new is judged by himself: a bucket that all newcomers
//! shared would let a flood refuse everybody who was not there before.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::{Level, Pace};

/// Parts of a table, each with a lock of its own; a power of two.
const SHARDS: usize = 16;

/// The levels of those whose names are `K`.
#[derive(Debug)]
pub(crate) struct Table<K> {
    shards: [Mutex<Shard<K>>; SHARDS],
    hasher: RandomState,
    /// Levels of one shard.
    most: usize,
}

#[derive(Debug)]
struct Shard<K> {
    levels: HashMap<K, Level, RandomState>,
    /// How many there may be before those are forgotten who owe nothing.
    sweep_at: usize,
}

impl<K> Default for Shard<K> {
    fn default() -> Self {
        Self { levels: HashMap::default(), sweep_at: 64 }
    }
}

impl<K: Clone + Eq + Hash> Table<K> {
    /// Of at most so many, and a few less where they are spread unevenly.
    pub(crate) fn of_at_most(most: usize) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { shards, hasher: RandomState::default(), most: (most / SHARDS).max(1) }
    }

    /// Takes one of somebody's quota. Tells how many are left then, and how long until there is one more.
    ///
    /// # Errors
    /// How long until there is one; nothing was taken.
    pub(crate) fn try_take(&self, key: &K, pace: Pace, now: Duration) -> Result<(u32, Duration), Duration> {
        let mut shard = self.shard(key);
        let take = |level: &mut Level| {
            level.keep_to(pace, now);
            let wait = level.wait(pace, 1, now);
            if !wait.is_zero() {
                return Err(wait);
            }
            level.take(pace, now);
            let left = level.left(pace, now);
            Ok((left, level.wait(pace, left.saturating_add(1), now)))
        };
        if let Some(level) = shard.levels.get_mut(key) {
            return take(level);
        }
        shard.make_room(self.most, now);
        take(shard.levels.entry(key.clone()).or_default())
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, key: &K, pace: Pace) {
        if let Some(level) = self.shard(key).levels.get_mut(key) {
            level.give_back(pace);
        }
    }

    /// How long until somebody may take one; zero: he may.
    pub(crate) fn wait(&self, key: &K, pace: Pace, now: Duration) -> Duration {
        self.shard(key).levels.get_mut(key).map_or(Duration::ZERO, |level| {
            level.keep_to(pace, now);
            level.wait(pace, 1, now)
        })
    }

    /// Nothing in here panics half way.
    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K>> {
        let bits = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        let [first, ..] = &self.shards;
        let shard = self.shards.get(bits % SHARDS).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().levels.len()).sum()
    }
}

impl<K: Clone + Eq + Hash> Shard<K> {
    /// Makes room for one more. A sweep is one pass, spread over at least as many who came since the last one.
    fn make_room(&mut self, most: usize, now: Duration) {
        if self.levels.len() < self.sweep_at.min(most) {
            return;
        }
        self.levels.retain(|_, level| level.full_at() > now);
        make_room(&mut self.levels, most, now, |level| Some(level.full_at()));
        self.sweep_at = self.levels.len().saturating_mul(2).max(64);
    }
}

/// Makes room for one more where there are as many as may be: first those go who owe nothing, then the eighth that owes
/// least. `full_at` is None of those who must stay. The cost, one pass, is spread over the eighth that it frees.
pub(crate) fn make_room<K: Clone + Eq + Hash, V>(
    of: &mut HashMap<K, V, RandomState>,
    most: usize,
    now: Duration,
    full_at: impl Fn(&V) -> Option<Duration>,
) {
    if of.len() < most {
        return;
    }
    of.retain(|_, level| full_at(level).is_none_or(|full_at| full_at > now));
    let keep = most.saturating_sub(most / 8).saturating_sub(1);
    let surplus = of.len().saturating_sub(keep);
    if surplus == 0 {
        return;
    }
    let mut idle: Vec<_> =
        of.iter().filter_map(|(key, level)| Some((full_at(level)?, key.clone()))).collect();
    let surplus = surplus.min(idle.len());
    if surplus < idle.len() {
        idle.select_nth_unstable_by_key(surplus, |(full_at, _)| *full_at);
    }
    for (_, key) in idle.iter().take(surplus) {
        of.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::Rate;

    fn pace(text: &str) -> Pace {
        text.parse::<Rate>().unwrap().pace()
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn each_has_a_quota_of_his_own() {
        let (table, pace) = (Table::of_at_most(100), pace("2/2s"));
        assert_eq!(table.try_take(&1, pace, seconds(10)), Ok((1, seconds(1))));
        assert_eq!(table.try_take(&1, pace, seconds(10)), Ok((0, seconds(1))));
        assert_eq!(table.try_take(&1, pace, seconds(10)), Err(seconds(1)));
        assert_eq!(
            (table.wait(&1, pace, seconds(10)), table.wait(&2, pace, seconds(10))),
            (seconds(1), Duration::ZERO)
        );
        assert_eq!(table.try_take(&2, pace, seconds(10)), Ok((1, seconds(1))));
        table.give_back(&1, pace);
        assert_eq!(table.try_take(&1, pace, seconds(10)), Ok((0, seconds(1))));
        assert_eq!(table.try_take(&1, pace, seconds(11)), Ok((0, seconds(1))));
    }

    #[test]
    fn i_5_a_flood_of_addresses_keeps_the_bound_and_frees_nobody_who_is_used_up() {
        let (table, pace) = (Table::of_at_most(1600), pace("10/h"));
        let known = 1_000_000;
        assert!((0..10).all(|_| table.try_take(&known, pace, Duration::ZERO).is_ok()));
        for number in 0..100_000 {
            // Whoever is new is judged by himself.
            assert!(table.try_take(&number, pace, Duration::from_millis(number)).is_ok());
            assert!(table.len() <= 1600);
        }
        assert!(table.try_take(&known, pace, seconds(100)).is_err());
    }

    #[test]
    fn i_5_who_owes_nothing_is_forgotten() {
        let (table, pace) = (Table::of_at_most(usize::MAX), pace("1/s"));
        for number in 0..100_000_u64 {
            assert!(table.try_take(&number, pace, Duration::from_millis(number)).is_ok());
        }
        assert!(table.len() < 4 * 1000, "those of a window or two, and not {}", table.len());
    }

    #[test]
    fn a_level_takes_16_bytes() {
        assert_eq!(size_of::<Level>(), 16);
    }
}
