//! Messages and facts, and what is subscribed to.

use serde_json::{Value, json};
use testkit::{BUS, Certificate, Events, Frame, Server, Setup, Socket, basic, eventually};

use super::{channel, channels, no_channels, open, open_as, waiting};

#[test]
fn push_ws_20_it_says_what_an_event_stream_says() {
    let server = Server::start();
    let client = server.client();
    let before = client.post_payloads("c", &["0"]);
    let bus = format!("/v1/bus/{BUS}");
    for (path, mut socket, mut events) in [
        (channel("c", ""), open(&server, &channel("c", "")), Events::open(&client, &channel("c", ""))),
        (
            channels(&["c"], ""),
            open(&server, &channels(&["c"], "")),
            Events::open(&client, &channel("c", "")),
        ),
        (bus.clone(), open_as(&server, "reader", &bus), super::super::of_bus(&client)),
    ] {
        let (resume, cursor) = socket.resumed();
        assert_eq!((resume, cursor), events.resumed(), "{path}");
        let ids = client.post_payloads("c", &["1", "[2]"]);
        loop {
            let (position, frame) = events.frame();
            let mut told = socket.text();
            let keys: Vec<_> = told.as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys.len(), 5, "{told}");
            assert_eq!(told["cursor"].take(), Value::from(position), "{path}");
            told.as_object_mut().unwrap().remove("cursor");
            assert_eq!(told, frame, "{path}");
            if frame["id"] == ids[1] {
                break;
            }
        }
    }
    // It goes on from a position, in the URL or in a text.
    let mut socket = open(&server, &channel("c", ""));
    let (_, start) = socket.resumed();
    assert_eq!(socket.said()["id"], before[0]);
    let cursor = socket.said()["cursor"].as_str().unwrap().to_owned();
    for at in [start, cursor] {
        let rest = client.read("c", &format!("?since={at}")).payloads();
        let mut of_url = open(&server, &channel("c", &format!("?since={at}")));
        let mut of_text = open(&server, &no_channels());
        of_text.say(&json!({"subscribe": {"c": at}}).to_string());
        for socket in [&mut of_url, &mut of_text] {
            assert_eq!(
                socket.said(),
                json!({"resume": "complete", "cursor": at, "channels": {"c": "complete"}})
            );
            assert_eq!(socket.payloads(rest.len()), rest);
        }
    }
    let mut socket = open(&server, &channel("c", "?since=yesterday"));
    assert_eq!(socket.resumed().0, "reset");
}

#[test]
fn push_ws_21_what_is_subscribed_to_changes_while_it_is_open() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("a", &["1"]);
    let b = client.post_payloads("b", &["2", "3"]);
    let mut socket = open(&server, &no_channels());
    socket.say(r#"{"subscribe": {"a": null}}"#);
    let told = socket.said();
    assert_eq!((&told["resume"], &told["channels"]), (&json!("complete"), &json!({"a": "complete"})));
    assert_eq!(socket.payloads(1), ["1"]);
    // From a bare id, and one that is none of ours; each is named.
    socket.say(&json!({"subscribe": {"b": b[0], "c": "yesterday"}}).to_string());
    let told = socket.said();
    assert_eq!(
        (&told["resume"], &told["channels"]["b"], &told["channels"]["c"]),
        (&json!("reset"), &json!("complete"), &json!("reset"))
    );
    assert_eq!(socket.payloads(1), ["3"]);
    client.post_payloads("a", &["4"]);
    assert_eq!(socket.payloads(1), ["4"]);
    // Nothing of what it left comes behind the answer.
    socket.say(r#"{"unsubscribe": ["a", "nothing"]}"#);
    let told = socket.said();
    assert_eq!(told["unsubscribed"], json!(["a", "nothing"]));
    let cursor = told["cursor"].as_str().unwrap().to_owned();
    assert_eq!(cursor.len(), 27);
    client.post_payloads("a", &["5"]);
    client.post_payloads("b", &["6"]);
    assert_eq!(socket.payloads(1), ["6"]);
    // It comes back from where it left, and misses nothing.
    socket.say(&json!({"subscribe": {"a": cursor}}).to_string());
    assert_eq!(socket.resumed().0, "complete");
    assert_eq!(socket.payloads(1), ["5"]);
    // What makes no sense is told, and it goes on.
    for text in [
        json!({"subscribe": {"b": null}}).to_string(),
        json!({"subscribe": {"a.b": null}}).to_string(),
        "{".to_owned(),
    ] {
        socket.say(&text);
        let told = socket.said();
        assert_eq!((&told["refused"], &told["status"]), (&Value::Null, &json!(400)), "{told}");
    }
    client.post_payloads("c", &["7"]);
    assert_eq!(socket.payloads(1), ["7"]);
    let mut of_bus = open_as(&server, "reader", &format!("/v1/bus/{BUS}"));
    of_bus.resumed();
    of_bus.say(r#"{"subscribe": {"a": null}}"#);
    loop {
        let told = of_bus.said();
        if told.get("message").is_none() {
            assert_eq!(told["error"], "invalid_request", "{told}");
            break;
        }
    }
}

#[test]
fn push_ws_22_leaving_and_coming_back_loses_and_doubles_nothing() {
    const MESSAGES: usize = 60;
    let server = Server::start();
    let client = server.client();
    let mut socket = open(&server, &channel("other", ""));
    socket.resumed();
    socket.say(r#"{"subscribe": {"c": null}}"#);
    let posts = {
        let client = client.clone();
        std::thread::spawn(move || -> Vec<String> {
            (0..MESSAGES).flat_map(|n| client.post_payloads("c", &[&n.to_string()])).collect()
        })
    };
    let (mut has, mut stands, mut subscribed): (Vec<String>, String, bool) =
        (Vec::new(), String::new(), true);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    while has.len() < MESSAGES {
        let told = socket.text();
        if told.get("message").is_some() {
            assert!(subscribed, "nothing comes behind the answer");
            let (id, prev) = (text(&told["id"]), text(&told["prev"]));
            if id.as_str() > &stands[..13] {
                assert!(prev.as_str() <= &stands[..13], "{prev} after {stands}");
                stands = text(&told["cursor"]);
                has.push(id);
            }
            if has.len() % 7 == 0 {
                socket.say(r#"{"unsubscribe": ["c"]}"#);
                // What is under way meanwhile comes before the answer, and is taken as ever.
            }
        } else if told.get("unsubscribed").is_some() {
            subscribed = false;
            socket.say(&json!({"subscribe": {"c": stands}}).to_string());
            subscribed |= true;
        } else if told.get("resume").is_some() {
            assert_eq!(told["resume"], "complete");
            if stands.is_empty() {
                stands = text(&told["cursor"]);
            }
        }
    }
    assert_eq!(has, posts.join().unwrap());
}

#[test]
fn push_ws_23_the_position_of_a_silent_one_goes_on() {
    let setup = Setup::new().config(|config| config.limits.heartbeat = std::time::Duration::from_millis(50));
    let server = setup.start();
    let client = server.client();
    let mut socket = open(&server, &channel("silent", ""));
    let (_, before) = socket.resumed();
    let ids = client.post_payloads("other", &["1"]);
    let mut told = before;
    while told.as_str() < ids[0].as_str() {
        let text = socket.text();
        let cursor = text["cursor"].as_str().unwrap().to_owned();
        assert!(text.as_object().unwrap().len() == 1 && cursor > told, "{text}");
        told = cursor;
    }
    let mut again = open(&server, &channel("silent", &format!("?since={told}")));
    assert_eq!(again.resumed(), ("complete".to_owned(), told));
}

#[test]
fn push_ws_24_large_messages_come_whole() {
    let server = Server::start();
    let client = server.client();
    let mut socket = open(&server, &channel("c", ""));
    socket.resumed();
    for length in [100, 120, 200, 65_400, 70_000, 200_000] {
        let payload = format!("\"{}\"", "x".repeat(length));
        client.post_payloads("c", &[&payload, "1"]);
        assert_eq!(socket.payloads(2), [payload.as_str(), "1"]);
    }
}

#[test]
fn push_ws_25_over_tls_it_is_the_same() {
    let certificate = Certificate::new();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate.write(folder.path());
    let setup = Setup::new().config(|config| {
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.tls = Some(backplane::config::Tls { listen, cert, key, hsts: std::time::Duration::ZERO });
        config.limits.heartbeat = std::time::Duration::from_millis(50);
    });
    let server = setup.start();
    let client = server.client();
    let mut socket = Socket::open_tls(server.tls[0], &certificate, &channel("c", ""), &basic("poster"));
    assert_eq!(socket.resumed().0, "complete");
    assert_eq!(socket.frame(), Frame::Ping);
    let large = format!("\"{}\"", "x".repeat(100_000));
    client.post_payloads("c", &[&large]);
    assert_eq!(socket.payloads(1), [large.as_str()]);
    socket.say(&format!(
        "{{\"publish\": \"c\", \"ref\": \"1\", \"messages\": {}}}",
        testkit::messages(&[&large])
    ));
    let (one, other) = (socket.said(), socket.said());
    let (published, message) = if one.get("published").is_some() { (one, other) } else { (other, one) };
    assert_eq!(published["ids"][0], message["id"]);
    socket.close(b"\x03\xe8");
    assert_eq!(socket.heard(), Frame::Close(Some(1000), String::new()));
    assert_eq!(socket.heard(), Frame::End);
}

#[test]
fn it_is_counted_as_one_and_its_time_is_no_latency() {
    let server = Server::start();
    let client = server.client();
    let mut socket = open(&server, &channel("c", ""));
    socket.resumed();
    assert_eq!(waiting(&client, "websocket"), Some(1.0));
    assert_eq!(client.metric("requests_total", "{route=\"websocket\",status=\"101\"}"), Some(1.0));
    assert_eq!(client.metric("request_seconds_count", "{route=\"websocket\"}"), None);
    drop(socket);
    eventually("it is closed", || waiting(&client, "websocket") == Some(0.0));
    eventually("nothing is under way", || server.backplane.active_requests() == 0);
}
