//! Methods, beyond GET and POST.

use testkit::{BUS, Server, basic, send};

const BUS_METHODS: &str = "GET, HEAD, OPTIONS";
const CHANNEL_METHODS: &str = "GET, HEAD, POST, OPTIONS";

fn resources() -> [(String, &'static str); 3] {
    let several = format!("/v1/bus/{BUS}/channels?channel=c");
    [
        (format!("/v1/bus/{BUS}"), BUS_METHODS),
        (several, BUS_METHODS),
        (format!("/v1/bus/{BUS}/channel/c"), CHANNEL_METHODS),
    ]
}

#[test]
fn head_is_get_without_the_body() {
    let server = Server::start();
    server.client().post_payloads("c", &["1"]);
    let mut raw = server.raw();
    for path in
        [format!("/v1/bus/{BUS}"), format!("/v1/bus/{BUS}/channel/c"), "/healthz".into(), "/readyz".into()]
    {
        let get = raw.request("GET", &path, &basic("reader")).reply();
        let head = raw.request("HEAD", &path, &basic("reader")).reply_to_head();
        let mut expected = get.headers.clone();
        expected.insert("x-length", expected["content-length"].clone());
        for headers in [&mut expected, &mut head.headers.clone()] {
            headers.remove("content-length");
            headers.remove("date");
        }
        let mut actual = head.headers.clone();
        actual.remove("date");
        assert_eq!((head.status, actual), (get.status, expected), "{path}");
    }
    // Nothing of a body was in between: the connection still works.
    assert_eq!(raw.request("GET", "/healthz", "").reply().status, 200);
}

#[test]
fn plain_options_lists_the_methods_and_asks_for_nothing() {
    let server = Server::start();
    for (path, methods) in resources() {
        let reply = send(server.client().request("OPTIONS", &path));
        assert_eq!((reply.status, reply.header("allow"), reply.body.len()), (204, Some(methods), 0));
    }
}

#[test]
fn other_methods_are_405_with_those_that_there_are() {
    let server = Server::start();
    for (path, methods) in resources() {
        for method in ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get"] {
            let reply = send(server.client().request(method, &path));
            reply.is_error(405, "method_not_allowed");
            assert_eq!(reply.header("allow"), Some(methods), "{method}");
        }
    }
    let reply = send(server.client().request("POST", &format!("/v1/bus/{BUS}")).body("[]"));
    reply.is_error(405, "method_not_allowed");
    let (client, admin) = (server.client(), server.client().admin());
    for (client, path) in
        [(&client, "/healthz"), (&client, "/readyz"), (&admin, "/readyz"), (&admin, "/metrics")]
    {
        let reply = send(client.request("POST", path).body("[]"));
        reply.is_error(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    }
}
