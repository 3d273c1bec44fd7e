//! Tokens of an issuer of the tests' own.

mod key_sets;
mod permits;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use backplane_actors::{BusName, Timestamp};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://id.example/realm";
const AUDIENCE: &str = "https://bp.example";
/// Seconds since 1970.
const NOW: u64 = 1_700_000_000;

fn bus(name: &str) -> BusName {
    name.parse().unwrap()
}

fn trust() -> Trust {
    Trust {
        name: "id".parse().unwrap(),
        issuer: ISSUER.parse().unwrap(),
        audience: AUDIENCE.to_owned(),
        buses: BTreeSet::from([bus("a"), bus("b")]),
        algorithms: Algorithm::ALL.into_iter().collect(),
        sources: BTreeMap::from([("shop".into(), "https://shop.example/".parse().unwrap())]),
    }
}

/// A key of the issuer.
struct Signer {
    id: &'static str,
    pair: Ed25519KeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        Self { id, pair: Ed25519KeyPair::generate().unwrap() }
    }

    fn jwk(&self) -> Value {
        let x = encoded(self.pair.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x})
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.id})
    }

    fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encoded(header.as_bytes()), encoded(payload.as_bytes()));
        let signature = encoded(self.pair.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

/// Claims with which a token is good.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "someone", "client_id": "shop", "jti": "1",
        "iat": NOW - 10, "exp": NOW + 600, "scope": "openid bus:a",
    })
}

/// The same with another value of one of them, or without it.
fn claims_with(name: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    match value {
        Some(value) => _ = claims.as_object_mut().unwrap().insert(name.to_owned(), value),
        None => _ = claims.as_object_mut().unwrap().remove(name),
    }
    claims
}

fn judged(text: &str, keys: &KeySet) -> Result<Foreign, ForeignError> {
    Foreign::of(&Presented::parse(text)?, &trust(), keys, Timestamp::from_millis(NOW * 1_000))
}

/// What a token with this header and these claims is, from the key that the issuer publishes.
fn of_text(header: &str, payload: &str) -> Result<Foreign, ForeignError> {
    let signer = Signer::new("k");
    judged(&signer.sign(header, payload), &set(&[signer.jwk()]).unwrap())
}

fn of(claims: &Value) -> Result<Foreign, ForeignError> {
    of_text(&Signer::new("k").header().to_string(), &claims.to_string())
}
