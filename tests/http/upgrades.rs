//! Requests that offer another protocol: to actix-http the body of one that offers WebSocket ends with its connection.

use testkit::{Server, eventually, messages};

const CHANNEL: &str = "/v1/bus/customer.com/channel/c";

const ROUTES: [(&str, &str); 8] = [
    ("POST", "/v1/bus/customer.com/channel/c"),
    ("GET", CHANNEL),
    ("GET", "/v1.1/bus/customer.com/channel/new"),
    ("OPTIONS", "/v1/bus/customer.com/channel/c"),
    ("GET", "/v1/none"),
    ("POST", "/none"),
    ("GET", "/healthz"),
    ("GET", "/backplane.mjs"),
];

#[test]
fn i_5_an_offer_of_websocket_with_a_body_is_refused_at_once() {
    let server = Server::start();
    let mut connections = Vec::new();
    for (method, target) in ROUTES {
        for body in ["Content-Length: 2\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n"] {
            for offer in ["websocket", "WebSocket", "h2c, websocket"] {
                let mut raw = server.raw();
                let auth = testkit::basic("poster");
                let headers = format!(
                    "{auth}Content-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: {offer}\r\n{body}"
                );
                let reply = raw.request(method, target, &headers).reply();
                reply.is_error(400, "invalid_request");
                assert_eq!(reply.header("connection"), Some("close"), "{method} {target}");
                assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
                connections.push(raw);
            }
        }
    }
    for raw in &mut connections {
        eventually("the connection ends", || raw.try_send("[]").is_err());
    }
    assert_eq!(server.stats().posts, 0);
}

#[test]
fn i_5_an_offer_of_websocket_without_a_body_is_answered_and_the_connection_ends() {
    let server = Server::start();
    for (method, target) in ROUTES.into_iter().filter(|(method, _)| *method == "GET") {
        let mut raw = server.raw();
        let reply = raw.request(method, target, "Connection: Upgrade\r\nUpgrade: websocket\r\n").reply();
        // Where WebSocket is spoken, this was not all that it takes.
        let expected: &[u16] = if target == CHANNEL { &[400] } else { &[200, 404] };
        assert!(expected.contains(&reply.status), "{target}: {}", reply.status);
        eventually("the connection ends", || {
            raw.try_send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").is_err()
        });
    }
}

#[test]
fn other_offers_are_passed_over() {
    let server = Server::start();
    let body = messages(&["1"]);
    let mut raw = server.raw();
    // As clients send it that would rather speak HTTP/2.
    let headers = format!(
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: {}\r\n",
        body.len()
    );
    assert_eq!(raw.post_head("c", &headers).send(&body).reply().status, 200);
}
