//! Event streams of version 2.0, over WebSocket too: the same facts as those of 1.x, and why they end.

use std::time::Duration;

use serde_json::json;
use testkit::{BUS, Events, OTHER_BUS, Setup, Socket, eventually, send};

use super::*;

pub(super) fn listen(client: &Client, token: &str, query: &str) -> Events {
    let path = format!("/v2/messages{query}");
    Events::of(with(client.request("GET", &path), token).header("Accept", "text/event-stream"))
}

#[test]
fn push_v2_1_a_stream_shows_what_a_read_shows_and_goes_on_from_any_position() {
    let server = start();
    let client = server.client();
    let (token, a, b) = (token_of(&client, CLIENT, ""), page(&client, BUS), page(&client, OTHER_BUS));
    let mut events = listen(&client, &token, "");
    events.resumed();
    for (payload, (bus, page)) in (1..).zip([(BUS, &a), (OTHER_BUS, &b), (BUS, &a)]) {
        post(&client, &token, bus, &page.channel, payload);
    }
    let (mut seen, mut ids, mut last) = (Vec::new(), Vec::new(), None);
    for _ in 0..3 {
        let (id, data) = events.frame();
        if let Some(last) = last {
            assert_eq!(data["prev"], last, "I-10: what is told is linked");
        }
        last = Some(data["id"].clone());
        seen.push(data["message"].clone());
        ids.push(id);
    }
    let all = read(&client, &token, "");
    assert_eq!(json!(seen), all["messages"], "in one order over both buses (I-9)");
    let rest = read(&client, &token, &format!("?since={}", ids[0]));
    assert_eq!(payloads(&rest), [2, 3]);
    let mut again = listen(&client, &token, &format!("?since={}", ids[1]));
    assert_eq!(again.resumed().0, "complete");
    assert_eq!(again.frame().1["message"]["payload"], 3);
}

#[test]
fn push_v2_2_a_page_sees_headers_of_its_channel_by_its_filters() {
    let server = start();
    let client = server.client();
    let token = token_of(&client, CLIENT, "");
    let page = page_of(&client.get(&format!("/v2/token?bus={BUS}&scope=type:wanted")).json());
    let mut events = listen(&client, &page.token, "");
    events.resumed();
    for kind in ["other", "wanted", "other", "wanted"] {
        let message = json!({"type": kind, "bus": BUS, "channel": page.channel, "payload": "secret"});
        let request = with(client.request("POST", "/v2/message"), &token);
        assert_eq!(send(request.json(&json!({"message": message}))).status, 201);
    }
    let (_, first) = events.frame();
    let (_, second) = events.frame();
    for data in [&first, &second] {
        assert_eq!(data["message"]["type"], "wanted");
        assert_eq!(data["message"].get("payload"), None, "V2-ACC-2");
    }
    assert_eq!(second["prev"], first["id"], "what is not shown is not missed");
}

#[test]
fn push_v2_3_a_stream_ends_when_its_token_is_over() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let mut of_page = listen(&client, &page.token, "");
    let mut of_client = listen(&client, &token, "");
    of_page.resumed();
    of_client.resumed();
    server.advance(Duration::from_hours(24 * 365));
    // Clocks are looked at when something has changed; in truth a timer does it.
    make_client(&client, "another", SOURCE);
    assert_eq!(of_page.fact()["end"], "expired");
    assert_eq!(of_client.fact()["end"], "expired");
}

#[test]
fn push_v2_4_a_stream_ends_with_what_it_was_granted() {
    let server = start();
    let client = server.client();
    make_client(&client, "second", SOURCE);
    let id = grant(&client, "second", &[BUS]);
    let token = token_of(&client, "second", "");
    let first = token_of(&client, CLIENT, "");
    let mut events = listen(&client, &token, "");
    let mut others = listen(&client, &first, "");
    events.resumed();
    others.resumed();
    revoke_grant(&client, &id);
    assert_eq!(events.fact()["end"], "revoked");
    // That of whoever has another grant goes on.
    let page = page(&client, BUS);
    post(&client, &first, BUS, &page.channel, 1);
    assert_eq!(others.frame().1["message"]["payload"], 1);
    // A client that is gone, and a token that its own client has ended.
    let token = {
        grant(&client, "second", &[BUS]);
        token_of(&client, "second", "")
    };
    let mut events = listen(&client, &token, "");
    events.resumed();
    events.frame();
    assert_eq!(send(admin(&client, "DELETE", "clients/second")).status, 204);
    assert_eq!(events.fact()["end"], "revoked");
    let request = client.request("POST", "/v2/revoke").basic_auth(CLIENT, Some(secret_of(CLIENT)));
    assert_eq!(send(as_form(request, &[("token", &first)])).status, 200);
    assert_eq!(others.fact()["end"], "revoked");
}

#[test]
fn push_v2_5_a_long_poll_ends_with_its_token() {
    let server = start();
    let client = server.client();
    make_client(&client, "second", SOURCE);
    let id = grant(&client, "second", &[BUS]);
    let token = token_of(&client, "second", "");
    let waits = {
        let (client, token) = (client.clone(), token.clone());
        std::thread::spawn(move || get(&client, &token, "/v2/messages?block=30"))
    };
    eventually("it waits", || client.metric("streams", "{kind=\"long_poll\"}") == Some(1.0));
    revoke_grant(&client, &id);
    refused(&waits.join().unwrap(), 403, "invalid_token");
}

#[test]
fn push_v2_6_a_websocket_tells_the_same() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let header = format!("Authorization: Bearer {token}\r\n");
    let mut of_client = Socket::open(server.address(), "/v2/messages", &header);
    let path = format!("/v2/messages?access_token={}", page.token);
    let mut of_page = Socket::open(server.address(), &path, "Origin: https://shop.example\r\n");
    of_client.resumed();
    of_page.resumed();
    post(&client, &token, BUS, &page.channel, 1);
    let (whole, header) = (of_client.text(), of_page.text());
    assert_eq!(whole["message"]["payload"], 1);
    assert_eq!(header["message"].get("payload"), None);
    assert_eq!(header["message"]["messageURL"], whole["message"]["messageURL"]);
    let refused = of_page.say(r#"{"subscribe":["a"]}"#).text();
    assert_eq!(refused["error"], "invalid_request", "{refused}");
    server.advance(Duration::from_hours(24 * 365));
    make_client(&client, "another", SOURCE);
    let (fact, code, reason) = of_page.end();
    assert_eq!(
        (fact.unwrap()["end"].as_str(), code, reason.as_str()),
        (Some("expired"), Some(4002), "expired")
    );
}

#[test]
fn push_v2_7_no_page_opens_a_websocket_where_its_origin_may_not_read() {
    let server = started(Setup::new().bus(|bus| {
        bus.allowed_origins =
            backplane::config::AllowedOrigins::List(vec!["https://shop.example".to_owned()]);
    }));
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let open = |origin: &str, token: &str| {
        let request = with(client.request("GET", "/v2/messages"), token)
            .header("Origin", origin)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        send(request)
    };
    refused(&open("https://evil.example", &page.token), 403, "forbidden");
    refused(&open("https://shop.example", &token), 403, "forbidden");
}
