//! Orders against what holds of every outcome.

use std::sync::Arc;

use actix_web::test::TestRequest;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use backplane_actors::Timestamp;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::books::{Books, Part};
use super::kind::Kind;
use super::order::{
    Action, BusWish, ClientWish, GrantWish, Occasion, OnlyIf, Order, Outcome, PersonWish, Refusal,
};
use super::outcome::{carry_out, followed};
use super::registrar::{ChangeError, Registrar};
use super::who::Who;
use crate::access::{ClientName, Tenancy};
use crate::auth::{Accounts, Authenticator, PasswordHash, UserName};
use crate::config::Config;
use crate::error::ErrorCode;
use crate::service::{Service, Tokens, accounts_of, broker_of};
use crate::store::{Estate, Grantor, Made, MemoryStore, merge};

/// Of whoever; nobody signs in here.
fn hash(letter: char) -> PasswordHash {
    let output = letter.to_string().repeat(42);
    format!("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ${output}A").parse().unwrap()
}

/// The demonstration, with few of each that may be made, and its bus the demonstration's user's.
fn base() -> Config {
    let mut config = Config::demo().unwrap();
    (config.provision.users, config.provision.buses) = (3, 2);
    (config.provision.clients, config.provision.grants) = (2, 4);
    config.buses[0].owner = Some("demo".parse().unwrap());
    config
}

fn settings() -> impl Strategy<Value = Map<String, Value>> {
    let members = || prop::collection::vec(prop::sample::select(vec!["a", "b", "demo", "stranger"]), 0..3);
    let retention =
        prop::sample::select(vec![json!("10m"), json!("9h"), json!("1s"), json!(null), json!(1.5)]);
    let owner =
        prop::sample::select(vec![json!(null), json!("a"), json!("b"), json!("demo"), json!("stranger")]);
    (members(), members(), owner, retention).prop_map(|(post, read, owner, retention)| {
        let json = json!({"post": post, "read": read, "owner": owner, "retention": retention});
        json.as_object().unwrap().clone()
    })
}

fn order() -> impl Strategy<Value = Order> {
    let name = || prop::sample::select(vec!["a", "b", "c", "d", "demo"]);
    let only_if = || {
        prop::sample::select(vec![
            OnlyIf::Always,
            OnlyIf::Always,
            OnlyIf::Absent,
            OnlyIf::There,
            OnlyIf::Tagged(vec!["\"no\"".to_owned()]),
        ])
    };
    let person = || {
        prop_oneof![
            3 => prop::sample::select(vec!['A', 'E']).prop_map(|letter| PersonWish::Password(hash(letter))),
            1 => Just(PersonWish::Remove),
        ]
    };
    let bus = prop_oneof![
        3 => settings().prop_map(BusWish::Put),
        2 => settings().prop_map(BusWish::Patch),
        1 => Just(BusWish::Remove),
    ];
    let buses = || {
        let buses =
            prop::collection::btree_set(prop::sample::select(vec!["a", "b", "c", "demo", "none"]), 1..3);
        buses.prop_map(|buses| buses.into_iter().map(|bus| bus.parse().unwrap()).collect())
    };
    let client = prop_oneof![
        4 => prop::sample::select(vec!['A', 'E']).prop_map(|letter| ClientWish::Put {
            secret: hash(letter),
            source: "https://c.example/".parse().unwrap(),
            redirects: Vec::new(),
        }),
        1 => Just(ClientWish::Patch { secret: None, source: None, redirects: Some(Vec::new()) }),
        1 => buses().prop_map(ClientWish::Revoke),
        1 => Just(ClientWish::Remove),
    ];
    let by = prop_oneof![
        prop::sample::select(vec!["a", "b", "demo"]).prop_map(|name| Grantor::Owner(name.parse().unwrap())),
        Just(Grantor::Program),
    ];
    let grant = prop_oneof![
        4 => (name(), buses(), by)
            .prop_map(|(client, buses, by)| GrantWish::Make { client: client.parse().unwrap(), buses, by }),
        1 => Just(GrantWish::Remove),
    ];
    prop_oneof![
        1 => (name(), person(), only_if()).prop_map(|(name, wish, only_if)| Order::Admin {
            name: name.parse().unwrap(),
            wish,
            only_if
        }),
        2 => (name(), person(), only_if()).prop_map(|(name, wish, only_if)| Order::User {
            name: name.parse().unwrap(),
            wish,
            only_if
        }),
        3 => (name(), bus, only_if()).prop_map(|(name, wish, only_if)| Order::Bus {
            name: name.parse().unwrap(),
            wish,
            only_if
        }),
        2 => (name(), client, only_if()).prop_map(|(name, wish, only_if)| Order::Client {
            name: name.parse().unwrap(),
            wish,
            only_if
        }),
        3 => (0..9_u8, grant).prop_map(|(number, wish)| Order::Grant {
            id: format!("grant-grant-grant-{number:04}").parse().unwrap(),
            only_if: if matches!(wish, GrantWish::Remove) { OnlyIf::There } else { OnlyIf::Absent },
            wish,
        }),
    ]
}

fn map_of(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn occasion() -> Occasion {
    Occasion { now: Timestamp::from_millis(7), tenancy: Tenancy(8) }
}

/// What comes of these, one request after the other, and how many were carried out.
fn all_of(base: &Config, requests: &[Vec<Order>]) -> (Made, usize) {
    let (mut made, mut count) = (Made::default(), 0);
    for orders in requests {
        let in_force = merge(base, &made).unwrap().config;
        let books = Books { base, made: &made, in_force: &in_force };
        match carry_out(&books, orders, occasion()) {
            Ok(Outcome { made: after, done, followed: besides }) => {
                assert_eq!(done.len(), orders.len());
                let is_other = done.iter().any(|done| done.action != Action::Nothing);
                assert!(is_other || after.since(&made).is_empty());
                assert_eq!(besides, followed(&made, &after, &done));
                has_good_grants(base, &after);
                (made, count) = (after, count + 1);
            }
            Err(refusals) => {
                assert_eq!(refusals.len(), orders.len());
                assert!(refusals.iter().any(Option::is_some), "nobody is told why");
            }
        }
    }
    (made, count)
}

/// Each grant is of a client that is there, of buses that are there, and of those of its owner, if an owner gave it.
fn has_good_grants(base: &Config, made: &Made) {
    let estate = Estate::of(base, made);
    for grant in made.grants.values() {
        assert!(made.clients.contains_key(&grant.client) && !grant.buses.is_empty(), "{grant:?}");
        assert!(grant.buses.iter().all(|bus| estate.has(bus) && estate.lets(&grant.by, bus)), "{grant:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_ordered_what_is_made_is_good(requests in prop::collection::vec(prop::collection::vec(order(), 1..4), 0..12)) {
        let base = base();
        let (made, _) = all_of(&base, &requests);
        // It goes with the configuration, every right is somebody's, and the configuration's own names are not taken.
        let merged = merge(&base, &made).unwrap();
        prop_assert_eq!(&merged.notes, &[]);
        prop_assert!(!made.users.contains_key("demo") && !made.buses.contains_key("demo"));
        prop_assert!(made.users.len() <= 3 && made.buses.len() <= 2);
        prop_assert!(made.clients.len() <= 2 && made.grants.len() <= 4);
        // All that is shown is found, with one tag as long as nothing of it changes.
        let books = Books { base: &base, made: &made, in_force: &merged.config };
        for (kind, count) in [(Kind::Users, made.users.len() + 1), (Kind::Buses, made.buses.len() + 1), (Kind::Admins, made.admins.len()), (Kind::Clients, made.clients.len()), (Kind::Grants, made.grants.len())] {
            let (all, rest) = books.list(kind, Part { after: None, limit: 100 });
            prop_assert_eq!((all.len(), rest), (count, None));
            for shown in all {
                let name = shown.get("name").unwrap_or(&shown["id"]).as_str().unwrap();
                let found = books.find(kind, name).unwrap();
                prop_assert_eq!(&found.json, &shown);
                prop_assert_eq!(books.find(kind, name).unwrap().tag, found.tag);
            }
        }
    }

    /// Each refusal leaves all as it was: a request does not depend on those before it that were refused.
    #[test]
    fn what_is_refused_leaves_nothing(requests in prop::collection::vec(prop::collection::vec(order(), 1..4), 0..8)) {
        let base = base();
        let good: Vec<_> = (1..=requests.len())
            .filter(|n| all_of(&base, &requests[..*n]).1 > all_of(&base, &requests[..n - 1]).1)
            .map(|n| requests[n - 1].clone())
            .collect();
        prop_assert_eq!(all_of(&base, &good), all_of(&base, &requests));
    }
}

#[test]
fn what_one_request_makes_another_of_its_orders_may_use() {
    let base = base();
    let made = Made::default();
    let books = Books { base: &base, made: &made, in_force: &base };
    let bus = json!({"post": ["a"]}).as_object().unwrap().clone();
    let orders = [
        Order::Bus { name: "shop".parse().unwrap(), wish: BusWish::Put(bus), only_if: OnlyIf::Always },
        Order::User {
            name: "a".parse().unwrap(),
            wish: PersonWish::Password(hash('A')),
            only_if: OnlyIf::Always,
        },
    ];
    let outcome = carry_out(&books, &orders, occasion()).unwrap();
    assert_eq!(outcome.done.iter().map(|done| done.action).collect::<Vec<_>>(), [Action::Make, Action::Make]);
    let refusals = carry_out(&books, &orders[..1], occasion()).unwrap_err();
    assert!(matches!(&refusals[..], [Some(Refusal::Wrong(wrongs))] if wrongs[0].field == "post"));
}

fn grant(client: &str, buses: &[&str], by: Grantor) -> Order {
    let buses = buses.iter().map(|bus| bus.parse().unwrap()).collect();
    let wish = GrantWish::Make { client: client.parse().unwrap(), buses, by };
    Order::Grant { id: "grant-grant-grant-0001".parse().unwrap(), wish, only_if: OnlyIf::Absent }
}

fn client(name: &str) -> Order {
    let source = "https://c.example/".parse().unwrap();
    let wish = ClientWish::Put { secret: hash('A'), source, redirects: Vec::new() };
    Order::Client { name: name.parse().unwrap(), wish, only_if: OnlyIf::Always }
}

fn after(base: &Config, made: &Made, orders: &[Order]) -> Result<Outcome, Vec<Option<Refusal>>> {
    let in_force = merge(base, made).unwrap().config;
    carry_out(&Books { base, made, in_force: &in_force }, orders, occasion())
}

#[test]
fn v2_authz_1_owners_grant_what_they_own_and_nothing_else() {
    let base = base();
    let owner = |name: &str| Grantor::Owner(name.parse().unwrap());
    let made =
        after(&base, &Made::default(), &[client("c"), grant("c", &["demo"], owner("demo"))]).unwrap().made;
    assert_eq!(made.grants.len(), 1);
    let refused =
        |order| after(&base, &Made::default(), &[client("c"), order]).unwrap_err().remove(1).unwrap();
    assert_eq!(refused(grant("c", &["demo"], owner("a"))), Refusal::NotOwned("demo".parse().unwrap()));
    let stranger = Refusal::Stranger(Kind::Buses, "none".to_owned());
    assert_eq!(refused(grant("c", &["demo", "none"], Grantor::Program)), stranger);
    let stranger = Refusal::Stranger(Kind::Clients, "d".to_owned());
    assert_eq!(refused(grant("d", &["demo"], Grantor::Program)), stranger);
    assert!(matches!(refused(grant("c", &[], Grantor::Program)), Refusal::Wrong(_)));
}

/// The configuration lost a bus and has it again, or another program made one of its name, before anybody looked.
#[test]
fn a_name_that_was_gone_meanwhile_is_covered_by_no_grant_of_before() {
    let mut base = base();
    let made =
        after(&base, &Made::default(), &[client("c"), grant("c", &["demo"], Grantor::Program)]).unwrap().made;
    base.buses.clear();
    let bus =
        Order::Bus { name: "demo".parse().unwrap(), wish: BusWish::Put(Map::new()), only_if: OnlyIf::Always };
    let outcome = after(&base, &made, &[bus]).unwrap();
    assert!(outcome.made.buses.contains_key("demo") && outcome.made.grants.is_empty());
    assert_eq!(outcome.followed.iter().map(|done| done.action).collect::<Vec<_>>(), [Action::Remove]);
}

#[test]
fn a_bus_keeps_its_tenancy_and_one_that_is_made_again_has_another() {
    let base = base();
    let order = |wish| Order::Bus { name: "b".parse().unwrap(), wish, only_if: OnlyIf::Always };
    let mut made = Made::default();
    for (number, wish, expected) in [
        (1, BusWish::Put(Map::new()), Some(1)),
        (2, BusWish::Put(map_of(&json!({"jsonp": false}))), Some(1)),
        (3, BusWish::Patch(map_of(&json!({"jsonp": null}))), Some(1)),
        (4, BusWish::Remove, None),
        (5, BusWish::Put(Map::new()), Some(5)),
    ] {
        let in_force = merge(&base, &made).unwrap().config;
        let books = Books { base: &base, made: &made, in_force: &in_force };
        let occasion = Occasion { tenancy: Tenancy(number), ..occasion() };
        made = carry_out(&books, &[order(wish)], occasion).unwrap().made;
        assert_eq!(made.buses.get("b").map(|bus| bus.tenancy), expected.map(Tenancy));
    }
}

/// A service around the demonstration, and its registrar.
fn running() -> Arc<Registrar> {
    let base = base();
    let settings = base.auth;
    let accounts = accounts_of(&base.users, &base.buses).unwrap();
    let users = Authenticator::new(accounts, settings).unwrap();
    let clients = Authenticator::of_realm("clients", Accounts::new(), settings).unwrap();
    let broker = broker_of(&base).start().unwrap();
    let tokens = Tokens::in_memory(&base, broker.clock());
    let service = Arc::new(Service::new(&base, broker, users, (clients, tokens), None).unwrap());
    let store = Arc::new(MemoryStore::default());
    Arc::new(Registrar::new(base.clone(), Made::default(), base, service, store).unwrap())
}

async fn ask(registrar: &Registrar, client: &str, secret: &str) -> Result<ClientName, ErrorCode> {
    let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{client}:{secret}")));
    let request = TestRequest::post().insert_header(("authorization", header));
    let request = request.peer_addr("127.0.0.1:1".parse().unwrap()).to_http_request();
    registrar.service().authenticate_client(&request).await.map_err(|error| error.code())
}

fn with_secret(name: &str, secret: &str) -> Order {
    let wish = ClientWish::Put {
        secret: cheap(secret),
        source: "https://c.example/".parse().unwrap(),
        redirects: vec!["https://c.example/back".parse().unwrap()],
    };
    Order::Client { name: name.parse().unwrap(), wish, only_if: OnlyIf::Always }
}

/// At the least cost that is understood.
fn cheap(secret: &str) -> PasswordHash {
    let params = Params::new(8, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(secret.as_bytes()).unwrap().to_string().parse().unwrap()
}

#[actix_web::test]
async fn clients_grants_and_owners_are_in_force_at_once_and_as_long_as_they_are_there() {
    let registrar = running();
    let service = Arc::clone(registrar.service());
    let (vendor, bus): (_, backplane_actors::BusName) = ("vendor".parse().unwrap(), "demo".parse().unwrap());
    let owner: UserName = "demo".parse().unwrap();
    assert_eq!(service.buses_of_owner(&owner), [bus.clone()].into());
    assert_eq!(ask(&registrar, "vendor", "right").await, Err(ErrorCode::InvalidCredentials));

    assert!(service.clients().find("vendor").is_none());
    registrar.change(Who::Program, vec![with_secret("vendor", "right")]).await.unwrap();
    assert_eq!(ask(&registrar, "vendor", "right").await.as_ref(), Ok(&vendor));
    assert_eq!(ask(&registrar, "vendor", "wrong").await, Err(ErrorCode::InvalidCredentials));
    // Users are no clients.
    assert_eq!(ask(&registrar, "demo", "demo").await, Err(ErrorCode::InvalidCredentials));
    let client = service.clients().find("vendor").unwrap();
    assert_eq!(client.source().as_str(), "https://c.example/");
    assert_eq!((client.redirects().len(), client.grants().len()), (1, 0));

    let granted = registrar.grant(owner.clone(), vendor.clone(), [bus.clone()].into()).await.unwrap();
    let client = service.clients().find("vendor").unwrap();
    assert_eq!(client.grants()[0].id, granted);
    assert!(service.clients().holds(&vendor, &granted, &bus));
    assert!(!service.clients().holds(&vendor, &granted, &"other".parse().unwrap()));
    let strange = registrar.grant("a".parse().unwrap(), vendor.clone(), [bus.clone()].into()).await;
    assert!(matches!(strange, Err(ChangeError::Refused(_))));

    // The configuration gives the bus to nobody: what the owner granted ends.
    let mut config = base();
    config.buses[0].owner = None;
    registrar.take_over(&config).await.unwrap();
    assert!(!service.clients().holds(&vendor, &granted, &bus));
    assert_eq!(service.buses_of_owner(&owner).len(), 0);
    registrar.take_over(&base()).await.unwrap();
    assert!(!service.clients().holds(&vendor, &granted, &bus), "it does not come back");

    let removed = Order::Client { name: vendor, wish: ClientWish::Remove, only_if: OnlyIf::There };
    registrar.change(Who::Program, vec![removed]).await.unwrap();
    assert!(service.clients().find("vendor").is_none());
    assert_eq!(ask(&registrar, "vendor", "right").await, Err(ErrorCode::InvalidCredentials));
}

/// RFC 6749 section 2.3.1 wants id and secret encoded as in a form; clients that do not are let in as well.
#[actix_web::test]
async fn v2_tok_1_secrets_come_as_they_are_or_encoded_as_in_a_form() {
    let registrar = running();
    let secret = "a+b c%25/é";
    let orders = vec![with_secret("the+client", secret), with_secret("plain", "simple")];
    registrar.change(Who::Program, orders).await.unwrap();
    let encoded = "a%2Bb+c%2525%2F%C3%A9";
    // More often than wrong secrets are looked at: neither way counts as wrong again once it was right.
    for (name, secret) in [("the+client", secret), ("the%2Bclient", encoded), ("plain", "simple")] {
        for _ in 0..40 {
            let known = ask(&registrar, name, secret).await.unwrap();
            assert!(known.as_str() == name || known.as_str() == "the+client");
        }
    }
    for wrong in ["a b c%/é", "a+b+c%25/é", "%", ""] {
        assert_eq!(ask(&registrar, "the+client", wrong).await, Err(ErrorCode::InvalidCredentials), "{wrong}");
    }
    // Guessing is slowed down as it is with users.
    let mut told = Vec::new();
    for _ in 0..100 {
        told.push(ask(&registrar, "plain", "wrong").await.unwrap_err());
    }
    assert_eq!((told[0], told[99]), (ErrorCode::InvalidCredentials, ErrorCode::TooManyAttempts));
}
