//! The authority over each store: what it answers is kept, and many who ask at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backplane_actors::{BusName, ManualClock, Timestamp};
use futures::FutureExt as _;
use zeroize::Zeroizing;

use super::*;
use crate::access::ledger::{
    Challenge, Granted, IssueError, LedgerSettings, NotGood, TokenChange, TokenError,
};
use crate::access::regular::{BusNow, PageTokenError};
use crate::access::{ClientName, GrantId, Scope, Tenancy, TokenText};
use crate::store::{DiskStore, MemoryTokens, StoreError, TokenStore};

const HOUR: Duration = Duration::from_hours(1);
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "https://one.example/back";

fn settings() -> AuthoritySettings {
    let ledger = LedgerSettings { access: HOUR, refresh: 24 * HOUR, per_client: 1_000, total: 1_000 };
    AuthoritySettings { ledger, patience: Duration::from_mins(5) }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)))
}

/// Every client is granted the bus a until that is taken back.
#[derive(Default)]
struct Grants(Mutex<HashSet<String>>);

impl Grants {
    fn take_back(&self, client: &str) {
        self.0.lock().unwrap().insert(client.to_owned());
    }

    fn pair() -> (BusName, GrantId) {
        ("a".parse().unwrap(), "abcdefghijklmnopqrstuv".parse().unwrap())
    }
}

impl Granted for Grants {
    fn client_is_there(&self, _: &ClientName) -> bool {
        true
    }

    fn holds(&self, client: &ClientName, grant: &GrantId, bus: &BusName) -> bool {
        !self.0.lock().unwrap().contains(client.as_str()) && (bus.clone(), grant.clone()) == Self::pair()
    }

    fn pairs_of(&self, client: &ClientName) -> Vec<(BusName, GrantId)> {
        let (bus, grant) = Self::pair();
        if self.holds(client, &grant, &bus) { vec![(bus, grant)] } else { Vec::new() }
    }
}

struct World {
    authority: Authority,
    clock: Arc<ManualClock>,
    grants: Arc<Grants>,
}

impl World {
    fn new(store: Arc<dyn TokenStore>) -> Self {
        let (clock, grants) = (clock(), Arc::new(Grants::default()));
        let authority = Authority::open(
            store,
            Arc::<Grants>::clone(&grants),
            Arc::<ManualClock>::clone(&clock),
            settings(),
        );
        Self { authority: authority.unwrap(), clock, grants }
    }

    async fn code(&self) -> TokenText {
        let challenge = Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap();
        let redirect = REDIRECT.parse().unwrap();
        let granted = vec![Grants::pair()];
        self.authority.code(one(), redirect, challenge, Scope::default(), granted).await.unwrap()
    }
}

fn one() -> ClientName {
    "one".parse().unwrap()
}

fn secret(text: &str) -> Zeroizing<String> {
    text.to_owned().into()
}

async fn exchange(
    authority: &Authority,
    code: &TokenText,
) -> Result<crate::access::ledger::Issued, AuthorityError> {
    authority.exchange(one(), secret(code.as_str()), REDIRECT.to_owned(), secret(VERIFIER)).await
}

#[tokio::test]
async fn what_was_answered_is_kept_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let disk = || Arc::new(DiskStore::open(folder.path()).unwrap());
    let world = World::new(disk());
    let credentials = world.authority.client_credentials(one(), Scope::default()).await.unwrap();
    let code = world.code().await;
    let first = exchange(&world.authority, &code).await.unwrap();
    let revoked = world.authority.client_credentials(one(), Scope::default()).await.unwrap();
    world.authority.revoke(one(), secret(revoked.access.as_str())).await.unwrap();
    world.authority.end_pages("a".parse().unwrap()).await.unwrap();
    let file = std::fs::read(folder.path().join("store.redb")).unwrap();
    for token in [&credentials.access, &first.access, first.refresh.as_ref().unwrap(), &code] {
        let secret = &token.as_str().as_bytes()[4..];
        assert!(!file.windows(secret.len()).any(|part| part == secret), "only digests are kept");
    }
    drop(world);

    let world = World::new(disk());
    assert!(world.authority.check(credentials.access.as_str()).is_ok());
    assert_eq!(world.authority.check(revoked.access.as_str()).err(), Some(TokenError::Unknown));
    assert!(world.authority.pages_not_before(&"a".parse().unwrap()).is_some());
    let refresh = secret(first.refresh.as_ref().unwrap().as_str());
    let second = world.authority.refresh(one(), refresh, None).await.unwrap();
    drop(world);

    // The code was used two restarts ago.
    let world = World::new(disk());
    assert!(world.authority.check(second.access.as_str()).is_ok());
    let replayed = exchange(&world.authority, &code).await.err();
    assert_eq!(replayed, Some(AuthorityError::Issue(IssueError::NotGood(NotGood::Replayed))));
    drop(world);
    let world = World::new(disk());
    assert_eq!(world.authority.check(second.access.as_str()).err(), Some(TokenError::Unknown));
    assert_eq!(world.authority.families(), 1);
}

/// V2-TOK-3 where all come at once: one is answered, and what it was given is worth nothing then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v2_tok_3_of_fifty_who_exchange_a_code_at_once_one_succeeds_and_nothing_of_it_is_good() {
    let world = World::new(Arc::new(MemoryTokens::default()));
    let code = world.code().await;
    let all = (0..50).map(|_| {
        let (authority, code) = (world.authority.clone(), code.clone());
        tokio::spawn(async move { exchange(&authority, &code).await })
    });
    let mut issued = Vec::new();
    for one in all.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(tokens) => issued.push(tokens),
            Err(error) => assert!(matches!(
                error,
                AuthorityError::Issue(IssueError::NotGood(NotGood::Replayed | NotGood::Unknown))
            )),
        }
    }
    let [tokens] = issued.as_slice() else { panic!("{} were answered", issued.len()) };
    assert!(world.authority.check(tokens.access.as_str()).is_err());
    let refresh = secret(tokens.refresh.as_ref().unwrap().as_str());
    assert!(world.authority.refresh(one(), refresh, None).await.is_err());
    assert_eq!(world.authority.families(), 0);
}

/// A disk that answers nobody until it is let go.
#[derive(Default)]
struct Hanging {
    hangs: Mutex<()>,
    kept: MemoryTokens,
}

impl TokenStore for Hanging {
    fn load_tokens(&self) -> Result<Vec<TokenChange>, StoreError> {
        self.kept.load_tokens()
    }

    fn commit_tokens(&self, changes: &[TokenChange]) -> Result<(), StoreError> {
        let _held = self.hangs.lock().unwrap();
        self.kept.commit_tokens(changes)
    }
}

#[tokio::test]
async fn i_5_those_who_wait_for_a_disk_are_bounded_and_what_was_begun_is_brought_to_its_end() {
    let store = Arc::new(Hanging::default());
    let world = World::new(Arc::<Hanging>::clone(&store));
    let ask = |client: &str| world.authority.client_credentials(client.parse().unwrap(), Scope::default());
    {
        let _held = store.hangs.lock().unwrap();
        for _ in 0..super::clients::WAITING_MAX {
            // Whoever asks goes away at once.
            assert!(ask("one").now_or_never().is_none());
        }
        assert_eq!(ask("two").now_or_never().unwrap().err(), Some(AuthorityError::Busy));
        // Requests with tokens need no disk.
        assert_eq!(world.authority.check("bpa_x").err(), Some(TokenError::Unknown));
    }
    let last = loop {
        match ask("two").await {
            Err(AuthorityError::Busy) => tokio::task::yield_now().await,
            answered => break answered,
        }
    };
    // One that came before was refused: 1 000 are as many as a client may have.
    assert!(matches!(last, Err(AuthorityError::Issue(IssueError::Full))), "{last:?}");
    assert_eq!(world.authority.families(), 1_000);
}

/// A disk that fails from some moment on.
#[derive(Default)]
struct Failing {
    is_broken: AtomicBool,
    kept: MemoryTokens,
}

impl TokenStore for Failing {
    fn load_tokens(&self) -> Result<Vec<TokenChange>, StoreError> {
        self.kept.load_tokens()
    }

    fn commit_tokens(&self, changes: &[TokenChange]) -> Result<(), StoreError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Failed { path: "store".into() });
        }
        self.kept.commit_tokens(changes)
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_issued_and_what_was_to_end_ends() {
    let store = Arc::new(Failing::default());
    let world = World::new(Arc::<Failing>::clone(&store));
    let tokens = world.authority.client_credentials(one(), Scope::default()).await.unwrap();
    let code = world.code().await;
    let used = world.code().await;
    let family = exchange(&world.authority, &used).await.unwrap();
    store.is_broken.store(true, Ordering::Relaxed);
    let refused = world.authority.client_credentials(one(), Scope::default()).await.err();
    assert_eq!(refused, Some(AuthorityError::Store));
    assert_eq!(exchange(&world.authority, &code).await.err(), Some(AuthorityError::Store));
    assert_eq!(world.authority.families(), 3);
    let refresh = || secret(family.refresh.as_ref().unwrap().as_str());
    assert_eq!(world.authority.refresh(one(), refresh(), None).await.err(), Some(AuthorityError::Store));
    assert!(world.authority.check(family.access.as_str()).is_ok(), "nothing was given for it");
    assert!(world.authority.revoke(one(), secret(family.access.as_str())).await.is_err());
    assert_eq!(world.authority.check(family.access.as_str()).err(), Some(TokenError::Unknown));
    assert!(world.authority.introspect(&one(), &refresh()).is_some(), "it was not meant");
    assert_eq!(exchange(&world.authority, &used).await.err(), Some(AuthorityError::Store));
    assert!(world.authority.introspect(&one(), &refresh()).is_none(), "the code was replayed");
    assert!(world.authority.end_pages("a".parse().unwrap()).await.is_err());
    assert!(world.authority.pages_not_before(&"a".parse().unwrap()).is_some());
    let revoked = world.authority.revoke(one(), secret(tokens.access.as_str())).await;
    assert_eq!(revoked, Err(AuthorityError::Store), "nobody is told that all is well");
    assert_eq!(world.authority.check(tokens.access.as_str()).err(), Some(TokenError::Unknown));
}

#[tokio::test]
async fn open_streams_end_with_their_token() {
    for end in ["revoked", "taken back", "over"] {
        let world = World::new(Arc::new(MemoryTokens::default()));
        let tokens = world.authority.client_credentials(one(), Scope::default()).await.unwrap();
        let other =
            world.authority.client_credentials("two".parse().unwrap(), Scope::default()).await.unwrap();
        let stream = |text: &TokenText| {
            let (authority, text) = (world.authority.clone(), text.clone());
            tokio::spawn(async move { authority.ended(text.as_str()).await })
        };
        let (own, others) = (stream(&tokens.access), stream(&other.access));
        tokio::task::yield_now().await;
        assert!(!own.is_finished());
        let error = match end {
            "revoked" => {
                world.authority.revoke(one(), secret(tokens.access.as_str())).await.unwrap();
                TokenError::Unknown
            }
            "taken back" => {
                world.grants.take_back("one");
                world.authority.notice();
                TokenError::Revoked
            }
            _ => {
                // Nobody waits for an hour: time passes where all wait.
                tokio::time::pause();
                world.clock.advance(HOUR);
                TokenError::Expired
            }
        };
        // A stream that does not end fails the test, and does not hang it.
        let ended = tokio::time::timeout(Duration::from_mins(5), own).await;
        assert_eq!(ended.unwrap().unwrap(), error);
        assert_eq!(others.is_finished(), end == "over");
    }
}

#[tokio::test]
async fn streams_are_told_of_what_ends_and_not_of_what_is_issued() {
    let world = World::new(Arc::new(MemoryTokens::default()));
    let changes = world.authority.changes();
    let tokens = world.authority.client_credentials(one(), Scope::default()).await.unwrap();
    world.code().await;
    assert!(!changes.has_changed().unwrap());
    world.authority.revoke("two".parse().unwrap(), secret(tokens.access.as_str())).await.unwrap();
    assert!(!changes.has_changed().unwrap(), "it was another's");
    world.authority.revoke(one(), secret(tokens.access.as_str())).await.unwrap();
    assert!(changes.has_changed().unwrap());
}

fn there(bus: &BusName) -> Option<BusNow> {
    (bus.as_str() == "a").then_some(BusNow { tenancy: Tenancy::CONFIGURED, not_before: None })
}

#[test]
fn v2_anon_1_pages_get_a_channel_of_their_own_and_keep_it() {
    let clock = clock();
    let keys = Arc::new(Keys::in_memory().unwrap());
    let pages = Pages::new(keys, Arc::<ManualClock>::clone(&clock), HOUR, 24 * HOUR);
    let bus = "a".parse().unwrap();
    let allocate = |filters| pages.allocate(&bus, Tenancy::CONFIGURED, Scope::parse(filters).unwrap());
    let first = allocate("type:t").unwrap();
    assert_ne!(first.page.channel(), allocate("").unwrap().page.channel());
    assert!(matches!(allocate("channel:c"), Err(PagesError::Filters(_))));
    assert!(pages.is_bound(first.page.channel(), &bus, Tenancy::CONFIGURED));
    assert!(!pages.is_bound(first.page.channel(), &"b".parse().unwrap(), Tenancy::CONFIGURED));
    assert_eq!(pages.check(first.access.as_str(), there).as_ref(), Ok(&first.page));
    clock.advance(HOUR);
    assert_eq!(pages.check(first.access.as_str(), there), Err(PageTokenError::Expired));
    let second = pages.refresh(first.refresh.as_str(), there).unwrap();
    assert_eq!(second.page.scope(), first.page.scope());
    assert!(pages.check(second.access.as_str(), there).is_ok());
    assert!(pages.refresh(second.access.as_str(), there).is_err(), "it is no refresh token");
    // As long as it comes back in time a page stays.
    let mut last = second;
    for _ in 0..3 {
        clock.advance(23 * HOUR);
        last = pages.refresh(last.refresh.as_str(), there).unwrap();
    }
    clock.advance(24 * HOUR);
    assert_eq!(pages.refresh(last.refresh.as_str(), there).err(), Some(PageTokenError::Expired));
}

#[test]
fn pages_stay_over_one_rotation_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::of_folder(folder.path());
    let keys = Arc::new(Keys::of_file(file.clone()).unwrap());
    let pages = Pages::new(Arc::clone(&keys), clock(), HOUR, 24 * HOUR);
    let bus = "a".parse().unwrap();
    let first = pages.allocate(&bus, Tenancy::CONFIGURED, Scope::default()).unwrap();
    file.rotate().unwrap();
    assert!(pages.check(first.access.as_str(), there).is_ok(), "the file is read when it is told");
    keys.reload().unwrap();
    assert!(pages.check(first.access.as_str(), there).is_ok());
    let second = pages.refresh(first.refresh.as_str(), there).unwrap();
    file.rotate().unwrap();
    keys.reload().unwrap();
    assert_eq!(pages.check(first.access.as_str(), there), Err(PageTokenError::Forged));
    // Its token is signed by a key that is good, its name is not: nobody could post to it.
    assert!(pages.check(second.access.as_str(), there).is_ok());
    assert_eq!(pages.refresh(second.refresh.as_str(), there).err(), Some(PageTokenError::Forged));
    std::fs::write(file.path(), "nothing").unwrap();
    assert!(keys.reload().is_err());
    assert!(pages.check(second.access.as_str(), there).is_ok(), "the keys stay as they were");
    assert!(Keys::in_memory().unwrap().reload().is_ok(), "there is nothing to read");
}
