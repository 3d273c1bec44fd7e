//! Threats of RFC 9700 (security practice of OAuth 2.0) that concern tokens and buses, as tests.

use serde_json::json;
use testkit::{BUS, Setup, send};

use super::*;

#[test]
fn no_bit_of_a_pages_token_may_change() {
    let server = start();
    let client = server.client();
    let page = page(&client, BUS);
    let bytes = page.token.as_bytes();
    for at in 0..bytes.len() {
        let mut forged = bytes.to_vec();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        let reply = get(&client, &forged, "/v2/messages");
        // The last character of base64 may have bits that say nothing: a text that is not canonical is none.
        assert_eq!(
            (reply.status, reply.json()["error_description"].as_str()),
            (401, Some("invalid token")),
            "{at}"
        );
    }
}

#[test]
fn a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let server = start();
    let client = server.client();
    let page = page(&client, BUS);
    refused(&get(&client, &page.refresh, "/v2/messages"), 401, "invalid_token");
    refused(&client.get(&format!("/v2/token?refresh_token={}", page.token)), 401, "invalid_token");
    let body = page.refresh.split_once('_').unwrap().1;
    refused(&get(&client, &format!("bpp_{body}"), "/v2/messages"), 401, "invalid_token");
}

#[test]
fn a_bus_that_is_made_again_does_not_know_what_was_issued_before() {
    let server = started(Setup::new());
    let client = server.client();
    let make = || {
        let reply = send(admin(&client, "PUT", "buses/tenant.com").json(&json!({"settings": {}})));
        assert_eq!(reply.status, 201, "{}", reply.text());
    };
    make();
    grant(&client, CLIENT, &["tenant.com"]);
    let (page, token) = (page(&client, "tenant.com"), token_of(&client, CLIENT, "bus:tenant.com"));
    post(&client, &token, "tenant.com", &page.channel, 1);
    assert_eq!(send(admin(&client, "DELETE", "buses/tenant.com")).status, 204);
    refused(&get(&client, &page.token, "/v2/messages"), 403, "invalid_token");
    refused(&get(&client, &token, "/v2/messages"), 403, "invalid_token");
    make();
    refused(&get(&client, &page.token, "/v2/messages"), 403, "invalid_token");
    refused(&get(&client, &token, "/v2/messages"), 403, "invalid_token");
    refused(&client.get(&format!("/v2/token?refresh_token={}", page.refresh)), 403, "invalid_token");
    // Its channel's name is bound to the bus before.
    grant(&client, CLIENT, &["tenant.com"]);
    let token = token_of(&client, CLIENT, "bus:tenant.com");
    let reply = post_with(&client, &token, "tenant.com", &page.channel, &json!(1), &json!({}));
    refused(&reply, 403, "unbound_channel");
    assert_eq!(read(&client, &token, "")["messages"], json!([]));
}

#[test]
fn errors_say_nothing_of_what_was_sent() {
    let server = start();
    let client = server.client();
    let secret = "s3cr3t-of-somebody";
    for path in [
        format!("/v2/messages?access_token={secret}"),
        format!("/v2/token?refresh_token={secret}"),
        format!("/v2/token?bus={secret}"),
        format!("/v2/token?bus={BUS}&scope={secret}"),
        format!("/v2/token?bus={BUS}&scope=type:x%20channel:{secret}"),
        format!("/v2/message/{secret}"),
    ] {
        let reply = client.get(&path);
        assert!(reply.status >= 400 && !reply.text().contains(secret), "{path}: {}", reply.text());
    }
    let form = [("grant_type", secret), ("scope", secret)];
    assert!(!ask_token(&client, CLIENT, &form).text().contains(secret));
    assert!(!get(&client, secret, "/v2/messages").text().contains(secret));
}

/// Who is there is not told by the time of an answer: each guess takes one hash, whether there is a client of the name or not, and two if it may
/// mean two things.
#[test]
fn an_unknown_client_costs_as_much_as_a_wrong_secret() {
    let server = start();
    let client = server.client();
    let hashes = || client.metric("password_hashes_total", "").unwrap();
    let cost = |name: &str, secret: &str| {
        let before = hashes();
        let request = client.request("POST", "/v2/token").basic_auth(name, Some(secret));
        let reply = send(as_form(request, &[("grant_type", "client_credentials")]));
        (reply.status, reply.json(), hashes() - before)
    };
    let wrong = cost(CLIENT, "a wrong secret");
    assert_eq!((wrong.0, wrong.2), (401, 1.0));
    assert_eq!(cost("nobody", "a wrong secret"), wrong);
    let twice = cost(CLIENT, "a+wrong+secret");
    assert_eq!((twice.0, twice.2), (401, 2.0));
    assert_eq!(cost("nobody", "a+wrong+secret"), twice);
}
