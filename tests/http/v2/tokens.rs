//! Tokens of pages and of clients (V2-ANON-1, V2-ANON-2, V2-TOK-1, V2-TOK-2, V2-ERR-1, V2-PAD-1).

use std::time::Duration;

use serde_json::json;
use testkit::{BUS, OTHER_BUS, Setup, password_of, send};

use super::*;

#[test]
fn v2_anon_1_a_page_gets_a_channel_and_a_token_for_it() {
    let server = start();
    let client = server.client();
    let reply = client.get(&format!("/v2/token?bus={BUS}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let json = reply.json();
    assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let page = page_of(&json);
    assert_eq!(page.scope, format!("bus:{BUS} channel:{}", page.channel), "the channel comes last");
    assert!(
        page.channel.len() >= 32
            && page.channel.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    );
    for token in [&page.token, &page.refresh] {
        assert!(token.len() >= 20 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    }
    let other = super::page(&client, BUS);
    assert!(other.channel != page.channel && other.token != page.token);
    assert_eq!(read(&client, &page.token, "")["messages"], json!([]));
}

#[test]
fn v2_anon_1_filters_are_part_of_the_scope_and_a_refresh_keeps_them() {
    let server = start();
    let client = server.client();
    let asked = format!("/v2/token?bus={BUS}&scope=type:identity/login%20sticky:true");
    let page = page_of(&client.get(&asked).json());
    assert_eq!(page.scope, format!("bus:{BUS} type:identity/login sticky:true channel:{}", page.channel));
    server.advance(Duration::from_secs(2));
    let reply = client.get(&format!("/v2/token?refresh_token={}", page.refresh));
    let again = page_of(&reply.json());
    assert_eq!((&again.scope, &again.channel), (&page.scope, &page.channel));
    assert_ne!(again.token, page.token);
    // Both are good: two tabs may refresh at once.
    let once_more = page_of(&client.get(&format!("/v2/token?refresh_token={}", page.refresh)).json());
    for token in [&page.token, &again.token, &once_more.token] {
        read(&client, token, "");
    }
}

#[test]
fn v2_anon_2_no_page_chooses_its_bus_or_channel_by_its_scope() {
    let server = start();
    let client = server.client();
    for scope in ["channel:abc", "bus:other.com", "type:x%20channel:abc"] {
        let reply = client.get(&format!("/v2/token?bus={BUS}&scope={scope}"));
        refused(&reply, 400, "invalid_scope");
    }
    for scope in ["nothing", "color:red", "sticky:maybe", "type:"] {
        refused(&client.get(&format!("/v2/token?bus={BUS}&scope={scope}")), 400, "invalid_scope");
    }
    refused(&client.get("/v2/token"), 400, "invalid_request");
    refused(&client.get("/v2/token?bus=nobody.com"), 400, "invalid_request");
    refused(&client.get(&format!("/v2/token?bus={BUS}&bus={OTHER_BUS}")), 400, "invalid_request");
}

#[test]
fn v2_pad_1_scripts_always_have_status_200() {
    let server = start();
    let client = server.client();
    let padded = |reply: Reply| {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("text/javascript; charset=utf-8"));
        let text = reply.text();
        let json = text.strip_prefix("Backplane.got(").unwrap().strip_suffix(");").unwrap();
        serde_json::from_str::<Value>(json).unwrap()
    };
    let call = "callback=Backplane.got";
    let page = page_of(&padded(client.get(&format!("/v2/token?bus={BUS}&{call}"))));
    let error = padded(client.get(&format!("/v2/token?bus=nobody.com&{call}")));
    assert_eq!(error["error"], "invalid_request");
    let error = padded(client.get(&format!("/v2/token?refresh_token=x&{call}")));
    assert_eq!(error, json!({"error": "invalid_token", "error_description": "invalid token"}), "V2-ERR-1");
    let list = padded(client.get(&format!("/v2/messages?access_token={}&{call}", page.token)));
    assert_eq!(list["messages"], json!([]));
    let error = padded(client.get(&format!("/v2/messages?access_token={}x&{call}", page.token)));
    assert_eq!(error, json!({"error": "invalid_token", "error_description": "invalid token"}), "V2-ERR-1");
    let error = padded(client.get(&format!("/v2/message/x?access_token={}&{call}", page.token)));
    assert_eq!(error["error"], "not_found");
    let error = client.get(&format!("/v2/token?bus={BUS}&callback=alert(1)"));
    refused(&error, 400, "invalid_request");
}

#[test]
fn v2_err_1_pages_are_told_in_these_words_that_a_token_is_over() {
    let server = start();
    let client = server.client();
    let page = super::page(&client, BUS);
    server.advance(Duration::from_secs(3601));
    let reply = get(&client, &page.token, "/v2/messages");
    assert_eq!(refused(&reply, 401, "invalid_token"), "invalid token");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"backplane\", error=\"invalid_token\""));
    // The refresh token is good for longer, and gets the same channel.
    let again = page_of(&client.get(&format!("/v2/token?refresh_token={}", page.refresh)).json());
    assert_eq!(again.channel, page.channel);
    read(&client, &again.token, "");
}

#[test]
fn v2_tok_1_a_client_gets_a_token_for_its_credentials() {
    let server = start();
    let client = server.client();
    let reply = ask_token(&client, CLIENT, &[("grant_type", "client_credentials")]);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let json = reply.json();
    assert_eq!(json["token_type"], "Bearer");
    assert!(json["expires_in"].as_u64().unwrap() > 0);
    assert_eq!(json["scope"], format!("bus:{BUS} bus:{OTHER_BUS}"), "V2-TOK-2: no bus: all that are granted");
    // A published client has both in the query.
    let request = client.request("POST", "/v2/token?grant_type=client_credentials&scope=bus:customer.com");
    let request = request.basic_auth(CLIENT, Some(secret_of(CLIENT)));
    let reply = send(as_form(request, &[("client_id", CLIENT)]));
    assert_eq!(reply.json()["scope"], format!("bus:{BUS}"), "{}", reply.text());
}

#[test]
fn v2_tok_1_credentials_come_in_the_head_alone() {
    let server = start();
    let client = server.client();
    let secret = secret_of(CLIENT);
    let bare = |path: &str, form: &[(&str, &str)]| send(as_form(client.request("POST", path), form));
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT), ("client_secret", &secret)];
    let reply = bare("/v2/token", &form);
    refused(&reply, 401, "invalid_client");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Basic "));
    refused(&ask_token(&client, CLIENT, &form), 400, "invalid_request");
    let in_query = format!("/v2/token?client_secret={secret}&grant_type=client_credentials");
    let request = client.request("POST", &in_query).basic_auth(CLIENT, Some(&secret));
    refused(&send(as_form(request, &[("a", "b")])), 400, "invalid_request");
    for (name, password) in [(CLIENT, "wrong"), ("nobody", "wrong"), ("alice", &password_of("alice"))] {
        let request = client.request("POST", "/v2/token").basic_auth(name, Some(password));
        let reply = send(as_form(request, &[("grant_type", "client_credentials")]));
        refused(&reply, 401, "invalid_client");
    }
    let other = [("grant_type", "client_credentials"), ("client_id", "other")];
    refused(&ask_token(&client, CLIENT, &other), 400, "invalid_request");
}

#[test]
fn v2_tok_1_what_does_not_go_together_is_refused() {
    let server = start();
    let client = server.client();
    for form in [
        &[("grant_type", "client_credentials"), ("code", "x")][..],
        &[("grant_type", "client_credentials"), ("redirect_uri", "https://a.example")],
        &[("grant_type", "refresh_token"), ("refresh_token", "x"), ("code", "x")],
        &[("grant_type", "refresh_token")],
        &[("grant_type", "authorization_code"), ("code", "x")],
        &[("scope", "bus:customer.com")],
        &[("grant_type", "client_credentials"), ("grant_type", "client_credentials")],
    ] {
        refused(&ask_token(&client, CLIENT, form), 400, "invalid_request");
    }
    refused(&ask_token(&client, CLIENT, &[("grant_type", "password")]), 400, "unsupported_grant_type");
    let unknown = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    assert!(refused(&ask_token(&client, CLIENT, &unknown), 400, "invalid_grant").contains("invalid token"));
    let request = client.request("POST", "/v2/token").basic_auth(CLIENT, Some(secret_of(CLIENT)));
    refused(&send(request.json(&json!({"grant_type": "client_credentials"}))), 415, "unsupported_media_type");
}

#[test]
fn v2_tok_2_a_scope_is_within_what_was_granted() {
    let server = start();
    let client = server.client();
    make_client(&client, "narrow", SOURCE);
    let ask =
        |scope: &str| ask_token(&client, "narrow", &[("grant_type", "client_credentials"), ("scope", scope)]);
    assert!(refused(&ask(""), 400, "invalid_scope").contains("unauthorized scope"), "nothing was granted");
    grant(&client, "narrow", &[BUS]);
    assert_eq!(ask("").json()["scope"], format!("bus:{BUS}"));
    assert_eq!(ask("type:a").json()["scope"], format!("bus:{BUS} type:a"));
    let text = refused(&ask(&format!("bus:{BUS} bus:{OTHER_BUS}")), 400, "invalid_scope");
    assert!(text.contains("unauthorized scope"), "{text}");
    refused(&ask("colour:red"), 400, "invalid_scope");
}

#[test]
fn v2_err_1_a_revoked_grant_ends_its_tokens_with_403() {
    let server = started(Setup::new());
    let client = server.client();
    make_client(&client, "second", SOURCE);
    let id = grant(&client, "second", &[BUS]);
    let token = token_of(&client, "second", "");
    read(&client, &token, "");
    revoke_grant(&client, &id);
    let reply = get(&client, &token, "/v2/messages");
    assert!(refused(&reply, 403, "invalid_token").contains("invalid token"));
    // What is granted anew is not what the token stands on.
    grant(&client, "second", &[BUS]);
    assert_eq!(get(&client, &token, "/v2/messages").status, 403);
    let token = token_of(&client, "second", "");
    server.advance(Duration::from_hours(24 * 60));
    let text = refused(&get(&client, &token, "/v2/messages"), 401, "invalid_token");
    assert!(text.contains("expired token") || text.contains("invalid token"), "{text}");
}

#[test]
fn rfc_7009_and_rfc_7662_clients_look_at_their_own_tokens_and_end_them() {
    let server = start();
    let client = server.client();
    make_client(&client, "second", SOURCE);
    let token = token_of(&client, CLIENT, "type:a");
    let ask = |name: &str, path: &str, form: &[(&str, &str)]| {
        let request = client.request("POST", path).basic_auth(name, Some(secret_of(name)));
        send(as_form(request, form))
    };
    let told = ask(CLIENT, "/v2/introspect", &[("token", &token)]).json();
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!(CLIENT)));
    assert_eq!(told["scope"], format!("bus:{BUS} bus:{OTHER_BUS} type:a"));
    assert!(told["exp"].as_u64() > told["iat"].as_u64());
    assert_eq!(ask("second", "/v2/introspect", &[("token", &token)]).json(), json!({"active": false}));
    assert_eq!(ask(CLIENT, "/v2/introspect", &[("token", "x")]).json(), json!({"active": false}));
    assert_eq!(ask("second", "/v2/revoke", &[("token", &token)]).status, 200, "nobody is told");
    read(&client, &token, "");
    assert_eq!(
        ask(CLIENT, "/v2/revoke", &[("token", &token), ("token_type_hint", "access_token")]).status,
        200
    );
    refused(&get(&client, &token, "/v2/messages"), 401, "invalid_token");
    assert_eq!(ask(CLIENT, "/v2/revoke", &[("token", &token)]).status, 200, "once more");
    refused(&ask(CLIENT, "/v2/revoke", &[]), 400, "invalid_request");
    refused(
        &send(as_form(client.request("POST", "/v2/introspect"), &[("token", &token)])),
        401,
        "invalid_client",
    );
}
