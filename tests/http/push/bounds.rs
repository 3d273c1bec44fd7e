//! I-5 and I-6 against many who wait, and who do not read.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use backplane::door::Overdue;
use testkit::{BUS, Client, Events, PATIENCE, Raw, Reply, Server, Setup, eventually, message, send};

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
fn i_6_a_stream_that_nobody_reads_holds_one_text_and_costs_the_others_nothing() {
    const DEAF: usize = 20;
    const MESSAGES: usize = 60;
    // Of those who do not read, and of the one who does.
    const MOST: f64 = 21.0 * 201.0 * 1024.0;
    let server = Server::start();
    let client = server.client();
    let deaf = deaf(&server, DEAF);
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    eventually("all wait", || waiting(&client, "sse") == Some(21.0));
    for _ in 0..MESSAGES {
        post_large(&client, 1);
        assert_eq!(events.frame().1["message"]["payload"].as_str().unwrap().len(), LARGE);
    }
    eventually("each holds the rest of one text", || {
        let held = client.metric("traffic_bytes", "").unwrap();
        assert!(held <= MOST, "{held} are held");
        held > 0.0
    });
    drop(deaf);
    eventually("all is given back", || client.metric("traffic_bytes", "") == Some(0.0));
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

/// What comes until it ends like this, or says that.
fn read_until(stream: &mut TcpStream, end: &str, word: &str) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut text, mut buffer) = (String::new(), vec![0; 64 * KIB]);
    loop {
        let length = stream.read(&mut buffer).unwrap();
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        if length == 0 || text.ends_with(end) || text.contains(word) {
            return text;
        }
    }
}

#[test]
fn push_end_5_whose_text_finds_no_room_is_told_that_it_is_slow() {
    // Room for the rest of one text, and not of two.
    let setup = Setup::new().config(|config| {
        config.limits.traffic_memory = LARGE + LARGE / 2;
        config.limits.heartbeat = Duration::from_millis(50);
    });
    let server = setup.start();
    let client = server.client();
    let mut deaf = [(); 2].map(|()| TcpStream::connect(server.address()).unwrap());
    for stream in &mut deaf {
        let head = format!("GET {} HTTP/1.1\r\nHost: test\r\n{EVENTS}\r\n", channel("c", ""));
        stream.write_all(head.as_bytes()).unwrap();
    }
    eventually("both wait", || waiting(&client, "sse") == Some(2.0));
    let body = format!("[{}]", message(&format!("\"{}\"", "x".repeat(LARGE))));
    eventually("there is no room for one of them", || {
        // A POST may find no room, either.
        _ = client.post("c", body.clone());
        waiting(&client, "sse") == Some(1.0)
    });
    // The other one gets all in the end, and is silent then.
    let silence = ": \n\n\r\n";
    let texts = deaf.each_mut().map(|stream| read_until(stream, silence, "\"slow\""));
    let are_slow = texts.each_ref().map(|text| text.contains(r#"{"end":"slow","retry":"#));
    assert!(are_slow[0] != are_slow[1], "one of them is: {are_slow:?}");
}
