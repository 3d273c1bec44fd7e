use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::AtomicU64;

use argon2::Params;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures::future::{FutureExt as _, join_all};
use futures::poll;

use super::*;
use crate::auth::{FailureLimit, PasswordHash};

struct Bench {
    authenticator: Authenticator,
    millis: Arc<AtomicU64>,
}

fn cheap_hash(password: &str) -> PasswordHash {
    PasswordHash::with_params(password, Params::new(8, 1, 1, None).unwrap()).unwrap()
}

fn accounts(users: &[(&str, &str)]) -> Accounts {
    let mut accounts = Accounts::new();
    for (user, password) in users {
        accounts.add(user.parse().unwrap(), cheap_hash(password)).unwrap();
    }
    accounts
}

fn settings() -> AuthSettings {
    AuthSettings {
        hashing_threads: NonZeroUsize::MIN,
        hashing_queue: 2,
        failures_per_address: FailureLimit::new(3, Duration::from_secs(3)),
        failures_per_account: FailureLimit::new(5, Duration::from_secs(1)),
        ..AuthSettings::default()
    }
}

fn bench() -> Bench {
    let millis = Arc::new(AtomicU64::new(0));
    let clock = millis.clone();
    let accounts = accounts(&[("alice", "secret"), ("bob", "hidden")]);
    let clock = Box::new(move || Duration::from_millis(clock.load(Ordering::Relaxed)));
    let familiar = FamiliarAddresses::none().unwrap();
    Bench { authenticator: Authenticator::with_clock(accounts, settings(), familiar, clock).unwrap(), millis }
}

fn header(user: &str, password: &str) -> Vec<u8> {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))).into_bytes()
}

fn client(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

impl Bench {
    async fn from(&self, last: u8, user: &str, password: &str) -> Result<String, AuthError> {
        let value = header(user, password);
        let user = self.authenticator.authenticate([&value[..]], client(last)).await?;
        Ok(user.to_string())
    }

    async fn attempt(&self, user: &str, password: &str) -> Result<String, AuthError> {
        self.from(1, user, password).await
    }

    fn pass(&self, span: Duration) {
        self.millis.fetch_add(u64::try_from(span.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Keeps attempts in the queue until the guard is dropped.
    async fn all_threads_taken(&self) -> tokio::sync::OwnedSemaphorePermit {
        self.authenticator.0.hashing.clone().acquire_owned().await.unwrap()
    }
}

/// Whatever way a name and a password came, they are looked at, hashed and limited alike, whether somebody has the name or not.
#[tokio::test]
async fn credentials_of_a_body_cost_and_are_limited_as_those_of_a_header() {
    for known in [true, false] {
        let bench = bench();
        let name = if known { "alice" } else { "eve" };
        let pair = |password: &'static str| bench.authenticator.authenticate_pair(name, password, client(1));
        let hashes = || bench.authenticator.hashes();
        for tries in 1..=3 {
            let refused = if tries % 2 == 0 {
                pair("wrong").await.map(|user| user.to_string())
            } else {
                bench.attempt(name, "wrong too").await
            };
            assert_eq!((refused, hashes()), (Err(AuthError::Wrong), tries));
        }
        assert!(matches!(pair("secret").await, Err(AuthError::Throttled { .. })));
        bench.pass(Duration::from_mins(1));
        let right = pair("secret").await.map(|user| user.to_string());
        assert_eq!(right, if known { Ok("alice".to_owned()) } else { Err(AuthError::Wrong) });
        // What was right once is known by either way, without a hash.
        if known {
            let before = hashes();
            assert_eq!(bench.attempt("alice", "secret").await, Ok("alice".to_owned()));
            assert_eq!(hashes(), before);
        }
    }
}

#[tokio::test]
async fn v1_auth_2_right_and_wrong() {
    let bench = bench();
    assert_eq!(bench.attempt("alice", "secret").await, Ok("alice".to_owned()));
    assert_eq!(bench.attempt("alice", "hidden").await, Err(AuthError::Wrong));
    assert_eq!(bench.attempt("bob", "hidden").await, Ok("bob".to_owned()));
    assert_eq!(bench.attempt("", "").await, Err(AuthError::Wrong));
}

#[tokio::test]
async fn headers_that_hold_no_credentials() {
    let bench = bench();
    let (alice, client) = (header("alice", "secret"), client(1));
    let authenticate =
        |values: Vec<&'static [u8]>| bench.authenticator.authenticate(values, client).map(Result::err);
    assert_eq!(authenticate(vec![]).await, Some(AuthError::Missing));
    assert_eq!(authenticate(vec![b"Bearer abc"]).await, Some(AuthError::Basic(BasicError::OtherScheme)));
    assert_eq!(authenticate(vec![b"Basic abc"]).await, Some(AuthError::Basic(BasicError::Malformed)));
    let twice = bench.authenticator.authenticate([&alice[..], &alice[..]], client).await;
    assert_eq!(twice, Err(AuthError::Basic(BasicError::Malformed)));
    assert_eq!(bench.authenticator.hashes(), 0);
}

#[tokio::test]
async fn a_verified_credential_is_hashed_once_per_ttl() {
    let bench = bench();
    for _ in 0..10 {
        bench.attempt("alice", "secret").await.unwrap();
    }
    assert_eq!(bench.authenticator.hashes(), 1);
    bench.pass(settings().verified_ttl.checked_sub(Duration::from_millis(1)).unwrap());
    bench.attempt("alice", "secret").await.unwrap();
    assert_eq!(bench.authenticator.hashes(), 1);
    bench.pass(Duration::from_millis(1));
    bench.attempt("alice", "secret").await.unwrap();
    assert_eq!(bench.authenticator.hashes(), 2);
}

#[tokio::test]
async fn names_and_passwords_do_not_run_into_each_other() {
    let bench = bench();
    bench.attempt("alice", "secret").await.unwrap();
    assert_eq!(bench.attempt("alices", "ecret").await, Err(AuthError::Wrong));
    assert_eq!(bench.attempt("alic", "esecret").await, Err(AuthError::Wrong));
}

#[tokio::test]
async fn nobody_costs_a_hash_and_is_never_right() {
    let bench = bench();
    // Whoever nobody is measured against, that one's password is not nobody's.
    assert_eq!(bench.from(1, "carol", "secret").await, Err(AuthError::Wrong));
    assert_eq!(bench.from(2, "carol", "hidden").await, Err(AuthError::Wrong));
    assert_eq!(bench.authenticator.hashes(), 2);
}

#[tokio::test]
async fn many_first_uses_of_one_credential_cost_one_hash() {
    let bench = bench();
    let held = bench.all_threads_taken().await;
    let mut all = pin!(join_all((0..64).map(|last| bench.from(last, "alice", "secret"))));
    assert!(poll!(&mut all).is_pending());
    drop(held);
    assert!(all.await.iter().all(Result::is_ok));
    assert_eq!(bench.authenticator.hashes(), 1);
}

#[tokio::test]
async fn who_joined_a_check_that_was_given_up_goes_on() {
    let bench = bench();
    let held = bench.all_threads_taken().await;
    let mut first = Box::pin(bench.attempt("alice", "secret"));
    assert!(poll!(&mut first).is_pending());
    let mut second = pin!(bench.attempt("alice", "secret"));
    assert!(poll!(&mut second).is_pending());
    drop(first);
    drop(held);
    assert_eq!(second.await, Ok("alice".to_owned()));
}

#[tokio::test]
async fn i_5_the_queue_is_bounded_and_renewals_do_not_stand_in_it() {
    let bench = bench();
    bench.attempt("bob", "hidden").await.unwrap();
    bench.pass(settings().verified_ttl);

    let held = bench.all_threads_taken().await;
    // One thread and a queue of two.
    let passwords = ["1", "2", "3"];
    let mut waiting =
        pin!(join_all((1..).zip(passwords).map(|(last, word)| bench.from(last, "alice", word))));
    assert!(poll!(&mut waiting).is_pending());
    let busy = bench.from(9, "alice", "secret").await.unwrap_err();
    assert_eq!(
        (busy, busy.retry_after()),
        (AuthError::Busy { retry_after: Duration::from_secs(1) }, Some(1))
    );
    let mut renewal = pin!(bench.attempt("bob", "hidden"));
    assert!(poll!(&mut renewal).is_pending());

    drop(held);
    let (wrong, renewed) = futures::join!(waiting, renewal);
    assert!(wrong.iter().all(|answer| *answer == Err(AuthError::Wrong)));
    assert_eq!(renewed, Ok("bob".to_owned()));
    assert_eq!(bench.from(9, "alice", "secret").await, Ok("alice".to_owned()), "there is room again");
}

#[tokio::test]
async fn failures_are_limited_per_address_without_a_hash() {
    let bench = bench();
    for word in ["1", "2", "3"] {
        assert_eq!(bench.attempt("carol", word).await, Err(AuthError::Wrong));
    }
    let throttled = bench.attempt("alice", "secret").await.unwrap_err();
    assert_eq!(throttled, AuthError::Throttled { retry_after: Duration::from_secs(3) });
    assert_eq!(throttled.retry_after(), Some(3));
    assert_eq!(bench.authenticator.hashes(), 3);
    assert!(bench.from(2, "alice", "secret").await.is_ok(), "another address");
    assert!(bench.attempt("alice", "secret").await.is_ok(), "verified: no limit is asked");
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.attempt("carol", "4").await, Err(AuthError::Wrong));
    assert!(matches!(bench.attempt("carol", "5").await, Err(AuthError::Throttled { .. })));
}

#[tokio::test]
async fn the_rightful_user_is_not_locked_out() {
    let bench = bench();
    bench.attempt("alice", "secret").await.unwrap();
    let attack = async |from: u8| {
        for last in from..from + 9 {
            let _ = bench.from(last, "alice", &format!("guess {last}")).await;
        }
    };
    attack(100).await;
    assert!(matches!(bench.from(2, "alice", "a typo").await, Err(AuthError::Throttled { .. })), "a stranger");
    // Also when it is time to hash again, and from an address that never was here.
    bench.pass(settings().verified_ttl);
    attack(110).await;
    assert!(bench.from(200, "alice", "secret").await.is_ok());
    // A new password: nothing is verified any more. The addresses she used are remembered.
    bench.authenticator.replace_accounts(accounts(&[("alice", "new")]));
    attack(120).await;
    assert!(matches!(bench.from(3, "alice", "new").await, Err(AuthError::Throttled { .. })));
    assert!(bench.from(200, "alice", "new").await.is_ok());
}

#[tokio::test]
async fn an_address_becomes_familiar_also_by_a_cached_credential() {
    let bench = bench();
    bench.attempt("alice", "secret").await.unwrap();
    bench.from(7, "alice", "secret").await.unwrap();
    bench.authenticator.replace_accounts(accounts(&[("alice", "new")]));
    for last in 100..109 {
        let _ = bench.from(last, "alice", "a guess").await;
    }
    assert!(bench.from(7, "alice", "new").await.is_ok());
}

#[tokio::test]
async fn many_users_behind_one_address_start_at_once() {
    let names: Vec<_> = (0..30).map(|number| format!("user{number}")).collect();
    let users: Vec<_> = names.iter().map(|name| (name.as_str(), "secret")).collect();
    let settings = AuthSettings { hashing_queue: 64, ..settings() };
    let authenticator = Authenticator::new(accounts(&users), settings).unwrap();
    let values: Vec<_> = names.iter().map(|name| header(name, "secret")).collect();
    let all = join_all(values.iter().map(|value| authenticator.authenticate([&value[..]], client(1)))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

#[tokio::test]
async fn changed_accounts_take_effect_at_once_also_for_checks_on_their_way() {
    let bench = bench();
    bench.attempt("bob", "hidden").await.unwrap();
    let kept = bench.authenticator.accounts().password_hash("bob").unwrap().clone();
    let held = bench.all_threads_taken().await;
    let mut old = pin!(bench.attempt("alice", "secret"));
    assert!(poll!(&mut old).is_pending());
    let mut changed = accounts(&[("alice", "new")]);
    changed.add("bob".parse().unwrap(), kept).unwrap();
    bench.authenticator.replace_accounts(changed);
    drop(held);
    assert_eq!(old.await, Err(AuthError::Wrong));
    let before = bench.authenticator.hashes();
    assert!(bench.attempt("bob", "hidden").await.is_ok());
    assert_eq!(bench.authenticator.hashes(), before, "bob's hash is the same: he stays verified");
    assert!(bench.attempt("alice", "new").await.is_ok());
    bench.authenticator.replace_accounts(Accounts::new());
    assert_eq!(bench.attempt("alice", "new").await, Err(AuthError::Wrong));
}

#[tokio::test]
async fn who_hangs_up_is_counted_all_the_same() {
    let bench = bench();
    for word in ["1", "2", "3"] {
        let mut attempt = Box::pin(bench.attempt("alice", word));
        let _ = poll!(&mut attempt);
        drop(attempt);
        // The thread is free again when the hash is done.
        drop(bench.all_threads_taken().await);
    }
    assert!(matches!(bench.attempt("alice", "4").await, Err(AuthError::Throttled { .. })));
}

#[test]
fn i_8_debug_and_errors_show_no_secret() {
    let bench = bench();
    assert!(!format!("{:?}", bench.authenticator).contains("alice"));
    let throttled = AuthError::Throttled { retry_after: Duration::from_millis(1200) };
    assert_eq!(throttled.to_string(), "too many wrong passwords; try again in 2 s");
}

impl Bench {
    /// Waits until all second looks have ended.
    async fn looked(&self) {
        // They take their places before they wait for anything.
        tokio::task::yield_now().await;
        let places = u32::try_from(look::LOOKS).unwrap();
        drop(self.authenticator.0.looks.acquire_many(places).await.unwrap());
    }
}

#[tokio::test]
async fn a_second_look_lets_a_newcomer_in_whose_neighbours_were_wrong() {
    let bench = bench();
    for number in 0..10 {
        let _ = bench.attempt(&format!("nobody{number}"), "guess").await;
    }
    let first = bench.attempt("alice", "secret").await;
    assert!(matches!(first, Err(AuthError::Throttled { .. })), "{first:?}");
    bench.looked().await;
    assert_eq!(bench.attempt("alice", "secret").await, Ok("alice".to_owned()));
}

#[tokio::test]
async fn a_second_look_tells_nothing_to_who_is_wrong() {
    let bench = bench();
    for number in 0..3 {
        let _ = bench.attempt(&format!("nobody{number}"), "guess").await;
    }
    let before = bench.authenticator.hashes();
    for word in ["1", "2", "3"] {
        let [somebody, nobody] = [bench.attempt("alice", word).await, bench.attempt("carol", word).await];
        assert_eq!(somebody, nobody);
        assert!(matches!(somebody, Err(AuthError::Throttled { .. })));
        bench.looked().await;
    }
    assert_eq!(bench.authenticator.hashes(), before + 1, "who was wrong lately is looked at no more");
    let right = bench.attempt("alice", "secret").await;
    assert!(matches!(right, Err(AuthError::Throttled { .. })));
    bench.looked().await;
    assert!(bench.attempt("alice", "secret").await.is_err(), "not even with the right password");
}

#[tokio::test]
async fn who_finds_the_queue_full_of_nobodies_is_let_in_at_the_next_try() {
    let bench = bench();
    let held = bench.all_threads_taken().await;
    let names: Vec<_> = (0..3).map(|number| format!("nobody{number}")).collect();
    let mut flood = pin!(join_all((100..).zip(&names).map(|(last, name)| bench.from(last, name, "guess"))));
    assert!(poll!(&mut flood).is_pending());
    // Somebody and nobody are refused alike.
    let refused = [bench.from(9, "alice", "secret").await, bench.from(8, "carol", "secret").await];
    assert!(refused.iter().all(|answer| matches!(answer, Err(AuthError::Busy { .. }))), "{refused:?}");
    drop(held);
    flood.await;
    bench.looked().await;
    let before = bench.authenticator.hashes();
    assert_eq!(bench.from(9, "alice", "secret").await, Ok("alice".to_owned()));
    assert_eq!(bench.authenticator.hashes(), before, "known to be right by then");
}

#[tokio::test]
async fn familiar_addresses_have_places_of_their_own_in_the_queue() {
    let bench = bench();
    bench.authenticator.0.limiter().familiar(client(9), &"alice".parse().unwrap(), Duration::ZERO);
    let held = bench.all_threads_taken().await;
    let names: Vec<_> = (0..3).map(|number| format!("nobody{number}")).collect();
    let mut flood = pin!(join_all((100..).zip(&names).map(|(last, name)| bench.from(last, name, "guess"))));
    assert!(poll!(&mut flood).is_pending());
    let mut alice = pin!(bench.from(9, "alice", "secret"));
    assert!(poll!(&mut alice).is_pending(), "not refused");
    drop(held);
    let (_, alice) = futures::join!(flood, alice);
    assert_eq!(alice, Ok("alice".to_owned()));
}

#[tokio::test]
async fn what_is_familiar_is_told_once_and_taken_up_again() {
    let bench = bench();
    bench.attempt("alice", "secret").await.unwrap();
    let kept = bench.authenticator.familiar_if_changed().unwrap();
    assert!(bench.authenticator.familiar_if_changed().is_none());
    let clock = Box::new(|| Duration::ZERO);
    let again = accounts(&[("alice", "secret")]);
    let again = Authenticator::with_clock(again, settings(), kept, clock).unwrap();
    // In the middle of an attack from everywhere, her own address included.
    for (last, name) in (100..120).map(|last| (last, "alice")).chain([(1, "nobody"); 5]) {
        let guess = header(name, "guess");
        let _ = again.authenticate([&guess[..]], client(last)).await;
    }
    let value = header("alice", "secret");
    assert!(again.authenticate([&value[..]], client(1)).await.is_ok());
}
