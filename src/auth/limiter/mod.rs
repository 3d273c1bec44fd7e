//! How often somebody may be wrong, without locking the rightful user out. Pure: time is an argument.
//!
//! Only attempts that need a hash come here; credentials that were verified before never do. An attempt takes from
//! - the bucket of (address, account), if the address lately gave the right password for the account, else
//! - the bucket of its address and the bucket of its account, both, or
//! - where the account's is empty, the account's reserve: for addresses that were not wrong about it lately.
//!
//! Hence others can exhaust an account's bucket, or a neighbour behind the same address that address's bucket, and
//! whoever was right from there before can still try, about as often as anybody. Who never was there meets the reserve:
//! at an address of its own it is asked at once; behind an address that is exhausted the answer is no, and a second look
//! ([`Limiter::look`]) finds out behind it whether the password was right, so that the next try is let in.
//!
//! What is refused and when is the same for names of users and of nobody, until a password is right.
//!
//! Everything is bounded (I-5) and nothing has a timer:
//! - addresses: a table of [`ADDRESSES_MAX`]. When it is full, first those whose bucket is full again go, then the
//!   eighth that owes least: forgiving them gives the least away;
//! - accounts: those that exist. Names of nobody share [`NOBODIES`] buckets, so that they are limited like names of
//!   users and do not give away who exists, and cannot push anybody out;
//! - familiar addresses: a few per account, for a day, see [`familiar`];
//! - who was wrong lately: see [`lately`].

mod bucket;
mod familiar;
mod lately;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

pub(super) use self::bucket::Bucket;
use self::familiar::Familiar;
use self::lately::Lately;
use super::familiar::{Entry, Mark, Marks};
use super::{AuthSettings, FailureLimit, UserName};
use crate::address::Block;
use crate::rates::make_room;

/// Addresses remembered because of failures; an entry takes some 40 bytes.
const ADDRESSES_MAX: usize = 65_536;
/// Buckets shared by the names that are nobody's.
const NOBODIES: usize = 4096;
/// Failures in a row of one such address for one account.
const FAMILIAR_BURST: u32 = 10;
/// An account's reserve is this part of its bucket, and refills so much more slowly.
const RESERVE_PART: u32 = 10;

/// Whose password is tried.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// A user.
    User(UserName),
    /// A name that is no user's, as a number made of it.
    Nobody(u64),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Right,
    Wrong,
    /// It was not decided, and told nobody anything.
    Void,
}

/// Where an attempt's tokens come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The bucket of the pair.
    Pair,
    /// Those of address and account.
    Shared,
    /// Those of the address and of the account's reserve.
    Reserve,
    /// That of the account's reserve alone.
    Look,
}

/// A token that must be settled.
#[derive(Debug)]
pub(super) struct Reservation {
    address: Block,
    subject: Subject,
    source: Source,
}

/// What one name may be wrong about.
#[derive(Debug, Clone, Default)]
struct Guard {
    bucket: Bucket,
    reserve: Bucket,
}

#[derive(Debug, Default)]
struct Account {
    guard: Guard,
    familiar: Familiar,
}

/// The buckets of everybody.
#[derive(Debug)]
pub(super) struct Limiter {
    per_address: FailureLimit,
    per_account: FailureLimit,
    addresses_max: usize,
    addresses: HashMap<Block, Bucket, RandomState>,
    accounts: HashMap<UserName, Account, RandomState>,
    nobodies: Vec<Guard>,
    lately: Lately,
    marks: Marks,
    /// Whether what is worth keeping is new.
    changed: bool,
}

impl Limiter {
    pub(super) fn new(settings: &AuthSettings, marks: Marks) -> Self {
        Self {
            per_address: settings.failures_per_address,
            per_account: settings.failures_per_account,
            addresses_max: ADDRESSES_MAX,
            addresses: HashMap::default(),
            accounts: HashMap::default(),
            nobodies: vec![Guard::default(); NOBODIES],
            lately: Lately::default(),
            marks,
            changed: false,
        }
    }

    fn per_pair(&self) -> FailureLimit {
        FailureLimit::new(FAMILIAR_BURST, self.per_address.refill)
    }

    fn per_reserve(&self) -> FailureLimit {
        let FailureLimit { burst, refill } = self.per_account;
        FailureLimit::new(burst.get() / RESERVE_PART, refill.saturating_mul(RESERVE_PART))
    }

    /// Whether an attempt may start now. Takes nothing.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn check(&self, client: IpAddr, subject: &Subject, now: Duration) -> Result<(), Duration> {
        self.choose(Block::of(client), subject, now).map(|_| ())
    }

    /// Starts an attempt.
    ///
    /// # Errors
    /// How long to wait; nothing was taken.
    pub(super) fn reserve(
        &mut self,
        client: IpAddr,
        subject: Subject,
        now: Duration,
    ) -> Result<Reservation, Duration> {
        let address = Block::of(client);
        let source = self.choose(address, &subject, now)?;
        if source != Source::Pair && !self.addresses.contains_key(&address) {
            let full_at = |bucket: &Bucket| (!bucket.is_reserved()).then(|| bucket.full_at());
            make_room(&mut self.addresses, self.addresses_max, now, full_at);
        }
        Ok(self.take(Reservation { address, subject, source }))
    }

    /// Whether this address lately gave the right password of this user, and may try now.
    pub(super) fn is_familiar(&self, client: IpAddr, subject: &Subject, now: Duration) -> bool {
        let Subject::User(user) = subject else { return false };
        self.pair_wait(Block::of(client), user, now).is_some_and(|wait| wait.is_zero())
    }

    /// Starts a second look at an attempt for a user that was refused for what others did, if this address was not wrong
    /// about the user lately. Nobody must be told how it ends: names of nobody get none.
    pub(super) fn look(&mut self, client: IpAddr, user: &UserName, now: Duration) -> Option<Reservation> {
        let (address, subject) = (Block::of(client), Subject::User(user.clone()));
        let source = match self.pair_wait(address, user, now) {
            Some(Duration::ZERO) => Source::Pair,
            _ if self.reserve_is_open(address, &subject, now) => Source::Look,
            _ => return None,
        };
        Some(self.take(Reservation { address, subject, source }))
    }

    fn take(&mut self, reservation: Reservation) -> Reservation {
        let Reservation { address, subject, source } = &reservation;
        for (bucket, _) in self.buckets(*address, subject, *source).into_iter().flatten() {
            bucket.reserve();
        }
        reservation
    }

    /// Ends an attempt. A right password costs nothing and makes its address familiar.
    pub(super) fn settle(&mut self, reservation: Reservation, outcome: Outcome, now: Duration) {
        let Reservation { address, subject, source } = reservation;
        for (bucket, limit) in self.buckets(address, &subject, source).into_iter().flatten() {
            bucket.settle(outcome == Outcome::Wrong, limit, now);
        }
        if self.addresses.get(&address).is_some_and(|bucket| bucket.is_full(now)) {
            self.addresses.remove(&address);
        }
        match (outcome, subject) {
            (Outcome::Wrong, subject) => self.lately.insert(address, &subject, now),
            (Outcome::Right, Subject::User(user)) => self.remember(address, &user, now),
            _ => {}
        }
    }

    /// The right password of `user` came from `client`.
    pub(super) fn familiar(&mut self, client: IpAddr, user: &UserName, now: Duration) {
        self.remember(Block::of(client), user, now);
    }

    /// Forgets accounts that are no more.
    pub(super) fn retain(&mut self, exists: impl Fn(&UserName) -> bool) {
        self.accounts.retain(|user, _| exists(user));
    }

    /// What is worth keeping over a restart, if it has changed since it was last asked for.
    pub(super) fn changed(&mut self, now: Duration) -> Option<Vec<Entry>> {
        std::mem::take(&mut self.changed).then(|| {
            let entries = self.accounts.iter().flat_map(|(user, account)| {
                let of = self.marks.account(user);
                account.familiar.entries(of, now)
            });
            entries.collect()
        })
    }

    /// Takes what was kept over a restart, for the accounts that are still there.
    pub(super) fn recall<'a>(
        &mut self,
        kept: &[Entry],
        users: impl Iterator<Item = &'a UserName>,
        now: Duration,
    ) {
        let users: HashMap<Mark, &UserName> = users.map(|user| (self.marks.account(user), user)).collect();
        for entry in kept {
            let Some(user) = users.get(&entry.account) else { continue };
            self.accounts.entry(UserName::clone(user)).or_default().familiar.recall(entry, now);
        }
    }

    /// The marks that stand for names and addresses.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Which buckets an attempt takes from.
    fn choose(&self, address: Block, subject: &Subject, now: Duration) -> Result<Source, Duration> {
        let pair_wait = match subject {
            Subject::User(user) => self.pair_wait(address, user, now),
            Subject::Nobody(_) => None,
        };
        if pair_wait.is_some_and(|wait| wait.is_zero()) {
            return Ok(Source::Pair);
        }
        let of_address =
            self.addresses.get(&address).map_or(Duration::ZERO, |bucket| bucket.wait(self.per_address, now));
        let of_account =
            self.guard(subject).map_or(Duration::ZERO, |guard| guard.bucket.wait(self.per_account, now));
        if of_address.max(of_account).is_zero() {
            Ok(Source::Shared)
        } else if of_address.is_zero() && self.reserve_is_open(address, subject, now) {
            Ok(Source::Reserve)
        } else {
            let wait = of_address.max(of_account);
            Err(pair_wait.map_or(wait, |pair| pair.min(wait)))
        }
    }

    fn guard(&self, subject: &Subject) -> Option<&Guard> {
        match subject {
            Subject::User(user) => self.accounts.get(user).map(|account| &account.guard),
            Subject::Nobody(number) => self.nobodies.get(nobody(*number)),
        }
    }

    /// How long a familiar address has to wait; None: it is a stranger.
    fn pair_wait(&self, address: Block, user: &UserName, now: Duration) -> Option<Duration> {
        let familiar = &self.accounts.get(user)?.familiar;
        if familiar.is_empty() {
            return None;
        }
        familiar.wait(&self.marks.pair(address.network(), user), self.per_pair(), now)
    }

    fn reserve_is_open(&self, address: Block, subject: &Subject, now: Duration) -> bool {
        let wait =
            self.guard(subject).map_or(Duration::ZERO, |guard| guard.reserve.wait(self.per_reserve(), now));
        wait.is_zero() && !self.lately.contains(address, subject, now)
    }

    /// The buckets an attempt takes from, with their limits.
    fn buckets(
        &mut self,
        address: Block,
        subject: &Subject,
        source: Source,
    ) -> [Option<(&mut Bucket, FailureLimit)>; 2] {
        let (per_pair, per_address) = (self.per_pair(), self.per_address);
        let (per_account, per_reserve) = (self.per_account, self.per_reserve());
        let guard = match subject {
            Subject::User(user) => {
                let account = self.accounts.entry(user.clone()).or_default();
                if source == Source::Pair {
                    let mark = self.marks.pair(address.network(), user);
                    return [account.familiar.bucket(&mark).map(|bucket| (bucket, per_pair)), None];
                }
                Some(&mut account.guard)
            }
            Subject::Nobody(number) => self.nobodies.get_mut(nobody(*number)),
        };
        let of_name = guard.map(|guard| match source {
            Source::Reserve | Source::Look => (&mut guard.reserve, per_reserve),
            Source::Shared | Source::Pair => (&mut guard.bucket, per_account),
        });
        let of_address = (source != Source::Look)
            .then(|| self.addresses.entry(address).or_default())
            .map(|bucket| (bucket, per_address));
        [of_address, of_name]
    }

    fn remember(&mut self, address: Block, user: &UserName, now: Duration) {
        let mark = self.marks.pair(address.network(), user);
        self.changed |= self.accounts.entry(user.clone()).or_default().familiar.remember(mark, now);
    }
}

fn nobody(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX) % NOBODIES
}
