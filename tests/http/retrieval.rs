//! RET-1 to RET-4, RET-7, RET-8 and RET-10 over HTTP.

use std::time::Duration;

use testkit::{BUS, OTHER_BUS, Server, Setup, messages, send};

#[test]
fn ret_1_channel_and_bus_keep_windows_of_the_most_recent_messages() {
    let setup = Setup::new().bus(|bus| {
        bus.window_channel = 2.try_into().unwrap();
        bus.window_bus = 3.try_into().unwrap();
    });
    let server = setup.start();
    let client = server.client();
    client.post_payloads("a", &["1", "2", "3"]);
    client.post_payloads("b", &["4"]);
    assert_eq!(client.read("a", "").payloads(), ["2", "3"]);
    assert_eq!(client.read("b", "").payloads(), ["4"]);
    assert_eq!(client.read_bus("").payloads(), ["2", "3", "4"]);
}

#[test]
fn ret_2_without_since_the_whole_window_is_returned() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("a", &["1", "2"]);
    for _ in 0..2 {
        assert_eq!(client.read("a", "").payloads(), ["1", "2"], "reading takes nothing away");
        assert_eq!(client.read_bus("").payloads(), ["1", "2"]);
    }
}

#[test]
fn ret_3_since_a_message_in_the_window_returns_what_is_newer_without_it() {
    let server = Server::start();
    let client = server.client();
    let ids = client.post_payloads("a", &["1", "2", "3"]);
    let last = client.post_payloads("b", &["4"]);
    for (since, on_channel, on_bus) in [
        (&ids[0], &["2", "3"][..], &["2", "3", "4"][..]),
        (&ids[1], &["3"], &["3", "4"]),
        (&ids[2], &[], &["4"]),
    ] {
        let query = format!("?since={since}");
        assert_eq!(client.read("a", &query).payloads(), on_channel);
        assert_eq!(client.read_bus(&query).payloads(), on_bus);
    }
    assert_eq!(client.read_bus(&format!("?since={}", last[0])).payloads(), [""; 0]);
}

#[test]
fn ret_4_a_position_that_left_the_window_returns_the_whole_window() {
    let setup = Setup::new().bus(|bus| {
        bus.window_channel = 2.try_into().unwrap();
        bus.window_bus = 2.try_into().unwrap();
    });
    let server = setup.start();
    let client = server.client();
    let ids = client.post_payloads("a", &["1", "2", "3", "4"]);
    for left in &ids[..2] {
        let query = format!("?since={left}");
        assert_eq!(client.read("a", &query).payloads(), ["3", "4"]);
        assert_eq!(client.read_bus(&query).payloads(), ["3", "4"]);
    }
}

#[test]
fn ret_4_a_position_that_never_was_returns_the_whole_window() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("a", &["1", "2"]);
    let long = "x".repeat(2000);
    for never in ["", "0", "none", "%00", "%F0%9F%98%80", "%ff", "zzzzzzzzzzzzz", "a%20b", &long] {
        let query = format!("?since={never}");
        assert_eq!(client.read("a", &query).payloads(), ["1", "2"], "{never}");
        assert_eq!(client.read_bus(&query).payloads(), ["1", "2"], "{never}");
    }
}

#[test]
fn ret_7_a_bus_has_one_order_and_each_channel_a_part_of_it() {
    let server = Server::start();
    let posts = 12;
    std::thread::scope(|scope| {
        for poster in 0..4 {
            let client = server.client();
            scope.spawn(move || {
                for n in 0..posts {
                    let payload = |part| format!("[{poster},{n},{part}]");
                    let payloads = [payload(0), payload(1), payload(2)];
                    client.post_payloads(
                        &format!("c{}", (poster + n) % 3),
                        &payloads.each_ref().map(String::as_str),
                    );
                }
            });
        }
    });
    let client = server.client();
    let bus = client.read_bus("");
    let ids = bus.ids();
    assert_eq!(ids.len(), 4 * posts * 3);
    assert!(ids.is_sorted_by(|a, b| a < b), "ids sort as text in the order of acceptance");
    // The messages of one POST stay together and in their order.
    for three in bus.payloads().chunks(3) {
        let starts = three[0].strip_suffix("0]").expect("a POST begins here");
        assert_eq!(three[1..], [format!("{starts}1]"), format!("{starts}2]")]);
    }
    for channel in ["c0", "c1", "c2"] {
        let frames = bus.json();
        let of_channel = |frame: &&serde_json::Value| frame["channel_name"] == channel;
        let expected: Vec<_> = frames.as_array().unwrap().iter().filter(of_channel).cloned().collect();
        assert_eq!(client.read(channel, "").json(), serde_json::Value::Array(expected));
    }
}

#[test]
fn ret_8_a_channel_begins_with_its_first_post_and_expires_half_an_hour_after_its_last() {
    let server = Server::start();
    let client = server.client();
    assert_eq!(client.read("c", "").text(), "[]");
    client.post_payloads("c", &["1"]);
    server.advance(Duration::from_mins(20));
    client.post_payloads("c", &["2"]);
    server.advance(Duration::from_millis(10 * 60_000 - 1));
    assert_eq!(client.read("c", "").payloads(), ["1", "2"]);
    server.advance(Duration::from_mins(20));
    // 1 ms before the channel's end, and long after the first message's own.
    assert_eq!(client.read("c", "").payloads(), ["2"]);
    server.advance(Duration::from_millis(1));
    assert_eq!(client.read("c", "").text(), "[]");
    assert_eq!(server.stats().channels, 0);
}

#[test]
fn ret_8_retrieval_from_channels_that_do_not_exist_creates_nothing() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1"]);
    let before = server.stats();
    for n in 0..5 {
        assert_eq!(client.read(&format!("none-{n}"), "").text(), "[]");
    }
    assert_eq!(server.stats(), before);
    let of_bus = format!("{{bus=\"{BUS}\"}}");
    assert_eq!(client.metric("channels", &of_bus), Some(1.0));
    assert_eq!(client.metric("channels_begun_total", &of_bus), Some(1.0));
}

#[test]
fn ret_10_a_message_is_visible_to_whoever_asks_after_the_answer() {
    let server = Server::start();
    let (poster, reader) = (server.client(), server.client());
    for n in 0..200 {
        let channel = format!("c{}", n % 7);
        let id = poster.post_payloads(&channel, &[&n.to_string()]).remove(0);
        assert_eq!(reader.read(&channel, "").ids().last(), Some(&id));
        assert_eq!(reader.read_bus("").ids().last(), Some(&id));
    }
}

#[test]
fn buses_are_apart() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1"]);
    let path = format!("/v1/bus/{OTHER_BUS}/channel/c");
    let request = client.request("POST", &path).basic_auth("alice", Some("ecila"));
    let request = request.header("Content-Type", "application/json");
    assert_eq!(send(request.body(messages(&["2"]))).status, 200);
    assert_eq!(client.read("c", "").payloads(), ["1"]);
    assert_eq!(client.get(&path).payloads(), ["2"]);
    assert_eq!(client.get_as("alice", &format!("/v1/bus/{BUS}")).payloads(), ["1"]);
    assert_eq!(client.get_as("alice", &format!("/v1/bus/{OTHER_BUS}")).payloads(), ["2"]);
}

#[test]
fn since_may_be_given_once_and_other_parameters_are_passed_over() {
    let server = Server::start();
    let client = server.client();
    let ids = client.post_payloads("c", &["1", "2"]);
    let query = format!("?other=1&since={}&sticky=maybe&&=", ids[0]);
    assert_eq!(client.read("c", &query).payloads(), ["2"]);
    client.read("c", "?since=a&since=b").is_error(400, "invalid_request");
    client.read_bus("?since=a&since=b").is_error(400, "invalid_request");
    client.read("c", "?callback=f&callback=f").is_error(400, "invalid_request");
}
