//! Tokens that somebody made up, changed, or brings to the wrong place.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use testkit::OTHER_BUS;
use testkit::identity::{encoded, unsigned};

use super::*;

/// Modulus of an RSA key of 1024 bits, and a token for [`BUS`] that it signed, good until 2100.
const WEAK_MODULUS: &str = "w4mxK3r6V90GkutYEFo35Bo4w-Yscd_GjMVAqHfe1dkY5TfnB8A26NhFNS6cAVXGUzJDyjYnCyMvRCQBezAgCHpd4aI5xFUyKfj3Vpl69fNan1Ttuq_BG7KWO8g_pfTfZxX0M_NvxJw0yC8GnQTdpcZCUdt0daaWZ2ZOYvecMUU";
const WEAK_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IndlYWsifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJodHRwczovL2JwLmV4YW1wbGUiLCJzdWIiOiJzIiwiY2xpZW50X2lkIjoiYyIsImp0aSI6ImoiLCJpYXQiOjEwMDAwMDAwMDAsImV4cCI6NDEwMjQ0NDgwMCwic2NvcGUiOiJidXM6Y3VzdG9tZXIuY29tIn0.bEkMZIQNm2NvNO-J_Bu769Su-L0JJv1v9IY1UHSQVDNcCt7let3IwVBNzheU5jkFkcmaMMXXXlGC6xenhn5aGB2ses4khldrCDjn5M5lRnVbAHAv0wp5KugodyKcVfZe4wTE32aswVfuPd-RAwOijd5I46A6Fs55XGGP3K8yV50";

impl World {
    /// Refused as a token that is none; what the client is told, which is never what it sent.
    fn refuses(&self, token: &str) -> String {
        let reply = get(&self.client(), token, "/v2/messages");
        let told = refused(&reply, 401, "invalid_token");
        assert!(told.contains("invalid token") || told.contains("expired token"), "V2-ERR-1: {told}");
        let challenge = reply.header("www-authenticate").unwrap();
        assert_eq!(challenge, "Bearer realm=\"backplane\", error=\"invalid_token\"");
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!reply.text().contains(part), "I-8: {told}");
        }
        told
    }
}

#[test]
fn a_token_without_a_signature_is_none() {
    let world = World::start();
    let claims = world.claims(&format!("bus:{BUS}"));
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let mut header = world.key.header();
        header["alg"] = json!(alg);
        let bare = unsigned(&header, &claims);
        world.refuses(&format!("{bare}."));
        world.refuses(&world.key.token_with(&header, &claims));
    }
    let signed = world.key.token(&claims);
    let (bare, _) = signed.rsplit_once('.').unwrap();
    world.refuses(bare);
    world.refuses(&format!("{bare}."));
    assert_eq!(world.status(&signed), 200);
}

#[test]
fn a_public_key_is_no_secret() {
    let rsa = Signer::rsa("rsa");
    let world = World::start();
    world.provider.publish(&[&rsa]);
    let jwk = rsa.jwk();
    let modulus = jwk["n"].as_str().unwrap();
    let secrets = [
        jwk.to_string().into_bytes(),
        modulus.as_bytes().to_vec(),
        BASE64_URL_SAFE_NO_PAD.decode(modulus).unwrap(),
        Vec::new(),
    ];
    for (alg, with) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        for secret in &secrets {
            let mut header = rsa.header();
            header["alg"] = json!(alg);
            let signed = unsigned(&header, &world.claims(&format!("bus:{BUS}")));
            let tag = hmac::sign(&hmac::Key::new(with, secret), signed.as_bytes());
            world.refuses(&format!("{signed}.{}", encoded(tag.as_ref())));
        }
    }
}

#[test]
fn an_id_token_is_no_access_token() {
    let world = World::start();
    for typ in [json!("JWT"), json!("logout+jwt"), json!(null)] {
        let mut header = world.key.header();
        header["typ"] = typ;
        let told = world.refuses(&world.key.token_with(&header, &world.claims(&format!("bus:{BUS}"))));
        assert!(told.contains("at+jwt"), "{told}");
    }
}

#[test]
fn a_token_is_for_here_and_now_and_says_all() {
    let world = World::start();
    let now = world.now();
    for (name, value, words) in [
        ("iss", json!("https://evil.example"), "iss"),
        ("iss", json!("https://id.example/"), "iss"),
        ("aud", json!("https://other.example"), "aud"),
        ("aud", json!(["https://bp.example.evil"]), "aud"),
        ("exp", json!(now), "expired token"),
        ("exp", json!(now - 1), "expired token"),
        ("nbf", json!(now + 61), "nbf"),
        ("iat", json!(now + 61), "iat"),
        ("cnf", json!({"jkt": "x"}), "cnf"),
        ("scope", json!(format!("bus:{BUS} channel:")), "scope"),
    ] {
        let mut claims = world.claims(&format!("bus:{BUS}"));
        claims[name] = value;
        let told = world.refuses(&world.key.token(&claims));
        assert!(told.contains(words), "{name}: {told}");
    }
    for name in ["iss", "aud", "sub", "client_id", "jti", "exp", "iat"] {
        let mut claims = world.claims(&format!("bus:{BUS}"));
        claims.as_object_mut().unwrap().remove(name);
        let told = world.refuses(&world.key.token(&claims));
        assert!(told.contains(name), "{name}: {told}");
    }
}

#[test]
fn where_a_token_says_its_key_is_nobody_looks() {
    let world = World::start();
    let evil = Signer::p256("one");
    let elsewhere = IdentityProvider::start(&[&evil]);
    let claims = world.claims(&format!("bus:{BUS} backplane:post"));
    for (name, value) in [
        ("jwk", evil.jwk()),
        ("jku", json!(elsewhere.keys_url())),
        ("x5u", json!(elsewhere.keys_url())),
        ("x5c", json!(["MIIB"])),
    ] {
        for kid in ["one", "another"] {
            let mut header = evil.header();
            header[name] = value.clone();
            header["kid"] = json!(kid);
            world.refuses(&evil.token_with(&header, &claims));
        }
        // Nor does it matter in a token that is good without.
        let mut header = world.key.header();
        header[name] = value;
        assert_eq!(world.status(&world.key.token_with(&header, &claims)), 200, "{name}");
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[test]
fn what_has_to_be_understood_is_not_passed_over() {
    let world = World::start();
    let mut header = world.key.header();
    header["crit"] = json!(["b64"]);
    header["b64"] = json!(false);
    let told = world.refuses(&world.key.token_with(&header, &world.claims(&format!("bus:{BUS}"))));
    assert!(told.contains("crit"), "{told}");
}

#[test]
fn no_part_of_a_token_may_change() {
    let world = World::start();
    let token = world.full();
    let bytes = token.as_bytes();
    // Each of them is looked at in the tests of the units.
    for at in (0..bytes.len()).step_by(7) {
        let mut forged = bytes.to_vec();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        world.refuses(&String::from_utf8(forged).unwrap());
    }
    assert_eq!(world.status(&token), 200);
    let long = format!("{token}{}", "A".repeat(17_000));
    assert!(world.refuses(&long).contains("16384"));
}

#[test]
fn keys_that_are_weak_or_for_something_else_verify_nothing() {
    let world = World::start();
    let (encrypts, private) = (Signer::p256("enc"), Signer::p256("private"));
    let mut keys = [world.key.jwk(), encrypts.jwk(), private.jwk()];
    keys[1]["use"] = json!("enc");
    keys[2]["d"] = json!("AAAA");
    let weak = json!({"kty": "RSA", "kid": "weak", "use": "sig", "n": WEAK_MODULUS, "e": "AQAB"});
    let set = json!({"keys": [keys[0], keys[1], keys[2], weak]});
    world.provider.answer(testkit::identity::Answer::Body(set.to_string()));
    world.server.advance(AGAIN);
    let claims = world.claims(&format!("bus:{BUS}"));
    for token in [encrypts.token(&claims), private.token(&claims), WEAK_TOKEN.to_owned()] {
        let told = world.refuses(&token);
        assert!(told.contains("kid"), "{told}");
    }
    assert_eq!(world.status(&world.key.token(&claims)), 200);
}

#[test]
fn an_issuer_speaks_for_its_buses_and_no_others() {
    let world = World::start();
    let client = world.client();
    let own = token_of(&client, CLIENT, "");
    let (here, there) = (page(&client, BUS), page(&client, OTHER_BUS));
    post(&client, &own, BUS, &here.channel, 1);
    post(&client, &own, OTHER_BUS, &there.channel, 2);
    let both = world.token(&format!("bus:{BUS} bus:{OTHER_BUS} backplane:post"));
    assert_eq!(payloads(&read(&client, &both, "")), [1]);
    let reply = post_with(&client, &both, OTHER_BUS, &there.channel, &json!(3), &json!({}));
    refused(&reply, 403, "insufficient_scope");
    let list = read(&client, &own, "");
    let path = list["messages"][1]["messageURL"].as_str().unwrap().strip_prefix(&client.url("")).unwrap();
    refused(&get(&client, &both, path), 403, "insufficient_scope");
    for scope in ["openid", "", "backplane:post", &format!("bus:{OTHER_BUS}"), "type:test", "bus:nowhere.com"]
    {
        let reply = get(&client, &world.token(scope), "/v2/messages");
        refused(&reply, 403, "insufficient_scope");
    }
    assert_eq!(payloads(&read(&client, &own, "")), [1, 2]);
}

#[test]
fn a_token_in_a_url_is_refused_and_so_is_one_that_nobody_trusts() {
    let world = World::start();
    let (client, token) = (world.client(), world.full());
    let reply = client.get(&format!("/v2/messages?access_token={token}"));
    assert!(refused(&reply, 400, "invalid_request").contains("Authorization"));
    world.take_over(|config| config.issuers.clear());
    assert_eq!(refused(&get(&client, &token, "/v2/messages"), 401, "invalid_token"), "invalid token");
    let page = page(&client, BUS);
    let reply = post_with(&client, &token, BUS, &page.channel, &json!(1), &json!({}));
    assert_eq!(reply.status, 401, "{}", reply.text());
    let told = client.get("/.well-known/oauth-protected-resource").json();
    assert_eq!(told["authorization_servers"], json!([client.url("")]));
}
