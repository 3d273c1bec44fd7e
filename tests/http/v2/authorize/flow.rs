//! From a client's link to its tokens.

use std::sync::Barrier;
use std::thread;

use super::*;

#[test]
fn v2_authz_1_an_owner_signs_in_and_allows_and_the_client_reads_the_bus() {
    let server = start();
    let client = server.client();
    let mut browser = Browser::new(&server);
    let asked = authorize(&[("scope", &format!("bus:{BUS}"))]);
    let first = browser.get(&asked);
    assert_eq!(first.status, 303);
    let login = format!("/v2/{}", to(&first));
    assert!(login.starts_with("/v2/authenticate?response_type=code&"), "{login}");
    let form = browser.get(&login);
    assert!(form.text().contains("<bdi>vendor</bdi> asks to use buses"), "{}", form.text());
    let signed_in = browser.sign_in(&login, OWNER, &password_of(OWNER));
    assert_eq!(signed_in.status, 303);
    assert_eq!(format!("/v2/{}", to(&signed_in)), asked, "what the client asked goes on as it was");
    let page = browser.get(&asked);
    assert_eq!(page.status, 200, "{}", page.text());
    for shown in ["<bdi>vendor</bdi>", BUS, SOURCE, "<strong>https://vendor.example</strong>", "alice"] {
        assert!(page.text().contains(shown), "{shown} in {}", page.text());
    }
    let back = browser.answer(&page, "allow");
    let told = told(&back);
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "iss", "state"]);
    assert_eq!(value(&told, "state"), Some("s t&a=te"));
    assert_eq!(value(&told, "iss"), Some(&*client.url("")), "RFC 9207: as its metadata have it");
    let tokens = tokens(&client, value(&told, "code").unwrap());
    assert_eq!((&tokens["scope"], &tokens["token_type"]), (&json!(format!("bus:{BUS}")), &json!("Bearer")));
    let session = super::super::page(&client, BUS);
    super::super::post(&client, access(&tokens), BUS, &session.channel, 7);
    assert_eq!(super::super::payloads(&read(&client, access(&tokens), "")), [7]);
    // The grant is audited as the owner's, and is seen by operators.
    let grants = send(admin(&client, "GET", "grants")).json();
    assert_eq!(grants["grants"][0]["by"], json!({"owner": OWNER}), "{grants}");
}

#[test]
fn v2_authz_1_the_state_returns_byte_by_byte() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    for state in ["x", "a%20b+c", "%ff%00%fe", "%E2%82%AC%26%3D%23", "%252525", "%0d%0aLocation:%20x"] {
        let asked = format!("/v2/authorize?{}&state={state}", query(&[("state", "")]));
        let decoded = |query: &str| -> Vec<u8> {
            let (_, value) = query.rsplit_once("state=").unwrap();
            let spaced = value.replace('+', " ");
            let mut bytes = spaced.bytes();
            let mut found = Vec::new();
            while let Some(byte) = bytes.next() {
                let hex = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
                found.push(if byte == b'%' {
                    hex(bytes.next().unwrap()) * 16 + hex(bytes.next().unwrap())
                } else {
                    byte
                });
            }
            found
        };
        let page = browser.get(&asked);
        for answer in ["allow", "deny"] {
            let back = if answer == "allow" {
                browser.answer(&page, answer)
            } else {
                let page = browser.get(&asked);
                browser.answer(&page, answer)
            };
            assert_eq!(back.status, 303);
            assert_eq!(decoded(to(&back)), decoded(&asked), "{answer} {}", to(&back));
        }
    }
    let back = browser.answered(&[("state", "")], "allow");
    assert_eq!(value(&told(&back), "state"), None, "none is none");
}

#[test]
fn v2_authz_1_what_is_not_exactly_registered_is_told_on_a_page() {
    let server = start();
    register(&server, "two", &["https://two.example/a", "https://two.example:8443/b"]);
    let client = server.client();
    for redirect in [
        "",
        "https://vendor.example/back",
        "https://vendor.example/back?a=1&b=2",
        "https://vendor.example/back?a=1/",
        "https://vendor.example/back/?a=1",
        "https://vendor.example/back/../back?a=1",
        "https://vendor.example/BACK?a=1",
        "https://VENDOR.example/back?a=1",
        "HTTPS://vendor.example/back?a=1",
        "http://vendor.example/back?a=1",
        "https://vendor.example:443/back?a=1",
        "https://vendor.example:8443/back?a=1",
        "https://vendor.example@evil.example/back?a=1",
        "https://evil.example@vendor.example/back?a=1",
        "https://vendor.example.evil.example/back?a=1",
        "https://evil.example/https://vendor.example/back?a=1",
        "https://vendor.example/back?a=1#",
        "https://vendor.example/back?a=1#x",
        "https://vendor.example/%62ack?a=1",
        "https://vendor.example/back?a=%31",
        "https://vendor.example/back?a=1%00",
        "https://vendor.example/back?a=1 ",
        "\thttps://vendor.example/back?a=1",
        "https:\\\\vendor.example/back?a=1",
        "//vendor.example/back?a=1",
        "/back?a=1",
        "https://two.example/a",
    ] {
        for asked in [
            authorize(&[("redirect_uri", redirect)]),
            authorize(&[("redirect_uri", redirect), ("scope", "x")]),
        ] {
            is_page_of_an_error(&client.get(&asked), 400);
        }
    }
    let twice = format!("{}&redirect_uri={}", authorize(&[]), "https%3A%2F%2Fevil.example");
    is_page_of_an_error(&client.get(&twice), 400);
    for name in ["", "nobody", "VENDOR", "vendor ", OWNER] {
        is_page_of_an_error(&client.get(&authorize(&[("client_id", name)])), 400);
    }
    is_page_of_an_error(&client.get(&format!("{}&client_id=two", authorize(&[]))), 400);
    is_page_of_an_error(&client.get("/v2/authorize"), 400);
    let mut browser = Browser::new(&server);
    let good =
        browser.get(&authorize(&[("client_id", "two"), ("redirect_uri", "https://two.example:8443/b")]));
    assert_eq!(good.status, 303, "each that is registered is good");
}

#[test]
fn v2_authz_1_what_else_is_wrong_is_told_to_the_client() {
    let server = start();
    let mut browser = Browser::new(&server);
    for (changes, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("response_type", "")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("scope", "colour:red")], "invalid_scope"),
        (&[("scope", "bus:a b:c")], "invalid_scope"),
    ] {
        let told = told(&browser.get(&authorize(changes)));
        assert_eq!(value(&told, "error"), Some(error), "{changes:?}");
        assert_eq!(value(&told, "state"), Some("s t&a=te"));
        assert_eq!(value(&told, "iss"), Some(&*server.client().url("")), "RFC 9207: in errors too");
        assert!(value(&told, "error_description").is_some_and(|text| text.len() > 10));
    }
    let twice = browser.get(&format!("{}&scope=type:a&scope=type:b", authorize(&[])));
    assert_eq!(value(&told(&twice), "error"), Some("invalid_request"));
}

#[test]
fn v2_authz_1_an_owner_says_no() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    let told = told(&browser.answered(&[], "deny"));
    assert_eq!(value(&told, "error"), Some("access_denied"));
    assert_eq!((value(&told, "state"), value(&told, "code")), (Some("s t&a=te"), None));
    assert_eq!(
        send(admin(&server.client(), "GET", "grants")).json()["grants"],
        json!([]),
        "nothing is granted"
    );
}

#[test]
fn v2_authz_1_only_buses_of_the_owner_are_seen_and_granted() {
    let server = start();
    let client = server.client();
    for (user, own, foreign) in [(OWNER, BUS, OTHER_BUS), (OTHER_OWNER, OTHER_BUS, BUS)] {
        let mut browser = Browser::of(&server, user);
        // Without a bus in the scope it is about all that is the owner's.
        let page = browser.get(&authorize(&[]));
        assert!(page.text().contains(own) && !page.text().contains(foreign), "{}", page.text());
        let tokens = tokens(&client, &code_of(&browser.answer(&page, "allow")));
        assert_eq!(tokens["scope"], json!(format!("bus:{own}")));
        // One that is another's, and one that is nobody's, are told alike.
        for scope in
            [format!("bus:{foreign}"), format!("bus:{own} bus:{foreign}"), "bus:nobody.com".to_owned()]
        {
            let page = browser.get(&authorize(&[("scope", &scope)]));
            assert_eq!(page.status, 200);
            assert!(page.text().contains("not yours") && !page.text().contains("value=\"allow\""));
            // Pressing a button that is not there changes nothing.
            let told = told(&browser.answer(&page, "allow"));
            assert_eq!(
                (value(&told, "error"), value(&told, "code")),
                (Some("access_denied"), None),
                "{scope}"
            );
        }
    }
    let mut browser = Browser::of(&server, "nobody");
    let page = browser.get(&authorize(&[]));
    assert!(page.text().contains("You own no buses"), "{}", page.text());
    assert_eq!(value(&told(&browser.answer(&page, "deny")), "error"), Some("access_denied"));
    assert_eq!(send(admin(&client, "GET", "grants")).json()["grants"].as_array().unwrap().len(), 2);
}

#[test]
fn v2_authz_1_a_bus_that_is_no_more_the_owners_is_not_granted() {
    let server = started(Setup::new());
    let client = server.client();
    let own = |owner: &str| json!({"settings": {"owner": owner}});
    assert_eq!(send(admin(&client, "PUT", "buses/made").json(&own(OWNER))).status, 201);
    let mut browser = Browser::of(&server, OWNER);
    let page = browser.get(&authorize(&[]));
    assert!(page.text().contains("made"));
    assert_eq!(send(admin(&client, "PATCH", "buses/made").json(&own("reader"))).status, 200);
    assert_eq!(value(&told(&browser.answer(&page, "allow")), "error"), Some("access_denied"));
    // A client that is registered otherwise meanwhile gets nothing at the old place.
    assert_eq!(send(admin(&client, "PATCH", "buses/made").json(&own(OWNER))).status, 200);
    let page = browser.get(&authorize(&[]));
    register(&server, CLIENT, &["https://vendor.example/new"]);
    is_page_of_an_error(&browser.answer(&page, "allow"), 403);
    assert_eq!(send(admin(&client, "GET", "grants")).json()["grants"], json!([]));
}

#[test]
fn v2_authz_1_filters_are_shown_and_hold() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    let page = browser.get(&authorize(&[("scope", "type:a/b sticky:true")]));
    assert!(
        page.text().contains("<code>type:a/b</code>") && page.text().contains("<code>sticky:true</code>")
    );
    let tokens = tokens(&server.client(), &code_of(&browser.answer(&page, "allow")));
    assert_eq!(tokens["scope"], json!(format!("bus:{BUS} type:a/b sticky:true")));
}

#[test]
fn v2_tok_3_a_code_is_its_clients_with_its_verifier_at_its_redirect_uri() {
    let server = start();
    let client = server.client();
    register(&server, "other", &[BACK]);
    let mut browser = Browser::of(&server, OWNER);
    let code = code_of(&browser.answered(&[], "allow"));
    let wrong = VERIFIER.replace('d', "e");
    for (name, redirect, verifier) in [
        ("other", BACK, VERIFIER),
        (CLIENT, BACK, wrong.as_str()),
        (CLIENT, BACK, CHALLENGE),
        (CLIENT, "https://vendor.example/back", VERIFIER),
    ] {
        refused(&exchange(&client, name, &code, (redirect, verifier)), 400, "invalid_grant");
    }
    let without = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", BACK)];
    refused(&ask_token(&client, CLIENT, &without), 400, "invalid_request");
    read(&client, access(&tokens(&client, &code)), "");
}

#[test]
fn v2_tok_3_of_fifty_at_once_one_gets_tokens_and_then_they_are_over() {
    let server = start();
    let client = server.client();
    let mut browser = Browser::of(&server, OWNER);
    let code = code_of(&browser.answered(&[], "allow"));
    let barrier = Barrier::new(50);
    let replies: Vec<Reply> = thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            exchange(&server.client(), CLIENT, &code, (BACK, VERIFIER))
        };
        let asking: Vec<_> = (0..50).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(good.len(), 1);
    for reply in bad {
        refused(reply, 400, "invalid_grant");
    }
    let tokens = good[0].json();
    assert!(matches!(get(&client, access(&tokens), "/v2/messages").status, 401 | 403));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    refused(&ask_token(&client, CLIENT, &form), 400, "invalid_grant");
}

#[test]
fn rfc_8414_names_what_the_flow_needs() {
    let server = start();
    let client = server.client();
    let json = client.get("/.well-known/oauth-authorization-server").json();
    assert_eq!(json["authorization_endpoint"], client.url("/v2/authorize"));
    for (name, expected) in [
        ("response_types_supported", json!(["code"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("grant_types_supported", json!(["authorization_code", "client_credentials", "refresh_token"])),
    ] {
        assert_eq!(json[name], expected, "{name}");
    }
}

#[test]
fn rfc_9207_the_issuer_is_the_public_url_where_there_is_one() {
    let setup =
        owned().config(|config| config.public_url = Some("https://bp.example/below".parse().unwrap()));
    let server = started(setup);
    let mut browser = Browser::of(&server, OWNER).with("origin", "https://bp.example");
    let back = browser.answered(&[], "allow");
    assert_eq!(value(&told(&back), "iss"), Some("https://bp.example/below"));
}
