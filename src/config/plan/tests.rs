//! Plans over random pairs of configurations, and that no key was forgotten.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use backplane_actors::PayloadRule;
use backplane_actors::log::DiskSettings;
use proptest::prelude::*;

use super::super::check::all;
use super::super::{AllowedOrigins, LogFormat, Storage};
use super::*;
use crate::access::foreign::{Algorithm, Trust};
use crate::auth::{FailureLimit, PasswordHash};
use crate::rates::Rate;

const HASHES: [&str; 2] = [
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng",
    "$argon2id$v=19$m=19456,t=3,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng",
];

fn user(name: &str, hash: bool) -> User {
    let password_hash: PasswordHash = HASHES[usize::from(hash)].parse().unwrap();
    User { name: name.parse().unwrap(), password_hash }
}

/// Some of three users, in either order.
fn users() -> impl Strategy<Value = Vec<User>> {
    let names = proptest::sample::subsequence(vec!["alice", "bob", "carol"], 1..=3);
    (names, any::<[bool; 4]>()).prop_map(|(names, [a, b, c, turned])| {
        let mut users: Vec<_> =
            names.into_iter().zip([a, b, c]).map(|(name, hash)| user(name, hash)).collect();
        if turned {
            users.reverse();
        }
        users
    })
}

fn bus(
    name: &str,
    [rights, origins, idle, retention, longest, channel, window, any, jsonp, posts, memory]: [bool; 11],
) -> Bus {
    let mut bus = Config::demo().unwrap().buses.remove(0);
    bus.name = name.parse().unwrap();
    bus.post = vec!["alice".parse().unwrap()];
    bus.read = if rights { bus.post.clone() } else { Vec::new() };
    bus.allowed_origins = if origins { AllowedOrigins::Any } else { AllowedOrigins::List(Vec::new()) };
    bus.jsonp = jsonp;
    bus.owner = jsonp.then(|| "alice".parse().unwrap());
    bus.payload = if any { PayloadRule::Any } else { PayloadRule::IJson };
    bus.channel_idle = Duration::from_secs(1 + u64::from(idle));
    bus.retention = Duration::from_secs(1 + u64::from(retention));
    bus.retention_max = Duration::from_secs(3 + u64::from(longest));
    bus.window_channel = NonZeroUsize::new(1 + usize::from(channel)).unwrap();
    bus.window_bus = NonZeroUsize::new(1 + usize::from(window)).unwrap();
    bus.quota.posts = posts.then(|| Rate::new(1, Duration::from_secs(1)).unwrap());
    bus.quota.memory = memory.then_some(1);
    bus
}

fn buses() -> impl Strategy<Value = Vec<Bus>> {
    let names = proptest::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_shuffle();
    (names, any::<[[bool; 11]; 3]>())
        .prop_map(|(names, traits)| names.into_iter().zip(traits).map(|(name, of)| bus(name, of)).collect())
}

fn issuer(posts: bool) -> Issuer {
    let source = ("shop".into(), "https://shop.example/".parse().unwrap());
    Issuer {
        trust: Trust {
            name: "id".parse().unwrap(),
            issuer: "https://id.example".parse().unwrap(),
            audience: "a".to_owned(),
            buses: ["a".parse().unwrap()].into(),
            algorithms: Algorithm::ALL.into_iter().collect(),
            sources: posts.then_some(source).into_iter().collect(),
        },
        keys: "keys.json".parse().unwrap(),
        refresh: Duration::from_mins(10),
    }
}

/// Each key has one of two values.
fn config() -> impl Strategy<Value = Config> {
    (any::<u128>(), users(), buses()).prop_map(|(bits, users, buses)| {
        let mut place = 0;
        let mut bit = || {
            place += 1;
            u64::from(bits >> place & 1 == 1)
        };
        let mut config = Config::demo().unwrap();
        let mut span = |least| Duration::from_secs(least + bit());
        config.shutdown_grace = span(1);
        config.auth.verified_ttl = span(1);
        config.limits.idempotency_window = span(1);
        config.limits.log_patience = span(1);
        config.limits.header_timeout = span(1);
        config.limits.lateness = span(1);
        config.limits.body_timeout = span(1);
        config.limits.keep_alive = span(1);
        config.limits.block = span(1);
        config.limits.heartbeat = span(1);
        config.limits.handshake_timeout = span(1);
        config.limits.answer_timeout = span(1);
        let mut count = || usize::try_from(1 + bit()).unwrap();
        config.limits.body = count();
        config.limits.messages_per_post = count();
        config.limits.message = count();
        config.limits.json_depth = count();
        config.limits.channels_per_bus = count();
        config.limits.window_memory = count();
        config.limits.traffic_memory = count();
        config.limits.pending_posts = count();
        config.limits.idempotency_keys = count();
        config.limits.connections = count();
        config.limits.connections_per_address = count();
        config.limits.handshakes = count();
        config.limits.head = count();
        config.limits.streams = count();
        config.limits.streams_per_bus = count();
        config.limits.streams_per_channel = count();
        config.limits.streams_per_address = count();
        config.limits.channels_per_stream = count();
        let mut rate = || (count() > 1).then(|| Rate::new(1, Duration::from_secs(1)).unwrap());
        config.limits.posts_per_user = rate();
        config.limits.posts_per_address = rate();
        config.limits.reads_per_user = rate();
        config.limits.reads_per_address = rate();
        config.limits.new_streams_per_user = rate();
        config.limits.new_streams_per_address = rate();
        config.auth.hashing_queue = count();
        config.workers = NonZeroUsize::new(count()).unwrap();
        config.auth.hashing_threads = NonZeroUsize::new(count()).unwrap();
        let mut either = || bit() == 1;
        if either() {
            config.listen.push("127.0.0.1:1".parse().unwrap());
        }
        config.public_url = either().then(|| Url::parse("https://a.example").unwrap());
        config.insecure_auth = either();
        config.trusted_proxies = either().then(|| "10.0.0.0/8".parse().unwrap()).into_iter().collect();
        let names = either().then(|| "a.example".to_owned()).into_iter().collect();
        let admin = Admin { listen: vec!["127.0.0.1:2".parse().unwrap()], hosts: names };
        config.admin = either().then_some(admin);
        let file = |either| PathBuf::from(if either { "a" } else { "b" });
        let listen = vec!["127.0.0.1:3".parse().unwrap()];
        let hsts = Duration::from_secs(u64::from(either()));
        let tls = Tls { listen, cert: file(either()), key: file(either()), hsts };
        config.tls = either().then_some(tls);
        config.log.format = if either() { LogFormat::Json } else { LogFormat::Human };
        config.log.level = if either() { "info" } else { "warn" }.to_owned();
        config.storage = if either() { Storage::Memory } else { Storage::Disk(DiskSettings::at("a")) };
        config.auth.failures_per_address = FailureLimit::new(1 + u32::from(either()), Duration::ZERO);
        config.auth.failures_per_account = FailureLimit::new(1 + u32::from(either()), Duration::ZERO);
        config.tokens.key_file = either().then(|| file(true));
        config.tokens.per_client += usize::from(either());
        config.issuers = either().then(|| issuer(either())).into_iter().collect();
        Config { users, buses, demo: false, ..config }
    })
}

/// In one order, because it means nothing.
fn sorted(mut config: Config) -> Config {
    config.users.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    config.buses.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    config
}

/// What a restart takes from the new configuration.
fn restarted(mut config: Config, new: &Config) -> Config {
    let new = new.clone();
    config.listen = new.listen;
    config.shutdown_grace = new.shutdown_grace;
    config.workers = new.workers;
    config.core_dumps = new.core_dumps;
    config.tls = new.tls;
    config.admin = new.admin;
    config.log.format = new.log.format;
    config.storage = new.storage;
    config.auth = new.auth;
    config.tokens = new.tokens;
    config
}

/// I-5: each of them has a part of the bus, so the broker has to know.
#[test]
fn who_may_post_is_a_matter_of_the_broker_and_who_may_read_is_not() {
    let mut old = Config::demo().unwrap();
    (old.users, old.buses) = (vec![user("alice", true), user("bob", true)], vec![bus("a", [false; 11])]);
    let changed = |change: fn(&mut Bus)| {
        let mut new = old.clone();
        change(&mut new.buses[0]);
        plan(&old, &new).changed.iter().map(|changed| changed.keeps_otherwise).collect::<Vec<_>>()
    };
    assert_eq!(changed(|bus| bus.post.push("bob".parse().unwrap())), [true]);
    assert_eq!(changed(|bus| bus.read.push("bob".parse().unwrap())), [false]);
}

proptest! {
    #[test]
    fn a_plan_leads_from_one_configuration_to_the_other(old in config(), new in config()) {
        let first = plan(&old, &new);
        let mut applied = old.clone();
        first.apply_to(&mut applied);
        prop_assert_eq!(sorted(restarted(applied.clone(), &new)), sorted(new.clone()));
        // What is left is what needs a restart, and nothing of it was touched.
        let left = plan(&applied, &new);
        prop_assert_eq!(left, Plan { restart: first.restart.clone(), ..Plan::default() });
        let untouched = plan(&applied, &old);
        prop_assert!(untouched.restart.is_empty(), "{:?}", untouched.restart);
        if first.restart.is_empty() {
            prop_assert_eq!(sorted(applied), sorted(new));
        }
    }

    #[test]
    fn there_is_no_way_from_a_configuration_to_itself(config in config()) {
        prop_assert_eq!(plan(&config, &config), Plan::default());
        let turned = sorted(config.clone());
        prop_assert!(plan(&config, &turned).is_empty());
    }

    #[test]
    fn accounts_are_new_when_users_or_rights_are(old in config(), new in config()) {
        let rights = |config: &Config| {
            let config = sorted(config.clone());
            let buses = config.buses.into_iter().map(|bus| (bus.name, bus.post, bus.read));
            (config.users, buses.collect::<Vec<_>>())
        };
        let people = plan(&old, &new).accounts;
        prop_assert_eq!(people.is_some(), rights(&old) != rights(&new));
        if let Some(people) = people {
            prop_assert_eq!((people.users, people.buses), (new.users, new.buses));
        }
    }
}

#[test]
fn the_demonstration_and_a_configuration_are_not_made_of_each_other() {
    let demo = Config::demo().unwrap();
    let mut own = demo.clone();
    own.demo = false;
    own.users.push(user("alice", false));
    let both_ways = [plan(&demo, &own), plan(&own, &demo)];
    for plan in both_ways {
        assert_eq!((plan.taken.is_empty(), plan.restart), (true, vec!["user", "bus"]));
    }
}

/// A plan between two configurations that differ in everything names every key of the catalogue.
#[test]
fn every_key_is_taken_over_or_named_as_needing_a_restart() {
    let text = |hash: &str, name: &str, more: &str| {
        format!(
            "{more}\n[[user]]\nname = \"{name}\"\npassword_hash = \"{hash}\"\n[[bus]]\nname = \"{name}\"\npost = \"{name}\"\n"
        )
    };
    let load = |text: String| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let sources = super::super::Sources { file: Some(file.path().to_owned()), ..Default::default() };
        super::super::load(&sources).unwrap().config
    };
    let other = r#"
        listen = "127.0.0.1:9"
        public_url = "https://a.example"
        insecure_auth = true
        trusted_proxies = "10.0.0.0/8"
        shutdown_grace = "1m"
        workers = 1023
        core_dumps = true
        tls = { listen = "127.0.0.1:10", cert = "a", key = "b", hsts = "1s" }
        admin = { listen = "127.0.0.1:11", hosts = "a.example" }
        log = { format = "json", level = "warn" }
        storage.path = "elsewhere"
        provision = { public = true, users = 1, clients = 1, buses = 1, grants = 1 }
        [tokens]
        key_file = "keys"
        page_lifetime = "1m"
        page_refresh_lifetime = "1h"
        client_lifetime = "1m"
        client_refresh_lifetime = "1h"
        per_client = 1
        max = 1
        [auth]
        verified_ttl = "1s"
        hashing_threads = 1022
        hashing_queue = 1
        failures_per_address = { burst = 1, refill = "1m" }
        failures_per_account = { burst = 1, refill = "1m" }
        [limits]
        body = "2MiB"
        messages_per_post = 1
        message = "1KiB"
        json_depth = 5
        channels_per_bus = 1
        window_memory = "1MiB"
        traffic_memory = "24MiB"
        idempotency_keys = 1
        idempotency_window = "1s"
        pending_posts = 1
        log_patience = "1s"
        connections = 1
        connections_per_address = 1
        handshakes = 1
        handshake_timeout = "1s"
        head = "4KiB"
        lateness = "1s"
        header_timeout = "1s"
        body_timeout = "1s"
        answer_timeout = "1s"
        keep_alive = "1s"
        streams = 1
        streams_per_bus = 1
        streams_per_channel = 1
        streams_per_address = 1
        posts_per_user = "1/s"
        posts_per_address = "1/s"
        reads_per_user = "1/s"
        reads_per_address = "1/s"
        new_streams_per_user = "1/s"
        new_streams_per_address = "1/s"
        channels_per_stream = 1
        block = "1s"
        heartbeat = "1s"
        [[issuer]]
        name = "id"
        issuer = "https://id.example"
        audience = "a"
        keys = "keys.json"
        buses = ["b"]
    "#;
    let plan = plan(&load(text(HASHES[0], "a", "")), &load(text(HASHES[1], "b", other)));
    let named: Vec<_> = plan.taken.iter().chain(&plan.restart).copied().collect();
    for (section, key) in all() {
        let path = match section.name {
            // What holds for every bus arrives in each of them.
            "bus" | "defaults" => "bus".to_owned(),
            "user" => "user".to_owned(),
            "issuer" => "issuer".to_owned(),
            _ => section.path(key),
        };
        let covers = |name: &&str| path == **name || path.starts_with(&format!("{name}."));
        assert_eq!(named.iter().filter(|name| covers(name)).count(), 1, "{path} in {named:?}");
    }
}
