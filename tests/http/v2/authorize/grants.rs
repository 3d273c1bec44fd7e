//! What owners see of what was granted, and how they take it back.

use testkit::Events;

use super::*;

fn grants(server: &Server) -> Value {
    send(admin(&server.client(), "GET", "grants")).json()["grants"].clone()
}

#[test]
fn v2_authz_1_an_owner_takes_a_grant_back_and_open_streams_end() {
    let server = start();
    let client = server.client();
    let mut browser = Browser::of(&server, OWNER);
    let tokens = tokens(&client, &code_of(&browser.answered(&[], "allow")));
    let request = super::super::with(client.request("GET", "/v2/messages"), access(&tokens));
    let mut events = Events::of(request);
    events.resumed();
    let page = browser.get("/v2/grants");
    assert!(
        page.text().contains("<bdi>vendor</bdi>") && page.text().contains("You allowed it"),
        "{}",
        page.text()
    );
    let (token, id) = (field(&page, "token"), field(&page, "grant"));
    is_page_of_an_error(&browser.post("/v2/grants", &[("grant", &id)]), 403);
    let reply = browser.post("/v2/grants", &[("token", &token), ("grant", &id)]);
    assert_eq!((reply.status, to(&reply)), (303, "grants"));
    assert_eq!(events.fact()["end"], "revoked");
    let reply = get(&client, access(&tokens), "/v2/messages");
    assert!(refused(&reply, 403, "invalid_token").contains("invalid token"), "V2-ERR-1");
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    refused(&ask_token(&client, CLIENT, &form), 400, "invalid_grant");
    assert!(browser.get("/v2/grants").text().contains("No client may use them"));
    is_page_of_an_error(&browser.post("/v2/grants", &[("token", &token), ("grant", &id)]), 404);
}

#[test]
fn v2_authz_1_nobody_takes_back_what_another_has_given() {
    let server = start();
    let client = server.client();
    let mut alice = Browser::of(&server, OWNER);
    code_of(&alice.answered(&[], "allow"));
    let own = field(&alice.get("/v2/grants"), "grant");
    let by_admin = super::super::grant(&client, CLIENT, &[BUS, OTHER_BUS]);
    let mut other = Browser::of(&server, OTHER_OWNER);
    let page = other.get("/v2/grants");
    assert!(
        page.text().contains("The operator of this server allowed it") && page.text().contains(OTHER_BUS)
    );
    assert!(!page.text().contains(BUS), "of a grant only what is about the own buses: {}", page.text());
    let token = field(&page, "token");
    for id in [&*own, &by_admin, "", "x", &"A".repeat(22)] {
        is_page_of_an_error(&other.post("/v2/grants", &[("token", &token), ("grant", id)]), 404);
    }
    assert_eq!(grants(&server).as_array().unwrap().len(), 2);
}

#[test]
fn v2_authz_1_what_is_allowed_again_is_one_grant() {
    let server = start();
    let client = server.client();
    let mut browser = Browser::of(&server, OWNER);
    let first = tokens(&client, &code_of(&browser.answered(&[], "allow")));
    let second = tokens(&client, &code_of(&browser.answered(&[("scope", "type:a")], "allow")));
    assert_eq!(grants(&server).as_array().unwrap().len(), 1);
    for tokens in [&first, &second] {
        read(&client, access(tokens), "");
    }
}
