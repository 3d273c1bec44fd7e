//! I-2: `Idempotency-Key` makes a retry safe.

use std::time::Duration;

use testkit::{BUS, Client, Reply, Server, Setup, messages, send};

fn post(client: &Client, channel: &str, key: &str, body: &str) -> Reply {
    send(client.posting(channel, body.to_owned()).header("Idempotency-Key", key))
}

#[test]
fn i_2_a_retry_gets_the_same_ids_and_stores_nothing_twice() {
    let server = Server::start();
    let client = server.client();
    let body = messages(&["1", "2"]);
    let first = post(&client, "c", "order-17", &body);
    for _ in 0..3 {
        let again = post(&client, "c", "order-17", &body);
        assert_eq!((again.status, again.text()), (200, first.text()));
    }
    assert_eq!(client.read("c", "").payloads(), ["1", "2"]);
    assert_eq!((server.stats().messages, server.stats().replays), (2, 3));
}

#[test]
fn i_2_concurrent_retries_are_one_post() {
    let server = Server::start();
    let clients: Vec<_> = (0..8).map(|_| server.client()).collect();
    // All sign in before, so that their POSTs meet at the bus and not at the password check.
    for client in &clients {
        assert_eq!(client.post("c", "[]").status, 200);
    }
    for round in 0..20 {
        let (key, body) = (format!("key-{round}"), messages(&[&round.to_string()]));
        let answers: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> =
                clients.iter().map(|client| scope.spawn(|| post(client, "c", &key, &body).text())).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    assert_eq!(server.stats().messages, 20);
}

#[test]
fn a_key_with_another_body_is_422_and_stores_nothing() {
    let server = Server::start();
    let client = server.client();
    post(&client, "c", "k", &messages(&["1"]));
    post(&client, "c", "k", &messages(&["2"])).is_error(422, "idempotency_key_reused");
    assert_eq!(client.read("c", "").payloads(), ["1"]);
}

#[test]
fn keys_of_channels_and_buses_are_apart() {
    let server = Server::start();
    let client = server.client();
    post(&client, "c", "k", &messages(&["1"]));
    assert_eq!(post(&client, "d", "k", &messages(&["2"])).status, 200);
    assert_eq!(client.read("d", "").payloads(), ["2"]);
    let other = client.request("POST", &format!("/v1/bus/{}/channel/c", testkit::OTHER_BUS));
    let other = other.basic_auth("alice", Some("ecila")).header("Idempotency-Key", "k");
    let other = other.header("Content-Type", "application/json").body(messages(&["3"]));
    assert_eq!(send(other).status, 200);
}

#[test]
fn a_key_is_remembered_for_ten_minutes() {
    let server = Server::start();
    let client = server.client();
    let first = post(&client, "c", "k", &messages(&["1"]));
    server.advance(Duration::from_millis(10 * 60_000 - 1));
    assert_eq!(post(&client, "c", "k", &messages(&["1"])).text(), first.text());
    server.advance(Duration::from_millis(1));
    assert_ne!(post(&client, "c", "k", &messages(&["1"])).text(), first.text());
    assert_eq!(client.read("c", "").payloads(), ["1", "1"]);
}

#[test]
fn a_refused_post_does_not_use_its_key_up() {
    let server = Server::start();
    let client = server.client();
    post(&client, "c", "k", "[1]").is_error(400, "invalid_message");
    assert_eq!(post(&client, "c", "k", &messages(&["1"])).status, 200);
}

#[test]
fn bad_keys_are_400() {
    let server = Server::start();
    let client = server.client();
    let too_long = "k".repeat(256);
    for bad in ["", "a b", "ümlaut", "a\tb", &too_long] {
        post(&client, "c", bad, &messages(&["1"])).is_error(400, "invalid_idempotency_key");
    }
    let twice = client.posting("c", "[]").header("Idempotency-Key", "a").header("Idempotency-Key", "a");
    send(twice).is_error(400, "invalid_idempotency_key");
    assert_eq!(server.stats().messages, 0);
    assert_eq!(post(&client, "c", &"k".repeat(255), &messages(&["1"])).status, 200);
}

#[test]
fn i_5_the_keys_remembered_are_bounded() {
    let server = Setup::new().config(|config| config.limits.idempotency_keys = 2).start();
    let client = server.client();
    post(&client, "c", "1", &messages(&["1"]));
    post(&client, "c", "2", &messages(&["2"]));
    let refused = post(&client, "c", "3", &messages(&["3"]));
    refused.is_error(429, "too_many_idempotency_keys");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(post(&client, "c", "1", &messages(&["1"])).status, 200, "a retry is still safe");
    assert_eq!(client.post("c", messages(&["4"])).status, 200, "without a key nothing is remembered");
    assert_eq!(client.read("c", "").payloads(), ["1", "2", "4"]);
    server.advance(Duration::from_mins(10));
    assert_eq!(post(&client, "c", "3", &messages(&["3"])).status, 200);
    assert_eq!(client.metric("replays_total", &format!("{{bus=\"{BUS}\"}}")), Some(1.0));
}
