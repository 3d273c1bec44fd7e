//! Pure: what scripts are made of.

/// What most clients send, and what few do.
pub(super) struct Choice {
    pub(super) usual: &'static [&'static str],
    pub(super) odd: &'static [&'static str],
}

pub(super) const METHODS: Choice = Choice {
    usual: &["GET", "GET", "GET", "HEAD", "POST", "POST", "POST", "OPTIONS"],
    odd: &["PUT", "DELETE", "TRACE", "CONNECT", "PRI", "get", "G\u{e9}T", ""],
};
pub(super) const TARGETS: Choice = Choice {
    usual: &[
        "/healthz",
        "/readyz",
        "/v1/backplane.js",
        "/backplane.mjs",
        "/v1/bus/customer.com",
        "/v1/bus/other.org",
        "/v1/bus/customer.com/channel/c1",
        "/v1/bus/customer.com/channel/c1",
        "/v1/bus/customer.com/channel/c2",
        "/v1/bus/customer.com/channel/c3",
        "/v1/bus/other.org/channel/c1",
        "/v1.1/bus/customer.com/channel/c1",
    ],
    odd: &[
        "/",
        "/metrics",
        "/v1/bus/b",
        "/v1/bus/b/channel/c1",
        "/v1/bus/none",
        "/v1/bus/customer.com/channel/none",
        "/v1/bus/customer%2Ecom/channel/c1",
        "/v1/bus/customer.com/channel/%00",
        "/v1/bus/customer.com/channel/%ff%fe",
        "/v1/bus/customer.com/channel/../../b",
        "/v1/bus/customer.com/channel/c1/more",
        "//v1//bus//customer.com",
        "http://localhost/v1/bus/customer.com/channel/c1",
        "*",
        "localhost:443",
        "/%zz",
        "/\u{e9}",
    ],
};
pub(super) const QUERIES: Choice = Choice {
    usual: &["", "", "", "?since=", "?since=nothing", "?callback=f", "?callback=a.b&since="],
    odd: &[
        "?",
        "?since=18446744073709551616&epoch=0",
        "?since=2025-01-01T00:00:00.000Z",
        "?callback=%3Cscript%3E",
        "?since=x&since=y",
        "?a=%&=&&b",
        "#since=",
    ],
};
pub(super) const VERSIONS: Choice = Choice {
    usual: &["HTTP/1.1"],
    odd: &["HTTP/1.0", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "http/1.1", ""],
};
pub(super) const HEADERS: Choice = Choice {
    usual: &[
        "Connection: keep-alive",
        "Accept-Encoding: gzip;q=0.5, br, *;q=0",
        "If-None-Match: \"x\", *",
        "Origin: https://www.example.com",
        "Origin: null",
        "Access-Control-Request-Method: GET",
        "Idempotency-Key: key",
        "X-Forwarded-For: 1.2.3.4, unknown",
        "Range: bytes=0-1",
        "Cookie: a=b",
    ],
    odd: &[
        "Connection: close",
        "Connection: upgrade",
        "Upgrade: websocket",
        "Upgrade: h2c",
        "Expect: 100-continue",
        "Expect: nothing",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "transfer-encoding:chunked",
        "Content-Length: 0",
        "Content-Length: 5",
        "Content-Length: 1048577",
        "Content-Length: 18446744073709551615",
        "Content-Length: -1",
        "Content-Length: 2, 2",
        "Content-Length: +2",
        "Content-Type: application/json; charset=\"utf-8",
        "Content-Type: text/plain",
        "Content-Encoding: gzip",
        "Access-Control-Request-Method: POST",
        "Idempotency-Key: \u{1}",
        "Authorization: Basic !!!!",
        "Authorization: Basic bm9ib2R5Og==",
        "X: a\r\n folded",
        "Host: [::1",
        "Host: other",
    ],
};
/// In so many of 64 choices the odd is chosen, by how wild a script is.
pub(super) const WILDNESS: [u8; 4] = [0, 2, 8, 24];
pub(super) const BODIES: [&str; 12] = [
    "[]",
    "[",
    "{}",
    "null",
    "[1e400]",
    "[\"\\ud800\"]",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]",
    "[{\"source\":\"http://x.y\",\"type\":\"t\",\"payload\":1,\"payload\":2}]",
    "[{\"source\":\"javascript:1\",\"type\":\"t\",\"payload\":1}]",
    "\u{feff}[]",
    "[{\"source\":\"http://x.y\",\"type\":\"t\",\"sticky\":true,\"payload\":null}]",
    "",
];
pub(super) const CHUNK_SIZES: [&str; 10] =
    ["0", "00", "0x2", "-2", "2;extension=1", "ffffffffffffffff", "1ffffffffffffffff", "g", " 2", "2 "];
/// What is put in the way.
pub(super) const SNAGS: [&[u8]; 12] = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\x7f\x80\xff",
    b": ",
    b" ",
    b"GET / HTTP/1.1\r\n",
    b"0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];
