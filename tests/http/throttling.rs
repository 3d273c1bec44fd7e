//! Guessing passwords is slowed down, and rightful users do not feel it.

use std::time::Duration;

use backplane::auth::FailureLimit;

use testkit::{BUS, Reply, Server, Setup, send};

/// Three wrong passwords in a row; so slow to forgive that no test sees it.
fn strict() -> Setup {
    Setup::new().config(|config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.auth.failures_per_address = FailureLimit::new(3, Duration::from_mins(50));
        config.auth.failures_per_account = FailureLimit::new(6, Duration::from_mins(50));
    })
}

/// Signs in from an address that a trusted proxy tells.
fn sign_in(server: &Server, from: &str, user: &str, password: &str) -> Reply {
    let request = server.client().request("GET", &format!("/v1/bus/{BUS}")).basic_auth(user, Some(password));
    send(request.header("X-Forwarded-For", from).header("X-Forwarded-Proto", "https"))
}

#[test]
fn many_wrong_passwords_are_429_and_a_known_user_goes_on() {
    let server = strict().start();
    assert_eq!(sign_in(&server, "192.0.2.1", "reader", "redaer").status, 200);
    for n in 0..3 {
        let guess = format!("guess-{n}");
        sign_in(&server, "192.0.2.1", "alice", &guess).is_error(401, "invalid_credentials");
    }
    let refused = sign_in(&server, "192.0.2.1", "alice", "guess-3");
    refused.is_error(429, "too_many_attempts");
    assert_eq!(refused.header("www-authenticate"), None);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3000).contains(&wait), "{wait}");
    // The right password would end the guessing just as well: it is not looked at.
    sign_in(&server, "192.0.2.1", "alice", "ecila").is_error(429, "too_many_attempts");
    // From the same address: a user whose password was right before.
    assert_eq!(sign_in(&server, "192.0.2.1", "reader", "redaer").status, 200);
    // Other addresses are not touched.
    assert_eq!(sign_in(&server, "192.0.2.2", "alice", "ecila").status, 200);
}

#[test]
fn guessing_from_many_addresses_is_slowed_down_for_the_account() {
    let server = strict().start();
    for n in 0..6 {
        let from = format!("192.0.2.{n}");
        sign_in(&server, &from, "alice", "guess").is_error(401, "invalid_credentials");
    }
    // The account's reserve, for addresses that were not wrong lately, is a tenth of its bucket.
    sign_in(&server, "192.0.2.99", "alice", "guess").is_error(401, "invalid_credentials");
    sign_in(&server, "192.0.2.100", "alice", "guess").is_error(429, "too_many_attempts");
    assert_eq!(sign_in(&server, "192.0.2.100", "reader", "redaer").status, 200);
}

#[test]
fn users_who_do_not_exist_are_slowed_down_alike() {
    let server = strict().start();
    for _ in 0..3 {
        sign_in(&server, "192.0.2.1", "mallory", "guess").is_error(401, "invalid_credentials");
    }
    sign_in(&server, "192.0.2.1", "mallory", "guess").is_error(429, "too_many_attempts");
}

#[test]
fn a_password_is_hashed_once_and_then_known() {
    let server = Server::start();
    let client = server.client();
    for _ in 0..10 {
        assert_eq!(client.read_bus("").status, 200);
    }
    assert_eq!(client.metric("password_hashes_total", ""), Some(1.0));
}
