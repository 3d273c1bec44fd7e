//! What other pages cannot do in an owner's name.

use super::*;

/// An answer, and what it needs.
fn asked(browser: &mut Browser) -> (String, String) {
    let page = browser.get(&authorize(&[]));
    (field(&page, "token"), field(&page, "ask"))
}

fn nothing_was_granted(server: &Server) {
    assert_eq!(send(admin(&server.client(), "GET", "grants")).json()["grants"], json!([]));
}

#[test]
fn v2_authz_1_an_answer_without_the_token_of_its_browser_is_none() {
    let server = start();
    let (mut alice, mut other) = (Browser::of(&server, OWNER), Browser::of(&server, OTHER_OWNER));
    let (token, ask) = asked(&mut alice);
    let (foreign, _) = asked(&mut other);
    let yes = ("answer", "allow");
    for fields in [
        &[yes, ("ask", &*ask)][..],
        &[yes, ("ask", &ask), ("token", "")],
        &[yes, ("ask", &ask), ("token", &foreign)],
        &[yes, ("ask", &ask), ("token", &token[1..])],
    ] {
        is_page_of_an_error(&alice.post("/v2/authorize", fields), 403);
    }
    is_page_of_an_error(
        &alice.post("/v2/authorize", &[yes, ("ask", &ask), ("token", &token), ("token", &token)]),
        400,
    );
    // Another session answers nothing of this one, with its own token too.
    is_page_of_an_error(&other.post("/v2/authorize", &[yes, ("ask", &ask), ("token", &foreign)]), 403);
    let mut without_cookie = Browser::new(&server);
    is_page_of_an_error(&without_cookie.post("/v2/authorize", &[yes, ("ask", &ask), ("token", &token)]), 403);
    let in_query = format!("/v2/authorize?token={token}&ask={ask}&answer=allow");
    is_page_of_an_error(&alice.post(&in_query, &[]), 403);
    assert!(alice.get(&in_query).status == 400, "and by GET nothing is answered");
    nothing_was_granted(&server);
    assert_eq!(alice.post("/v2/authorize", &[yes, ("ask", &ask), ("token", &token)]).status, 303);
}

#[test]
fn v2_authz_1_pages_of_other_origins_send_no_forms() {
    let server = start();
    let own = server.client().url("");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let mut browser = Browser::of(&server, OWNER).with(name, value);
        let (token, ask) = asked(&mut browser);
        let fields = [("answer", "allow"), ("ask", &*ask), ("token", &*token)];
        is_page_of_an_error(&browser.post("/v2/authorize", &fields), 403);
        let fields = [("action", "sign-out"), ("token", &*token)];
        is_page_of_an_error(&browser.post("/v2/authenticate", &fields), 403);
        assert_eq!(browser.get("/v2/grants").status, 200, "still signed in");
        // Nor do they sign somebody in as whom they like.
        let mut fresh = Browser::new(&server).with(name, value);
        is_page_of_an_error(&fresh.sign_in("/v2/authenticate", OWNER, &password_of(OWNER)), 403);
    }
    nothing_was_granted(&server);
    let mut browser = Browser::of(&server, OWNER).with("origin", &own).with("sec-fetch-site", "same-origin");
    assert_eq!(browser.answered(&[], "deny").status, 303);
}

#[test]
fn v2_authz_1_nobody_is_signed_in_by_a_form_without_its_token() {
    let server = start();
    let mut browser = Browser::new(&server);
    let (user, password) = (("user", OWNER), ("password", "ecila"));
    is_page_of_an_error(&browser.post("/v2/authenticate", &[user, password, ("action", "sign-in")]), 403);
    browser.get("/v2/authenticate");
    is_page_of_an_error(&browser.post("/v2/authenticate", &[user, password, ("action", "sign-in")]), 403);
    let theirs = field(&Browser::new(&server).get("/v2/authenticate"), "token");
    let fields = [user, password, ("action", "sign-in"), ("token", &*theirs)];
    is_page_of_an_error(&browser.post("/v2/authenticate", &fields), 403);
    assert_eq!(to(&browser.get("/v2/grants")), "authenticate");
}

#[test]
fn v2_authz_1_an_answer_is_taken_once_and_not_for_ever() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    let (token, ask) = asked(&mut browser);
    let fields = [("answer", "allow"), ("ask", &*ask), ("token", &*token)];
    assert_eq!(browser.post("/v2/authorize", &fields).status, 303);
    is_page_of_an_error(&browser.post("/v2/authorize", &fields), 403);
    let (token, ask) = asked(&mut browser);
    server.advance(std::time::Duration::from_mins(10));
    let fields = [("answer", "allow"), ("ask", &*ask), ("token", &*token)];
    is_page_of_an_error(&browser.post("/v2/authorize", &fields), 403);
    let (token, ask) = asked(&mut browser);
    let fields = [("answer", "perhaps"), ("ask", &*ask), ("token", &*token)];
    is_page_of_an_error(&browser.post("/v2/authorize", &fields), 400);
}

#[test]
fn v2_authz_1_what_was_shown_is_what_is_answered() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    let page = browser.get(&authorize(&[("scope", "type:a")]));
    let (token, ask) = (field(&page, "token"), field(&page, "ask"));
    let path = authorize(&[("scope", "type:b"), ("client_id", "evil"), ("state", "other")]);
    let fields =
        [("answer", "allow"), ("ask", &*ask), ("token", &*token), ("scope", "type:c"), ("state", "x")];
    let back = browser.post(&path, &fields);
    assert_eq!(value(&told(&back), "state"), Some("s t&a=te"));
    let tokens = tokens(&server.client(), &code_of(&back));
    assert_eq!(tokens["scope"], json!(format!("bus:{BUS} type:a")));
}

#[test]
fn i_5_bodies_of_forms_are_bounded_and_are_forms() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    let (token, ask) = asked(&mut browser);
    let long = "x".repeat(9000);
    let fields = [("answer", "allow"), ("ask", &*ask), ("token", &*token), ("more", &*long)];
    is_page_of_an_error(&browser.post("/v2/authorize", &fields), 413);
    let request = browser.client.request("POST", "/v2/authorize").json(&json!({"token": token, "ask": ask}));
    is_page_of_an_error(&browser.send(request), 415);
    for (method, path) in [("PUT", "/v2/authorize"), ("DELETE", "/v2/grants"), ("POST", "/v2/consent.css")] {
        let reply = send(browser.client.request(method, path));
        reply.is_error(405, "method_not_allowed");
        assert!(reply.header("allow").is_some());
    }
}

#[test]
fn v2_authz_1_a_form_that_is_no_text_is_refused() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    for body in [&b"token=%ff&answer=deny"[..], b"token=\xff"] {
        let request = browser.client.request("POST", "/v2/authorize");
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        is_page_of_an_error(&browser.send(request), 400);
    }
}
