//! MSG-7: Magic Envelopes are delivered as posted, and verified where a bus has keys.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use backplane::auth::signatures::{EnvelopePolicy, MagicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

use testkit::{Server, Setup, message, messages};

/// Made once: RSA keys take their time.
static SIGNER: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
static STRANGER: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

/// The public half as a magic key: modulus and exponent out of the DER of a 2048-bit key.
fn magic_key(pair: &KeyPair) -> MagicKey {
    let der = pair.public_key().as_ref();
    format!("RSA.{}.{}", BASE64.encode(&der[9..265]), BASE64.encode(&der[267..])).parse().unwrap()
}

fn envelope_around(inside: &str, pair: &KeyPair) -> String {
    let data = BASE64.encode(inside);
    let parts = ["application/json", "base64url", "RSA-SHA256"].map(|part| BASE64.encode(part));
    let signed = format!("{data}.{}", parts.join("."));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    let value = BASE64.encode(signature);
    format!(
        r#"{{"data": "{data}", "data_type":"application/json","encoding":"base64url","alg":"RSA-SHA256","sigs":[{{"value":"{value}"}}] ,"mine":1.50}}"#
    )
}

/// Takes what the signer has signed, and nothing else where that is required.
pub(crate) fn policy(required: bool) -> EnvelopePolicy {
    EnvelopePolicy::new(vec![magic_key(&SIGNER)], required).unwrap()
}

fn with_keys(required: bool) -> Server {
    Setup::new().bus(|bus| bus.envelopes = policy(required)).start()
}

#[test]
fn msg_7_an_envelope_is_delivered_as_posted() {
    let server = Server::start();
    let client = server.client();
    // Without keys nobody asks who signed.
    let envelope = envelope_around(&message("1"), &STRANGER);
    assert_eq!(client.post("c", format!("[{envelope}]")).status, 200);
    let body = client.read("c", "").text();
    assert!(body.starts_with(&format!(r#"[{{"message":{envelope},"channel_name":"c","id":""#)), "{body}");
}

#[test]
fn msg_7_the_message_inside_is_checked() {
    let server = Server::start();
    let client = server.client();
    for inside in [r#"{"type":"t","payload":1}"#, "[]", "no json", r#"{"source":"x","type":"t","payload":1}"#]
    {
        let envelope = envelope_around(inside, &SIGNER);
        let description = client.post("c", format!("[{envelope}]")).is_error(400, "invalid_message");
        assert!(description.starts_with("message 0 (counted from 0): Magic Envelope: "), "{description}");
    }
    let nested = envelope_around(&envelope_around(&message("1"), &SIGNER), &SIGNER);
    client.post("c", format!("[{nested}]")).is_error(400, "invalid_message");
    assert_eq!(server.stats().messages, 0);
}

#[test]
fn msg_7_a_bus_with_keys_takes_what_they_signed() {
    let server = with_keys(false);
    let client = server.client();
    let good = envelope_around(&message("1"), &SIGNER);
    assert_eq!(client.post("c", format!("[{good}]")).status, 200);
    let strange = envelope_around(&message("2"), &STRANGER);
    let changed = good.replace(&BASE64.encode(message("1")), &BASE64.encode(message("3")));
    for refused in [strange, changed] {
        client.post("c", format!("[{good},{refused}]")).is_error(400, "envelope_refused");
    }
    // Bare messages are still taken.
    assert_eq!(client.post("c", messages(&["4"])).status, 200);
    assert_eq!(server.stats().messages, 2);
}

#[test]
fn msg_7_a_bus_can_require_envelopes() {
    let server = with_keys(true);
    let client = server.client();
    client.post("c", messages(&["1"])).is_error(400, "envelope_refused");
    assert_eq!(server.stats().messages, 0);
    let good = envelope_around(&message("1"), &SIGNER);
    assert_eq!(client.post("c", format!("[{good}]")).status, 200);
}

#[test]
fn i_5_envelopes_that_are_checked_are_bytes_under_way() {
    let policy = EnvelopePolicy::new(vec![magic_key(&SIGNER)], false).unwrap();
    let setup = Setup::new().bus(|bus| bus.envelopes = policy).config(|config| {
        config.limits.traffic_memory = 64 * 1024;
    });
    let server = setup.start();
    let client = server.client();
    let envelope = |length| envelope_around(&message(&format!("\"{}\"", "x".repeat(length))), &SIGNER);
    // The body alone would fit: it is in memory several times while its signature is looked at.
    let refused = client.post("c", format!("[{}]", envelope(12_000)));
    refused.is_error(503, "traffic_full");
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert_eq!(client.post("c", format!("[{}]", envelope(2_000))).status, 200);
    assert_eq!(client.read("c", "").ids().len(), 1);
}

#[test]
fn i_5_the_signatures_of_one_post_are_bounded_together() {
    let policy = EnvelopePolicy::new(vec![magic_key(&SIGNER)], true).unwrap();
    let setup = Setup::new().bus(|bus| bus.envelopes = policy);
    let server = setup.config(|config| config.limits.body = 4 << 20).start();
    let client = server.client();
    // Seven signatures of nobody beside the good one: it would be taken, and each costs its tries.
    let good = envelope_around(&message("1"), &SIGNER);
    let nobodys = format!(r#"{{"value":"{}"}},"#, BASE64.encode([7; 256]));
    let costly = good.replace(r#""sigs":["#, &format!(r#""sigs":[{}"#, nobodys.repeat(7)));
    assert_eq!(client.post("c", format!("[{costly}]")).status, 200);
    let description =
        client.post("c", format!("[{}]", vec![costly; 400].join(","))).is_error(400, "envelope_refused");
    assert!(description.contains("take too long to check"), "{description}");
    assert_eq!(server.stats().messages, 1, "nothing of it is stored");
    // The same number of messages without the ballast is no burden.
    assert_eq!(client.post("c", format!("[{}]", vec![good; 400].join(","))).status, 200);
}
