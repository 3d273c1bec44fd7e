//! Headers, claims and times.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn a_good_token_says_who_and_what_and_until_when() {
    let found = of(&claims()).unwrap();
    assert_eq!(found.expires(), Timestamp::from_millis((NOW + 600) * 1_000));
    assert_eq!(found.permits().buses(), BTreeSet::from([&bus("a")]));
    assert_eq!(found.source().unwrap().as_str(), "https://shop.example/");
    let shown = format!("{found:?}");
    assert!(!shown.contains("shop") && !shown.contains("someone"), "I-8: {shown}");
    assert_eq!(of(&claims_with("client_id", Some(json!("other")))).unwrap().source(), None);
}

#[test]
fn whoever_posts_is_the_client_for_that_subject_and_nobody_else() {
    let poster = |client: &str, subject: &str| {
        let mut claims = claims_with("client_id", Some(json!(client)));
        claims["sub"] = json!(subject);
        of(&claims).unwrap().poster().as_str().to_owned()
    };
    let (one, again) = (poster("shop", "someone"), poster("shop", "someone"));
    assert_eq!(one, again);
    assert!(one.starts_with("issuer:id:") && one.len() < backplane_actors::POSTER_MAX);
    assert_ne!(one, poster("shop", "other"));
    assert_ne!(one, poster("shops", "omeone"), "where one ends and the other begins counts");
    assert!(poster("s", &"x".repeat(9_000)).len() < backplane_actors::POSTER_MAX);
    let of_client =
        |subject: &str| Arc::clone(of(&claims_with("sub", Some(json!(subject)))).unwrap().client());
    assert_eq!(of_client("someone"), of_client("other"), "what a client holds counts together");
}

#[test]
fn each_claim_that_rfc_9068_wants_is_there_and_has_its_form() {
    for name in ["iss", "aud", "sub", "client_id", "jti", "exp", "iat"] {
        assert_eq!(of(&claims_with(name, None)), Err(ForeignError::Claim(name)), "{name}");
    }
    for (name, value) in [
        ("iss", json!(1)),
        ("aud", json!({})),
        ("aud", json!([1])),
        ("aud", json!(null)),
        ("sub", json!("")),
        ("client_id", json!("")),
        ("jti", json!("")),
        ("exp", json!("1800000000")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("iat", json!(true)),
        ("nbf", json!("soon")),
    ] {
        let error = of(&claims_with(name, Some(value.clone()))).unwrap_err();
        let is_told = matches!(error, ForeignError::Claim(told) if told == name)
            || matches!(error, ForeignError::Form(_));
        assert!(is_told, "{name} {value}: {error:?}");
    }
    for name in ["scope", "sub", "client_id", "jti"] {
        assert_eq!(of(&claims_with(name, Some(json!(1)))), Err(ForeignError::Form("the payload")), "{name}");
    }
}

#[test]
fn a_token_is_for_this_server_from_that_issuer() {
    for aud in [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE])] {
        assert!(of(&claims_with("aud", Some(aud))).is_ok());
    }
    for aud in [json!("other"), json!([]), json!("https://bp.example/"), json!("HTTPS://BP.EXAMPLE")] {
        assert_eq!(of(&claims_with("aud", Some(aud))), Err(ForeignError::Audience));
    }
    for iss in ["https://id.example", "https://id.example/realm/", "https://evil.example/realm"] {
        assert_eq!(of(&claims_with("iss", Some(json!(iss)))), Err(ForeignError::Issuer));
    }
    assert_eq!(of(&claims_with("cnf", Some(json!({"jkt": "x"})))), Err(ForeignError::Bound));
}

#[test]
fn a_token_ends_at_its_end_and_begins_within_a_minute() {
    let at = |name, seconds: u64| of(&claims_with(name, Some(json!(seconds)))).map(drop);
    assert_eq!(at("exp", NOW), Err(ForeignError::Expired));
    assert_eq!(at("exp", NOW + 1), Ok(()));
    for name in ["nbf", "iat"] {
        assert_eq!(at(name, NOW + 60), Ok(()), "{name}");
        assert_eq!(at(name, NOW + 61), Err(ForeignError::NotYet), "{name}");
    }
    // A fraction is dropped.
    assert_eq!(of(&claims_with("exp", Some(json!(1_700_000_000.9)))), Err(ForeignError::Expired));
    let found = of(&claims()).unwrap();
    let end = found.expires();
    assert_eq!(found.is_good(Timestamp::from_millis(end.as_millis() - 1)), Ok(()));
    assert_eq!(found.is_good(end), Err(ForeignError::Expired));
    let long_before = Timestamp::from_millis(NOW * 1_000 - 71_000);
    assert_eq!(found.is_good(long_before), Err(ForeignError::NotYet), "the clock was set back");
    assert_eq!(found.is_good(long_before.after(Duration::from_secs(1))), Ok(()));
}

#[test]
fn a_header_is_strict() {
    let payload = claims().to_string();
    let with = |header: &str| of_text(header, &payload).map(drop);
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(with(&format!(r#"{{"alg":"EdDSA","kid":"k","typ":"{typ}"}}"#)), Ok(()));
    }
    for typ in [r#""JWT""#, r#""at+jwt ""#, r#""secevent+jwt""#, r#""""#, "null"] {
        let header = format!(r#"{{"alg":"EdDSA","kid":"k","typ":{typ}}}"#);
        assert_eq!(with(&header), Err(ForeignError::Type), "{typ}");
    }
    assert_eq!(with(r#"{"alg":"EdDSA","kid":"k"}"#), Err(ForeignError::Type));
    for crit in [r#"["exp"]"#, "[]", "null", "1"] {
        let header = format!(r#"{{"alg":"EdDSA","kid":"k","typ":"at+jwt","crit":{crit}}}"#);
        assert_eq!(with(&header), Err(ForeignError::Critical), "{crit}");
    }
    for alg in ["none", "None", "HS256", "eddsa", "ES256K", ""] {
        let header = format!(r#"{{"alg":"{alg}","kid":"k","typ":"at+jwt"}}"#);
        assert_eq!(with(&header), Err(ForeignError::Algorithm), "{alg}");
    }
    for header in [
        "",
        "{}",
        "[]",
        r#"{"kid":"k","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA","kid":"k","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","kid":1,"typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt"} x"#,
    ] {
        assert_eq!(with(header), Err(ForeignError::Form("the header")), "{header}");
    }
    let long = format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"at+jwt"}}"#, "k".repeat(513));
    assert_eq!(with(&long), Err(ForeignError::Form("the header")));
}

#[test]
fn a_claim_that_is_there_twice_is_none() {
    let payload = claims().to_string().replacen('{', r#"{"exp":1,"#, 1);
    let header = Signer::new("k").header().to_string();
    assert_eq!(of_text(&header, &payload), Err(ForeignError::Form("the payload")));
}

#[test]
fn only_the_algorithms_of_the_issuer_are_taken() {
    let signer = Signer::new("k");
    let (text, keys) =
        (signer.sign(&signer.header().to_string(), &claims().to_string()), set(&[signer.jwk()]).unwrap());
    let now = Timestamp::from_millis(NOW * 1_000);
    let narrow = Trust { algorithms: [Algorithm::Es256, Algorithm::Rs256].into(), ..trust() };
    let presented = Presented::parse(&text).unwrap();
    assert_eq!(Foreign::of(&presented, &narrow, &keys, now), Err(ForeignError::Algorithm));
    assert!(Foreign::of(&presented, &trust(), &keys, now).is_ok());
}

#[test]
fn every_character_of_a_token_counts() {
    let signer = Signer::new("k");
    let keys = set(&[signer.jwk()]).unwrap();
    let text = signer.sign(&signer.header().to_string(), &claims().to_string());
    assert!(judged(&text, &keys).is_ok());
    for at in 0..text.len() {
        let mut forged = text.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        assert!(judged(&String::from_utf8(forged).unwrap(), &keys).is_err(), "{at}");
        assert!(judged(&text[..at], &keys).is_err(), "{at}");
    }
    for other in
        [format!("{text}="), format!("{text}."), format!("{text}A"), format!(".{text}"), format!("{text} ")]
    {
        assert!(judged(&other, &keys).is_err());
    }
    let long = format!("{text}{}", "A".repeat(TOKEN_MAX));
    assert_eq!(judged(&long, &keys), Err(ForeignError::TooLong));
    assert!(!Presented::looks_so("bpa_x") && Presented::looks_so(&text));
}

/// Something like the value of a claim or a member of a header.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~é]{0,12}".prop_map(Value::from),
        Just(json!("backplane")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("type|actions|buses|keys|[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_judged(text in "[ -~]{0,64}|[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        prop_assert!(Presented::parse(&text).is_err());
        prop_assert!(KeySet::parse(text.as_bytes()).is_err());
    }

    #[test]
    fn any_claim_and_any_member_of_a_header_are_judged_and_never_widen(
        claim in "scope|authorization_details|aud|exp|nbf|iat|sub|client_id|jti|cnf|iss",
        member in "alg|typ|kid|crit|jku|jwk|b64",
        values in (value(), value()),
    ) {
        let signer = Signer::new("k");
        let keys = set(&[signer.jwk()]).unwrap();
        let mut header = signer.header();
        header[&member] = values.1;
        let changed = claims_with(&claim, Some(values.0));
        for header in [header, signer.header()] {
            if let Ok(found) = judged(&signer.sign(&header.to_string(), &changed.to_string()), &keys) {
                prop_assert!(found.permits().buses().iter().all(|bus| ["a", "b"].contains(&bus.as_str())));
                prop_assert!(found.is_good(Timestamp::from_millis(NOW * 1_000)).is_ok());
            }
        }
    }
}
