//! Who may open one, and how.

use backplane::config::AllowedOrigins;
use testkit::{BUS, Reply, Server, Setup, Socket, basic, upgrade};

use super::{channel, channels, no_channels, open, waiting};

fn ask(server: &Server, path: &str, headers: &str) -> Reply {
    server.raw().request("GET", path, headers).reply()
}

fn restricted() -> Server {
    let origins = AllowedOrigins::List(vec!["https://a.example".to_owned()]);
    Setup::new().bus(move |bus| bus.allowed_origins = origins).start()
}

#[test]
fn push_ws_30_it_is_opened_by_rfc_6455_and_our_subprotocol() {
    let server = Server::start();
    let mut socket = open(&server, &channel("c", ""));
    assert_eq!(socket.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(socket.headers["sec-websocket-protocol"], "backplane.v1");
    assert!(!socket.headers.contains_key("sec-websocket-extensions"));
    assert!(!socket.headers.contains_key("transfer-encoding"));
    socket.resumed();
    for (left_out, told) in [
        ("Connection: Upgrade\r\n", "Connection: Upgrade"),
        ("Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Version: 13"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Key"),
        ("Sec-WebSocket-Protocol: backplane.v1\r\n", "Sec-WebSocket-Protocol: backplane.v1"),
    ] {
        let reply = ask(&server, &channel("c", ""), &upgrade("").replace(left_out, ""));
        let text = reply.is_error(400, "invalid_request");
        assert!(text.contains(told), "{text}");
    }
    // Without an offer it is a poll, and so is HEAD.
    assert_eq!(ask(&server, &channel("c", ""), "").text(), "[]");
    let head = server.raw().request("HEAD", &channel("c", ""), &upgrade("")).reply_to_head();
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
    assert_eq!(waiting(&server.client(), "websocket"), Some(1.0));
}

#[test]
fn push_ws_31_what_is_refused_is_refused_in_plain_http() {
    let server = Server::start();
    let many: Vec<_> = (0..256).map(|n| format!("c{n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (path, headers, status, code) in [
        (channel("c", "?callback=f"), "", 400, "invalid_request"),
        (channel("c", "?block=1"), "", 400, "invalid_request"),
        (channel("a.b", ""), "", 400, "invalid_channel_name"),
        (channels(&many, ""), "", 400, "invalid_request"),
        ("/v1/bus/nobody.org/channel/c".to_owned(), "", 404, "unknown_bus"),
        (format!("/v1/bus/{BUS}"), "", 401, "credentials_required"),
        (format!("/v1/bus/{BUS}"), &basic("poster"), 403, "forbidden"),
        (channel("c", ""), "Authorization: Basic bm9ib2R5Ondyb25n\r\n", 401, "invalid_credentials"),
        (no_channels(), "Authorization: Basic bm9ib2R5Ondyb25n\r\n", 401, "invalid_credentials"),
    ] {
        ask(&server, &path, &upgrade(headers)).is_error(status, code);
    }
    assert_eq!(waiting(&server.client(), "websocket"), Some(0.0));
}

#[test]
fn push_ws_32_pages_may_open_it_where_the_bus_names_their_origin() {
    let server = restricted();
    let (good, bad) = ("Origin: https://a.example\r\n", "Origin: https://b.example\r\n");
    for path in [channel("c", ""), channels(&["c"], ""), no_channels()] {
        for refused in [bad.to_owned(), "Origin: null\r\n".to_owned(), format!("{good}{bad}")] {
            ask(&server, &path, &upgrade(&refused)).is_error(403, "forbidden");
        }
        Socket::open(server.address(), &path, good);
        // Who is no page has no origin.
        Socket::open(server.address(), &path, "");
    }
    let bus = format!("/v1/bus/{BUS}");
    ask(&server, &bus, &upgrade(&format!("{bad}{}", basic("reader")))).is_error(403, "forbidden");
    Socket::open(server.address(), &bus, &format!("{good}{}", basic("reader"))).resumed();
}

#[test]
fn push_ws_33_where_all_pages_may_read_none_may_use_what_its_browser_knows() {
    let server = Server::start();
    let page = format!("Origin: https://b.example\r\n{}", basic("alice"));
    ask(&server, &format!("/v1/bus/{BUS}"), &upgrade(&page)).is_error(403, "forbidden");
    let mut socket = Socket::open(server.address(), &channel("c", ""), &page);
    socket.resumed();
    socket.say(r#"{"publish": "c", "messages": [], "ref": "1"}"#);
    let told = socket.said();
    assert_eq!(
        (&told["refused"], &told["error"], &told["status"]),
        (&"1".into(), &"credentials_required".into(), &401.into())
    );
    assert_eq!(server.stats().posts, 0);
}
