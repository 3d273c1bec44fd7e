//! Long polls: answers that wait for something to say.

use std::thread;
use std::time::Duration;

use testkit::{BUS, Client, Reply, Server, Setup, eventually, send};

use super::{channel, channels, waiting};

/// Asks, and waits on another thread until the answer comes.
fn polled(client: &Client, path: String) -> thread::JoinHandle<Reply> {
    let client = client.clone();
    thread::spawn(move || client.get(&path))
}

fn one_waits(client: &Client) {
    eventually("it waits", || waiting(client, "long_poll") == Some(1.0));
}

#[test]
fn push_poll_1_what_is_there_is_answered_at_once() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1"]);
    let reply = client.read("c", "?block=60");
    assert_eq!(reply.payloads(), ["1"]);
    // Something else than messages is something to say, too.
    let reply = client.read("empty", "?block=60&since=yesterday");
    assert_eq!((reply.text().as_str(), reply.resume()), ("[]", "reset"));
    assert_eq!(client.metric("requests_total", "{route=\"long_poll\",status=\"200\"}"), None);
}

#[test]
fn push_poll_2_the_first_message_is_answered_when_it_comes() {
    let server = Server::start();
    let client = server.client();
    // Several channels say that no position is theirs; the next time they wait.
    let of_set = client.get(&channels(&["b", "c"], "&since=yesterday"));
    assert_eq!(of_set.resume(), "reset");
    let of_set = format!("/v1/bus/{BUS}/channels{}&block=60", of_set.next());
    let one = || channel("c", &format!("{}&block=60", client.read("c", "").next()));
    for (path, padding) in [(Some(of_set), ""), (None, ""), (None, "&callback=f")] {
        let path = path.unwrap_or_else(|| one() + padding);
        let poll = polled(&client, path);
        one_waits(&client);
        client.post_payloads("other", &["0"]);
        let ids = client.post_payloads("c", &["2", "3"]);
        let reply = poll.join().unwrap();
        assert_eq!((reply.status, reply.resume()), (200, "complete"));
        let text = reply.text();
        assert!(text.contains(&ids[0]) && text.contains(&ids[1]), "one POST is one answer: {text}");
        // From here on it goes on as any poll.
        assert_eq!(client.read("c", &client.read("c", "").next()).text(), "[]");
    }
    assert_eq!(client.metric("requests_total", "{route=\"long_poll\",status=\"200\"}"), Some(3.0));
    assert_eq!(
        client.metric("request_seconds_count", "{route=\"long_poll\"}"),
        None,
        "to wait is no latency"
    );
}

#[test]
fn push_poll_3_after_its_time_the_list_is_empty() {
    let server = Server::start();
    let client = server.client();
    let reply = client.read("c", "?block=1");
    assert_eq!((reply.status, reply.text().as_str(), reply.resume()), (200, "[]", "complete"));
    let next = reply.next();
    client.post_payloads("c", &["1"]);
    assert_eq!(client.read("c", &format!("{next}&block=60")).payloads(), ["1"]);
    // Not at all: that is what a poll without it does.
    assert_eq!(client.read("empty", "?block=0").text(), "[]");
    assert_eq!(client.metric("requests_total", "{route=\"long_poll\",status=\"200\"}"), Some(1.0));
}

#[test]
fn push_poll_4_a_bus_is_waited_for_with_the_right_to_read_it() {
    let server = Server::start();
    let client = server.client();
    let path = format!("/v1/bus/{BUS}?block=60");
    client.get(&path).is_error(401, "credentials_required");
    let waits = client.clone();
    let poll = thread::spawn(move || waits.get_as("reader", &path));
    one_waits(&client);
    client.post_payloads("any", &["1"]);
    assert_eq!(poll.join().unwrap().payloads(), ["1"]);
}

#[test]
fn push_poll_5_another_time_is_a_400_that_says_what_is_allowed() {
    let server = Setup::new().config(|config| config.limits.block = Duration::from_secs(7)).start();
    let client = server.client();
    for block in ["8", "-1", "1.5", "x", "", "1s", "%2b1", "99999999999999999999"] {
        let text = client.read("c", &format!("?block={block}")).is_error(400, "invalid_request");
        assert!(text.contains("from 0 to 7"), "{text}");
    }
    client.read("c", "?block=1&block=1").is_error(400, "invalid_request");
}

#[test]
fn a_long_poll_that_nobody_wants_any_more_is_given_up() {
    let server = Server::start();
    let client = server.client();
    let mut raw = server.raw();
    raw.request("GET", &channel("c", "?block=60"), "");
    one_waits(&client);
    drop(raw);
    eventually("it is given up", || waiting(&client, "long_poll") == Some(0.0));
    // What HEAD asks for is there at once.
    let head = send(client.request("HEAD", &channel("c", "?block=60")));
    assert_eq!(head.status, 200);
}
