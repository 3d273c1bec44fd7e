//! Who may do how much in a time, and who has. Pure: time is an argument.
//!
//! A request draws on up to three quotas: of its client's address, of who has signed in, and of the bus. It takes from all of
//! them or from none. They are taken in this order, so that whoever is refused for himself never touched what he shares with others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backplane_actors::{BusName, Poster};

use crate::address::Block;
use crate::config::{self, Limits};
use crate::error::{ApiError, ErrorCode};
use crate::rates::{Fields, Rate, Standing, Table};

/// Addresses remembered for each kind of work; an entry takes some 50 to 100 bytes.
const ADDRESSES_MAX: usize = 65_536;
/// The same of those who have signed in: how many come with tokens of others is not known here. More than there may be users.
const USERS_MAX: usize = 2_097_152;

/// What a request is for. Each counts once: a long poll is a retrieval, what stays open is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A POST, or what is published over a WebSocket.
    Post,
    /// A retrieval, HEAD and long polls among them.
    Read,
    /// An event stream or a WebSocket.
    Stream,
}

const WORKS: [Work; 3] = [Work::Post, Work::Read, Work::Stream];

/// The keys of the configuration, of address, user and bus: they name quotas wherever one is told of.
const fn names(work: Work) -> [&'static str; 3] {
    match work {
        Work::Post => ["limits.posts_per_address", "limits.posts_per_user", "quota.posts"],
        Work::Read => ["limits.reads_per_address", "limits.reads_per_user", "quota.reads"],
        Work::Stream => {
            ["limits.new_streams_per_address", "limits.new_streams_per_user", "quota.new_streams"]
        }
    }
}

/// Whose quota it is.
#[derive(Debug, Clone, Copy)]
enum Whose<'a> {
    Address(Block),
    User(&'a Poster),
    Bus(&'a BusName),
}

impl Whose<'_> {
    /// What is his of three things, of address, user and bus.
    fn own<T>(self, [address, user, bus]: [T; 3]) -> T {
        match self {
            Self::Address(_) => address,
            Self::User(_) => user,
            Self::Bus(_) => bus,
        }
    }
}

/// Who asks, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    /// None: he comes for many.
    pub(super) address: Option<Block>,
    /// None: he has not signed in.
    pub(super) user: Option<&'a Poster>,
    pub(super) bus: &'a BusName,
}

/// The rates that hold for a request: of address, user and bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates([Option<Rate>; 3]);

impl Rates {
    /// Of this work on a bus with this quota.
    pub(super) const fn of(work: Work, limits: &Limits, bus: &config::Quota) -> Self {
        Self(match work {
            Work::Post => [limits.posts_per_address, limits.posts_per_user, bus.posts],
            Work::Read => [limits.reads_per_address, limits.reads_per_user, bus.reads],
            Work::Stream => [limits.new_streams_per_address, limits.new_streams_per_user, bus.new_streams],
        })
    }

    /// Whether anybody may do it any number of times.
    pub(super) fn are_none(self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Those that this one draws on.
    fn for_asker<'a>(self, asker: &Asker<'a>) -> impl Iterator<Item = (Whose<'a>, Rate)> + use<'a> {
        let [address, user, bus] = self.0;
        let address = asker.address.map(Whose::Address).zip(address);
        let user = asker.user.map(Whose::User).zip(user);
        [address, user, bus.map(|rate| (Whose::Bus(asker.bus), rate))].into_iter().flatten()
    }
}

/// What was done by whom.
#[derive(Debug)]
pub(crate) struct Quotas {
    of: [Tables; 3],
}

/// Who has done how much of one kind of work.
#[derive(Debug)]
struct Tables {
    work: Work,
    addresses: Table<Block>,
    /// Users, clients, and whoever comes with a token of somebody else.
    users: Table<Poster>,
    /// No more than there are buses.
    buses: Table<BusName>,
    refused: [AtomicU64; 3],
}

impl Default for Quotas {
    fn default() -> Self {
        let of = WORKS.map(|work| Tables {
            work,
            addresses: Table::of_at_most(ADDRESSES_MAX),
            users: Table::of_at_most(USERS_MAX),
            buses: Table::of_at_most(usize::MAX),
            refused: Default::default(),
        });
        Self { of }
    }
}

impl Quotas {
    /// Takes one from each quota, or nothing. What the client is to be told, if there is a quota.
    pub(super) fn take(
        &self,
        work: Work,
        asker: &Asker<'_>,
        rates: Rates,
        now: Duration,
    ) -> Result<Option<Fields>, ApiError> {
        let [posts, reads, streams] = &self.of;
        let tables = match work {
            Work::Post => posts,
            Work::Read => reads,
            Work::Stream => streams,
        };
        tables.take(asker, rates, now)
    }

    /// How often each quota was found used up, by its name.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.of.iter().flat_map(|tables| {
            let counts = tables.refused.each_ref().map(|count| count.load(Ordering::Relaxed));
            names(tables.work).into_iter().zip(counts)
        })
    }
}

impl Tables {
    fn take(&self, asker: &Asker<'_>, rates: Rates, now: Duration) -> Result<Option<Fields>, ApiError> {
        let drawn = || rates.for_asker(asker);
        let mut nearest: Option<Standing> = None;
        for (n, (whose, rate)) in drawn().enumerate() {
            match self.try_take_one(whose, rate, now) {
                Ok((left, next)) => {
                    let standing = Standing { name: whose.own(names(self.work)), rate, left, next };
                    if nearest.is_none_or(|nearest| standing.is_nearer_than(&nearest)) {
                        nearest = Some(standing);
                    }
                }
                Err(wait) => {
                    drawn().take(n).for_each(|(whose, rate)| self.give_back(whose, rate));
                    // After the longest wait none of the others refuses.
                    let waits =
                        drawn().skip(n + 1).map(|(other, rate)| (self.wait(other, rate, now), other, rate));
                    let first = (wait, whose, rate);
                    let (wait, whose, rate) = waits.fold(first, |a, b| if b.0 > a.0 { b } else { a });
                    return Err(self.refuse(asker, rates, (whose, rate), wait));
                }
            }
        }
        Ok(nearest.map(|nearest| self.fields(asker, rates, &nearest)))
    }

    fn try_take_one(&self, whose: Whose<'_>, rate: Rate, now: Duration) -> Result<(u32, Duration), Duration> {
        let pace = rate.pace();
        match whose {
            Whose::Address(address) => self.addresses.try_take(&address, pace, now),
            Whose::User(user) => self.users.try_take(user, pace, now),
            Whose::Bus(bus) => self.buses.try_take(bus, pace, now),
        }
    }

    fn give_back(&self, whose: Whose<'_>, rate: Rate) {
        let pace = rate.pace();
        match whose {
            Whose::Address(address) => self.addresses.give_back(&address, pace),
            Whose::User(user) => self.users.give_back(user, pace),
            Whose::Bus(bus) => self.buses.give_back(bus, pace),
        }
    }

    fn wait(&self, whose: Whose<'_>, rate: Rate, now: Duration) -> Duration {
        let pace = rate.pace();
        match whose {
            Whose::Address(address) => self.addresses.wait(&address, pace, now),
            Whose::User(user) => self.users.wait(user, pace, now),
            Whose::Bus(bus) => self.buses.wait(bus, pace, now),
        }
    }

    /// What this one is told.
    fn fields(&self, asker: &Asker<'_>, rates: Rates, nearest: &Standing) -> Fields {
        let drawn = rates.for_asker(asker);
        Fields::new(drawn.map(|(whose, rate)| (whose.own(names(self.work)), rate)), nearest)
    }

    /// The quota of `whose` is used up for so long.
    fn refuse(
        &self,
        asker: &Asker<'_>,
        rates: Rates,
        used_up: (Whose<'_>, Rate),
        wait: Duration,
    ) -> ApiError {
        let (whose, rate) = used_up;
        whose.own(self.refused.each_ref()).fetch_add(1, Ordering::Relaxed);
        let (name, who) = (whose.own(names(self.work)), whose.own(["address", "user", "bus"]));
        let what = match self.work {
            Work::Post => "POSTs",
            Work::Read => "retrievals",
            Work::Stream => "new streams",
        };
        let (times, window) = (rate.times(), humantime::format_duration(rate.window()));
        let text = format!("this {who} has used up its quota of {times} {what} in {window} ({name})");
        let fields = self.fields(asker, rates, &Standing { name, rate, left: 0, next: wait });
        ApiError::new(ErrorCode::RateLimited, text).retry_after(wait).of_quota(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn rates(address: &str, user: &str, bus: &str) -> Rates {
        Rates([address, user, bus].map(|text| text.parse().ok()))
    }

    struct World {
        quotas: Quotas,
        users: [Poster; 2],
        buses: [BusName; 2],
    }

    impl World {
        fn new() -> Self {
            let users = ["alice", "bob"].map(|name| Poster::new(name).unwrap());
            let buses = ["one", "other"].map(|name| name.parse().unwrap());
            Self { quotas: Quotas::default(), users, buses }
        }

        fn take(
            &self,
            address: u8,
            user: usize,
            bus: usize,
            rates: Rates,
            now: Duration,
        ) -> Result<Option<Fields>, ApiError> {
            let address = Some(Block::of([192, 0, 2, address].into()));
            let asker = Asker { address, user: Some(&self.users[user]), bus: &self.buses[bus] };
            self.quotas.take(Work::Post, &asker, rates, now)
        }
    }

    #[test]
    fn what_is_refused_takes_nothing_of_other_quotas() {
        let (world, rates) = (World::new(), rates("10/h", "4/h", "2/h"));
        for _ in 0..2 {
            assert!(world.take(1, 0, 0, rates, NOW).is_ok());
        }
        for _ in 0..20 {
            let error = world.take(1, 0, 0, rates, NOW).unwrap_err();
            assert_eq!(error.description(), "this bus has used up its quota of 2 POSTs in 1h (quota.posts)");
        }
        // Of his own four and of the address's ten two are taken.
        let told = world.take(1, 0, 1, rates, NOW).unwrap().unwrap();
        assert_eq!(told.limit, r#""limits.posts_per_user";r=1;t=900"#);
        assert!(world.take(1, 0, 1, rates, NOW).is_ok());
        assert!(world.take(1, 1, 1, rates, NOW).is_err());
        let refused: Vec<_> = world.quotas.refused().filter(|(_, count)| *count > 0).collect();
        assert_eq!(refused, [("quota.posts", 21)]);
    }

    #[test]
    fn the_longest_wait_is_told_and_after_it_nothing_refuses() {
        let (world, rates) = (World::new(), rates("1/10s", "1/30s", "1/20s"));
        assert!(world.take(1, 0, 0, rates, NOW).is_ok());
        let error = world.take(1, 0, 0, rates, NOW).unwrap_err();
        assert_eq!(error.wait(), Some(Duration::from_secs(30)));
        assert!(error.description().starts_with("this user"), "{error}");
        assert!(world.take(1, 0, 0, rates, NOW + Duration::from_secs(29)).is_err());
        assert!(world.take(1, 0, 0, rates, NOW + Duration::from_secs(30)).is_ok());
    }

    #[test]
    fn nobody_pays_for_others() {
        let (world, of_user) = (World::new(), rates("none", "1/h", "none"));
        assert!(world.take(1, 0, 0, of_user, NOW).is_ok());
        assert!(world.take(1, 0, 0, of_user, NOW).is_err() && world.take(2, 0, 1, of_user, NOW).is_err());
        assert!(world.take(1, 1, 0, of_user, NOW).is_ok());
        let of_address = rates("1/h", "none", "none");
        assert!(world.take(1, 0, 0, of_address, NOW).is_ok());
        assert!(world.take(1, 1, 1, of_address, NOW).is_err());
        assert!(world.take(2, 1, 1, of_address, NOW).is_ok());
        // Who comes for many has no address, and nobody who has not signed in a user's quota.
        let many = Asker { address: None, user: None, bus: &world.buses[0] };
        for _ in 0..3 {
            let told = world.quotas.take(Work::Post, &many, rates("1/h", "1/h", "none"), NOW);
            assert_eq!(told.unwrap(), None);
        }
    }

    #[test]
    fn threads_that_take_at_once_take_no_more_than_there_is() {
        let (world, rates) = (World::new(), rates("none", "1000/h", "50/h"));
        let passed: usize = std::thread::scope(|scope| {
            let take = || (0..100).filter(|_| world.take(1, 0, 0, rates, NOW).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 50);
        let told = world.take(1, 0, 1, rates, NOW).unwrap().unwrap();
        // Fifty and this one: what was refused gave all back.
        assert_eq!(told.limit, r#""limits.posts_per_user";r=949;t=4"#);
    }

    #[test]
    fn each_work_has_a_quota_of_its_own() {
        let (world, rates) = (World::new(), rates("1/h", "1/h", "1/h"));
        let asker = Asker { address: None, user: None, bus: &world.buses[0] };
        for work in WORKS {
            assert!(world.quotas.take(work, &asker, rates, NOW).is_ok(), "{work:?}");
            assert!(world.quotas.take(work, &asker, rates, NOW).is_err(), "{work:?}");
        }
        let names: std::collections::HashSet<_> = world.quotas.refused().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 9);
    }
}
