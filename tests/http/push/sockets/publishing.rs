//! Posting over one.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Frame, Server, Setup, Socket, TEXT, eventually, masked, messages, send};

use super::held::HeldLog;
use super::{channel, no_channels, open, open_as};

/// Publishes, and gives back the answer: a text with this `ref`. What else comes is passed over.
fn publish(socket: &mut Socket, channel: &str, body: &str, more: &str) -> Value {
    socket.say(&format!(r#"{{"publish": "{channel}", "messages": {body}, "ref": "r"{more}}}"#));
    loop {
        let told = socket.said();
        if told.get("published").or(told.get("refused")) == Some(&json!("r")) {
            return told;
        }
    }
}

#[test]
fn push_ws_40_what_is_published_is_answered_by_its_ids() {
    let server = Server::start();
    let client = server.client();
    let mut socket = open_as(&server, "poster", &no_channels());
    let told = publish(&mut socket, "c", &messages(&["1", "2"]), "");
    assert_eq!(told, json!({"published": "r", "ids": client.read("c", "").ids()}));
    assert_eq!(publish(&mut socket, "c", "[]", "")["ids"], json!([]));
    // As it was written: what is between tokens, too.
    publish(&mut socket, "d", &messages(&["[1,\n 2]"]), "");
    assert_eq!(client.read("d", "").payloads(), ["[1,2]"]);
}

#[test]
fn push_ws_41_many_may_be_on_their_way_and_keep_their_order() {
    const MANY: usize = 200;
    let server = Server::start();
    let client = server.client();
    let mut socket = open_as(&server, "poster", &no_channels());
    for n in 0..MANY {
        let body = messages(&[&n.to_string()]);
        socket.say(&json!({"publish": "c", "ref": n.to_string(), "messages": serde_json::from_str::<Value>(&body).unwrap()}).to_string());
    }
    let mut ids = vec![String::new(); MANY];
    for _ in 0..MANY {
        let told = socket.said();
        let n: usize = told["published"].as_str().unwrap().parse().unwrap();
        ids[n] = told["ids"][0].as_str().unwrap().to_owned();
    }
    assert!(ids.is_sorted(), "in the order in which they were sent");
    let last: Vec<_> = client.read("c", "").ids();
    assert_eq!(last, ids[MANY - last.len()..]);
    assert_eq!(server.stats().posts, MANY as u64);
}

#[test]
fn push_ws_42_what_is_refused_says_why_and_the_connection_goes_on() {
    let setup = Setup::new().config(|config| config.limits.messages_per_post = 2);
    let server = setup.start();
    let mut poster = open_as(&server, "poster", &no_channels());
    for (name, body, more, status, code) in [
        ("a.b", messages(&["1"]), "", 400, "invalid_channel_name"),
        ("c", "[{}]".to_owned(), "", 400, "invalid_message"),
        ("c", "1".to_owned(), "", 400, "invalid_message"),
        ("c", messages(&["1"]).replace("\"type\"", "\"type\":\"x\",\"type\""), "", 400, "invalid_message"),
        ("c", messages(&["1", "2", "3"]), "", 413, "too_many_messages"),
        ("c", messages(&["1"]), r#", "key": "a b""#, 400, "invalid_idempotency_key"),
    ] {
        let told = publish(&mut poster, name, &body, more);
        assert_eq!((&told["status"], &told["error"]), (&json!(status), &json!(code)), "{told}");
        assert!(told["error_description"].as_str().unwrap().len() > 10);
    }
    assert_eq!(publish(&mut poster, "c", &messages(&["1"]), "")["ids"].as_array().unwrap().len(), 1);
    for (user, status, code) in [
        (None, 401, "credentials_required"),
        (Some("reader"), 403, "forbidden"),
        (Some("nobody"), 403, "forbidden"),
    ] {
        let mut socket = match user {
            Some(user) => open_as(&server, user, &no_channels()),
            None => open(&server, &no_channels()),
        };
        let told = publish(&mut socket, "c", &messages(&["1"]), "");
        assert_eq!((&told["status"], &told["error"]), (&json!(status), &json!(code)), "{told}");
    }
    assert_eq!(server.stats().posts, 1);
}

#[test]
fn push_ws_43_a_retry_with_its_key_is_stored_once() {
    let server = Server::start();
    let client = server.client();
    let mut socket = open_as(&server, "poster", &no_channels());
    let body = messages(&["1"]);
    let key = r#", "key": "order-17""#;
    let first = publish(&mut socket, "c", &body, key);
    assert_eq!(publish(&mut socket, "c", &body, key), first);
    // Over another connection, and as a POST.
    let mut again = open_as(&server, "poster", &channel("c", ""));
    assert_eq!(publish(&mut again, "c", &body, key), first);
    let reply = send(client.posting("c", body.clone()).header("Idempotency-Key", "order-17"));
    assert_eq!(json!(reply.json()), first["ids"]);
    let other = publish(&mut socket, "c", &messages(&["2"]), key);
    assert_eq!((&other["status"], &other["error"]), (&json!(422), &json!("idempotency_key_reused")));
    // Keys are their user's.
    let mut alice = open_as(&server, "alice", &no_channels());
    assert_ne!(publish(&mut alice, "c", &body, key), first);
    assert_eq!(client.read("c", "").payloads(), ["1", "1"]);
}

#[test]
fn push_ws_44_what_was_taken_is_answered_before_the_server_ends() {
    let mut server = Setup::new().config(|config| config.limits.heartbeat = Duration::from_secs(5)).start();
    let mut socket = open_as(&server, "poster", &channel("c", ""));
    socket.resumed();
    for n in 0..10 {
        socket.say(&format!(r#"{{"publish": "c", "messages": {}, "ref": "{n}"}}"#, messages(&["1"])));
    }
    server.begin_shutdown();
    let mut published = 0;
    loop {
        match socket.heard() {
            testkit::Frame::Text(text) if text.get("published").is_some() => published += 1,
            testkit::Frame::Text(text) if text.get("refused").is_some() => {
                panic!("what was read is stored: {text}")
            }
            testkit::Frame::Text(_) => {}
            testkit::Frame::Close(code, _) => break assert_eq!(code, Some(1001)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.stats().posts, published);
    drop(socket);
    assert_eq!(server.end(), Ok(()));
}

/// As long as as many wait for the log as may, nothing more is read: neither a pong nor the rest of a text.
#[test]
fn push_ws_45_who_waits_for_answers_is_not_given_up() {
    const MANY: usize = 16;
    let heartbeat = Duration::from_millis(50);
    let (log, held) = HeldLog::new();
    let setup = Setup::new().log(log).config(|config| {
        config.limits.heartbeat = heartbeat;
        config.limits.body_timeout = heartbeat * 20;
    });
    let server = setup.start();
    let mut socket = open_as(&server, "poster", &no_channels());
    let text = |n: usize| format!(r#"{{"publish": "c", "messages": {}, "ref": "{n}"}}"#, messages(&["1"]));
    let mut all: Vec<u8> = (0..=MANY).flat_map(|n| masked(TEXT, text(n).as_bytes())).collect();
    let rest = all.split_off(all.len() - 10);
    socket.send(&all);
    eventually("they wait for the log", || held.count() == MANY);
    // In the midst of a frame nothing else can be said.
    for _ in 0..25 {
        assert_eq!(socket.frame(), Frame::Ping);
    }
    socket.send(&rest);
    held.let_go();
    let mut published: Vec<_> = (0..=MANY).map(|_| socket.said()["published"].to_string()).collect();
    published.sort();
    let mut expected: Vec<_> = (0..=MANY).map(|n| format!("\"{n}\"")).collect();
    expected.sort();
    assert_eq!(published, expected);
}
