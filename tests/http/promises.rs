//! Sticky and dated messages (MSG-5, MSG-6, RET-6, RET-9), and what versions 1.2 and 1.3 show of them.

use std::time::Duration;

use backplane_actors::{Clock as _, Expire};
use serde_json::{Value, json};
use testkit::{BUS, Client, Events, Reply, Server, Setup, Socket, basic, eventually, password_of, send};

const VERSIONS: [&str; 4] = ["/v1", "/v1.1", "/v1.2", "/v1.3"];

/// A message with this payload and these members beside it.
fn message(payload: u32, members: &str) -> String {
    format!(r#"{{"source":"http://client.com","type":"test","payload":{payload}{members}}}"#)
}

fn sticky(payload: u32) -> String {
    message(payload, r#","sticky":true"#)
}

/// One that ends so long from now, by the server's wall clock.
fn dated(server: &Server, payload: u32, seconds: u64) -> String {
    let end = Expire::at(server.clock.wall().after(Duration::from_secs(seconds)));
    message(payload, &format!(r#","expire":"{end}""#))
}

fn channel(version: &str, name: &str) -> String {
    format!("{version}/bus/{BUS}/channel/{name}")
}

fn post(client: &Client, version: &str, name: &str, messages: &[String]) -> Reply {
    let request =
        client.request("POST", &channel(version, name)).basic_auth("poster", Some(password_of("poster")));
    send(request.header("Content-Type", "application/json").body(format!("[{}]", messages.join(","))))
}

fn post_all(client: &Client, name: &str, messages: &[String]) -> Vec<String> {
    let reply = post(client, "/v1.3", name, messages);
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

/// The only message of a channel, as a version shows it.
fn shown(client: &Client, version: &str, name: &str) -> Value {
    let frames = client.get(&channel(version, name)).json();
    assert_eq!(frames.as_array().unwrap().len(), 1, "{frames}");
    frames[0]["message"].clone()
}

#[test]
fn v1_show_1_versions_reach_the_same_channels_and_links_keep_them() {
    let server =
        Setup::new().config(|config| config.public_url = Some("https://b.example".parse().unwrap())).start();
    let client = server.client();
    for (n, version) in (0..).zip(VERSIONS) {
        assert_eq!(post(&client, version, "c", &[message(n, "")]).status, 200);
    }
    for version in VERSIONS {
        let reply = client.get(&channel(version, "c"));
        assert_eq!(reply.payloads(), ["0", "1", "2", "3"], "{version}");
        assert!(reply.next().starts_with(&format!("https://b.example{}?since=", channel(version, "c"))));
        let bus = client.get_as("reader", &format!("{version}/bus/{BUS}"));
        assert!(bus.next().starts_with(&format!("https://b.example{version}/bus/{BUS}?since=")));
        let several = client.get(&format!("{version}/bus/{BUS}/channels?channel=c"));
        assert!(several.next().starts_with(&format!("https://b.example{version}/bus/{BUS}/channels?")));
        assert!(client.get(&format!("{version}/bus/{BUS}/channel/new")).json().is_string());
        assert_eq!(client.get(&format!("{}?callback=f", channel(version, "none"))).text(), "f([]);");
    }
}

#[test]
fn v1_show_1_of_1_2_whether_a_message_is_sticky_and_of_1_3_when_it_ends() {
    let server = Server::start();
    let client = server.client();
    let end = |seconds| Expire::at(server.clock.wall().after(Duration::from_secs(seconds))).to_string();
    for (n, (members, sticky, expire)) in [
        ("", false, end(30 * 60)),
        (r#","sticky":true"#, true, end(8 * 3600)),
        (r#","sticky":"true""#, true, end(8 * 3600)),
        (r#","sticky" : "false" "#, false, end(30 * 60)),
        (&format!(r#","expire":"{}""#, end(90)), false, end(90)),
        (&format!(r#","expire":"{}","sticky":true"#, end(90)), true, end(90)),
        (&format!(r#","\u0065xpire":"{}""#, end(90).replace('-', "\\u002d")), false, end(90)),
    ]
    .into_iter()
    .enumerate()
    {
        let (name, posted) = (format!("c{n}"), message(7, members));
        post_all(&client, &name, std::slice::from_ref(&posted));
        let as_posted: Value = serde_json::from_str(&posted).unwrap();
        for version in ["/v1", "/v1.1"] {
            assert!(client.get(&channel(version, &name)).text().contains(&posted), "{version} {posted}");
        }
        let mut expected = as_posted;
        expected["sticky"] = sticky.into();
        assert_eq!(shown(&client, "/v1.2", &name), expected, "{posted}");
        expected["expire"] = expire.into();
        assert_eq!(shown(&client, "/v1.3", &name), expected, "{posted}");
        // A script says the same.
        let script = client.get(&format!("{}?callback=f", channel("/v1.3", &name))).text();
        let json = script.strip_prefix("f(").and_then(|rest| rest.strip_suffix(");")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(json).unwrap()[0]["message"], expected);
    }
}

#[test]
fn v1_show_1_what_is_streamed_has_the_shape_of_its_version() {
    let server = Server::start();
    let client = server.client();
    for version in VERSIONS {
        let name = format!("c{}", version.len());
        let mut events = Events::open(&client, &channel(version, &name));
        let mut socket = Socket::open(server.address(), &channel(version, &name), "");
        events.resumed();
        socket.resumed();
        // One that goes as a whole, and one that goes in pieces.
        let long = message(2, &format!(r#","sticky":"true","long":"{}""#, "x".repeat(40_000)));
        post_all(&client, &name, &[message(1, ""), long]);
        let polled = client.get(&channel(version, &name)).json();
        for frame in polled.as_array().unwrap() {
            assert_eq!(events.frame().1["message"], frame["message"], "{version}");
            assert_eq!(socket.said()["message"], frame["message"], "{version}");
        }
        assert_eq!(polled[0]["message"].get("sticky").is_some(), version > "/v1.1");
        assert_eq!(polled[0]["message"].get("expire").is_some(), version > "/v1.2");
    }
}

#[test]
fn msg_5_sticky_is_a_boolean_or_its_text_and_anything_else_is_refused_from_1_2_on() {
    let server = Server::start();
    let client = server.client();
    for (n, bad) in ["1", "null", "\"yes\"", "\"True\"", "[true]", "{}", "\"\""].into_iter().enumerate() {
        let body = [message(1, ""), message(2, &format!(",\"sticky\":{bad}"))];
        for version in ["/v1.2", "/v1.3"] {
            let text = post(&client, version, "c", &body).is_error(400, "invalid_message");
            assert_eq!(text, "message 1 (counted from 0): `sticky` must be true or false");
        }
        assert_eq!(client.read("c", "").payloads(), [""; 0], "nothing of it is taken");
        // To 1.0 and 1.1 it is a field like others (MSG-4).
        for version in ["/v1", "/v1.1"] {
            let name = format!("c{n}{}", version.len());
            assert_eq!(post(&client, version, &name, &body[1..]).status, 200);
            assert!(client.get(&channel("/v1", &name)).text().contains(&body[1]));
            assert_eq!(shown(&client, "/v1.2", &name)["sticky"], false, "{bad}");
        }
    }
    // The field counts in each version.
    for (n, version) in VERSIONS.into_iter().enumerate() {
        post(&client, version, &format!("d{n}"), &[message(1, r#","sticky":"true""#)]);
        assert_eq!(client.get(&channel("/v1.2", &format!("d{n}?sticky=true"))).payloads(), ["1"]);
    }
}

#[test]
fn msg_6_expire_is_a_second_of_utc_and_anything_else_is_refused_in_1_3() {
    let server = Server::start();
    let client = server.client();
    for bad in [
        "1",
        "null",
        "\"tomorrow\"",
        "\"2030-01-01\"",
        "\"2030-01-01T00:00:00.5Z\"",
        "\"2030-01-01T00:00:00+01:00\"",
    ] {
        let body = [message(1, &format!(",\"expire\":{bad}"))];
        let text = post(&client, "/v1.3", "c", &body).is_error(400, "invalid_message");
        assert_eq!(
            text,
            "message 0 (counted from 0): `expire` must be a time in UTC without a fraction, like \"2030-01-31T23:59:59Z\""
        );
    }
    assert_eq!(client.read("c", "").payloads(), [""; 0], "nothing of it is taken");
    for version in &VERSIONS[..3] {
        assert_eq!(post(&client, version, "c", &[message(1, r#","expire":"tomorrow""#)]).status, 200);
    }
}

#[test]
fn ret_9_an_end_is_within_the_longest_retention_and_to_come() {
    let server = Setup::new().bus(|bus| bus.retention_max = Duration::from_hours(1)).start();
    let client = server.client();
    for version in VERSIONS {
        for seconds in [3602, 100_000_000] {
            let body = [message(0, ""), dated(&server, 1, seconds)];
            let text = post(&client, version, "c", &body).is_error(400, "invalid_message");
            let said = "message 1 (counted from 0): `expire` is too far away; this bus keeps a message for 3600 seconds at most";
            assert_eq!(text, said);
        }
        let over = [dated(&server, 1, 0)];
        let text = post(&client, version, "c", &over).is_error(400, "invalid_message");
        assert_eq!(text, "message 0 (counted from 0): `expire` is over already; it must be later than now");
    }
    assert_eq!(client.read("c", "").payloads(), [""; 0], "nothing of it is taken");
    post_all(&client, "c", &[dated(&server, 1, 3600), dated(&server, 2, 1)]);
    server.advance(Duration::from_millis(999));
    assert_eq!(client.read("c", "").payloads(), ["1", "2"]);
    server.advance(Duration::from_millis(1001));
    assert_eq!(client.read("c", "").payloads(), ["1"]);
    server.advance(Duration::from_secs(3599));
    assert_eq!(client.read("c", "").payloads(), [""; 0]);
}

#[test]
fn ret_9_a_promise_outlives_the_channels_idle_time_and_the_default_retention() {
    let server = Server::start();
    let client = server.client();
    post_all(&client, "c", &[sticky(1), message(2, ""), dated(&server, 3, 2 * 3600)]);
    server.advance(Duration::from_mins(31));
    assert_eq!(client.read("c", "").payloads(), ["1", "3"]);
    assert_eq!(client.read_bus("").payloads(), ["1", "3"]);
    // The life of the channel goes on.
    post_all(&client, "c", &[message(4, "")]);
    assert_eq!(client.read("c", "").payloads(), ["1", "3", "4"]);
    server.advance(Duration::from_mins(90));
    assert_eq!(client.read("c", "").payloads(), ["1"]);
    server.advance(Duration::from_hours(6));
    assert_eq!(client.read("c", "").payloads(), [""; 0]);
    assert_eq!(client.read_bus("").payloads(), [""; 0]);
}

/// I-11: the wall clock says when a message is to end, and no step of it moves that end.
#[test]
fn ret_9_i_11_a_wall_clock_that_jumps_moves_no_end() {
    let server = Server::start();
    let client = server.client();
    post_all(&client, "c", &[dated(&server, 1, 60), sticky(2)]);
    let end = shown(&client, "/v1.3", "c?sticky=true")["expire"].clone();
    let before = server.clock.wall();
    server.clock.step_wall(before.after(Duration::from_hours(100)));
    assert_eq!(client.read("c", "").payloads(), ["1", "2"]);
    server.clock.step_wall(before);
    server.advance(Duration::from_secs(61));
    assert_eq!(client.read("c", "").payloads(), ["2"]);
    assert_eq!(shown(&client, "/v1.3", "c")["expire"], end, "what is shown stays as it was");
}

#[test]
fn ret_6_sticky_messages_alone_and_since_hold_together() {
    let server = Server::start();
    let client = server.client();
    let ids = post_all(&client, "c", &[sticky(1), message(2, ""), sticky(3), message(4, "")]);
    let other = post_all(&client, "d", &[message(5, ""), sticky(6)]);
    for version in VERSIONS {
        let c = channel(version, "c");
        assert_eq!(client.get(&format!("{c}?sticky=true")).payloads(), ["1", "3"], "{version}");
        for (since, rest) in [(&ids[0], &["3"][..]), (&ids[1], &["3"]), (&ids[2], &[]), (&ids[3], &[])] {
            assert_eq!(client.get(&format!("{c}?sticky=true&since={since}")).payloads(), rest, "{version}");
        }
        let bus = format!("{version}/bus/{BUS}?sticky=true");
        assert_eq!(client.get_as("reader", &bus).payloads(), ["1", "3", "6"]);
        assert_eq!(client.get_as("reader", &format!("{bus}&since={}", other[0])).payloads(), ["6"]);
        let several = format!("{version}/bus/{BUS}/channels?channel=c&channel=d&sticky=true");
        assert_eq!(client.get(&several).payloads(), ["1", "3", "6"]);
    }
    // Links go on with what was asked for, each position behind all that there was.
    let reply = client.get(&format!("{}?sticky=true", channel("/v1.2", "c")));
    assert!(reply.next().ends_with("&sticky=true"), "{}", reply.next());
    post_all(&client, "c", &[message(7, ""), sticky(8)]);
    let next = format!("{}{}", channel("/v1.2", "c"), reply.next());
    assert_eq!(client.get(&next).payloads(), ["8"]);
    let reply = client.get(&format!("/v1.2/bus/{BUS}/channels?channel=c&channel=d&sticky=true"));
    assert_eq!(client.get(&format!("/v1.2/bus/{BUS}/channels{}", reply.next())).payloads(), [""; 0]);
}

#[test]
fn ret_6_any_other_value_is_refused_by_the_versions_that_know_it() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1"]);
    for value in ["false", "True", "1", "", "true%20"] {
        let query = format!("?sticky={value}");
        for version in ["/v1.2", "/v1.3"] {
            let text =
                client.get(&format!("{}{query}", channel(version, "c"))).is_error(400, "invalid_request");
            assert_eq!(
                text,
                "the parameter sticky is true, once, or it is not there: then all messages are asked for"
            );
            client.get_as("reader", &format!("{version}/bus/{BUS}{query}")).is_error(400, "invalid_request");
            client
                .get(&format!("{version}/bus/{BUS}/channels{query}&channel=c"))
                .is_error(400, "invalid_request");
        }
        assert_eq!(client.get(&format!("{}{query}", channel("/v1", "c"))).payloads(), ["1"]);
        assert_eq!(client.get(&format!("{}{query}", channel("/v1.1", "c"))).payloads(), ["1"]);
    }
    let twice = "?sticky=true&sticky=true";
    client.get(&format!("{}{twice}", channel("/v1.2", "c"))).is_error(400, "invalid_request");
    assert_eq!(client.get(&format!("{}{twice}", channel("/v1", "c"))).payloads(), ["1"]);
}

/// I-10: who reads sticky messages is told of what is missing among them, and of nothing else.
#[test]
fn ret_6_i_10_gaps_are_told_apart() {
    let setup = Setup::new().bus(|bus| {
        bus.window_channel = 2.try_into().unwrap();
        bus.window_bus = 3.try_into().unwrap();
    });
    let server = setup.start();
    let client = server.client();
    let first = post_all(&client, "c", &[sticky(1)]).remove(0);
    let all = |which: &str| {
        let channel = client.get(&format!("{}?since={first}{which}", channel("/v1.2", "c")));
        let bus = client.get_as("reader", &format!("/v1.2/bus/{BUS}?since={first}{which}"));
        (channel.resume().to_owned(), bus.resume().to_owned())
    };
    let told = |channel: &str, bus: &str| (channel.to_owned(), bus.to_owned());
    post_all(&client, "c", &[message(2, ""), message(3, ""), message(4, ""), message(5, "")]);
    assert_eq!(all(""), told("gap", "gap"));
    assert_eq!(all("&sticky=true"), told("complete", "complete"));
    assert_eq!(
        client.get(&format!("{}?since={first}&sticky=true", channel("/v1.2", "c"))).payloads(),
        [""; 0]
    );
    post_all(&client, "c", &[dated(&server, 6, 10)]);
    server.advance(Duration::from_secs(10));
    assert_eq!(all("&sticky=true"), told("complete", "complete"), "dated is not sticky");
    let end = Expire::at(server.clock.wall().after(Duration::from_secs(5))).to_string();
    post_all(&client, "c", &[message(7, &format!(r#","sticky":true,"expire":"{end}""#))]);
    server.advance(Duration::from_secs(5));
    assert_eq!(all("&sticky=true"), told("gap", "gap"));
    // What another channel has lost is nothing to this one; all channels of the bus together have lost it.
    for n in 0..4 {
        post_all(&client, &format!("other{n}"), &[sticky(8)]);
    }
    let since = post_all(&client, "c", &[message(9, "")]).remove(0);
    for n in 4..7 {
        post_all(&client, &format!("other{n}"), &[sticky(8), message(0, "")]);
    }
    let get = |path: &str| client.get_as("reader", &format!("{path}?since={since}&sticky=true"));
    let bus = format!("/v1.2/bus/{BUS}");
    assert_eq!(get(&channel("/v1.2", "c")).resume(), "complete");
    assert_eq!(get(&bus).resume(), "complete");
    assert_eq!(get(&bus).payloads(), ["8"; 3], "beside recent ones that are not sticky");
    post_all(&client, "other", &[sticky(10)]);
    assert_eq!(get(&channel("/v1.2", "c")).resume(), "complete");
    assert_eq!(
        (get(&bus).resume(), get(&bus).payloads()),
        ("gap", vec!["8".into(), "8".into(), "10".into()])
    );
}

#[test]
fn ret_6_streams_of_sticky_messages_alone() {
    let server = Server::start();
    let client = server.client();
    post_all(&client, "c", &[message(1, ""), sticky(2), message(3, "")]);
    let path = format!("{}?sticky=true", channel("/v1.2", "c"));
    let mut events = Events::open(&client, &path);
    let mut socket = Socket::open(server.address(), &path, "");
    let mut all = Events::open(&client, &channel("/v1.2", "c"));
    let bus = format!("/v1.2/bus/{BUS}?sticky=true");
    let mut of_bus = Socket::open(server.address(), &bus, &basic("reader"));
    for said in [events.resumed(), socket.resumed(), all.resumed(), of_bus.resumed()] {
        assert_eq!(said.0, "complete");
    }
    assert_eq!(all.payloads(3), ["1", "2", "3"]);
    let mut last = String::new();
    let mut next = |wanted: u32| {
        let (_, frame) = events.frame();
        assert_eq!(frame["message"]["payload"], wanted);
        // Frames are linked among themselves: what comes between them is nothing that is missing.
        if !last.is_empty() {
            assert_eq!(frame["prev"], last.as_str());
        }
        last = frame["id"].as_str().unwrap().to_owned();
        for socket in [&mut socket, &mut of_bus] {
            assert_eq!(
                (&socket.said()["message"]["payload"], &frame["message"]["sticky"]),
                (&wanted.into(), &true.into())
            );
        }
    };
    next(2);
    for n in 0..200 {
        post_all(&client, "c", &[message(100, "")]);
        if n % 50 == 0 {
            post_all(&client, "c", &[sticky(n), message(100, "")]);
            next(n);
        }
    }
    // A long poll waits for a sticky one, however much else comes.
    let reply = client.get(&path);
    let next = format!("{}{}&block=20", channel("/v1.2", "c"), reply.next());
    let waiting = std::thread::scope(|scope| {
        let polled = scope.spawn(|| client.get(&next).payloads());
        eventually("a poll waits", || client.metric("streams", "{kind=\"long_poll\"}") == Some(1.0));
        post_all(&client, "c", &[message(100, ""), message(101, "")]);
        post_all(&client, "c", &[sticky(999)]);
        polled.join().unwrap()
    });
    assert_eq!(waiting, ["999"]);
}

#[test]
fn ret_9_a_channel_full_of_promises_says_so_and_nobody_else_is_refused() {
    let setup = Setup::new().bus(|bus| {
        bus.window_channel = 3.try_into().unwrap();
        bus.window_bus = 4.try_into().unwrap();
    });
    let server = setup.start();
    let client = server.client();
    post_all(&client, "c", &[sticky(1), dated(&server, 2, 60)]);
    let refused = post(&client, "/v1.2", "c", &[sticky(3), sticky(4)]);
    let text = refused.is_error(429, "too_many_promises");
    assert!(text.contains("the 3 sticky or dated messages"), "{text}");
    assert!(refused.header("retry-after").is_some());
    // What is not promised goes on, and takes nothing of the promised away.
    for n in 5..20 {
        post_all(&client, "c", &[message(n, "")]);
    }
    post_all(&client, "c", &[sticky(20)]);
    assert_eq!(client.read("c", "").payloads(), ["1", "2", "18", "19", "20"]);
    post(&client, "/v1.2", "c", &[sticky(21)]).is_error(429, "too_many_promises");
    // Others have channels of their own, and the bus refuses nobody.
    for n in 0..10 {
        post_all(&client, &format!("d{n}"), &[sticky(n)]);
    }
    assert_eq!(client.read_bus("?sticky=true").payloads(), ["6", "7", "8", "9"]);
    assert_eq!(client.read("c", "").payloads(), ["1", "2", "18", "19", "20"]);
    // Room comes with the end of a promise.
    server.advance(Duration::from_mins(1));
    post_all(&client, "c", &[sticky(22)]);
    assert_eq!(client.read("c", "").payloads(), ["1", "19", "20", "22"]);
}

#[test]
fn msg_7_what_an_envelope_holds_is_promised_and_the_envelope_stays_as_it_is() {
    use base64::Engine as _;
    let server = Server::start();
    let client = server.client();
    let data = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sticky(1));
    let envelope = json!({
        "data": data, "data_type": "application/json", "encoding": "base64url", "alg": "RSA-SHA256",
        "sigs": [{"value": "AAAA"}],
    });
    post_all(&client, "c", &[envelope.to_string()]);
    server.advance(Duration::from_hours(4));
    for version in VERSIONS {
        let reply = client.get(&format!("{}?sticky=true", channel(version, "c")));
        assert_eq!(reply.json()[0]["message"], envelope, "{version}");
    }
}
