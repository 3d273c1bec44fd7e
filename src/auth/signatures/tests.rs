use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use backplane_actors::{Batch, BatchError, EnvelopeRefusal, MessageError, MessageLimits};
use serde_json::{Value, json};

use super::*;

const INSIDE: &str = r#"{"source":"http://client.com","type":"t","payload":1}"#;

/// Made once: RSA keys take their time.
static SIGNER: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
static STRANGER: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

fn key_text(pair: &KeyPair, engine: &GeneralPurpose) -> String {
    // DER of a 2048-bit key: sequence, integer of 257 bytes (one of them the sign), integer of 3 bytes.
    let der = pair.public_key().as_ref();
    assert_eq!(
        (&der[..9], &der[265..267]),
        (b"\x30\x82\x01\x0a\x02\x82\x01\x01\0".as_slice(), b"\x02\x03".as_slice())
    );
    format!("RSA.{}.{}", engine.encode(&der[9..265]), engine.encode(&der[267..]))
}

fn key(pair: &KeyPair) -> MagicKey {
    key_text(pair, &UNPADDED).parse().unwrap()
}

fn sign(pair: &KeyPair, text: &str) -> String {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    UNPADDED.encode(signature)
}

/// An envelope whose base string is made with these encodings for `data` and for the rest.
fn signed_with(pair: &KeyPair, data: &GeneralPurpose, rest: &GeneralPurpose) -> Value {
    let data = data.encode(INSIDE);
    let parts = ["application/json", "base64url", "RSA-SHA256"].map(|part| rest.encode(part));
    let value = sign(pair, &format!("{data}.{}", parts.join(".")));
    json!({
        "data": data,
        "data_type": "application/json",
        "encoding": "base64url",
        "alg": "RSA-SHA256",
        "sigs": [{"value": value}],
    })
}

fn signed(pair: &KeyPair) -> Value {
    signed_with(pair, &UNPADDED, &UNPADDED)
}

fn policy(pairs: &[&KeyPair]) -> EnvelopePolicy {
    EnvelopePolicy::new(pairs.iter().map(|pair| key(pair)).collect(), !pairs.is_empty()).unwrap()
}

fn judge(policy: &EnvelopePolicy, text: &str) -> Result<(), EnvelopeRefusal> {
    match Batch::parse(format!("[{text}]").as_bytes(), &MessageLimits::default(), &policy.for_post()) {
        Ok(_) => Ok(()),
        Err(BatchError::Message { error: MessageError::Refused(refusal), .. }) => Err(refusal),
        Err(error) => panic!("{error}"),
    }
}

fn verdict(envelope: &Value) -> Result<(), EnvelopeRefusal> {
    judge(&policy(&[&SIGNER]), &envelope.to_string())
}

#[test]
fn msg_7_signed_envelopes_are_taken_in_every_spelling() {
    assert_eq!(verdict(&signed(&SIGNER)), Ok(()));
    assert_eq!(verdict(&signed_with(&SIGNER, &UNPADDED, &PADDED)), Ok(()));
    assert_eq!(verdict(&signed_with(&SIGNER, &PADDED, &PADDED)), Ok(()));
    assert_eq!(verdict(&signed_with(&SIGNER, &PADDED, &UNPADDED)), Ok(()));
    // Signed without padding, sent with it.
    let mut envelope = signed(&SIGNER);
    envelope["data"] = json!(PADDED.encode(INSIDE));
    assert_eq!(verdict(&envelope), Ok(()));
}

#[test]
fn msg_7_white_space_and_member_order_do_not_matter() {
    let mut envelope = signed(&SIGNER);
    let data = envelope["data"].as_str().unwrap().to_owned();
    envelope["data"] = json!(format!("\n {}\r\n\t{}", &data[..9], &data[9..]));
    let value = envelope["sigs"][0]["value"].as_str().unwrap().to_owned();
    envelope["sigs"][0]["value"] = json!(format!("{} \n{}==", &value[..5], &value[5..]));
    assert_eq!(verdict(&envelope), Ok(()));
    let members: Vec<String> = envelope
        .as_object()
        .unwrap()
        .iter()
        .rev()
        .map(|(name, value)| format!("\"{name}\" : {value}"))
        .collect();
    assert_eq!(judge(&policy(&[&SIGNER]), &format!("{{{}}}", members.join(" ,\n"))), Ok(()));
}

#[test]
fn msg_7_changed_envelopes_are_refused() {
    let other = INSIDE.replace("\"t\"", "\"u\"");
    for (name, value) in [
        ("data", json!(UNPADDED.encode(other))),
        ("data", json!(UNPADDED.encode(format!("{INSIDE} ")))),
        ("data_type", json!("application/json; charset=utf-8")),
        ("sigs", json!([{"value": sign(&SIGNER, INSIDE)}])),
        ("sigs", json!([{"value": "c2ln"}])),
    ] {
        let mut envelope = signed(&SIGNER);
        envelope[name] = value;
        assert_eq!(verdict(&envelope), Err(EnvelopeRefusal::Unverified), "{name}");
    }
    for alg in ["RSA-SHA1", "HMAC-SHA256", "rsa-sha256", ""] {
        let mut envelope = signed(&SIGNER);
        envelope["alg"] = json!(alg);
        assert_eq!(verdict(&envelope), Err(EnvelopeRefusal::Algorithm), "{alg}");
    }
    // The earliest draft signed `data` alone, which leaves its type to anybody.
    let mut envelope = signed(&SIGNER);
    let data = envelope["data"].as_str().unwrap().to_owned();
    envelope["sigs"] = json!([{"value": sign(&SIGNER, &data)}]);
    assert_eq!(verdict(&envelope), Err(EnvelopeRefusal::Unverified));
}

#[test]
fn every_bit_of_a_signature_counts() {
    let good = signed(&SIGNER);
    let value = UNPADDED.decode(good["sigs"][0]["value"].as_str().unwrap()).unwrap();
    for at in (0..value.len()).step_by(17) {
        let mut changed = value.clone();
        changed[at] ^= 1;
        let mut envelope = good.clone();
        envelope["sigs"][0]["value"] = json!(UNPADDED.encode(changed));
        assert_eq!(verdict(&envelope), Err(EnvelopeRefusal::Unverified));
    }
}

#[test]
fn msg_7_one_signature_by_one_of_the_keys_is_enough() {
    let by_stranger = signed(&STRANGER);
    assert_eq!(verdict(&by_stranger), Err(EnvelopeRefusal::Unverified));
    assert_eq!(judge(&policy(&[&STRANGER, &SIGNER]), &signed(&SIGNER).to_string()), Ok(()));
    let mut both = signed(&SIGNER);
    both["sigs"] = json!([by_stranger["sigs"][0], both["sigs"][0]]);
    assert_eq!(verdict(&both), Ok(()));
}

#[test]
fn draft_8_2_a_key_id_chooses_the_key() {
    let both = policy(&[&STRANGER, &SIGNER]);
    let with_id = |name: &str, id: &str| {
        let mut envelope = signed(&SIGNER);
        envelope["sigs"][0][name] = json!(id);
        judge(&both, &envelope.to_string())
    };
    let (signer, stranger) = (key(&SIGNER), key(&STRANGER));
    assert_eq!(with_id("key_id", signer.id()), Ok(()));
    assert_eq!(with_id("keyhash", &format!("{}=", signer.id())), Ok(()));
    let padded = UNPADDED.encode(digest(&SHA256, key_text(&SIGNER, &PADDED).as_bytes()));
    assert_eq!(with_id("key_id", &padded), Ok(()));
    assert_eq!(with_id("key_id", stranger.id()), Err(EnvelopeRefusal::Unverified));
    assert_eq!(with_id("key_id", "the signer's own name for it"), Ok(()));
}

/// A POST of these messages, and what its check had left.
fn check_post(policy: &EnvelopePolicy, messages: &[String]) -> (Result<(), BatchError>, u32) {
    let check = policy.for_post();
    let body = format!("[{}]", messages.join(","));
    let verdict = Batch::parse(body.as_bytes(), &MessageLimits::default(), &check).map(drop);
    (verdict, check.left.get())
}

/// What a try under a key of 2048 bits costs.
const TRY: u32 = 4;

#[test]
fn whoever_signs_alike_pays_for_the_search_once() {
    let both = policy(&[&STRANGER, &SIGNER]);
    let padded = signed_with(&SIGNER, &PADDED, &PADDED).to_string();
    let (verdict, left) = check_post(&both, &vec![padded.clone(); 100]);
    assert!(verdict.is_ok());
    let (_, left_by_one) = check_post(&both, &[padded]);
    assert_eq!(left_by_one - left, 99 * TRY);
}

#[test]
fn a_key_id_saves_the_search() {
    let both = policy(&[&STRANGER, &SIGNER]);
    let mut envelope = signed(&SIGNER);
    envelope["sigs"][0]["key_id"] = json!(key(&SIGNER).id());
    assert_eq!(check_post(&both, &[envelope.to_string()]).1, CHECK_COST_MAX - TRY);
}

#[test]
fn i_5_the_signatures_of_a_post_are_bounded_together() {
    // A signature of no key, under two keys and in two forms each: 4 tries, and 8 of them in an envelope.
    let both = policy(&[&STRANGER, &SIGNER]);
    let nobodys = UNPADDED.encode([7; 256]);
    let mut bad = signed(&SIGNER);
    let good = bad["sigs"][0].clone();
    bad["sigs"] = json!(vec![json!({ "value": nobodys }); 7]);
    bad["sigs"].as_array_mut().unwrap().push(good);
    let bad = bad.to_string();
    let (verdict, left) = check_post(&both, std::slice::from_ref(&bad));
    assert!(verdict.is_ok());
    let each = CHECK_COST_MAX - left;
    let fit = usize::try_from(CHECK_COST_MAX / each).unwrap();
    let (verdict, _) = check_post(&both, &vec![bad.clone(); fit]);
    assert!(verdict.is_ok(), "{verdict:?}");
    let refused = check_post(&both, &vec![bad; fit + fit / 4]).0.unwrap_err();
    assert!(
        matches!(
            refused,
            BatchError::Message { error: MessageError::Refused(EnvelopeRefusal::TooCostly), .. }
        ),
        "{refused}"
    );
    assert!(refused.to_string().contains("key_id"), "{refused}");
}

#[test]
fn tries_cost_by_the_length_of_the_key_and_others_lengths_nothing() {
    let long: MagicKey = format!("RSA.{}.AQAB", number_text(0xff, 1024, 1)).parse().unwrap();
    let policy = EnvelopePolicy::new(vec![long], true).unwrap();
    let (_, left) = check_post(&policy, &[signed(&SIGNER).to_string()]);
    assert_eq!(left, CHECK_COST_MAX);
    let mut envelope = signed(&SIGNER);
    envelope["sigs"][0]["value"] = json!(UNPADDED.encode([7; 1024]));
    let forms = 2;
    assert_eq!(check_post(&policy, &[envelope.to_string()]).1, CHECK_COST_MAX - forms * 64);
}

#[test]
fn msg_7_without_keys_nothing_is_verified() {
    let mut envelope = signed(&STRANGER);
    envelope["alg"] = json!("HMAC-SHA256");
    assert_eq!(judge(&EnvelopePolicy::default(), &envelope.to_string()), Ok(()));
    assert_eq!(judge(&EnvelopePolicy::default(), INSIDE), Ok(()));
}

#[test]
fn msg_7_bare_messages_are_taken_unless_envelopes_are_required() {
    let keys = vec![key(&SIGNER)];
    for (keys, required, verifies) in
        [(Vec::new(), false, false), (keys.clone(), false, true), (keys.clone(), true, true)]
    {
        assert_eq!(EnvelopePolicy::new(keys, required).unwrap().verifies(), verifies);
    }
    assert_eq!(judge(&EnvelopePolicy::new(keys.clone(), false).unwrap(), INSIDE), Ok(()));
    assert_eq!(judge(&EnvelopePolicy::new(keys.clone(), true).unwrap(), INSIDE), Err(EnvelopeRefusal::Bare));
    assert_eq!(EnvelopePolicy::new(Vec::new(), true).unwrap_err(), EnvelopePolicyError::NoKeys);
    let many = vec![key(&SIGNER); KEYS_MAX + 1];
    assert_eq!(EnvelopePolicy::new(many, false).unwrap_err(), EnvelopePolicyError::TooManyKeys);
}

/// A number of this many bytes in base64url: its first byte, `U` over and over, its last one.
fn number_text(first: u8, bytes: usize, last: u8) -> String {
    let mut number = vec![b'U'; bytes];
    number[0] = first;
    number[bytes - 1] = last;
    UNPADDED.encode(number)
}

#[test]
fn padding_and_leading_zeros_make_no_other_key() {
    let good = key(&SIGNER);
    let padded: MagicKey = key_text(&SIGNER, &PADDED).parse().unwrap();
    assert_eq!((good.id(), good.bits()), (padded.id(), 2048));
    assert_eq!(good, padded);
    assert_ne!(good, key(&STRANGER));
    assert_eq!(format!("{good:?}").len(), "MagicKey(2048 bits, 12345678…)".len());
    let plain = number_text(0x80, 256, 1);
    let signed = UNPADDED.encode([&[0][..], &UNPADDED.decode(&plain).unwrap()].concat());
    let [plain, signed] = [plain, signed].map(|n| format!("RSA.{n}.AQAB").parse::<MagicKey>().unwrap());
    assert_eq!(plain, signed);
}

#[test]
fn keys_are_checked() {
    let n = |bytes| number_text(0xff, bytes, 1);
    for good in [
        format!("RSA.{}.Aw", n(1024)),
        format!("RSA.{}.{}", n(256), UNPADDED.encode([0xff; 4])),
        format!(" RSA.{}.AQAB\n", number_text(0x80, 256, 1)),
    ] {
        assert!(good.parse::<MagicKey>().is_ok(), "{good}");
    }
    for (text, error) in [
        (String::new(), MagicKeyError::Form),
        ("RSA".to_owned(), MagicKeyError::Form),
        (format!("RSA.{}", n(256)), MagicKeyError::Form),
        (format!("EC.{}.AQAB", n(256)), MagicKeyError::Form),
        (format!("RSA.{}.AQAB.AQAB", n(256)), MagicKeyError::Form),
        ("RSA.+.AQAB".to_owned(), MagicKeyError::Base64("modulus")),
        (format!("RSA.{}.?", n(256)), MagicKeyError::Base64("exponent")),
        (format!("RSA.{}.AQAB", number_text(0x7f, 256, 1)), MagicKeyError::Modulus(2047)),
        (format!("RSA.{}.AQAB", number_text(1, 1025, 1)), MagicKeyError::Modulus(8193)),
        ("RSA..AQAB".to_owned(), MagicKeyError::Modulus(0)),
        (format!("RSA.{}.AQAB", number_text(0x80, 256, 2)), MagicKeyError::EvenModulus),
        (format!("RSA.{}.", n(256)), MagicKeyError::Exponent),
        (format!("RSA.{}.AQ", n(256)), MagicKeyError::Exponent),
        (format!("RSA.{}.AQAA", n(256)), MagicKeyError::Exponent),
        (format!("RSA.{}.{}", n(256), UNPADDED.encode([1, 0, 0, 0, 1])), MagicKeyError::Exponent),
    ] {
        assert_eq!(text.parse::<MagicKey>().unwrap_err(), error, "{text}");
    }
}
