//! I-5: every bound of a POST has an error, and what is refused leaves nothing.

use backplane::config::Limits;

use testkit::{Client, Reply, Server, Setup, message, messages};

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
