use proptest::prelude::*;

use super::familiar::{FAMILIAR_FOR, FAMILIAR_MAX, WORTH_KEEPING};
use super::*;
use crate::auth::FamiliarAddresses;

const REFILL: Duration = Duration::from_secs(3);

fn limiter() -> Limiter {
    let settings = AuthSettings {
        failures_per_address: FailureLimit::new(3, REFILL),
        failures_per_account: FailureLimit::new(5, Duration::from_secs(1)),
        ..AuthSettings::default()
    };
    Limiter::new(&settings, FamiliarAddresses::none().unwrap().marks)
}

fn user(name: &str) -> Subject {
    Subject::User(name.parse().unwrap())
}

fn client(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn attempt(
    limiter: &mut Limiter,
    from: IpAddr,
    whose: Subject,
    outcome: Outcome,
    now: Duration,
) -> Result<(), Duration> {
    let reservation = limiter.reserve(from, whose, now)?;
    limiter.settle(reservation, outcome, now);
    Ok(())
}

fn failures_let_through(limiter: &mut Limiter, from: IpAddr, whose: &Subject, now: Duration) -> usize {
    (0..1000).take_while(|_| attempt(limiter, from, whose.clone(), Outcome::Wrong, now).is_ok()).count()
}

#[test]
fn an_address_has_a_burst_and_refills() {
    let mut limiter = limiter();
    assert_eq!(failures_let_through(&mut limiter, client(1), &user("a"), seconds(0)), 3);
    assert_eq!(limiter.check(client(1), &user("b"), seconds(1)), Err(seconds(2)));
    assert_eq!(limiter.check(client(2), &user("b"), seconds(1)), Ok(()));
    assert_eq!(failures_let_through(&mut limiter, client(1), &user("a"), seconds(3)), 1);
    assert_eq!(failures_let_through(&mut limiter, client(1), &user("b"), seconds(1000)), 3);
}

#[test]
fn an_account_has_a_burst_over_all_addresses_and_so_has_nobody() {
    for whose in [user("a"), Subject::Nobody(u64::MAX)] {
        let mut limiter = limiter();
        let through: usize =
            (0..10).map(|last| failures_let_through(&mut limiter, client(last), &whose, seconds(0))).sum();
        // And one of the reserve, for somebody who was not wrong lately.
        assert_eq!(through, 5 + 1, "{whose:?}");
        assert_eq!(limiter.check(client(99), &whose, seconds(0)), Err(seconds(1)));
        assert_eq!(limiter.check(client(99), &user("b"), seconds(0)), Ok(()));
    }
}

#[test]
fn right_passwords_are_never_throttled() {
    let mut limiter = limiter();
    for number in 0..100 {
        let whose = user(&format!("user{number}"));
        assert_eq!(attempt(&mut limiter, client(1), whose, Outcome::Right, seconds(0)), Ok(()));
    }
    assert!(limiter.addresses.is_empty(), "what owes nothing is not kept");
}

#[test]
fn a_familiar_address_can_try_when_others_used_up_the_account_and_a_neighbour_the_address() {
    let mut limiter = limiter();
    attempt(&mut limiter, client(1), user("a"), Outcome::Right, seconds(0)).unwrap();
    for last in 10..20 {
        failures_let_through(&mut limiter, client(last), &user("a"), seconds(0));
    }
    failures_let_through(&mut limiter, client(1), &user("b"), seconds(0));
    assert!(limiter.check(client(2), &user("a"), seconds(0)).is_err(), "a stranger");
    assert!(limiter.check(client(1), &user("b"), seconds(0)).is_err(), "another account");

    let own = usize::try_from(FAMILIAR_BURST).unwrap();
    assert_eq!(failures_let_through(&mut limiter, client(1), &user("a"), seconds(0)), own);
    // Then as often as anybody: its own bucket refills, and so do the other two.
    assert_eq!(limiter.check(client(1), &user("a"), seconds(0)), Err(REFILL));
    assert_eq!(limiter.check(client(1), &user("a"), REFILL), Ok(()));
}

#[test]
fn familiarity_ends() {
    let mut limiter = limiter();
    attempt(&mut limiter, client(1), user("a"), Outcome::Right, seconds(0)).unwrap();
    let end = FAMILIAR_FOR;
    let just_before = end.checked_sub(seconds(1)).unwrap();
    failures_let_through(&mut limiter, client(1), &user("b"), just_before);
    assert_eq!(limiter.check(client(1), &user("a"), just_before), Ok(()));
    failures_let_through(&mut limiter, client(1), &user("b"), end);
    assert!(limiter.check(client(1), &user("a"), end).is_err());
}

#[test]
fn i_5_familiar_addresses_are_bounded_per_account() {
    let mut limiter = limiter();
    let name = "a".parse().unwrap();
    for last in 0..=16 {
        limiter.familiar(client(last), &name, seconds(last.into()));
    }
    assert_eq!(limiter.accounts[&name].familiar.len(), FAMILIAR_MAX);
    let whose = Subject::User(name);
    assert!(!limiter.is_familiar(client(0), &whose, seconds(20)), "the oldest went");
    assert!(limiter.is_familiar(client(16), &whose, seconds(20)));
    limiter.retain(|_| false);
    assert!(limiter.accounts.is_empty());
}

#[test]
fn i_5_addresses_are_bounded_and_who_owes_most_is_remembered() {
    let mut limiter = limiter();
    limiter.addresses_max = 16;
    let far = client(200);
    failures_let_through(&mut limiter, far, &user("a"), seconds(0));
    for last in 0..100 {
        attempt(&mut limiter, client(last), Subject::Nobody(last.into()), Outcome::Wrong, seconds(0))
            .unwrap();
        assert!(limiter.addresses.len() <= 16);
    }
    assert!(limiter.check(far, &user("b"), seconds(0)).is_err());
    // All are full again: they go first.
    attempt(&mut limiter, client(101), user("b"), Outcome::Wrong, seconds(100)).unwrap();
    assert!(limiter.addresses.len() <= 16);
}

#[test]
fn attempts_on_their_way_count_and_survive_a_full_table() {
    let mut limiter = limiter();
    limiter.addresses_max = 2;
    let on_their_way: Vec<_> =
        (0..3).map(|_| limiter.reserve(client(1), user("a"), seconds(0)).unwrap()).collect();
    assert!(limiter.check(client(1), &user("b"), seconds(0)).is_err());
    for last in 10..20 {
        attempt(&mut limiter, client(last), Subject::Nobody(last.into()), Outcome::Wrong, seconds(0))
            .unwrap();
    }
    for reservation in on_their_way {
        limiter.settle(reservation, Outcome::Wrong, seconds(0));
    }
    assert!(limiter.check(client(1), &user("b"), seconds(0)).is_err());
}

#[test]
fn an_undecided_attempt_costs_nothing() {
    let mut limiter = limiter();
    for _ in 0..100 {
        attempt(&mut limiter, client(1), user("a"), Outcome::Void, seconds(0)).unwrap();
    }
    assert!(limiter.accounts["a"].familiar.is_empty());
}

#[test]
fn ipv6_counts_by_64_and_mapped_ipv4_as_ipv4() {
    let of = |text: &str| Block::of(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
}

/// Whoever was never there, while others use an account's bucket up: the reserve lets in who was not wrong lately.
#[test]
fn others_at_work_on_an_account_do_not_lock_a_newcomer_out() {
    let settings = AuthSettings::default();
    let mut limiter = Limiter::new(&settings, FamiliarAddresses::none().unwrap().marks);
    for second in 0..30 {
        for last in 10..18 {
            failures_let_through(&mut limiter, client(last), &user("a"), seconds(second));
        }
    }
    assert!(limiter.accounts["a"].guard.bucket.wait(limiter.per_account, seconds(29)) > Duration::ZERO);
    assert_eq!(limiter.check(client(1), &user("a"), seconds(29)), Ok(()), "she, at an address of her own");
    assert!(limiter.check(client(10), &user("a"), seconds(29)).is_err(), "one of them");
    // A mistake of her own is as good as theirs.
    attempt(&mut limiter, client(1), user("a"), Outcome::Wrong, seconds(29)).unwrap();
    assert!(limiter.check(client(1), &user("a"), seconds(29)).is_err());
}

/// Whoever was never there, behind an address that others use up: refused like everybody, but looked at.
#[test]
fn neighbours_do_not_keep_a_newcomer_from_a_second_look() {
    let mut limiter = limiter();
    let name = "a".parse().unwrap();
    for number in 0..100 {
        failures_let_through(&mut limiter, client(1), &Subject::Nobody(number), seconds(0));
    }
    assert!(limiter.check(client(1), &user("a"), seconds(0)).is_err());
    let reservation = limiter.look(client(1), &name, seconds(0)).unwrap();
    limiter.settle(reservation, Outcome::Right, seconds(0));
    assert_eq!(limiter.check(client(1), &user("a"), seconds(0)), Ok(()), "familiar now");
}

#[test]
fn second_looks_are_limited_for_the_account() {
    let mut limiter = limiter();
    let name = "a".parse().unwrap();
    let looks = (0..50).filter(|last| {
        let looked = limiter.look(client(*last), &name, seconds(0));
        looked.map(|reservation| limiter.settle(reservation, Outcome::Wrong, seconds(0))).is_some()
    });
    assert_eq!(looks.count(), 1);
    // It refills, but not for whoever was wrong lately.
    assert!(limiter.look(client(0), &name, seconds(10)).is_none());
    assert!(limiter.look(client(99), &name, seconds(9)).is_none());
    assert!(limiter.look(client(99), &name, seconds(10)).is_some());
}

/// After a restart in the middle of an attack, who was right there before is let in at once.
#[test]
fn familiar_addresses_outlive_a_restart() {
    let settings = AuthSettings::default();
    let mut before = Limiter::new(&settings, FamiliarAddresses::none().unwrap().marks);
    assert!(before.changed(seconds(0)).is_none());
    let (anna, bert) = ("anna".parse().unwrap(), "bert".parse().unwrap());
    before.familiar(client(1), &anna, seconds(0));
    before.familiar(client(2), &bert, seconds(0));
    let kept = before.changed(seconds(100)).unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|entry| entry.left + seconds(100) == FAMILIAR_FOR));
    assert!(before.changed(seconds(100)).is_none(), "nothing is new");
    before.familiar(client(1), &anna, seconds(200));
    assert!(before.changed(seconds(200)).is_none(), "nor is it worth writing");
    before.familiar(client(1), &anna, WORTH_KEEPING);
    assert!(before.changed(WORTH_KEEPING).is_some());

    let mut after = Limiter::new(&settings, before.marks().clone());
    after.recall(&kept, [&anna].into_iter(), seconds(0));
    for number in 0..100 {
        failures_let_through(&mut after, client(1), &Subject::Nobody(number), seconds(0));
        failures_let_through(&mut after, client(10), &user("anna"), seconds(0));
    }
    assert_eq!(after.check(client(1), &user("anna"), seconds(0)), Ok(()));
    assert!(after.check(client(1), &user("bert"), seconds(0)).is_err(), "who is no more");
    assert!(!after.accounts.contains_key("bert"));
    // What is kept does not live for ever.
    let end = FAMILIAR_FOR.checked_sub(seconds(100)).unwrap();
    assert!(!after.is_familiar(client(1), &user("anna"), end));
}

proptest! {
    /// Nobody can tell from what is refused, and for how long, whether a name is somebody's.
    #[test]
    fn names_of_nobody_are_limited_like_others(
        steps in prop::collection::vec((0u8..12, 0u64..400, 0u64..3), 1..200),
    ) {
        let mut limiters = [limiter(), limiter()];
        let mut now = Duration::ZERO;
        for (last, millis, name) in steps {
            now += Duration::from_millis(millis);
            let [somebody, nobody] = [user(&format!("user{name}")), Subject::Nobody(name)];
            let [of_somebody, of_nobody] = &mut limiters;
            prop_assert_eq!(
                attempt(of_somebody, client(last), somebody, Outcome::Wrong, now),
                attempt(of_nobody, client(last), nobody, Outcome::Wrong, now)
            );
        }
    }

    /// Whatever mixture of right and wrong passwords, overlapping or not: in every span of time no more failures
    /// pass than the burst and what refilled in it.
    #[test]
    fn never_more_failures_than_burst_and_refill(
        burst in 1u32..6,
        steps in prop::collection::vec((0u64..5_000, prop::bool::ANY, prop::bool::ANY), 1..200),
    ) {
        let limit = FailureLimit::new(burst, REFILL);
        let mut bucket = Bucket::default();
        let (mut now, mut failures, mut on_their_way) = (Duration::ZERO, Vec::new(), 0);
        for (millis, starts, fails) in steps {
            now += Duration::from_millis(millis);
            if starts && bucket.wait(limit, now).is_zero() {
                bucket.reserve();
                on_their_way += 1;
            } else if on_their_way > 0 {
                bucket.settle(fails, limit, now);
                on_their_way -= 1;
                if fails {
                    failures.push(now);
                }
            }
        }
        for (index, from) in failures.iter().enumerate() {
            for (count, until) in failures[index..].iter().enumerate() {
                let refilled = until.saturating_sub(*from).as_millis() / REFILL.as_millis();
                prop_assert!(u128::try_from(count).unwrap() < u128::from(burst) + refilled);
            }
        }
    }

    /// The time it names is enough, and the shortest that is.
    #[test]
    fn retry_after_is_exact(failures in 1u32..10, at in 0u64..10_000) {
        let limit = FailureLimit::new(3, REFILL);
        let (mut bucket, now) = (Bucket::default(), Duration::from_millis(at));
        for _ in 0..failures {
            bucket.reserve();
            bucket.settle(true, limit, now);
        }
        let wait = bucket.wait(limit, now);
        prop_assert!(bucket.wait(limit, now + wait).is_zero());
        if !wait.is_zero() {
            prop_assert!(!bucket.wait(limit, now + wait.saturating_sub(Duration::from_nanos(1))).is_zero());
        }
    }
}
