use std::borrow::Cow;

use proptest::prelude::*;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::form::pairs;
use super::*;
use crate::access::ClientUrl;
use crate::access::ledger::PkceError;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn query(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn good() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "vendor"),
        ("redirect_uri", "https://vendor.example/back?a=1"),
        ("scope", "bus:a.com sticky:true"),
        ("state", "a b&c"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

/// The good request with another value of one parameter; with none it is left out.
fn with(name: &str, value: Option<&'static str>) -> String {
    let mut pairs: Vec<_> = good().into_iter().filter(|(known, _)| *known != name).collect();
    let name = good().into_iter().find(|(known, _)| *known == name).unwrap().0;
    pairs.extend(value.map(|value| (name, value)));
    query(&pairs)
}

#[test]
fn v2_authz_1_a_request_says_who_asks_for_what() {
    let text = query(&good());
    let ask = Ask::of(&text);
    let addressed = ask.addressed().unwrap();
    assert_eq!((addressed.client, addressed.redirect), ("vendor", "https://vendor.example/back?a=1"));
    assert_eq!(ask.state().as_bytes(), Some(&b"a b&c"[..]));
    let wish = ask.wish().unwrap();
    assert_eq!(wish.scope.to_string(), "bus:a.com sticky:true");
    assert!(wish.challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
    assert!(!format!("{ask:?}{:?}", ask.state()).contains("a b&c"), "I-8");
}

#[test]
fn v2_authz_1_without_client_or_redirect_uri_nobody_is_answered() {
    for name in ["client_id", "redirect_uri"] {
        for text in [with(name, None), with(name, Some("")), format!("{}&{name}=x", query(&good()))] {
            assert_eq!(Ask::of(&text).addressed(), Err(NobodyToAnswer::Parameter(name)), "{text}");
        }
        let text = format!("{}&{name}=%ff", with(name, None));
        assert_eq!(Ask::of(&text).addressed(), Err(NobodyToAnswer::Parameter(name)));
    }
}

#[test]
fn v2_authz_1_what_is_wrong_has_a_code_of_the_rfc() {
    use AuthorizationError::{InvalidRequest, InvalidScope, UnsupportedResponseType};
    let long = format!("{}&state={}", with("state", None), "x".repeat(STATE_MAX + 1));
    for (text, wrong, code) in [
        (with("response_type", None), WrongAsk::NoResponseType, InvalidRequest),
        (with("response_type", Some("token")), WrongAsk::ResponseType, UnsupportedResponseType),
        (with("response_type", Some("code token")), WrongAsk::ResponseType, UnsupportedResponseType),
        (with("code_challenge", None), PkceError::Missing.into(), InvalidRequest),
        (with("code_challenge_method", None), PkceError::Method.into(), InvalidRequest),
        (with("code_challenge_method", Some("plain")), PkceError::Method.into(), InvalidRequest),
        (format!("{}&scope=%fe", with("scope", None)), WrongAsk::NoText("scope"), InvalidRequest),
        (format!("{}&state=2", query(&good())), WrongAsk::Twice("state"), InvalidRequest),
        (long, WrongAsk::State(STATE_MAX + 1), InvalidRequest),
    ] {
        let ask = Ask::of(&text);
        assert_eq!(ask.wish(), Err(wrong), "{text}");
        assert_eq!(wrong.code(), code);
        assert!(ask.addressed().is_ok(), "and yet somebody can be told");
    }
    let ask = with("scope", Some("colour:red"));
    assert_eq!(Ask::of(&ask).wish().unwrap_err().code(), InvalidScope);
    assert_eq!(Ask::of(&with("scope", None)).wish().unwrap().scope.to_string(), "");
    let longest = format!("{}&state={}", with("state", None), "x".repeat(STATE_MAX));
    assert!(Ask::of(&longest).wish().is_ok());
    assert!(Ask::of(&format!("{}&resource=a&resource=b&x", query(&good()))).wish().is_ok(), "unknown ones");
}

#[test]
fn v2_authz_1_the_answer_keeps_the_query_of_the_redirect_uri() {
    let state = Ask::of("state=s%20%26%ff").state();
    for (redirect, begins) in [
        ("https://a.example", "https://a.example?code=x&iss="),
        ("https://a.example/b", "https://a.example/b?code=x&iss="),
        ("https://a.example/?", "https://a.example/?code=x&iss="),
        ("https://a.example/?b=1", "https://a.example/?b=1&code=x&iss="),
        ("https://a.example/?b=1&", "https://a.example/?b=1&code=x&iss="),
    ] {
        let redirect: ClientUrl = redirect.parse().unwrap();
        let to = sent_back(&redirect, Ok("x"), &state, "https://b.example");
        assert!(to.starts_with(begins), "{to}");
        assert!(to.ends_with("iss=https%3A%2F%2Fb.example&state=s+%26%FF"), "{to}");
    }
    let redirect: ClientUrl = "https://a.example/b".parse().unwrap();
    let wrong = Err((AuthorizationError::AccessDenied, "it \"is\" n\\o"));
    let to = sent_back(&redirect, wrong, &State::default(), "https://b.example");
    let expected = "error=access_denied&error_description=it+%27is%27+n%27o&iss=https%3A%2F%2Fb.example";
    assert_eq!(to, format!("https://a.example/b?{expected}"));
}

#[test]
fn forms_may_lead_to_the_origin_of_the_redirect_uri_alone() {
    for (url, origin) in [
        ("https://a.example/b?c", "https://a.example"),
        ("https://a.example:443/", "https://a.example"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
        ("http://[::1]:1/", "http:"),
    ] {
        assert_eq!(origin_for_forms(&url.parse().unwrap()), origin, "{url}");
    }
    // Whatever a URL may hold, it adds nothing to a policy.
    for url in ["https://a;b.example/", "https://a,b.example/", "https://a'b.example/", "https://*.example/"]
    {
        if let Ok(url) = url.parse::<ClientUrl>() {
            assert_eq!(origin_for_forms(&url), "https:");
        }
    }
}

proptest! {
    #[test]
    fn any_query_is_understood_or_refused(text in "[ -~]{0,80}") {
        let ask = Ask::of(&text);
        let _ = (ask.addressed().is_ok(), ask.wish().is_ok(), ask.state());
    }

    /// V2-AUTHZ-1: `state` returns byte by byte, also where it is no text, and nothing in it is taken for another parameter.
    #[test]
    fn state_returns_as_it_came(state in prop::collection::vec(any::<u8>(), 1..60), code in "[a-z]{1,9}") {
        let text = format!("a=b&state={}&c=d", byte_serialize(&state).collect::<String>());
        let ask = Ask::of(&text);
        let kept = ask.state();
        prop_assert_eq!(kept.as_bytes().unwrap(), &*state);
        let redirect: ClientUrl = "https://a.example/b?c=d".parse().unwrap();
        let to = sent_back(&redirect, Ok(&code), &kept, "https://b.example");
        prop_assert!(to.bytes().all(|byte| byte.is_ascii_graphic()));
        let url = Url::parse(&to).unwrap();
        let found: Vec<_> = pairs(url.query().unwrap()).collect();
        let names: Vec<_> = found.iter().map(|(name, _)| name.to_vec()).collect();
        prop_assert_eq!(names, ["c", "code", "iss", "state"].map(|name| name.as_bytes().to_vec()));
        prop_assert_eq!(&*found[3].1, &*state);
        prop_assert_eq!(&*found[1].1, code.as_bytes());
    }

    /// What is UTF-8 is read as everybody else reads it.
    #[test]
    fn parameters_are_those_of_a_form(pairs_given in prop::collection::vec((".{1,8}", ".{0,8}"), 0..5)) {
        let text = Serializer::new(String::new()).extend_pairs(&pairs_given).finish();
        let found: Vec<_> = pairs(&text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let expected: Vec<_> =
            pairs_given.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn odd_escapes_are_read_as_url_reads_them(text in "[%0-9a-fA-F+x]{0,20}") {
        let theirs: Vec<_> = url::form_urlencoded::parse(text.as_bytes()).collect();
        for ((name, _), (known, _)) in pairs(&text).zip(theirs) {
            prop_assert_eq!(String::from_utf8_lossy(&name), Cow::from(&*known));
        }
    }
}
