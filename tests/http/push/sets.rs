//! Several channels in one answer or one stream.

use serde_json::Value;
use testkit::{BUS, Client, Events, Reply, Server, Setup, send};

use super::{again, channels};

/// The frames of a poll as `channel payload`.
fn told(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json().as_array().unwrap().iter().map(line).collect()
}

fn line(frame: &Value) -> String {
    format!("{} {}", frame["channel_name"].as_str().unwrap(), frame["message"]["payload"])
}

/// The same of the next frames of a stream, and the last `id`.
fn next(events: &mut Events, count: usize) -> (Vec<String>, String) {
    let frames: Vec<_> = (0..count).map(|_| events.frame()).collect();
    (frames.iter().map(|(_, frame)| line(frame)).collect(), frames.last().unwrap().0.clone())
}

/// Posts to channels in turn; the payloads go on from `from`.
fn post(client: &Client, names: &[&str], from: usize) {
    for (n, name) in names.iter().enumerate() {
        client.post_payloads(name, &[&(from + n).to_string()]);
    }
}

#[test]
fn push_set_4_several_channels_come_in_the_order_of_the_bus() {
    let server = Server::start();
    let client = server.client();
    post(&client, &["a", "b", "other", "a", "c"], 0);
    let path = channels(&["c", "a", "b"], "");
    let reply = client.get(&path);
    assert_eq!(told(&reply), ["a 0", "b 1", "a 3", "c 4"]);
    let next_path = format!("/v1/bus/{BUS}/channels{}", reply.next());
    assert_eq!(told(&client.get(&next_path)), [""; 0]);
    let mut events = Events::open(&client, &path);
    assert_eq!(events.resumed().0, "complete");
    assert_eq!(next(&mut events, 4).0, ["a 0", "b 1", "a 3", "c 4"]);
    post(&client, &["b", "other", "c"], 5);
    assert_eq!(next(&mut events, 2).0, ["b 5", "c 7"]);
    assert_eq!(told(&client.get(&next_path)), ["b 5", "c 7"]);
    // A script gets them, too.
    assert!(client.get(&format!("{path}&callback=f")).text().starts_with("f([{"));
}

#[test]
fn push_set_5_all_channels_are_one_chain() {
    let server = Server::start();
    let client = server.client();
    let mut events = Events::open(&client, &channels(&["a", "b"], ""));
    events.resumed();
    post(&client, &["a", "b", "a", "b"], 0);
    let frames: Vec<_> = (0..4).map(|_| events.frame().1).collect();
    for pair in frames.windows(2) {
        assert_eq!(pair[1]["prev"], pair[0]["id"]);
    }
}

#[test]
fn push_set_6_a_set_is_changed_without_losing_or_doubling_anything() {
    let server = Server::start();
    let client = server.client();
    post(&client, &["a", "b", "c"], 0);
    let mut events = Events::open(&client, &channels(&["a", "b"], ""));
    let (resume, cursor) = events.resumed();
    assert_eq!(resume, "complete");
    let (told, last) = next(&mut events, 2);
    assert_eq!(told, ["a 0", "b 1"]);
    assert!(
        last.len() == 40 && cursor.contains(".s"),
        "events are short: {last}, facts name the set: {cursor}"
    );
    drop(events);
    post(&client, &["a", "b", "c"], 3);
    // Other channels: what is kept goes on, what is new begins.
    let path = channels(&["a", "c"], &format!("&since={cursor}"));
    let mut events = again(&client, &path, &last);
    assert_eq!(events.resumed().0, "complete");
    let (told, last) = next(&mut events, 3);
    assert_eq!(told, ["c 2", "a 3", "c 5"]);
    drop(events);
    post(&client, &["a", "b", "c"], 6);
    // A browser comes back with the URL that it had.
    let mut events = again(&client, &path, &last);
    assert_eq!(events.resumed().0, "complete");
    assert_eq!(next(&mut events, 2).0, ["a 6", "c 8"]);
    // A short position is of its own set alone.
    let mut events = again(&client, &channels(&["b", "c"], ""), &last);
    assert_eq!(events.fact()["channels"], serde_json::json!({"b": "reset", "c": "reset"}));
    assert_eq!(next(&mut events, 6).0, ["b 1", "c 2", "b 4", "c 5", "b 7", "c 8"]);
}

#[test]
fn push_fact_3_a_gap_is_told_of_the_channel_that_has_it() {
    let server = Setup::new().bus(|bus| bus.window_channel = 2.try_into().unwrap()).start();
    let client = server.client();
    let mut events = Events::open(&client, &channels(&["a", "b"], ""));
    let (_, cursor) = events.resumed();
    drop(events);
    post(&client, &["a", "b", "b", "b"], 0);
    let path = channels(&["a", "b"], &format!("&since={cursor}"));
    let mut events = Events::open(&client, &path);
    let fact = events.fact();
    assert_eq!((&fact["resume"], &fact["channels"]), (&"gap".into(), &serde_json::json!({"b": "gap"})));
    assert_eq!(next(&mut events, 3).0, ["a 0", "b 2", "b 3"]);
    let reply = client.get(&path);
    assert_eq!((reply.resume(), told(&reply)), ("gap", vec!["a 0".into(), "b 2".into(), "b 3".into()]));
}

#[test]
fn push_set_7_channels_are_named_once_each_and_not_too_many() {
    let server = Setup::new().config(|config| config.limits.channels_per_stream = 3).start();
    let client = server.client();
    assert_eq!(client.get(&channels(&["a", "b", "c"], "")).status, 200);
    for names in [&[][..], &["a", "b", "c", "d"], &["a", "b", "a"]] {
        let path = channels(names, "");
        client.get(&path).is_error(400, "invalid_request");
        send(client.request("GET", &path).header("Accept", "text/event-stream"))
            .is_error(400, "invalid_request");
    }
    client.get(&channels(&["a", "b.c"], "")).is_error(400, "invalid_channel_name");
    client.get("/v1/bus/nobody.org/channels?channel=a").is_error(404, "unknown_bus");
    // As many as there are by default fit into a head and into a link.
    let server = Server::start();
    let client = server.client();
    let names: Vec<_> = (0..255).map(|n| format!("channel-with-a-long-name-{n:07}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    post(&client, &[names[0], names[254]], 0);
    let mut events = Events::open(&client, &channels(&names, ""));
    events.resumed();
    assert_eq!(next(&mut events, 2).0.len(), 2);
    let reply = client.get(&channels(&names, ""));
    assert_eq!(told(&reply).len(), 2);
    assert_eq!(told(&client.get(&format!("/v1/bus/{BUS}/channels{}", reply.next()))).len(), 0);
}

#[test]
fn pages_may_read_several_channels_and_say_how_far_they_came() {
    let server = Server::start();
    let client = server.client();
    let page = "https://www.example.com";
    for path in [channels(&["a"], ""), super::channel("a", "")] {
        let preflight = client.request("OPTIONS", &path).header("Origin", page);
        let preflight = preflight.header("Access-Control-Request-Method", "GET");
        let reply = send(preflight.header("Access-Control-Request-Headers", "last-event-id"));
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(page)));
        assert_eq!(reply.header("access-control-allow-headers"), Some("last-event-id"));
        let events = Events::of(client.request("GET", &path).header("Origin", page));
        assert_eq!(events.headers["access-control-allow-origin"], page);
    }
}
