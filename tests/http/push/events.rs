//! Server-sent events on a channel and on a bus.

use std::time::Duration;

use testkit::{BUS, Events, Said, Server, Setup, eventually, message, send};

use super::{again, channel, channels, of_bus, waiting};

const NOTHING: &str = "0000000000000";

#[test]
fn push_sse_4_messages_come_at_once_and_nothing_holds_them_back() {
    let server = Server::start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("c", ""));
    for (name, value) in [
        ("cache-control", "no-store, no-transform"),
        ("x-accel-buffering", "no"),
        ("incremental", "?1"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(events.headers[name], value);
    }
    assert!(!events.headers.contains_key("content-encoding"));
    assert_eq!(events.resumed().0, "complete");
    for n in 0..3 {
        let ids = client.post_payloads("c", &[&n.to_string()]);
        let (id, frame) = events.frame();
        assert_eq!(frame["message"]["payload"], n);
        assert_eq!((&frame["id"], &frame["channel_name"]), (&ids[0].clone().into(), &"c".into()));
        assert!(id.starts_with(&format!("{}.", ids[0])) && id.len() == 27, "{id}");
    }
}

#[test]
fn push_fact_2_the_first_fact_is_where_the_stream_stands() {
    let server = Server::start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("empty", ""));
    let Some(Said::Fact { id: Some(id), retry: Some(retry), fact }) = events.next() else {
        panic!("no fact")
    };
    assert_eq!((&fact["resume"], &fact["cursor"]), (&"complete".into(), &id.clone().into()));
    assert_eq!((&fact["heartbeat"], fact.as_object().unwrap().len()), (&15_000.into(), 3), "{fact}");
    // Whoever is cut without a word does not come back with all others.
    assert!((500..5000).contains(&retry), "{retry}");
    // It is a position: what came after it comes, and nothing else.
    client.post_payloads("empty", &["1"]);
    for path in [channel("empty", &format!("?since={id}")), channel("empty", "")] {
        let mut events = again(&client, &path, &id);
        assert_eq!(events.resumed().0, "complete");
        assert_eq!(events.payloads(1), ["1"]);
    }
    let mut events = Events::open(&client, &channel("empty", "?since=yesterday"));
    assert_eq!(events.resumed().0, "reset");
    assert_eq!(events.payloads(1), ["1"]);
}

#[test]
fn push_pos_3_a_stream_goes_on_where_it_was_cut() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1", "2", "3"]);
    let mut events = Events::open(&client, &channel("c", ""));
    assert_eq!(events.resumed().0, "complete");
    assert_eq!(events.payloads(1), ["1"]);
    let (id, frame) = events.frame();
    assert_eq!(frame["message"]["payload"], 2);
    drop(events);
    client.post_payloads("c", &["4"]);
    // As an EventSource does it, with the URL that it had; and as anybody can.
    let (bare, epoch) = id.split_once('.').unwrap();
    let as_link = format!("?since={bare}&epoch={epoch}");
    let ways = [
        again(&client, &channel("c", ""), &id),
        again(&client, &channel("c", "?since=yesterday"), &id),
        Events::open(&client, &channel("c", &format!("?since={id}"))),
        Events::open(&client, &channel("c", &as_link)),
        Events::open(&client, &channel("c", &format!("?since={bare}"))),
    ];
    for mut events in ways {
        assert_eq!(events.resumed().0, "complete");
        assert_eq!(events.payloads(2), ["3", "4"]);
    }
    // A poll takes the same positions.
    assert_eq!(client.read("c", &format!("?since={id}")).payloads(), ["3", "4"]);
    let poll = send(client.request("GET", &channel("c", "")).header("Last-Event-ID", id));
    assert_eq!(poll.payloads(), ["3", "4"]);
}

#[test]
fn push_pos_3_who_is_cut_before_the_first_message_misses_none() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("a", &["1", "2"]);
    client.post_payloads("b", &["3"]);
    for (path, count) in [(channel("a", ""), 2), (channels(&["a", "b"], ""), 3)] {
        let (_, mut cursor) = Events::open(&client, &path).resumed();
        // Again and again, each time cut after one message more.
        for next in 1..=count {
            let mut events = again(&client, &path, &cursor);
            assert_eq!(events.resumed().0, "complete");
            let expected: Vec<_> = (next..=count).map(|n| n.to_string()).collect();
            assert_eq!(events.payloads(expected.len()), expected, "{path} from {cursor}");
            let mut events = again(&client, &path, &cursor);
            events.resumed();
            cursor = events.frame().0;
        }
    }
}

#[test]
fn push_frame_1_each_frame_names_the_one_before_it() {
    let server = Server::start();
    let client = server.client();
    let mut of_channel = Events::open(&client, &channel("c", ""));
    let mut of_bus = of_bus(&client);
    let cursors = [of_channel.resumed().1, of_bus.resumed().1];
    let posted: Vec<_> =
        ["c", "d", "c", "d", "c"].iter().map(|name| client.post_payloads(name, &["1"]).remove(0)).collect();
    let chain = |events: &mut Events, start: &str, ids: &[&String]| {
        let mut before = start.to_owned();
        for (n, id) in ids.iter().enumerate() {
            let (_, frame) = events.frame();
            let prev = frame["prev"].as_str().unwrap();
            assert_eq!(frame["id"], **id);
            // Before the first there may be none that anybody knows of.
            assert!(prev == before || (n == 0 && prev <= &*before), "{prev} after {before}");
            assert!(prev < id.as_str() && prev >= NOTHING);
            before = (*id).clone();
        }
    };
    chain(&mut of_channel, &cursors[0][..13], &[&posted[0], &posted[2], &posted[4]]);
    chain(&mut of_bus, &cursors[1][..13], &posted.iter().collect::<Vec<_>>());
    // The same for whoever comes late: the windows know it, too.
    let mut late = Events::open(&client, &channel("c", &format!("?since={}", cursors[0])));
    late.resumed();
    chain(&mut late, &cursors[0][..13], &[&posted[0], &posted[2], &posted[4]]);
}

#[test]
fn push_fact_3_what_was_missed_is_told() {
    let server = Setup::new().bus(|bus| bus.window_channel = 3.try_into().unwrap()).start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    client.post_payloads("c", &["1"]);
    let (id, _) = events.frame();
    drop(events);
    client.post_payloads("c", &["2", "3", "4", "5"]);
    let mut events = again(&client, &channel("c", ""), &id);
    assert_eq!(events.resumed().0, "gap");
    assert_eq!(events.payloads(3), ["3", "4", "5"]);
}

#[test]
fn push_sse_3_line_ends_in_a_message_end_no_event() {
    let server = Server::start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    let body = format!("[{}]", message("{\"a\":\r\n[\n1,\r2]\n}").replace("\"type\"", "\r\n\"type\""));
    assert_eq!(client.post("c", body).status, 200);
    assert_eq!(events.payloads(1), [r#"{"a":[1,2]}"#]);
}

#[test]
fn push_sse_5_silence_is_told_from_an_end() {
    let server = Setup::new().config(|config| config.limits.heartbeat = Duration::from_millis(20)).start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    for _ in 0..3 {
        assert_eq!(events.next(), Some(Said::Heartbeat));
    }
    client.post_payloads("c", &["1"]);
    assert_eq!(events.payloads(1), ["1"]);
    assert_eq!(events.next(), Some(Said::Heartbeat));
}

#[test]
fn push_fact_4_the_position_of_a_silent_stream_goes_on() {
    let server = Setup::new().config(|config| config.limits.heartbeat = Duration::from_millis(20)).start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("silent", ""));
    let (_, mut before) = events.resumed();
    for _ in 0..2 {
        let ids = client.post_payloads("other", &["1"]);
        // It may be told of something before.
        loop {
            let fact = events.fact();
            let cursor = fact["cursor"].as_str().unwrap().to_owned();
            assert!(cursor > before, "{cursor} after {before}");
            before = cursor;
            if before.as_str() >= ids[0].as_str() {
                break;
            }
        }
    }
    let mut again = again(&client, &channel("silent", ""), &before);
    assert_eq!(again.resumed(), ("complete".to_owned(), before));
}

#[test]
fn push_sse_6_what_is_refused_is_refused_in_plain_http() {
    let server = Server::start();
    let client = server.client();
    let ask = |path: &str| send(client.request("GET", path).header("Accept", "text/event-stream"));
    ask(&channel("c", "?callback=f")).is_error(400, "invalid_request");
    ask(&channel("c", "?block=1")).is_error(400, "invalid_request");
    ask(&channel("a.b", "")).is_error(400, "invalid_channel_name");
    ask("/v1/bus/nobody.org/channel/c").is_error(404, "unknown_bus");
    ask(&format!("/v1/bus/{BUS}")).is_error(401, "credentials_required");
    let poster = client.request("GET", &format!("/v1/bus/{BUS}")).header("Accept", "text/event-stream");
    send(poster.basic_auth("poster", Some("retsop"))).is_error(403, "forbidden");
    // Who takes anything gets an answer, as ever.
    let reply = send(client.request("GET", &channel("c", "")).header("Accept", "*/*"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "[]"));
    assert_eq!(waiting(&client, "sse"), Some(0.0));
}

#[test]
fn head_of_a_stream_is_its_headers() {
    let server = Server::start();
    let mut raw = server.raw();
    let head = raw.request("HEAD", &channel("c", ""), "Accept: text/event-stream\r\n").reply_to_head();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(head.header("incremental"), Some("?1"));
    // Nothing of a body was in between.
    assert_eq!(raw.request("GET", &channel("c", ""), "").reply().text(), "[]");
    assert_eq!(waiting(&server.client(), "sse"), Some(0.0));
}

#[test]
fn a_stream_is_counted_as_one_and_its_time_is_no_latency() {
    let server = Server::start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    assert_eq!(waiting(&client, "sse"), Some(1.0));
    assert_eq!(client.metric("requests_total", "{route=\"sse\",status=\"200\"}"), Some(1.0));
    assert_eq!(client.metric("request_seconds_count", "{route=\"sse\"}"), None);
    drop(events);
    eventually("it is closed", || waiting(&client, "sse") == Some(0.0));
    eventually("nothing is under way", || server.backplane.active_requests() == 0);
}
