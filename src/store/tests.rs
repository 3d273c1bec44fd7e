//! Both stores against their contract, merging against its rules, and the file against what may lie in its place.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use backplane_actors::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::access::Tenancy;
use crate::config::Config;

/// A hash as cheap as they come.
fn person(number: u8) -> MadePerson {
    let output = char::from(b'A' + number % 26).to_string().repeat(43).replace('B', "A");
    let hash = format!("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ${}A", &output[..42]);
    MadePerson { password_hash: hash.parse().unwrap(), created: Timestamp::from_millis(u64::from(number)) }
}

fn bus(settings: &Value) -> MadeBus {
    let settings = Settings::new(settings.as_object().unwrap().clone()).unwrap();
    MadeBus { settings, tenancy: Tenancy(8), created: Timestamp::from_millis(7) }
}

fn client(number: u8) -> MadeClient {
    let url = |path: u8| format!("https://{number}.example/{path}").parse().unwrap();
    let MadePerson { password_hash: secret_hash, created } = person(number);
    MadeClient { secret_hash, source: url(0), redirects: (1..number % 4).map(url).collect(), created }
}

fn grant(client: &str, buses: &BTreeSet<&str>, by: Grantor) -> Grant {
    Grant {
        client: client.parse().unwrap(),
        buses: buses.iter().map(|bus| bus.parse().unwrap()).collect(),
        by,
        created: Timestamp::from_millis(7),
    }
}

fn grantor() -> impl Strategy<Value = Grantor> {
    prop_oneof![
        3 => prop::sample::select(vec!["a", "b", "c"]).prop_map(|name| Grantor::Owner(name.parse().unwrap())),
        1 => Just(Grantor::Admin("root".parse().unwrap())),
        1 => any::<u32>().prop_map(Grantor::Process),
        1 => Just(Grantor::Program),
    ]
}

/// Names of few, so that changes meet.
fn change() -> impl Strategy<Value = Change> {
    let name = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let maybe = || prop::option::of(any::<u8>());
    let members = || prop::collection::vec(name(), 0..3);
    prop_oneof![
        (name(), maybe()).prop_map(|(name, it)| Change::Admin(name.parse().unwrap(), it.map(person))),
        (name(), maybe()).prop_map(|(name, it)| Change::User(name.parse().unwrap(), it.map(person))),
        (name(), prop::option::of((members(), members(), prop::option::of(name()), 1..9_u8))).prop_map(
            |(name, it)| {
                let it = it.map(|(post, read, owner, window)| {
                    bus(&json!({"post": post, "read": read, "owner": owner, "window": {"bus": window}}))
                });
                Change::Bus(name.parse().unwrap(), it)
            }
        ),
        (name(), maybe()).prop_map(|(name, it)| Change::Client(name.parse().unwrap(), it.map(client))),
        (0..6_u8, prop::option::of((name(), prop::collection::btree_set(name(), 1..4), grantor()))).prop_map(
            |(number, it)| {
                let id = format!("grant-grant-grant-{number:04}").parse().unwrap();
                Change::Grant(id, it.map(|(client, buses, by)| grant(client, &buses, by)))
            }
        ),
    ]
}

fn made(changes: &[Change]) -> Made {
    let mut made = Made::default();
    changes.iter().cloned().for_each(|change| made.apply(change));
    made
}

fn names(config: &Config) -> (Vec<&str>, Vec<&str>) {
    (
        config.users.iter().map(|user| user.name.as_str()).collect(),
        config.buses.iter().map(|bus| bus.name.as_str()).collect(),
    )
}

fn keeps_its_contract(store: &dyn Store, transactions: &[Vec<Change>]) {
    let mut expected = Made::default();
    for transaction in transactions {
        store.commit(transaction).unwrap();
        transaction.iter().cloned().for_each(|change| expected.apply(change));
        assert_eq!(store.load().unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn stores_keep_what_they_are_given(transactions in prop::collection::vec(prop::collection::vec(change(), 0..6), 0..5)) {
        keeps_its_contract(&MemoryStore::default(), &transactions);
        let folder = tempfile::tempdir().unwrap();
        keeps_its_contract(&DiskStore::open(folder.path()).unwrap(), &transactions);
        // And over a restart.
        let again = DiskStore::open(folder.path()).unwrap().load().unwrap();
        prop_assert_eq!(again, made(&transactions.concat()));
    }
}

proptest! {
    #[test]
    fn a_difference_makes_one_state_of_another(
        before in prop::collection::vec(change(), 0..12),
        after in prop::collection::vec(change(), 0..12),
    ) {
        let (before, after) = (made(&before), made(&after));
        let mut there = before.clone();
        after.since(&before).into_iter().for_each(|change| there.apply(change));
        prop_assert_eq!(&there, &after);
        prop_assert!(after.since(&after).is_empty());
    }

    /// Each name once, the configuration's first and as it was; rights only of users who are there.
    #[test]
    fn what_is_made_stands_behind_what_is_configured(changes in prop::collection::vec(change(), 0..12)) {
        let mut config = Config::demo().unwrap();
        config.users[0].name = "a".parse().unwrap();
        config.buses[0] = crate::config::Bus {
            name: "a".parse().unwrap(),
            post: vec!["a".parse().unwrap()],
            read: vec![],
            owner: Some("a".parse().unwrap()),
            ..config.buses[0].clone()
        };
        let made = made(&changes);
        let Merged { config: merged, notes } = merge(&config, &made).unwrap();
        prop_assert_eq!((&merged.users[0], &merged.buses[0]), (&config.users[0], &config.buses[0]));
        let (users, buses) = names(&merged);
        let expected = |names: Vec<&str>| {
            let made = names.into_iter().filter(|name| *name != "a").map(str::to_owned);
            ["a".to_owned()].into_iter().chain(made).collect::<Vec<_>>()
        };
        prop_assert_eq!(&users, &expected(made.users.keys().map(crate::auth::UserName::as_str).collect()));
        prop_assert_eq!(&buses, &expected(made.buses.keys().map(backplane_actors::BusName::as_str).collect()));
        for bus in &merged.buses {
            for member in bus.post.iter().chain(&bus.read).chain(&bus.owner) {
                prop_assert!(users.contains(&member.as_str()));
            }
        }
        prop_assert_eq!(notes.contains(&Note::User("a".parse().unwrap())), made.users.contains_key("a"));
        prop_assert_eq!(notes.contains(&Note::Bus("a".parse().unwrap())), made.buses.contains_key("a"));
        // All else is the configuration's.
        let rest = Config { users: config.users.clone(), buses: config.buses.clone(), ..merged };
        prop_assert_eq!(rest, config);
    }

    #[test]
    fn who_is_removed_has_no_right_left(changes in prop::collection::vec(change(), 0..12)) {
        let mut made = made(&changes);
        made.remove_user(&"b".parse().unwrap());
        prop_assert!(!made.users.contains_key("b"));
        for bus in made.buses.values() {
            prop_assert!(["post", "read"].into_iter().all(|right| bus.settings.members(right).all(|name| name != "b")));
            prop_assert_ne!(bus.settings.owner(), Some("b"));
        }
        prop_assert!(made.grants.values().all(|grant| grant.by != Grantor::Owner("b".parse().unwrap())));
    }

    /// What is left of grants is covered, what is covered is left, and once is enough.
    #[test]
    fn settled_grants_name_clients_and_buses_that_are_there_and_owners_grant_their_own(
        changes in prop::collection::vec(change(), 0..24),
    ) {
        let mut config = Config::demo().unwrap();
        config.users[0].name = "a".parse().unwrap();
        config.buses[0].name = "d".parse().unwrap();
        config.buses[0].owner = Some("a".parse().unwrap());
        let before = made(&changes);
        let mut after = before.clone();
        after.settle(&config);
        let in_force = merge(&config, &before).unwrap().config;
        for (id, grant) in &before.grants {
            let may = |name: &backplane_actors::BusName| {
                let bus = in_force.buses.iter().find(|bus| bus.name == *name);
                bus.is_some_and(|bus| match &grant.by {
                    Grantor::Owner(owner) => bus.owner.as_ref() == Some(owner),
                    _ => true,
                })
            };
            let left: BTreeSet<_> = grant.buses.iter().filter(|bus| may(bus)).cloned().collect();
            let is_left = !left.is_empty() && before.clients.contains_key(&grant.client);
            let expected = is_left.then_some(Grant { buses: left, ..grant.clone() });
            prop_assert_eq!(after.grants.get(id), expected.as_ref());
        }
        prop_assert!(after.grants.len() <= before.grants.len());
        prop_assert_eq!(&Made { grants: before.grants.clone(), ..after.clone() }, &before);
        let mut again = after.clone();
        again.settle(&config);
        prop_assert_eq!(again, after);
    }

    #[test]
    fn a_bus_that_is_removed_leaves_every_grant_and_one_that_stays_has_them_again(
        changes in prop::collection::vec(change(), 0..24),
    ) {
        let mut before = made(&changes);
        let config = Config::demo().unwrap();
        before.settle(&config);
        let bus: backplane_actors::BusName = "b".parse().unwrap();
        let mut after = before.clone();
        after.remove_bus(&bus);
        prop_assert!(after.grants.values().all(|grant| !grant.buses.contains(&bus) && !grant.buses.is_empty()));
        // One that is made again is covered by nothing of before.
        let mut again = after.clone();
        if let Some(made) = before.buses.get(&bus) {
            again.buses.insert(bus.clone(), made.clone());
        }
        again.settle(&config);
        prop_assert!(again.grants.values().all(|grant| !grant.buses.contains(&bus)));
        after.restore_bus(&bus, &before);
        after.settle(&config);
        prop_assert_eq!(after, before);
    }

    #[test]
    fn a_client_that_is_removed_has_no_grant_left(changes in prop::collection::vec(change(), 0..24)) {
        let mut made = made(&changes);
        made.remove_client(&"a".parse().unwrap());
        prop_assert!(made.grants.values().all(|grant| grant.client.as_str() != "a"));
    }
}

#[test]
fn a_bus_that_goes_not_with_the_defaults_is_named() {
    let mut config = Config::demo().unwrap();
    let made = made(&[Change::Bus("late".parse().unwrap(), Some(bus(&json!({"retention_max": "1h"}))))]);
    assert!(merge(&config, &made).is_ok());
    let longer = crate::config::Sources {
        environment: vec![("BACKPLANE_DEFAULTS__RETENTION".into(), "2h".into())],
        ..crate::config::Sources::default()
    };
    config.defaults = crate::config::load(&longer).unwrap().config.defaults;
    let refused = merge(&config, &made).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the bus late, made at run time, does not go with this configuration: retention_max: is below retention, \
         which is 2h; allowed: retention or more"
    );
}

fn some() -> Vec<Change> {
    vec![Change::User("alice".parse().unwrap(), Some(person(1)))]
}

fn error(folder: &Path) -> StoreError {
    match DiskStore::open(folder) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[test]
fn the_file_is_for_its_owner_alone_and_for_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    store.commit(&some()).unwrap();
    let path = folder.path().join("store.redb");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(error(folder.path()), StoreError::InUse { .. }));
    drop(store);
    assert_eq!(kept(folder.path()).unwrap(), made(&some()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn who_is_alone_keeps_a_server_out_and_makes_the_folder() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("data");
    assert_eq!(kept(&folder).unwrap(), Made::default());
    assert!(!folder.exists(), "looking makes nothing");
    let store = DiskStore::open_alone(&folder).unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(backplane_actors::log::is_in_use(&folder));
    let second = DiskStore::open_alone(&folder);
    assert!(matches!(second.err(), Some(StoreError::InUse { .. })));
    drop(store);
    assert!(!backplane_actors::log::is_in_use(&folder));
}

#[test]
fn links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    fs::write(&target, "precious").unwrap();
    symlink(&target, folder.path().join("store.new")).unwrap();
    DiskStore::open(folder.path()).unwrap();
    fs::remove_file(folder.path().join("store.redb")).unwrap();
    symlink(&target, folder.path().join("store.redb")).unwrap();
    assert!(matches!(error(folder.path()), StoreError::Io { .. }));
    fs::remove_file(folder.path().join("store.redb")).unwrap();
    fs::hard_link(&target, folder.path().join("store.redb")).unwrap();
    assert!(matches!(error(folder.path()), StoreError::Io { .. }));
    assert_eq!(fs::read(&target).unwrap(), b"precious");
}

#[test]
fn a_beginning_that_was_killed_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.new"), "half a beg").unwrap();
    DiskStore::open(folder.path()).unwrap().commit(&some()).unwrap();
    assert_eq!(kept(folder.path()).unwrap(), made(&some()));
}

#[test]
fn what_is_newer_or_damaged_is_refused_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    DiskStore::open(folder.path()).unwrap().commit(&some()).unwrap();
    let write = |change: &dyn Fn(&redb::WriteTransaction)| {
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        change(&transaction);
        transaction.commit().unwrap();
    };
    let about = redb::TableDefinition::<&str, u64>::new("about");
    write(&|it| _ = it.open_table(about).unwrap().insert("format", 3).unwrap().map(|old| old.value()));
    let newer = error(folder.path()).to_string();
    assert!(
        newer.contains("newer version of this program: its format is 3, this program knows 2"),
        "{newer}"
    );
    write(&|it| _ = it.open_table(about).unwrap().insert("format", 0).unwrap().map(|old| old.value()));
    assert!(matches!(error(folder.path()), StoreError::Damaged { .. }));
    write(&|it| _ = it.open_table(about).unwrap().insert("format", 2).unwrap().map(|old| old.value()));
    let users = redb::TableDefinition::<&str, &[u8]>::new("users");
    for bad in [
        &b"{}"[..],
        b"{\"password_hash\":\"secret\",\"created\":1}",
        b"[",
        b"{\"created\":1,\"other\":\"secret\"}",
    ] {
        write(&|it| {
            _ = it.open_table(users).unwrap().insert("alice", bad).unwrap().map(|old| old.value().len());
        });
        let damaged = DiskStore::open(folder.path()).unwrap().load().unwrap_err();
        assert!(matches!(damaged, StoreError::Damaged { .. }));
        assert!(!damaged.to_string().contains("secret"), "{damaged}");
    }
    write(&|it| _ = it.open_table(users).unwrap().remove("alice").unwrap().map(|old| old.value().len()));
    let (clients, grants) = (
        redb::TableDefinition::<&str, &[u8]>::new("clients"),
        redb::TableDefinition::<&str, &[u8]>::new("grants"),
    );
    for (table, key, bad) in [
        (
            clients,
            "c",
            &br#"{"secret_hash":"secret","source":"https://c.example/","redirects":[],"created":1}"#[..],
        ),
        (grants, "short", br#"{"client":"c","buses":["b"],"by":"program","created":1}"#),
        (
            grants,
            "grant-grant-grant-0001",
            br#"{"client":"secret secret","buses":["b"],"by":"program","created":1}"#,
        ),
        (
            grants,
            "grant-grant-grant-0001",
            br#"{"client":"c","buses":["b"],"by":{"secret":"x"},"created":1}"#,
        ),
    ] {
        write(&|it| {
            _ = it.open_table(table).unwrap().insert(key, bad).unwrap().map(|old| old.value().len());
        });
        let damaged = DiskStore::open(folder.path()).unwrap().load().unwrap_err();
        assert!(matches!(damaged, StoreError::Damaged { .. }));
        assert!(!damaged.to_string().contains("secret secret"), "{damaged}");
        write(&|it| _ = it.open_table(table).unwrap().remove(key).unwrap().map(|old| old.value().len()));
    }
    fs::write(&path, "something else, and long enough to be looked at as a file of the engine").unwrap();
    assert!(matches!(error(folder.path()), StoreError::Damaged { .. } | StoreError::Io { .. }));
}

/// A file of a program that knew neither clients nor grants is read as it is, and is of this version from the first change on.
#[test]
fn files_of_version_1_are_read_and_become_version_2_with_the_first_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    DiskStore::open(folder.path()).unwrap().commit(&some()).unwrap();
    let about = redb::TableDefinition::<&str, u64>::new("about");
    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    for table in ["clients", "grants"] {
        let table = redb::TableDefinition::<&str, &[u8]>::new(table);
        assert!(transaction.delete_table(table).unwrap());
    }
    transaction.open_table(about).unwrap().insert("format", 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let format = || {
        use redb::ReadableDatabase as _;
        let database = redb::Database::open(&path).unwrap();
        let table = database.begin_read().unwrap().open_table(about).unwrap();
        table.get("format").unwrap().unwrap().value()
    };
    assert_eq!(kept(folder.path()).unwrap(), made(&some()));
    assert_eq!(format(), 1, "looking changes nothing");
    let more = [
        Change::Client("c".parse().unwrap(), Some(client(3))),
        Change::Grant(
            "grant-grant-grant-0001".parse().unwrap(),
            Some(grant("c", &["b"].into(), Grantor::Program)),
        ),
    ];
    DiskStore::open(folder.path()).unwrap().commit(&more).unwrap();
    assert_eq!(kept(folder.path()).unwrap(), made(&[&some()[..], &more[..]].concat()));
    assert_eq!(format(), 2);
}
