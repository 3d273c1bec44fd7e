//! What one may cost.

use std::time::Duration;

use backplane::door::Overdue;
use serde_json::json;
use testkit::{Frame, Server, Setup, basic, eventually, messages, upgrade};

use super::{channel, channels, no_channels, open, open_as, waiting};

const KIB: usize = 1024;

/// Bytes under way, as the metrics have it.
fn held(server: &Server) -> f64 {
    server.client().metric("traffic_bytes", "").unwrap()
}

/// How many were too slow at this.
fn overdue(server: &Server, duty: Overdue) -> Option<f64> {
    server.client().metric("connections_overdue_total", &format!("{{duty=\"{}\"}}", duty.as_str()))
}

#[test]
fn push_ws_70_an_address_has_its_share() {
    let server = Setup::new().config(|config| config.limits.streams_per_address = 2).start();
    let both = (open(&server, &channel("a", "")), open(&server, &channel("b", "")));
    let reply = server.raw().request("GET", &channel("c", ""), &upgrade("")).reply();
    reply.is_error(429, "too_many_streams");
    drop(both);
    eventually("all is given back", || waiting(&server.client(), "websocket") == Some(0.0));
    open(&server, &channel("c", "")).resumed();
}

#[test]
fn push_ws_71_channels_are_bounded_by_connection_and_in_all() {
    let setup = Setup::new().config(|config| {
        config.limits.channels_per_stream = 3;
        config.limits.streams_per_channel = 1;
    });
    let server = setup.start();
    let mut socket = open(&server, &channels(&["a", "b"], ""));
    socket.resumed();
    for (text, error) in [
        (json!({"subscribe": {"c": null, "d": null}}), "invalid_request"),
        (json!({"subscribe": {"c": null, "d": null, "e": null, "f": null}}), "invalid_request"),
        (json!({"unsubscribe": ["c", "d", "e", "f"]}), "invalid_request"),
    ] {
        socket.say(&text.to_string());
        assert_eq!(socket.said()["error"], error, "{text}");
    }
    let mut other = open(&server, &no_channels());
    other.say(&json!({"subscribe": {"z": null, "a": null}}).to_string());
    let told = other.said();
    assert_eq!(
        (&told["error"], &told["status"], &told["retry"]),
        (&json!("streams_full"), &json!(503), &json!(10_000))
    );
    // None of them was subscribed to.
    other.say(&json!({"subscribe": {"z": null}}).to_string());
    assert_eq!(other.said()["channels"], json!({"z": "complete"}));
    // What is left is free again.
    socket.say(&json!({"unsubscribe": ["a"]}).to_string());
    socket.said();
    other.say(&json!({"subscribe": {"a": null}}).to_string());
    assert_eq!(other.said()["channels"], json!({"a": "complete"}));
    let reply = server.raw().request("GET", &channels(&["m", "n", "o", "p"], ""), &upgrade("")).reply();
    reply.is_error(400, "invalid_request");
}

#[test]
fn push_ws_72_who_does_not_read_is_ended_and_costs_a_buffer() {
    let patience = Duration::from_millis(300);
    let setup = Setup::new().config(|config| {
        config.limits.heartbeat = Duration::from_millis(50);
        config.limits.answer_timeout = patience;
        config.limits.body = 32 * KIB * KIB;
    });
    let server = setup.start();
    let client = server.client();
    let mut socket = open(&server, &channel("c", ""));
    socket.resumed();
    let payload = format!("\"{}\"", "x".repeat(200 * KIB));
    // More than the kernel holds on the way.
    for _ in 0..60 {
        client.post_payloads("c", &[&payload]);
    }
    assert!(held(&server) <= 300.0 * 1024.0, "{}", held(&server));
    eventually("it is ended", || waiting(&client, "websocket") == Some(0.0));
    assert_eq!(overdue(&server, Overdue::Stream), Some(1.0));
    eventually("all is given back", || held(&server) == 0.0);
}

#[test]
fn push_ws_73_who_asks_and_does_not_read_the_answers_is_not_read() {
    let setup = Setup::new().config(|config| config.limits.answer_timeout = Duration::from_millis(300));
    let server = setup.start();
    let client = server.client();
    let mut socket = open(&server, &no_channels());
    let ping = testkit::masked(0x89, &[b'x'; 125]).repeat(1000);
    let mut sent = 0_usize;
    while socket.try_send(&ping).is_ok() {
        sent += 1;
        assert!(sent < 10_000, "answers are kept for it");
    }
    eventually("it is ended", || waiting(&client, "websocket") == Some(0.0));
}

#[test]
fn push_ws_74_what_is_heard_is_held_against_the_traffic() {
    let setup = Setup::new().config(|config| config.limits.traffic_memory = 256 * KIB);
    let server = setup.start();
    let mut socket = open_as(&server, "poster", &no_channels());
    let large = format!("\"{}\"", "x".repeat(60 * KIB));
    let text = json!({"publish": "c", "ref": "1", "messages": serde_json::from_str::<serde_json::Value>(&messages(&[&large])).unwrap()}).to_string();
    let frame = testkit::masked(testkit::TEXT, text.as_bytes());
    let (most, rest) = frame.split_at(frame.len() - 10);
    socket.send(most);
    eventually("it is counted", || held(&server) >= 50.0 * 1024.0);
    socket.send(rest);
    assert_eq!(socket.said()["published"], "1");
    eventually("all is given back", || held(&server) == 0.0);
    // Where there is no room, it ends, and says so.
    let mut greedy: Vec<_> = (0..8)
        .map(|_| {
            let mut socket = open(&server, &no_channels());
            socket.send(&frame[..50 * KIB]);
            socket
        })
        .collect();
    let is_full =
        |socket: &mut testkit::Socket| matches!(socket.heard(), Frame::Text(text) if text["end"] == "full");
    assert!(is_full(greedy.last_mut().unwrap()));
}

#[test]
fn push_ws_75_nobody_is_taken_for_a_slow_body_or_a_silent_peer() {
    let setup = Setup::new().config(|config| {
        config.limits.body_timeout = Duration::from_millis(50);
        config.limits.keep_alive = Duration::from_millis(50);
        config.limits.header_timeout = Duration::from_millis(50);
        config.limits.heartbeat = Duration::from_millis(40);
    });
    let server = setup.start();
    let mut socket = testkit::Socket::open(server.address(), &channel("c", ""), &basic("poster"));
    socket.resumed();
    for _ in 0..20 {
        while socket.frame() != Frame::Ping {}
        socket.send(&testkit::masked(0x8a, b""));
    }
    socket.say(&json!({"unsubscribe": ["x"]}).to_string());
    assert!(socket.said().get("unsubscribed").is_some());
    for duty in Overdue::ALL {
        assert_eq!(overdue(&server, duty), Some(0.0), "{duty:?}");
    }
}

/// Each text has its own time, also where the next one has always begun.
#[test]
fn push_ws_76_who_never_stops_talking_is_not_late() {
    let heartbeat = Duration::from_millis(50);
    let setup = Setup::new().config(|config| {
        config.limits.heartbeat = heartbeat;
        config.limits.body_timeout = heartbeat * 20;
    });
    let server = setup.start();
    let mut socket = open(&server, &no_channels());
    let text = testkit::masked(testkit::TEXT, json!({"unsubscribe": ["x"]}).to_string().as_bytes());
    let (half, rest) = text.split_at(text.len() / 2);
    socket.send(half);
    let mut answers = 0;
    for _ in 0..30 {
        loop {
            match socket.frame() {
                Frame::Ping => break,
                Frame::Text(told) if told["unsubscribed"] == json!(["x"]) => answers += 1,
                other => panic!("{other:?} behind {answers} answers"),
            }
        }
        socket.send(&[rest, half].concat());
    }
    socket.send(rest);
    (answers..31).for_each(|_| assert_eq!(socket.text()["unsubscribed"], json!(["x"])));
}
