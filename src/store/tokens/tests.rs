//! Both stores against the contract, and the tables against what may stand in them.

use std::sync::Arc;

use backplane_actors::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::access::ledger::{Access, Challenge, Family, Privileged, Reach, Refresh, State, WaitingCode};
use crate::access::{Digest, Scope};
use crate::store::DiskStore;

fn reach() -> impl Strategy<Value = Arc<Reach>> {
    let buses = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    let scope = prop::sample::select(vec!["", "type:t", "type:a:b sticky:true channel:c"]);
    (buses, scope).prop_map(|(buses, scope)| {
        let pair = |bus: &str| (bus.parse().unwrap(), format!("{bus:a>22}").parse().unwrap());
        let buses: Vec<_> = buses.into_iter().map(pair).collect();
        Arc::new(Reach::new(&Scope::parse(scope).unwrap(), &buses).unwrap())
    })
}

fn digest(number: u8) -> Digest {
    Digest::of(&[number])
}

fn at(number: u8) -> Timestamp {
    Timestamp::from_millis(u64::from(number))
}

fn state() -> impl Strategy<Value = State> {
    let code = (any::<u8>(), reach()).prop_map(|(number, reach)| {
        State::Code(WaitingCode {
            digest: digest(number),
            redirect: "https://a.example/back".parse().unwrap(),
            challenge: Challenge::recovered(digest(number.wrapping_add(1))),
            reach,
            expires: at(number),
        })
    });
    let tokens = (0..3_u8, any::<u8>(), reach(), reach(), any::<bool>()).prop_map(
        |(which, number, kept, other, is_narrower)| {
            let reach = if is_narrower { other } else { Arc::clone(&kept) };
            let (issued, expires) = (at(number), at(number.saturating_add(9)));
            let token = Privileged { client: "one".parse().unwrap(), reach, issued, expires };
            let access = Access { digest: digest(number), token: Arc::new(token) };
            let refresh = Refresh { digest: digest(number), reach: kept, issued, expires };
            State::Tokens { access: (which != 1).then_some(access), refresh: (which != 2).then_some(refresh) }
        },
    );
    prop_oneof![code, tokens]
}

/// Of few names, so that changes meet.
fn change() -> impl Strategy<Value = TokenChange> {
    let family = state().prop_map(|state| Arc::new(Family { client: "one".parse().unwrap(), state }));
    let bus = prop::sample::select(vec!["a", "b"]);
    prop_oneof![
        3 => (0..4_u8, prop::option::of(family))
            .prop_map(|(id, family)| TokenChange::Family(digest(id), family)),
        1 => (bus, prop::option::of(any::<u8>()))
            .prop_map(|(bus, from)| TokenChange::Pages(bus.parse().unwrap(), from.map(at))),
    ]
}

/// The changes that make the same of nothing, in one order.
fn settled(changes: &[TokenChange]) -> Vec<TokenChange> {
    let key = |change: &TokenChange| match change {
        TokenChange::Family(id, _) => format!("{:?}", id.as_bytes()),
        TokenChange::Pages(bus, _) => bus.to_string(),
    };
    let mut last = std::collections::BTreeMap::new();
    for change in changes {
        last.insert(key(change), change.clone());
    }
    last.retain(|_, change| !matches!(change, TokenChange::Family(_, None) | TokenChange::Pages(_, None)));
    last.into_values().collect()
}

fn keeps_its_contract(store: &dyn TokenStore, transactions: &[Vec<TokenChange>]) {
    let mut all = Vec::new();
    for transaction in transactions {
        store.commit_tokens(transaction).unwrap();
        all.extend(transaction.iter().cloned());
        assert_eq!(settled(&store.load_tokens().unwrap()), settled(&all));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn token_stores_keep_what_they_are_given(transactions in prop::collection::vec(prop::collection::vec(change(), 0..6), 0..5)) {
        keeps_its_contract(&MemoryTokens::default(), &transactions);
        let folder = tempfile::tempdir().unwrap();
        keeps_its_contract(&DiskStore::open(folder.path()).unwrap(), &transactions);
        // And over a restart.
        let again = DiskStore::open(folder.path()).unwrap().load_tokens().unwrap();
        prop_assert_eq!(settled(&again), settled(&transactions.concat()));
    }

    #[test]
    fn any_bytes_are_a_family_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(format::family_of(&bytes).is_err());
    }
}

fn some() -> Vec<TokenChange> {
    vec![TokenChange::Pages("a".parse().unwrap(), Some(at(7)))]
}

#[test]
fn tokens_stand_beside_what_else_is_made() {
    use crate::store::{Made, Store as _};
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(store.load_tokens().unwrap(), []);
    store.commit_tokens(&some()).unwrap();
    assert_eq!(store.load().unwrap(), Made::default());
    drop(store);
    let again = DiskStore::open(folder.path()).unwrap();
    assert_eq!((again.load_tokens().unwrap(), again.load().unwrap()), (some(), Made::default()));
}

#[test]
fn what_is_newer_or_damaged_of_tokens_is_refused_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    DiskStore::open(folder.path()).unwrap().commit_tokens(&some()).unwrap();
    let write = |change: &dyn Fn(&redb::WriteTransaction)| {
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        change(&transaction);
        transaction.commit().unwrap();
    };
    let error = || DiskStore::open(folder.path()).unwrap().load_tokens().unwrap_err();
    let about = redb::TableDefinition::<&str, u64>::new("about");
    let version = |version: u64| {
        write(&|it| {
            _ = it.open_table(about).unwrap().insert("tokens", version).unwrap().map(|old| old.value());
        });
    };
    version(2);
    assert!(error().to_string().contains("newer version of this program: its format is 2"), "{}", error());
    version(0);
    assert!(matches!(error(), StoreError::Damaged { .. }));
    version(1);
    let families = redb::TableDefinition::<&[u8; 32], &[u8]>::new("token_families");
    for bad in [
        &b"{}"[..],
        b"[",
        br#"{"client":"secret","state":{"tokens":{}}}"#,
        br#"{"client":"se cret","state":{"tokens":{}}}"#,
        br#"{"client":"a","state":{"tokens":{"access":{"digest":"secret","issued":1,"expires":2}}}}"#,
        br#"{"client":"a","state":{"other":{}}}"#,
    ] {
        write(&|it| {
            let mut table = it.open_table(families).unwrap();
            _ = table.insert(&[7; 32], bad).unwrap().map(|old| old.value().len());
        });
        let damaged = error();
        assert!(matches!(damaged, StoreError::Damaged { .. }));
        assert!(!damaged.to_string().contains("secret"), "{damaged}");
    }
}
