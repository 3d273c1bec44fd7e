//! Reading (V2-GET-1, V2-GET-2, V2-ACC-1, V2-ACC-2, V2-SCOPE-1, RET-5, I-9).

use std::collections::BTreeSet;

use serde_json::json;
use testkit::{BUS, Client, OTHER_BUS, Setup, messages, password_of, send};

use super::*;

/// Posts by version 1.x.
fn post_v1(client: &Client, bus: &str, channel: &str, payload: &str) {
    let request = client.request("POST", &format!("/v1/bus/{bus}/channel/{channel}"));
    let request = request.basic_auth("alice", Some(password_of("alice")));
    let reply = send(request.header("Content-Type", "application/json").body(messages(&[payload])));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn v2_acc_2_v2_get_2_a_message_has_these_fields_and_a_page_sees_no_payload() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let payload = json!({"a": [1, "two"]});
    assert_eq!(
        post_with(&client, &token, BUS, &page.channel, &payload, &json!({"sticky": "true"})).status,
        201
    );
    let list = read(&client, &token, "");
    let message = &list["messages"][0];
    let url = message["messageURL"].as_str().unwrap();
    assert!(url.starts_with(&client.url("/v2/message/")), "{url}");
    let mut expected = json!({
        "messageURL": url,
        "source": SOURCE,
        "type": "test",
        "bus": BUS,
        "channel": page.channel,
        "sticky": true,
        "expire": message["expire"],
        "payload": payload,
    });
    assert_eq!(message, &expected);
    assert!(message["expire"].as_str().unwrap().ends_with('Z'));
    // V2-ACC-2: a page sees the header.
    let header = read(&client, &page.token, "")["messages"][0].clone();
    expected.as_object_mut().unwrap().remove("payload");
    assert_eq!(header, expected);
}

#[test]
fn v2_get_1_the_next_url_is_absolute_and_goes_on_where_the_reader_is() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let list = read(&client, &token, "");
    assert_eq!((&list["messages"], &list["moreMessages"]), (&json!([]), &json!(false)));
    post(&client, &token, BUS, &page.channel, 1);
    let list = get(&client, &token, &next(&client, &list)).json();
    assert_eq!(payloads(&list), [1]);
    let list = get(&client, &token, &next(&client, &list)).json();
    assert_eq!(payloads(&list), [0_u64; 0]);
    // Clients put their own parameters behind it.
    let reply = get(&client, &token, &format!("{}&block=0", next(&client, &list)));
    assert_eq!(reply.status, 200, "{}", reply.text());
    // The id in the URL of a message is a position, too.
    post(&client, &token, BUS, &page.channel, 2);
    let all = read(&client, &token, "");
    let first = all["messages"][0]["messageURL"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(payloads(&read(&client, &token, &format!("?since={first}"))), [2]);
    let urls: Vec<&str> =
        all["messages"].as_array().unwrap().iter().map(|m| m["messageURL"].as_str().unwrap()).collect();
    assert!(urls.is_sorted() && urls.len() == 2, "they rise as text");
}

#[test]
fn v2_get_1_the_public_url_is_what_the_operator_says() {
    let server = started(
        Setup::new().config(|config| config.public_url = Some("https://b.example/x".parse().unwrap())),
    );
    let client = server.client();
    let token = token_of(&client, CLIENT, "");
    let list = read(&client, &token, "");
    assert!(
        list["nextURL"].as_str().unwrap().starts_with("https://b.example/x/v2/messages?since="),
        "{list}"
    );
}

#[test]
fn v2_get_1_block_waits_for_a_first_message() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    for bad in ["x", "-1", "1.5", "100000", "%2B1"] {
        refused(&get(&client, &token, &format!("/v2/messages?block={bad}")), 400, "invalid_request");
    }
    let waits = {
        let (client, token) = (client.clone(), page.token.clone());
        std::thread::spawn(move || read(&client, &token, "?block=20"))
    };
    testkit::eventually("it waits", || client.metric("streams", "{kind=\"long_poll\"}") == Some(1.0));
    post(&client, &token, BUS, &page.channel, 7);
    let list = waits.join().unwrap();
    assert_eq!(list["messages"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn v2_scope_1_only_what_the_scope_lets_through_is_shown() {
    let server = start();
    let client = server.client();
    let all = token_of(&client, CLIENT, "");
    let (a, b) = (page(&client, BUS), page(&client, OTHER_BUS));
    for (payload, (bus, channel)) in
        (1..).zip([(BUS, &a.channel), (OTHER_BUS, &b.channel), (BUS, &a.channel)])
    {
        let more = json!({"type": format!("t/{payload}"), "sticky": payload == 3});
        let mut message = json!({"bus": bus, "channel": channel, "payload": payload});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = with(client.request("POST", "/v2/message"), &all);
        assert_eq!(send(request.json(&json!({"message": message}))).status, 201);
    }
    post_v1(&client, BUS, "c", "4");
    let url = read(&client, &all, "")["messages"][1]["messageURL"].as_str().unwrap().to_owned();
    for (scope, expected) in [
        ("", &[1, 2, 3, 4][..]),
        ("type:t/1", &[1]),
        ("type:t/1 type:t/2", &[1, 2]),
        (&format!("bus:{BUS}"), &[1, 3, 4]),
        (&format!("bus:{BUS} type:t/2"), &[]),
        (&format!("channel:{}", a.channel), &[1, 3]),
        ("sticky:true", &[3]),
        ("sticky:false", &[1, 2, 4]),
        (&format!("source:{SOURCE}"), &[1, 2, 3]),
        (&format!("source:{SOURCE} type:t/3 type:t/9"), &[3]),
        (&format!("messageURL:{url}"), &[2]),
        ("type:T/1", &[]),
    ] {
        let token = token_of(&client, CLIENT, scope);
        let list = read(&client, &token, "");
        let found: Vec<u64> =
            list["messages"].as_array().unwrap().iter().map(|m| m["payload"].as_u64().unwrap_or(4)).collect();
        assert_eq!(found, expected, "{scope}");
        // What is not shown is not read again and again.
        assert_eq!(get(&client, &token, &next(&client, &list)).json()["messages"], json!([]), "{scope}");
    }
    let page = page_of(&client.get(&format!("/v2/token?bus={BUS}&scope=type:t/3")).json());
    post_v1(&client, BUS, &page.channel, "5");
    assert_eq!(read(&client, &page.token, "")["messages"], json!([]));
}

#[test]
fn v2_anon_2_a_page_sees_its_own_channel_and_no_other() {
    let server = start();
    let client = server.client();
    let token = token_of(&client, CLIENT, "");
    let (own, other) = (page(&client, BUS), page(&client, BUS));
    post(&client, &token, BUS, &own.channel, 1);
    post(&client, &token, BUS, &other.channel, 2);
    let list = read(&client, &own.token, "");
    assert_eq!(list["messages"].as_array().unwrap().len(), 1);
    assert_eq!(list["messages"][0]["channel"], own.channel);
}

#[test]
fn one_model_what_1_x_posts_2_0_reads_and_the_other_way_round() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    post_v1(&client, BUS, &page.channel, "1");
    post(&client, &token, BUS, &page.channel, 2);
    assert_eq!(read(&client, &page.token, "")["messages"].as_array().unwrap().len(), 2);
    assert_eq!(read(&client, &token, "")["messages"].as_array().unwrap().len(), 2);
    let frames = client.get(&format!("/v1.3/bus/{BUS}/channel/{}", page.channel)).json();
    let message = &frames[1]["message"];
    assert_eq!((&message["source"], &message["payload"]), (&json!(SOURCE), &json!(2)));
    assert_eq!(message["sticky"], false);
    assert!(message["expire"].is_string());
}

#[test]
fn ret_5_nothing_older_than_the_position_is_ever_shown() {
    let server = started(Setup::new().bus(|bus| bus.window_channel = 3.try_into().unwrap()));
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let sticky = post_with(&client, &token, BUS, &page.channel, &json!(0), &json!({"sticky": true}));
    assert_eq!(sticky.status, 201);
    post(&client, &token, BUS, &page.channel, 1);
    let list = read(&client, &page.token, "");
    let since = list["messages"][1]["messageURL"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    for payload in 2..8 {
        post(&client, &token, BUS, &page.channel, payload);
    }
    let reply = get(&client, &page.token, &format!("/v2/messages?since={since}"));
    assert_eq!(reply.header("backplane-resume"), Some("gap"), "what is gone is told");
    let urls: Vec<String> = reply.json()["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["messageURL"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
        .collect();
    assert!(!urls.is_empty() && urls.iter().all(|id| *id > since), "the sticky one is older");
    for unknown in ["yesterday", "fvvvvvvvvvvvv"] {
        let reply = get(&client, &page.token, &format!("/v2/messages?since={unknown}"));
        assert_eq!(reply.json()["messages"], json!([]), "{unknown}");
        assert_eq!(reply.header("backplane-resume"), Some("reset"), "{unknown}");
    }
}

#[test]
fn v2_get_1_what_does_not_fit_is_behind_the_next_url() {
    let server = started(Setup::new().bus(|bus| bus.window_bus = 2_000.try_into().unwrap()));
    let client = server.client();
    let token = token_of(&client, CLIENT, "");
    let page = page(&client, OTHER_BUS);
    for n in 0..6 {
        let body: Vec<String> = (0..100).map(|m| testkit::message(&(n * 100 + m).to_string())).collect();
        let request = client.request("POST", &format!("/v1/bus/{BUS}/channel/c{n}"));
        let request = request
            .basic_auth("alice", Some(password_of("alice")))
            .header("Content-Type", "application/json");
        assert_eq!(send(request.body(format!("[{}]", body.join(",")))).status, 200);
        post(&client, &token, OTHER_BUS, &page.channel, 1_000 + n);
    }
    let (mut seen, mut list, mut pages) = (Vec::new(), read(&client, &token, ""), 1);
    loop {
        seen.extend(payloads(&list));
        if list["moreMessages"] == false {
            break;
        }
        list = get(&client, &token, &next(&client, &list)).json();
        pages += 1;
    }
    assert_eq!(seen.len(), 606);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 606, "each once");
    assert!(pages >= 3, "{pages}");
    let of_first: Vec<u64> = seen.iter().copied().filter(|payload| *payload < 1_000).collect();
    assert!(of_first.is_sorted(), "in order");
}

#[test]
fn v2_acc_1_tokens_come_in_the_header_and_pages_may_use_the_query() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    assert_eq!(client.get(&format!("/v2/messages?access_token={}", page.token)).status, 200);
    let reply = client.get(&format!("/v2/messages?access_token={token}"));
    refused(&reply, 400, "invalid_request");
    let both = with(client.request("GET", &format!("/v2/messages?access_token={}", page.token)), &page.token);
    refused(&send(both), 400, "invalid_request");
    let reply = client.get("/v2/messages");
    refused(&reply, 401, "invalid_request");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"backplane\""));
    let basic = client.request("GET", "/v2/messages").basic_auth("alice", Some("x"));
    refused(&send(basic), 400, "invalid_request");
    for other in [&page.refresh, "bpa_x", "x"] {
        refused(&get(&client, other, "/v2/messages"), 401, "invalid_token");
    }
}

#[test]
fn pages_of_other_origins_read_what_the_bus_allows() {
    let allowed = "https://shop.example";
    let server = started(Setup::new().bus(|bus| {
        bus.allowed_origins = backplane::config::AllowedOrigins::List(vec![allowed.to_owned()]);
        bus.jsonp = false;
    }));
    let client = server.client();
    let from = |origin: &str, path: &str, token: Option<&str>| {
        let request = client.request("GET", path).header("Origin", origin);
        send(match token {
            Some(token) => with(request, token),
            None => request,
        })
    };
    let may = |reply: &Reply| reply.header("access-control-allow-origin").map(str::to_owned);
    let reply = from(allowed, &format!("/v2/token?bus={BUS}"), None);
    assert_eq!(may(&reply).as_deref(), Some(allowed));
    let page = page_of(&reply.json());
    assert_eq!(may(&from("https://evil.example", &format!("/v2/token?bus={BUS}"), None)), None);
    assert_eq!(may(&from(allowed, "/v2/messages", Some(&page.token))).as_deref(), Some(allowed));
    assert_eq!(may(&from("https://evil.example", "/v2/messages", Some(&page.token))), None);
    assert_eq!(
        may(&from("https://evil.example", "/v2/messages", Some("x"))).as_deref(),
        Some("*"),
        "an error"
    );
    let preflight = client
        .request("OPTIONS", "/v2/messages")
        .header("Origin", allowed)
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization");
    let reply = send(preflight);
    assert_eq!(
        (reply.status, reply.header("access-control-allow-headers")),
        (204, Some("authorization, last-event-id"))
    );
    let padded = client.get(&format!("/v2/token?bus={BUS}&callback=f"));
    assert!(padded.text().contains("\"error\":\"forbidden\""), "{}", padded.text());
    let padded = client.get(&format!("/v2/messages?access_token={}&callback=f", page.token));
    assert!(padded.text().contains("\"error\":\"forbidden\""), "a token does not change that");
}
