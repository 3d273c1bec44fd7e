//! Which published keys are of use, and for what.

use super::super::keys::KEYS_MAX;
use super::*;

/// The modulus of a real key of 1024 bits, and the exponent of all of these.
const WEAK: &str = "w4mxK3r6V90GkutYEFo35Bo4w-Yscd_GjMVAqHfe1dkY5TfnB8A26NhFNS6cAVXGUzJDyjYnCyMvRCQBezAgCHpd4aI5xFUyKfj3Vpl69fNan1Ttuq_BG7KWO8g_pfTfZxX0M_NvxJw0yC8GnQTdpcZCUdt0daaWZ2ZOYvecMUU";
const EXPONENT: &str = "AQAB";

/// What looks like a modulus of so many bits.
fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xab; bits / 8];
    bytes[0] = 0xc3;
    encoded(&bytes)
}

fn with(key: &Value, name: &str, value: &Value) -> Value {
    let mut key = key.clone();
    key[name] = value.clone();
    key
}

#[test]
fn keys_for_other_things_are_passed_by() {
    let key = Signer::new("k").jwk();
    for (name, value) in [
        ("use", json!("sig")),
        ("key_ops", json!(["verify"])),
        ("alg", json!("EdDSA")),
        ("x5c", json!(["anything"])),
    ] {
        assert_eq!(set(&[with(&key, name, &value)]).unwrap().len(), 1, "{name} {value}");
    }
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("alg", json!("ES256")),
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("kty", json!("oct")),
        ("kty", json!("EC")),
        ("crv", json!("Ed448")),
        ("x", json!("AAAA")),
        ("x", json!(1)),
        ("kid", json!(1)),
        ("d", json!("AAAA")),
    ] {
        assert_eq!(
            set(&[with(&key, name, &value)]).unwrap_err(),
            KeySetError::NoneOfUse(1),
            "{name} {value}"
        );
    }
    let mixed = set(&[key, json!({"kty": "oct", "k": "AAAA", "kid": "k"}), json!(7), json!({})]).unwrap();
    assert_eq!((mixed.len(), mixed.passed_by(), mixed.is_empty()), (1, 3, false));
}

#[test]
fn rsa_keys_have_2048_bits_or_more() {
    let rsa = |n: &str, e: &str| set(&[json!({"kty": "RSA", "n": n, "e": e})]).map(|keys| keys.len());
    assert_eq!(rsa(&modulus(2048), EXPONENT), Ok(1));
    assert_eq!(rsa(&modulus(8192), EXPONENT), Ok(1));
    for (n, e) in [
        (WEAK, EXPONENT),
        (&modulus(2040), EXPONENT),
        (&modulus(8200), EXPONENT),
        (&modulus(2048), "AQ"),
        (&modulus(2048), "BA"),
        (&modulus(2048), "AAEAAQ"),
        (&modulus(2048), "AQAAAAAB"),
        ("", EXPONENT),
        (&modulus(2048), ""),
        (&encoded(&[vec![0], vec![0xff; 256]].concat()), EXPONENT),
        (&encoded(&[vec![0xff; 255], vec![0xfe]].concat()), EXPONENT),
    ] {
        assert_eq!(rsa(n, e), Err(KeySetError::NoneOfUse(1)), "{n} {e}");
    }
}

#[test]
fn points_are_on_their_curves() {
    let ec = |crv: &str, x: &[u8], y: &[u8]| {
        set(&[json!({"kty": "EC", "crv": crv, "x": encoded(x), "y": encoded(y)})]).map(|keys| keys.len())
    };
    let pair =
        aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING)
            .unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    assert_eq!(ec("P-256", x, y), Ok(1));
    let none = Err(KeySetError::NoneOfUse(1));
    assert_eq!(ec("P-256", y, &[1; 32]), none, "beside the curve");
    assert_eq!(ec("P-256", &x[1..], y), none);
    assert_eq!(ec("P-256", &[&[0], x].concat(), y), none);
    assert_eq!(ec("P-384", x, y), none);
    assert_eq!(ec("P-521", x, y), none);
}

#[test]
fn sets_are_bounded() {
    let key = Signer::new("k").jwk();
    let many: Vec<_> = (0..KEYS_MAX).map(|_| key.clone()).collect();
    assert_eq!(set(&many).unwrap().len(), KEYS_MAX);
    let more = [many, vec![key]].concat();
    assert_eq!(set(&more).unwrap_err(), KeySetError::TooMany(KEYS_MAX + 1));
    let long = format!("{{\"keys\":[]{}}}", " ".repeat(KEY_SET_MAX));
    assert_eq!(KeySet::parse(long.as_bytes()).unwrap_err(), KeySetError::TooLong);
    for bad in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]", "<html>"] {
        assert_eq!(KeySet::parse(bad.as_bytes()).unwrap_err(), KeySetError::Form, "{bad}");
    }
    assert_eq!(set(&[]).unwrap_err(), KeySetError::NoneOfUse(0));
}

#[test]
fn a_token_names_its_key_or_there_is_only_one() {
    let (one, other) = (Signer::new("one"), Signer::new("other"));
    let payload = claims().to_string();
    let named = one.sign(&one.header().to_string(), &payload);
    let nameless = one.sign(r#"{"alg":"EdDSA","typ":"at+jwt"}"#, &payload);
    let (alone, both) = (set(&[one.jwk()]).unwrap(), set(&[other.jwk(), one.jwk()]).unwrap());
    assert!(
        judged(&named, &alone).is_ok() && judged(&named, &both).is_ok() && judged(&nameless, &alone).is_ok()
    );
    assert_eq!(judged(&nameless, &both), Err(ForeignError::Key), "any of them could be meant");
    assert_eq!(judged(&named, &set(&[other.jwk()]).unwrap()), Err(ForeignError::Key));
    // While a key is exchanged two may have one name.
    let twins = set(&[with(&other.jwk(), "kid", &json!("one")), one.jwk()]).unwrap();
    assert!(judged(&named, &twins).is_ok());
    let taken = set(&[with(&other.jwk(), "kid", &json!("one"))]).unwrap();
    assert_eq!(judged(&named, &taken), Err(ForeignError::Signature));
}

#[test]
fn a_key_is_for_the_algorithm_of_its_kind_and_its_own() {
    let signer = Signer::new("k");
    let rsa = json!({"kty": "RSA", "kid": "k", "n": modulus(2048), "e": EXPONENT, "alg": "PS256"});
    let payload = claims().to_string();
    for alg in ["RS256", "PS256", "ES256", "ES384"] {
        let text = signer.sign(&with(&signer.header(), "alg", &json!(alg)).to_string(), &payload);
        assert_eq!(judged(&text, &set(&[signer.jwk()]).unwrap()), Err(ForeignError::Key), "{alg}");
        let expected = if alg == "PS256" { ForeignError::Signature } else { ForeignError::Key };
        assert_eq!(judged(&text, &set(std::slice::from_ref(&rsa)).unwrap()), Err(expected), "{alg}");
    }
}
