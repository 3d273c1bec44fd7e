//! The keys of a provider: fetched, exchanged, kept while it is away, and never asked for too often.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use testkit::identity::Answer;
use testkit::{Certificate, Home, backplane, eventually};

use super::*;

/// Longer keys are not used while their provider is away.
const HELD: Duration = Duration::from_hours(24);

/// The issuer in a file, with its keys there.
fn written(keys: &str) -> String {
    format!(
        "[[issuer]]\nname = \"id\"\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\nkeys = \"{keys}\"\nbuses = \"{BUS}\"\n"
    )
}

impl World {
    fn reads(&self) -> String {
        self.token(&format!("bus:{BUS}"))
    }

    /// One of whoever has another key.
    fn reads_by(&self, key: &Signer) -> String {
        key.token(&self.claims(&format!("bus:{BUS}")))
    }
}

#[test]
fn a_new_key_is_good_at_once_and_one_that_is_withdrawn_is_not() {
    let world = World::start();
    assert_eq!(world.status(&world.reads()), 200);
    let next = Signer::ed25519("two");
    world.provider.publish(&[&world.key, &next]);
    world.server.advance(AGAIN);
    assert_eq!(world.status(&world.reads_by(&next)), 200, "it is asked for when its first token comes");
    assert_eq!(world.provider.asked(), 2);
    // The old key is withdrawn: known tokens go with it.
    let old = world.reads();
    assert_eq!(world.status(&old), 200);
    world.provider.publish(&[&next]);
    world.server.advance(Duration::from_mins(10));
    eventually("the key is withdrawn here, too", || world.status(&world.reads()) == 401);
    assert_eq!(world.status(&old), 401, "also to whom it was known");
    assert_eq!(world.status(&world.reads_by(&next)), 200);
}

#[test]
fn random_names_of_keys_make_nobody_a_nuisance() {
    let world = World::start();
    assert_eq!(world.status(&world.reads()), 200);
    assert_eq!(world.provider.asked(), 1);
    let evil = Signer::p256("evil");
    let mut header = evil.header();
    let mut random = |n: u32| {
        header["kid"] = json!(format!("random-{n}"));
        evil.token_with(&header, &world.claims(&format!("bus:{BUS}")))
    };
    for n in 0..20 {
        assert_eq!(world.status(&random(n)), 401);
    }
    assert_eq!(world.provider.asked(), 1, "it was asked a moment ago");
    for round in 2..4 {
        world.server.advance(AGAIN);
        for n in 0..20 {
            assert_eq!(world.status(&random(n)), 401);
        }
        assert_eq!(world.provider.asked(), round, "once in 30 s");
    }
    assert_eq!(world.status(&world.reads()), 200);
}

#[test]
fn keys_are_used_while_their_provider_is_away_but_not_for_ever() {
    let world = World::start();
    assert_eq!(world.status(&world.reads()), 200);
    world.provider.answer(Answer::Status(503, String::new()));
    world.server.advance(HELD.saturating_sub(Duration::from_mins(1)));
    assert_eq!(world.status(&world.reads()), 200);
    let client = world.client();
    eventually("it was asked", || {
        client.metric("issuer_key_fetches_total", "{issuer=\"id\",outcome=\"failed\"}") == Some(1.0)
    });
    world.server.advance(Duration::from_mins(1));
    let reply = get(&client, &world.reads(), "/v2/messages");
    let told = refused(&reply, 503, "unavailable");
    assert!(told.contains("cannot be had now") && reply.header("retry-after").is_some(), "{told}");
    world.provider.publish(&[&world.key]);
    world.server.advance(AGAIN);
    assert_eq!(world.status(&world.reads()), 200, "it is back");
    assert_eq!(client.metric("issuer_keys", "{issuer=\"id\"}"), Some(1.0));
}

#[test]
fn answers_that_are_no_keys_change_nothing() {
    let world = World::start();
    assert_eq!(world.status(&world.reads()), 200);
    let evil = Signer::p256("evil");
    let elsewhere = IdentityProvider::start(&[&evil]);
    let good = json!({"keys": [evil.jwk()]}).to_string();
    for answer in [
        Answer::Status(302, elsewhere.keys_url()),
        Answer::Status(307, elsewhere.keys_url()),
        Answer::Status(404, String::new()),
        Answer::Body(format!("{good}{}", " ".repeat(256 * 1024))),
        Answer::Body(format!("{good}x")),
        Answer::Body("{\"keys\":[]}".to_owned()),
        Answer::Body(String::new()),
        Answer::Body("<html>".to_owned()),
    ] {
        world.provider.answer(answer.clone());
        world.server.advance(AGAIN);
        let before = world.provider.asked();
        assert_eq!(world.status(&world.reads_by(&evil)), 401, "{answer:?}");
        assert_eq!(world.provider.asked(), before + 1, "{answer:?}");
        assert_eq!(world.status(&world.reads()), 200, "{answer:?}");
    }
    assert_eq!(elsewhere.asked(), 0, "nobody is sent on");
    let log = world.server.log();
    assert!(log.contains("the issuer's keys cannot be had"), "{log}");
}

#[test]
fn a_provider_that_says_nothing_holds_nobody_up_who_needs_nothing_of_it() {
    let world = World::start();
    assert_eq!(world.status(&world.reads()), 200);
    world.provider.answer(Answer::Silence);
    world.server.advance(AGAIN);
    let unknown = {
        let (client, token) = (world.client(), world.reads_by(&Signer::p256("unknown")));
        std::thread::spawn(move || get(&client, &token, "/v2/messages").status)
    };
    eventually("it is asked", || world.provider.asked() == 2);
    for _ in 0..10 {
        assert_eq!(world.status(&world.reads()), 200);
        assert_eq!(world.server.client().get("/readyz").status, 200);
    }
    assert_eq!(unknown.join().unwrap(), 401, "whoever waits is told in the end");
}

#[test]
fn where_keys_never_came_nobody_is_let_in_and_another_token_would_not_help() {
    let gone = IdentityProvider::start(&[]).keys_url();
    let world = World::with(|config| config.issuers = vec![issuer(&gone)]);
    let reply = get(&world.client(), &world.reads(), "/v2/messages");
    refused(&reply, 503, "unavailable");
    // Its keys are elsewhere: they are asked for there.
    let url = world.provider.keys_url();
    world.take_over(|config| config.issuers = vec![issuer(&url)]);
    assert_eq!(world.status(&world.reads()), 200);
}

#[test]
fn keys_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let (first, second) = (Signer::p256("first"), Signer::p256("second"));
    let write = |key: &Signer| std::fs::write(&path, json!({"keys": [key.jwk()]}).to_string()).unwrap();
    write(&first);
    let world = World::with(|config| config.issuers = vec![issuer(path.to_str().unwrap())]);
    assert_eq!(world.status(&world.reads_by(&first)), 200);
    write(&second);
    world.server.advance(AGAIN);
    assert_eq!(world.status(&world.reads_by(&second)), 200);
    assert_eq!(world.status(&world.reads_by(&first)), 401);
    assert_eq!(world.provider.asked(), 0);
}

#[test]
fn over_https_keys_come_from_whom_the_system_trusts() {
    let (certificate, key) = (Certificate::new(), Signer::p256("one"));
    let provider = IdentityProvider::start_tls(&[&key], &certificate);
    let issuer = written(&provider.keys_url());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let token = key.token(&json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "s", "client_id": SHOP, "jti": "1",
        "iat": now, "exp": now + 600, "scope": format!("bus:{BUS}"),
    }));
    for is_trusted in [false, true] {
        let home = Home::configured(&issuer);
        let (cert, _) = certificate.write(home.path());
        let authorities = format!("SSL_CERT_FILE={}", cert.display());
        let program = backplane();
        let mut arguments = vec![program.to_str().unwrap()];
        if is_trusted {
            arguments.insert(0, &authorities);
        }
        let mut program = home.run(Path::new("/usr/bin/env"), &arguments);
        let client = program.client();
        let status = get(&client, &token, "/v2/messages").status;
        assert_eq!((status, provider.asked()), if is_trusted { (200, 1) } else { (503, 0) });
        program.signal("TERM");
        assert_eq!(program.end().code, Some(0));
    }
}

#[test]
fn a_start_wants_a_file_of_keys_that_others_may_not_write() {
    let home = Home::configured(&written("keys.json"));
    let path = home.path().join("keys.json");
    let check = |expected: Option<&str>| {
        let output = home.ask(&["check-config"], "");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.success(), expected.is_none(), "{said}");
        if let Some(reason) = expected {
            assert!(said.contains("issuer[0].keys") && said.contains(reason), "{said}");
        }
    };
    check(Some("No such file"));
    std::fs::write(&path, json!({"keys": [Signer::p256("one").jwk()]}).to_string()).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o646)).unwrap();
    check(Some("others may change the file (mode 0646)"));
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    check(None);
    std::fs::write(&path, "{}").unwrap();
    check(Some("a list keys"));
}
