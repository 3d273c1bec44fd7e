//! How often somebody may be wrong, without locking the rightful user out. Pure: time is an argument.
//!
//! Only attempts that need a hash come here; credentials that were verified before never do. An attempt takes from
//! - the bucket of (address, account), if the address lately gave the right password for the account, else
//! - the bucket of its address and the bucket of its account, both.
//!
//! Hence others can exhaust an account's bucket, or a neighbour behind the same address that address's bucket, and
//! whoever was right from there before can still try, about as often as anybody.
//!
//! Everything is bounded (I-5) and nothing has a timer:
//! - addresses: a table of [`ADDRESSES_MAX`]. When it is full, first those whose bucket is full again go, then the
//!   eighth that owes least: forgiving them gives the least away;
//! - accounts: those that exist. Names of nobody share [`NOBODIES`] buckets, so that they are limited like names of
//!   users and do not give away who exists, and cannot push anybody out;
//! - familiar addresses: [`FAMILIAR_MAX`] per account, the longest unused goes; none outlives [`FAMILIAR_FOR`].

mod bucket;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use foldhash::fast::RandomState;

use self::bucket::Bucket;
use super::{AuthSettings, FailureLimit, UserName};

/// Addresses remembered because of failures; an entry takes some 40 bytes.
const ADDRESSES_MAX: usize = 65_536;
/// Buckets shared by the names that are nobody's.
const NOBODIES: usize = 4096;
/// Addresses remembered per account because they gave the right password.
const FAMILIAR_MAX: usize = 16;
/// How long they are remembered.
const FAMILIAR_FOR: Duration = Duration::from_hours(24);
/// Failures in a row of one such address for one account.
const FAMILIAR_BURST: u32 = 10;
/// Log lines about failures: so many at once, one more per second.
const REPORTS: FailureLimit = FailureLimit::new(20, Duration::from_secs(1));

/// Whose password is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// A token that must be settled.
#[derive(Debug)]
pub(super) struct Reservation {
    address: Address,
    subject: Subject,
    familiar: bool,
}

/// An IPv4 address or an IPv6 /64: the smallest block that one customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Address(IpAddr);

impl Address {
    fn of(client: IpAddr) -> Self {
        match client.to_canonical() {
            IpAddr::V4(v4) => Self(v4.into()),
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
        }
    }
}

#[derive(Debug, Default)]
struct Account {
    bucket: Bucket,
    familiar: Vec<Familiar>,
}

#[derive(Debug)]
struct Familiar {
    address: Address,
    until: Duration,
    bucket: Bucket,
}

/// The buckets of everybody.
#[derive(Debug)]
pub(super) struct Limiter {
    per_address: FailureLimit,
    per_account: FailureLimit,
    addresses_max: usize,
    addresses: HashMap<Address, Bucket, RandomState>,
    accounts: HashMap<UserName, Account, RandomState>,
    nobodies: Vec<Bucket>,
    reports: Bucket,
    unreported: u64,
}

impl Limiter {
    pub(super) fn new(settings: &AuthSettings) -> Self {
        Self {
            per_address: settings.failures_per_address,
            per_account: settings.failures_per_account,
            addresses_max: ADDRESSES_MAX,
            addresses: HashMap::default(),
            accounts: HashMap::default(),
            nobodies: vec![Bucket::default(); NOBODIES],
            reports: Bucket::default(),
            unreported: 0,
        }
    }

    fn per_pair(&self) -> FailureLimit {
        FailureLimit::new(FAMILIAR_BURST, self.per_address.refill)
    }

    /// Whether an attempt may start now. Takes nothing.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn check(&self, client: IpAddr, subject: &Subject, now: Duration) -> Result<(), Duration> {
        self.choose(Address::of(client), subject, now).map(|_| ())
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
        let address = Address::of(client);
        let familiar = self.choose(address, &subject, now)?;
        if !familiar && !self.addresses.contains_key(&address) {
            self.make_room(now);
        }
        for (bucket, _) in self.buckets(address, &subject, familiar).into_iter().flatten() {
            bucket.reserve();
        }
        Ok(Reservation { address, subject, familiar })
    }

    /// Ends an attempt. A right password costs nothing and makes its address familiar.
    pub(super) fn settle(&mut self, reservation: Reservation, outcome: Outcome, now: Duration) {
        let Reservation { address, subject, familiar } = reservation;
        for (bucket, limit) in self.buckets(address, &subject, familiar).into_iter().flatten() {
            bucket.settle(outcome == Outcome::Wrong, limit, now);
        }
        if self.addresses.get(&address).is_some_and(|bucket| bucket.is_full(now)) {
            self.addresses.remove(&address);
        }
        if let (Outcome::Right, Subject::User(user)) = (outcome, subject) {
            self.remember(address, &user, now);
        }
    }

    /// The right password of `user` came from `client`.
    pub(super) fn familiar(&mut self, client: IpAddr, user: &UserName, now: Duration) {
        self.remember(Address::of(client), user, now);
    }

    /// Forgets accounts that are no more.
    pub(super) fn retain(&mut self, exists: impl Fn(&UserName) -> bool) {
        self.accounts.retain(|user, _| exists(user));
    }

    /// Whether to log a failure: then how many were not logged since the last line. Bounded, because whoever can
    /// fill the log can fill the disk.
    pub(super) fn report(&mut self, now: Duration) -> Option<u64> {
        if self.reports.wait(REPORTS, now).is_zero() {
            self.reports.reserve();
            self.reports.settle(true, REPORTS, now);
            Some(std::mem::take(&mut self.unreported))
        } else {
            self.unreported = self.unreported.saturating_add(1);
            None
        }
    }

    /// Which buckets an attempt takes from: true for the pair's own.
    fn choose(&self, address: Address, subject: &Subject, now: Duration) -> Result<bool, Duration> {
        let account = match subject {
            Subject::User(user) => self.accounts.get(user),
            Subject::Nobody(_) => None,
        };
        let pair = account.and_then(|account| {
            account.familiar.iter().find(|familiar| familiar.address == address && familiar.until > now)
        });
        let pair_wait = pair.map(|familiar| familiar.bucket.wait(self.per_pair(), now));
        if pair_wait.is_some_and(|wait| wait.is_zero()) {
            return Ok(true);
        }
        let account_bucket = match subject {
            Subject::User(_) => account.map(|account| &account.bucket),
            Subject::Nobody(number) => self.nobodies.get(nobody(*number)),
        };
        let default = Bucket::default();
        let wait = self
            .addresses
            .get(&address)
            .unwrap_or(&default)
            .wait(self.per_address, now)
            .max(account_bucket.unwrap_or(&default).wait(self.per_account, now));
        if wait.is_zero() { Ok(false) } else { Err(pair_wait.map_or(wait, |pair| pair.min(wait))) }
    }

    /// The buckets an attempt takes from, with their limits.
    fn buckets(
        &mut self,
        address: Address,
        subject: &Subject,
        familiar: bool,
    ) -> [Option<(&mut Bucket, FailureLimit)>; 2] {
        let (per_pair, per_address, per_account) = (self.per_pair(), self.per_address, self.per_account);
        let account = match subject {
            Subject::User(user) => {
                let account = self.accounts.entry(user.clone()).or_default();
                if familiar {
                    let pair = account.familiar.iter_mut().find(|familiar| familiar.address == address);
                    return [pair.map(|familiar| (&mut familiar.bucket, per_pair)), None];
                }
                Some(&mut account.bucket)
            }
            Subject::Nobody(number) => self.nobodies.get_mut(nobody(*number)),
        };
        let address = self.addresses.entry(address).or_default();
        [Some((address, per_address)), account.map(|bucket| (bucket, per_account))]
    }

    fn remember(&mut self, address: Address, user: &UserName, now: Duration) {
        let until = now.saturating_add(FAMILIAR_FOR);
        let familiar = &mut self.accounts.entry(user.clone()).or_default().familiar;
        if let Some(known) = familiar.iter_mut().find(|known| known.address == address) {
            known.until = until;
            return;
        }
        familiar.retain(|known| known.until > now || known.bucket.is_reserved());
        if familiar.len() >= FAMILIAR_MAX {
            let idle = familiar.iter().enumerate().filter(|(_, known)| !known.bucket.is_reserved());
            match idle.min_by_key(|(_, known)| known.until).map(|(index, _)| index) {
                Some(index) => drop(familiar.swap_remove(index)),
                // All of them are trying at this moment; this one stays a stranger.
                None => return,
            }
        }
        familiar.push(Familiar { address, until, bucket: Bucket::default() });
    }

    /// Makes room for one more address. The cost, one pass, is spread over the eighth that it frees.
    fn make_room(&mut self, now: Duration) {
        if self.addresses.len() < self.addresses_max {
            return;
        }
        self.addresses.retain(|_, bucket| !bucket.is_full(now));
        let keep = self.addresses_max - self.addresses_max / 8 - 1;
        let Some(surplus) = self.addresses.len().checked_sub(keep).filter(|surplus| *surplus > 0) else {
            return;
        };
        let mut idle: Vec<_> = self
            .addresses
            .iter()
            .filter(|(_, bucket)| !bucket.is_reserved())
            .map(|(address, bucket)| (bucket.full_at(), *address))
            .collect();
        // Attempts on their way are as few as hashing threads: nearly all are idle.
        let surplus = surplus.min(idle.len());
        if surplus < idle.len() {
            idle.select_nth_unstable_by_key(surplus, |(full_at, _)| *full_at);
        }
        for (_, address) in idle.iter().take(surplus) {
            self.addresses.remove(address);
        }
    }
}

fn nobody(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX) % NOBODIES
}
