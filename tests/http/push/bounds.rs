//! I-5 and I-6 against many who wait, and who do not read.

use std::time::Duration;

use backplane::door::Overdue;
use testkit::{BUS, Client, Events, Raw, Reply, Server, Setup, eventually, message, send};

use super::{channel, channels, waiting};

const KIB: usize = 1024;
const EVENTS: &str = "Accept: text/event-stream\r\n";

fn ask(client: &Client, path: &str) -> Reply {
    send(client.request("GET", path).header("Accept", "text/event-stream"))
}

#[test]
fn push_bound_1_an_address_has_its_share_of_those_who_wait() {
    let setup = Setup::new().config(|config| {
        config.limits.streams_per_address = 2;
        config.trusted_proxies = vec!["127.0.0.9/32".parse().unwrap()];
    });
    let server = setup.start();
    let client = server.client();
    let first = Events::open(&client, &channel("a", ""));
    let second = Events::open(&client, &channel("b", ""));
    for refused in [ask(&client, &channel("c", "")), client.read("c", "?block=1")] {
        refused.is_error(429, "too_many_streams");
        assert_eq!(refused.header("retry-after"), Some("10"));
    }
    // Who does not wait is answered as ever.
    assert_eq!(client.read("c", "").status, 200);
    // Other addresses have their own, also those that come through a proxy; the proxy itself comes for many.
    let mut others = Vec::new();
    for (from, header) in [
        ([127, 0, 0, 2], ""),
        ([127, 0, 0, 9], "X-Forwarded-For: 192.0.2.1\r\n"),
        ([127, 0, 0, 9], "X-Forwarded-For: 192.0.2.1\r\n"),
        ([127, 0, 0, 9], ""),
        ([127, 0, 0, 9], ""),
        ([127, 0, 0, 9], ""),
    ] {
        let mut raw = server.raw_from(from);
        raw.request("GET", &channel("c", ""), &format!("{EVENTS}{header}"));
        assert_eq!(raw.reply().status, 200);
        others.push(raw);
    }
    let mut raw = server.raw_from([127, 0, 0, 9]);
    raw.request("GET", &channel("c", ""), &format!("{EVENTS}X-Forwarded-For: 192.0.2.1\r\n"));
    raw.reply().is_error(429, "too_many_streams");
    drop((first, second, others));
    eventually("all is given back", || waiting(&client, "sse") == Some(0.0));
    Events::open(&client, &channel("c", "")).resumed();
}

#[test]
fn push_bound_2_a_channel_a_bus_and_the_server_have_their_bounds() {
    let refused_at = |change: fn(&mut backplane::config::Limits), free: Option<String>| {
        let server = Setup::new().config(|config| change(&mut config.limits)).start();
        let client = server.client();
        let mut one = Events::open(&client, &channel("c", ""));
        one.resumed();
        for refused in [ask(&client, &channel("c", "")), client.read("c", "?block=1")] {
            refused.is_error(503, "streams_full");
            assert_eq!(refused.header("retry-after"), Some("10"));
        }
        if let Some(path) = free {
            Events::open(&client, &path).resumed();
        }
        drop(one);
        eventually("all is given back", || waiting(&client, "sse") == Some(0.0));
        Events::open(&client, &channel("c", "")).resumed();
    };
    refused_at(|limits| limits.streams_per_channel = 1, Some(channel("d", "")));
    let other = format!("/v1/bus/{}/channel/c", testkit::OTHER_BUS);
    refused_at(|limits| limits.streams_per_bus = 1, Some(other));
    refused_at(|limits| limits.streams = 1, None);
    // Several channels count for each of them.
    let server = Setup::new().config(|config| config.limits.streams_per_channel = 1).start();
    let client = server.client();
    let mut one = Events::open(&client, &channels(&["a", "b"], ""));
    one.resumed();
    ask(&client, &channels(&["b", "c"], "")).is_error(503, "streams_full");
    Events::open(&client, &channel("c", "")).resumed();
}

/// Bytes of each message: some of them are more than the kernel holds on the way.
const LARGE: usize = 200 * KIB;

fn post_large(client: &Client, count: usize) {
    for _ in 0..count {
        let body = format!("[{}]", message(&format!("\"{}\"", "x".repeat(LARGE))));
        assert_eq!(client.post("c", body).status, 200);
    }
}

/// Readers that ask and never read.
fn deaf(server: &Server, count: usize) -> Vec<Raw> {
    let asked = |_| {
        let mut raw = server.raw();
        raw.request("GET", &channel("c", ""), EVENTS);
        raw
    };
    (0..count).map(asked).collect()
}

#[test]
fn i_6_a_stream_that_nobody_reads_holds_one_message_and_costs_the_others_nothing() {
    const DEAF: usize = 20;
    const MESSAGES: usize = 60;
    // A message is in both windows and goes from them soon.
    let setup = Setup::new().bus(|bus| {
        bus.window_channel = 3.try_into().unwrap();
        bus.window_bus = 3.try_into().unwrap();
    });
    let server = setup.start();
    let client = server.client();
    let deaf = deaf(&server, DEAF);
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    eventually("all wait", || waiting(&client, "sse") == Some(21.0));
    let held = || client.metric("window_bytes", "").unwrap() / 201.0 / 1024.0;
    for _ in 0..MESSAGES {
        post_large(&client, 1);
        assert_eq!(events.frame().1["message"]["payload"].as_str().unwrap().len(), LARGE);
    }
    // What was told last is kept for all of them for a moment.
    eventually("each holds one message at most", || held() <= 24.0);
    assert_eq!(client.metric("traffic_bytes", ""), Some(0.0), "nothing was made that nobody takes");
    drop(deaf);
    eventually("all is given back", || held() <= 3.0);
    assert_eq!(waiting(&client, "sse"), Some(1.0));
}

#[test]
fn i_6_a_stream_that_is_not_taken_is_closed() {
    let server =
        Setup::new().config(|config| config.limits.answer_timeout = Duration::from_millis(200)).start();
    let client = server.client();
    let deaf = deaf(&server, 1);
    eventually("it waits", || waiting(&client, "sse") == Some(1.0));
    eventually("it is closed", || {
        post_large(&client, 1);
        waiting(&client, "sse") == Some(0.0)
    });
    let stream = format!("{{duty=\"{}\"}}", Overdue::Stream.as_str());
    assert_eq!(client.metric("connections_overdue_total", &stream), Some(1.0));
    drop(deaf);
    // Who is silent because there is nothing to say is not.
    let mut events = Events::open(&client, &format!("/v1/bus/{BUS}/channel/quiet"));
    events.resumed();
    client.post_payloads("quiet", &["1"]);
    assert_eq!(events.payloads(1), ["1"]);
}
