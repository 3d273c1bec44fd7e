//! What RFC 6455 says, and who breaks it: each ends with its code, and nothing hangs.

use std::time::Duration;

use serde_json::json;
use testkit::{Frame, Server, Setup, TEXT, eventually, masked};

use super::{channel, no_channels, open, waiting};

const KIB: usize = 1024;

fn limited() -> Server {
    Setup::new().config(|config| config.limits.body = 4 * KIB).start()
}

#[test]
fn push_ws_60_who_breaks_the_rules_is_told_which() {
    let server = limited();
    let long = masked(TEXT, &[b'x'; 4 * KIB + 1]);
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("no mask", b"\x81\x02{}".to_vec(), 1002),
        ("first reserved bit", masked(0xc1, b"{}"), 1002),
        ("second reserved bit", masked(0xa1, b"{}"), 1002),
        ("third reserved bit", masked(0x91, b"{}"), 1002),
        ("reserved bit of a ping", masked(0xc9, b""), 1002),
        ("an unknown kind", masked(0x83, b""), 1002),
        ("an unknown kind", masked(0x87, b""), 1002),
        ("an unknown kind of control", masked(0x8b, b""), 1002),
        ("an unknown kind of control", masked(0x8f, b""), 1002),
        ("a part of nothing", masked(0x80, b""), 1002),
        ("a text within a text", [masked(0x01, b"{"), masked(TEXT, b"{}")].concat(), 1002),
        ("a ping in parts", masked(0x09, b""), 1002),
        ("a pong in parts", masked(0x0a, b""), 1002),
        ("a close in parts", masked(0x08, b""), 1002),
        ("a long ping", masked(0x89, &[b'x'; 126]), 1002),
        ("a long pong", masked(0x8a, &[b'x'; 126]), 1002),
        ("a long close", masked(0x88, &[b'x'; 126]), 1002),
        ("half a code", masked(0x88, b"\x03"), 1002),
        ("a code that nobody may send", masked(0x88, &1005_u16.to_be_bytes()), 1002),
        ("a code that nobody may send", masked(0x88, &1006_u16.to_be_bytes()), 1002),
        ("a code that nobody may send", masked(0x88, &1004_u16.to_be_bytes()), 1002),
        ("a code that does not exist", masked(0x88, &999_u16.to_be_bytes()), 1002),
        ("a code that does not exist", masked(0x88, &2000_u16.to_be_bytes()), 1002),
        ("a code that does not exist", masked(0x88, &5000_u16.to_be_bytes()), 1002),
        ("a reason that is no text", masked(0x88, b"\x03\xe8\xff"), 1007),
        ("no text", masked(0x82, b"{}"), 1003),
        ("no text, in parts", masked(0x02, b"{}"), 1003),
        ("no UTF-8", masked(TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"), 1007),
        ("no UTF-8, over two parts", [masked(0x01, b"\xce"), masked(0x80, b"x")].concat(), 1007),
        ("half a character", masked(TEXT, b"\xe1\xbd"), 1007),
        ("too long", long.clone(), 1009),
        ("too long, and it does not come", long[..9].to_vec(), 1009),
        ("too long in parts", [masked(0x01, &[b'x'; 4 * KIB]), masked(0x80, b"x")].concat(), 1009),
        ("longer than anything", b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(), 1009),
    ];
    for (what, bytes, expected) in cases {
        let mut socket = open(&server, &channel("c", ""));
        socket.resumed();
        socket.send(&bytes);
        let (fact, code, reason) = socket.end();
        assert_eq!((fact, code), (None, Some(expected)), "{what}");
        assert!(!reason.is_empty() && reason.len() <= 123, "{what}: {reason}");
    }
    eventually("all are gone", || waiting(&server.client(), "websocket") == Some(0.0));
}

#[test]
fn push_ws_61_who_breaks_them_and_goes_on_is_not_listened_to_for_long() {
    let server = limited();
    let client = server.client();
    let mut socket = open(&server, &channel("c", ""));
    socket.resumed();
    socket.send(b"\x81\x02{}");
    let mut sent = 0_usize;
    // It never says that it has heard.
    while socket.try_send(&[b'x'; 1000]).is_ok() {
        sent += 1;
        assert!(sent < 10_000_000, "it is listened to for ever");
    }
    eventually("it is gone", || waiting(&client, "websocket") == Some(0.0));
}

#[test]
fn push_ws_62_a_text_may_come_in_parts_and_byte_by_byte() {
    let server = limited();
    let client = server.client();
    let mut socket = open(&server, &no_channels());
    let text = json!({"subscribe": {"c": null}}).to_string();
    let (one, other) = text.split_at(7);
    let parts = [
        masked(0x01, one.as_bytes()),
        masked(0x89, b"between"),
        masked(0x00, b""),
        masked(0x80, other.as_bytes()),
    ];
    for byte in parts.concat() {
        socket.send(&[byte]);
    }
    assert_eq!(socket.heard(), Frame::Pong(b"between".to_vec()));
    assert_eq!(socket.resumed().0, "complete");
    client.post_payloads("c", &["1"]);
    assert_eq!(socket.payloads(1), ["1"]);
    // Blank lines end heads of requests, and nothing here.
    socket.say(&format!("{}{}", "\r\n\r\n".repeat(900), json!({"unsubscribe": ["c"]})));
    assert!(socket.said().get("unsubscribed").is_some());
    // As long as a text may be.
    let filled = format!("{}{}", " ".repeat(4 * KIB - text.len()), text);
    socket.say(&filled);
    assert_eq!(socket.resumed().0, "complete");
}

#[test]
fn push_ws_63_pings_are_answered_and_sent() {
    // Pings are to be answered within two of them, on a busy machine too.
    let setup = Setup::new().config(|config| config.limits.heartbeat = Duration::from_millis(200));
    let server = setup.start();
    let mut socket = open(&server, &channel("c", ""));
    socket.resumed();
    for body in [&b""[..], b"a", &[b'x'; 125]] {
        socket.ping(body);
        assert_eq!(socket.heard(), Frame::Pong(body.to_vec()));
    }
    // A pong that nobody asked for says that it is there, and no more.
    for _ in 0..5 {
        while socket.frame() != Frame::Ping {}
        socket.send(&masked(0x8a, b"unasked"));
    }
    // Who does not answer two of them is gone.
    let mut pings = 0;
    loop {
        match socket.frame() {
            Frame::Ping => pings += 1,
            Frame::End => break,
            _ => {}
        }
    }
    assert_eq!(pings, 2);
    eventually("it is gone", || waiting(&server.client(), "websocket") == Some(0.0));
}

#[test]
fn push_ws_64_a_text_must_come_to_its_end_in_time() {
    let setup = Setup::new().config(|config| {
        config.limits.heartbeat = Duration::from_millis(200);
        config.limits.body_timeout = Duration::from_secs(1);
    });
    let server = setup.start();
    let mut socket = open(&server, &channel("c", ""));
    socket.resumed();
    // It answers pings between the parts, and never ends.
    socket.send(&masked(0x01, b"{"));
    let (_, code, reason) = socket.end();
    assert_eq!(code, Some(1008), "{reason}");
}
