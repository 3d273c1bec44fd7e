//! I-5: every bound of a POST has an error, and what is refused leaves nothing.

use backplane::config::Limits;

use testkit::{BUS, Client, OTHER_BUS, Reply, Server, Setup, message, messages, password_of, send};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A server with small bounds of the test's choice.
fn limited(change: impl FnOnce(&mut Limits)) -> Server {
    Setup::new().config(|config| change(&mut config.limits)).start()
}

/// A body of exactly this length, with messages that are within their own bound.
fn body_of(length: usize) -> String {
    let filler = message(&format!("\"{}\"", "x".repeat(200 * KIB)));
    let mut all = Vec::new();
    while (all.len() + 1) * (filler.len() + 1) < length {
        all.push(filler.clone());
    }
    let body = format!("[{}", all.join(","));
    let padding = length - body.len() - 1;
    format!("{body}{}]", " ".repeat(padding))
}

/// Posts the body in chunks, to the end or until the server will have no more.
fn post_chunked(server: &Server, body: &str) -> Reply {
    let mut raw = server.raw();
    raw.post_head("c", "Transfer-Encoding: chunked\r\n");
    let mut chunks = body.as_bytes().chunks(48 * KIB).chain([&b""[..]]);
    while let Some(chunk) = chunks.next()
        && raw.try_send([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).is_ok()
    {}
    raw.reply()
}

#[track_caller]
fn nothing_is_stored(server: &Server, client: &Client) {
    assert_eq!(client.read("c", "").text(), "[]");
    assert_eq!((server.stats().channels, server.stats().window_memory), (0, 0));
}

#[test]
fn i_5_a_body_has_at_most_1_mib() {
    let server = Server::start();
    let client = server.client();
    for over in [MIB + 1, 4 * MIB] {
        let description = client.post("c", body_of(over)).is_error(413, "body_too_large");
        assert!(description.contains("1048576 bytes"), "{description}");
        post_chunked(&server, &body_of(over)).is_error(413, "body_too_large");
        nothing_is_stored(&server, &client);
    }
    assert_eq!(client.post("c", body_of(MIB)).status, 200);
    assert_eq!(post_chunked(&server, &body_of(MIB)).status, 200);
}

#[test]
fn i_5_a_post_brings_at_most_1000_messages() {
    let server = Server::start();
    let client = server.client();
    let description = client.post("c", messages(&["1"; 1001])).is_error(413, "too_many_messages");
    assert!(description.contains("1000"), "{description}");
    nothing_is_stored(&server, &client);
    assert_eq!(client.post_payloads("c", &["1"; 1000]).len(), 1000);
}

#[test]
fn i_5_a_message_has_at_most_256_kib() {
    let server = Server::start();
    let client = server.client();
    let around = message("\"\"").len();
    let of = |length: usize| format!("\"{}\"", "x".repeat(length - around));
    let description =
        client.post("c", messages(&["1", &of(256 * KIB + 1)])).is_error(413, "message_too_large");
    assert!(description.starts_with("message 1 (counted from 0): "), "{description}");
    nothing_is_stored(&server, &client);
    assert_eq!(client.post("c", messages(&[&of(256 * KIB)])).status, 200);
}

#[test]
fn i_5_json_lies_at_most_32_deep() {
    let server = Server::start();
    let client = server.client();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [32, 33, 1000, 100_000] {
        client.post("c", messages(&[&nested(depth)])).is_error(400, "invalid_message");
        client.post("c", nested(depth + 1)).is_error(400, "invalid_message");
    }
    nothing_is_stored(&server, &client);
    // The message's own object is the first level.
    assert_eq!(client.post("c", messages(&[&nested(31)])).status, 200);
}

#[test]
fn i_5_a_bus_has_so_many_channels() {
    let server = limited(|limits| limits.channels_per_bus = 2);
    let client = server.client();
    client.post_payloads("a", &["1"]);
    client.post_payloads("b", &["2"]);
    let refused = client.post("c", messages(&["3"]));
    refused.is_error(429, "too_many_channels");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(client.read("c", "").text(), "[]");
    client.post_payloads("a", &["4"]);
    assert_eq!(client.read_bus("").payloads(), ["1", "2", "4"]);
}

#[test]
fn i_5_windows_have_so_much_memory() {
    let server = limited(|limits| limits.window_memory = 100 * KIB);
    let client = server.client();
    let big = format!("\"{}\"", "x".repeat(60 * KIB));
    client.post_payloads("a", &[&big]);
    let held = server.stats().window_memory;
    let refused = client.post("c", messages(&[&big]));
    refused.is_error(503, "memory_full");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(client.read("c", "").text(), "[]");
    assert_eq!(server.stats().window_memory, held);
    assert_eq!(client.metric("window_bytes", ""), Some(f64::from(u32::try_from(held).unwrap())));
}

/// A message that is posted as this user, to a channel of either bus.
fn post_as(client: &Client, user: &str, bus: &str, channel: &str, payload: &str) -> Reply {
    let request = client.request("POST", &format!("/v1/bus/{bus}/channel/{channel}"));
    let request = request.header("Content-Type", "application/json");
    send(request.basic_auth(user, Some(password_of(user))).body(messages(&[payload])))
}

#[test]
fn i_5_a_flood_ends_at_the_share_of_who_floods() {
    let server = limited(|limits| (limits.window_memory, limits.channels_per_bus) = (MIB, 4));
    let client = server.client();
    let big = format!("\"{}\"", "x".repeat(20 * KIB));
    let flood = |user: &str, bus: &str| loop {
        let reply = post_as(&client, user, bus, "c", &big);
        if reply.status != 200 {
            return reply;
        }
    };
    let refused = flood("poster", BUS);
    let description = refused.is_error(429, "share_used");
    assert!(description.contains("share of this bus's memory"), "{description}");
    assert!(refused.header("retry-after").is_some());
    // Half is free, a quarter is the other bus's, an eighth is alice's.
    let share = f64::from(u32::try_from(MIB).unwrap()) * 5.0 / 8.0;
    let used = client.metric("bus_window_bytes", &format!("{{bus=\"{BUS}\"}}")).unwrap();
    assert!(used <= share && used > share - 22.0 * 1024.0, "{used}");
    // Whoever asks whether the server is ready needs none of it.
    assert_eq!(client.get("/readyz").status, 200);

    let of_bus = flood("alice", BUS).is_error(503, "memory_full");
    assert!(of_bus.contains("this bus has used its share"), "{of_bus}");
    let of_all = flood("alice", OTHER_BUS).is_error(503, "memory_full");
    assert!(of_all.contains("1048576 bytes"), "{of_all}");
    assert_eq!(client.get("/readyz").status, 200);

    let reply = post_as(&client, "poster", OTHER_BUS, "c", "1");
    assert_eq!(reply.status, 403, "who may not post has no share");
}

#[test]
fn i_5_a_users_channels_and_keys_end_at_his_share() {
    let server = limited(|limits| (limits.channels_per_bus, limits.idempotency_keys) = (4, 4));
    let client = server.client();
    let keyed = |user: &str, key: &str| {
        let request = client.request("POST", &format!("/v1/bus/{BUS}/channel/c0"));
        let request = request.basic_auth(user, Some(password_of(user))).header("Idempotency-Key", key);
        send(request.header("Content-Type", "application/json").body(messages(&["1"])))
    };
    for n in 0..3 {
        assert_eq!(post_as(&client, "poster", BUS, &format!("c{n}"), "1").status, 200);
        assert_eq!(keyed("poster", &format!("k{n}")).status, 200);
    }
    let channels = post_as(&client, "poster", BUS, "c3", "1").is_error(429, "too_many_channels");
    let keys = keyed("poster", "k3").is_error(429, "too_many_idempotency_keys");
    for description in [channels, keys] {
        assert!(description.contains("your share"), "{description}");
    }
    assert_eq!(post_as(&client, "alice", BUS, "c3", "1").status, 200);
    assert_eq!(keyed("alice", "k3").status, 200);
}
