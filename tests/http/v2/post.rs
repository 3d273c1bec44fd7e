//! Posting (V2-POST-1 to V2-POST-3, MSG-5, MSG-6, MSG-9, RET-9).

use std::time::Duration;

use backplane_actors::{Clock as _, Expire};
use serde_json::json;
use testkit::{BUS, OTHER_BUS, Setup, send};

use super::*;

#[test]
fn v2_post_1_v2_post_3_a_client_posts_with_its_source() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let reply = post_with(&client, &token, BUS, &page.channel, &json!({"é": 1.50}), &json!({}));
    assert_eq!((reply.status, reply.body.len()), (201, 0));
    assert_eq!(reply.header("backplane-durability"), Some("memory"));
    let message = read(&client, &token, "")["messages"][0].clone();
    assert_eq!(message["source"], SOURCE, "V2-POST-3");
    assert_eq!(reply.header("location"), message["messageURL"].as_str(), "where it is");
    assert_eq!(message["sticky"], false);
    let narrow = token_of(&client, CLIENT, &format!("bus:{OTHER_BUS}"));
    let reply = post_with(&client, &narrow, BUS, &page.channel, &json!(1), &json!({}));
    refused(&reply, 403, "insufficient_scope");
}

#[test]
fn v2_post_2_the_channel_was_given_to_a_page_of_that_bus() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let mut forged = page.channel.clone().into_bytes();
    forged[10] = if forged[10] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for (bus, channel) in [(OTHER_BUS, page.channel.as_str()), (BUS, "c"), (BUS, forged.as_str())] {
        let reply = post_with(&client, &token, bus, channel, &json!(1), &json!({}));
        assert_eq!(refused(&reply, 403, "unbound_channel"), "Invalid bus - channel binding");
    }
    assert_eq!(read(&client, &token, "")["messages"], json!([]), "nothing is stored");
}

#[test]
fn v2_post_2_a_message_has_its_fields_and_no_others() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let good = json!({"type": "t", "bus": BUS, "channel": page.channel, "payload": " with spaces "});
    let send_body = |body: &Value| send(with(client.request("POST", "/v2/message"), &token).json(body));
    for (field, value) in [
        ("source", json!("https://a.example")),
        ("messageURL", json!("https://a.example")),
        ("mine", json!(1)),
        ("type", json!("a b")),
        ("type", json!(1)),
        ("bus", json!("a b")),
        ("channel", json!("a.b")),
        ("sticky", json!("yes")),
        ("sticky", json!(1)),
        ("sticky", json!(null)),
        ("expire", json!("2030-01-01")),
        ("expire", json!("2030-01-01T00:00:00.5Z")),
    ] {
        let mut message = good.clone();
        message[field] = value.clone();
        let text = refused(&send_body(&json!({"message": message})), 400, "invalid_message");
        assert!(text.contains(field) || text.contains("fields"), "{field}: {value}: {text}");
    }
    for missing in ["type", "bus", "channel", "payload"] {
        let mut message = good.clone();
        message.as_object_mut().unwrap().remove(missing);
        let text = refused(&send_body(&json!({"message": message})), 400, "invalid_message");
        assert!(text.contains(missing), "{text}");
    }
    for body in
        [json!([]), json!({}), json!({"message": 1}), json!({"message": good, "more": 1}), json!(good)]
    {
        refused(&send_body(&body), 400, "invalid_message");
    }
    let twice = format!(
        r#"{{"message":{{"type":"t","type":"u","bus":"{BUS}","channel":"{}","payload":1}}}}"#,
        page.channel
    );
    let request =
        with(client.request("POST", "/v2/message"), &token).header("Content-Type", "application/json");
    refused(&send(request.body(twice)), 400, "invalid_message");
    let form = as_form(with(client.request("POST", "/v2/message"), &token), &[("message", "x")]);
    refused(&send(form), 415, "unsupported_media_type");
    assert_eq!(read(&client, &token, "")["messages"], json!([]), "nothing is stored");
    assert_eq!(send_body(&json!({"message": good})).status, 201);
}

#[test]
fn msg_9_no_field_but_the_payload_has_a_space() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let with_type = |kind: &str| {
        let more = json!({"type": kind});
        post_with(&client, &token, BUS, &page.channel, &json!({"a b": " c "}), &more)
    };
    refused(&with_type("a b"), 400, "invalid_message");
    refused(&with_type(" "), 400, "invalid_message");
    assert_eq!(with_type("a/b").status, 201);
    assert_eq!(read(&client, &token, "")["messages"][0]["payload"], json!({"a b": " c "}));
}

#[test]
fn v2_post_2_no_token_but_a_clients_access_token_posts() {
    let server = start();
    let client = server.client();
    let page = page(&client, BUS);
    for token in [&page.token, &page.refresh, "bpr_abc", "bpc_abc"] {
        let reply = post_with(&client, token, BUS, &page.channel, &json!(1), &json!({}));
        refused(&reply, 403, "insufficient_scope");
    }
    refused(&post_with(&client, "x", BUS, &page.channel, &json!(1), &json!({})), 401, "invalid_token");
    refused(&send(client.request("POST", "/v2/message").json(&json!({}))), 401, "invalid_request");
}

#[test]
fn ret_9_an_end_is_kept_and_one_beyond_the_maximum_is_403() {
    let server = started(Setup::new().bus(|bus| bus.retention_max = Duration::from_hours(1)));
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let end = |seconds: u64| Expire::at(server.clock.wall().after(Duration::from_secs(seconds))).to_string();
    let post =
        |expire: &str| post_with(&client, &token, BUS, &page.channel, &json!(1), &json!({"expire": expire}));
    let good = end(600);
    assert_eq!(post(&good).status, 201);
    assert_eq!(read(&client, &page.token, "")["messages"][0]["expire"], good);
    refused(&post(&end(7200)), 403, "forbidden");
    refused(&post("2000-01-01T00:00:00Z"), 400, "invalid_message");
    assert_eq!(read(&client, &page.token, "")["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn i_2_a_retry_with_its_key_is_stored_once_and_a_client_is_no_user() {
    let server = start();
    let client = server.client();
    make_client(&client, "alice", SOURCE);
    grant(&client, "alice", &[BUS]);
    let page = page(&client, BUS);
    let post = |name: &str| {
        let message = json!({"type": "t", "bus": BUS, "channel": page.channel, "payload": 1});
        let request = with(client.request("POST", "/v2/message"), &token_of(&client, name, ""));
        send(request.header("Idempotency-Key", "k").json(&json!({"message": message}))).status
    };
    assert_eq!([post(CLIENT), post(CLIENT), post("alice")], [201; 3]);
    let list = read(&client, &token_of(&client, CLIENT, ""), "");
    assert_eq!(payloads(&list), [1, 1], "keys belong to the client who sent them");
}

#[test]
fn msg_7_a_bus_that_takes_signed_messages_alone_takes_none_of_2_0() {
    let server = started(Setup::new().bus(|bus| bus.envelopes = crate::envelopes::policy(true)));
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    let reply = post_with(&client, &token, BUS, &page.channel, &json!(1), &json!({}));
    refused(&reply, 400, "envelope_refused");
}
