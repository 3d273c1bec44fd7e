//! Headers that all answers have, over all routes.

use testkit::{BUS, Reply, Server, Setup, send};

/// A route, what answers it, its type, and whether pages of other origins may load it unasked.
type Row = (&'static str, &'static str, u16, &'static str, bool);

const ROWS: [Row; 43] = [
    ("GET", "/v1/bus/customer.com/channel/c", 200, "application/json", false),
    ("HEAD", "/v1/bus/customer.com/channel/c", 200, "application/json", false),
    ("GET", "/v1/bus/customer.com/channel/c?callback=f", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/v1/bus/customer.com/channel/c?callback=1", 400, "application/json", false),
    ("PUT", "/v1/bus/customer.com/channel/c", 405, "application/json", false),
    ("POST", "/v1/bus/customer.com/channel/c", 401, "application/json", false),
    ("GET", "/v1/bus/customer.com", 401, "application/json", false),
    ("GET", "/v1.1/bus/customer.com/channel/new", 200, "application/json", false),
    ("GET", "/v1.1/bus/customer.com/channel/new?callback=f", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/bus/customer.com/channel/c", 200, "application/json", false),
    ("GET", "/v1/bus/none/channel/c?callback=f", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/v1/none", 404, "application/json", false),
    ("GET", "/none", 404, "application/json", false),
    ("GET", "/v1/backplane.js", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/backplane.js", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/v2/backplane2.js", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/backplane2.js", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/backplane.mjs", 200, "text/javascript; charset=utf-8", true),
    ("GET", "/backplane.d.mts", 200, "application/typescript; charset=utf-8", true),
    ("GET", "/", 200, "text/html; charset=utf-8", false),
    ("GET", "/demo/style.css", 200, "text/css; charset=utf-8", false),
    ("GET", "/demo/page.js", 200, "text/javascript; charset=utf-8", false),
    ("GET", "/demo/way.js", 200, "text/javascript; charset=utf-8", false),
    ("GET", "/demo/widgets.js", 200, "text/javascript; charset=utf-8", false),
    ("GET", "/demo/wire.js", 200, "text/javascript; charset=utf-8", false),
    ("GET", "/demo/identity", 200, "text/html; charset=utf-8", false),
    ("GET", "/demo/identity.js", 200, "text/javascript; charset=utf-8", false),
    ("GET", "/demo/widgets2.js", 200, "text/javascript; charset=utf-8", false),
    ("GET", "/demo/lanes.js", 200, "text/javascript; charset=utf-8", false),
    ("GET", "/demo/lanes.css", 200, "text/css; charset=utf-8", false),
    ("POST", "/demo/login.example/login", 415, "application/json", false),
    ("POST", "/demo/login.example/logout", 415, "application/json", false),
    ("POST", "/demo/share.example/session", 415, "application/json", false),
    ("POST", "/demo/share.example/seen", 415, "application/json", false),
    ("POST", "/demo/sign-in", 415, "application/json", false),
    ("POST", "/demo/comment", 415, "application/json", false),
    ("GET", "/v2/authorize", 400, "text/html; charset=utf-8", false),
    ("GET", "/v2/authenticate", 200, "text/html; charset=utf-8", false),
    ("POST", "/v2/grants", 415, "text/html; charset=utf-8", false),
    ("GET", "/v2/consent.css", 200, "text/css; charset=utf-8", false),
    ("GET", "/healthz", 200, "text/plain; charset=utf-8", false),
    ("GET", "/readyz", 200, "text/plain; charset=utf-8", false),
    ("GET", "/metrics", 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", false),
];

#[test]
fn every_answer_says_its_type_who_may_keep_it_and_who_may_load_it() {
    let server = Setup::new().config(|config| config.demo = true).start();
    for (method, path, status, kind, everybody) in ROWS {
        let client = if path == "/metrics" { server.client().admin() } else { server.client() };
        let reply = send(client.request(method, path));
        let place = format!("{method} {path}");
        assert_eq!((reply.status, reply.header("content-type")), (status, Some(kind)), "{place}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{place}");
        let page = reply.header("content-security-policy").unwrap();
        assert!(page.contains("default-src 'none'") && page.contains("frame-ancestors 'none'"), "{place}");
        let policy = if everybody { "cross-origin" } else { "same-origin" };
        assert_eq!(reply.header("cross-origin-resource-policy"), Some(policy), "{place}");
        let kept = match path {
            "/v1/backplane.js" | "/backplane.js" | "/v2/backplane2.js" | "/backplane2.js"
            | "/backplane.mjs" | "/backplane.d.mts" => "public, max-age=3600",
            "/" | "/v2/consent.css" => "no-cache",
            file if file.starts_with("/demo/") && method == "GET" => "no-cache",
            _ => "no-store",
        };
        assert_eq!(reply.header("cache-control"), Some(kept), "{place}");
        // Over plain HTTP it means nothing, and the plain listener may be for others than browsers.
        assert_eq!(reply.header("strict-transport-security"), None, "{place}");
    }
    let preflight = send(server.client().request("OPTIONS", &format!("/v1/bus/{BUS}/channel/c")));
    assert_eq!((preflight.status, preflight.header("x-content-type-options")), (204, Some("nosniff")));
}

#[test]
fn the_page_runs_what_is_its_own_and_is_shown_alone() {
    let server = Setup::new().config(|config| config.demo = true).start();
    for page in ["/", "/demo/identity"] {
        let page = server.client().get(page);
        let policy = page.header("content-security-policy").unwrap();
        for directive in
            ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]
        {
            assert!(policy.split("; ").any(|part| part == directive), "{directive} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"));
    }
}

fn packed(server: &Server, method: &str, path: &str, more: &str) -> Reply {
    let mut raw = server.raw();
    raw.request(method, path, &format!("Accept-Encoding: gzip\r\n{more}"));
    if method == "HEAD" { raw.reply_to_head() } else { raw.reply() }
}

#[test]
fn the_library_is_served_packed_to_who_takes_it() {
    let server = Server::start();
    for path in ["/v1/backplane.js", "/backplane2.js", "/backplane.mjs", "/backplane.d.mts"] {
        let plain = server.raw().request("GET", path, "").reply();
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")));
        let whole = packed(&server, "GET", path, "");
        assert_eq!((whole.status, whole.header("content-encoding")), (200, Some("gzip")));
        assert_eq!(whole.header("vary"), Some("accept-encoding"));
        assert_eq!(whole.header("content-type"), plain.header("content-type"));
        let mut text = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(&*whole.body), &mut text).unwrap();
        assert_eq!(text, plain.body);
        assert!(whole.body.len() * 2 < plain.body.len(), "{} of {}", whole.body.len(), plain.body.len());

        let head = packed(&server, "HEAD", path, "");
        assert_eq!(head.header("x-length"), Some(&*whole.body.len().to_string()));
        assert_eq!(head.header("etag"), whole.header("etag"));
        let tag = |reply: &Reply| reply.header("etag").unwrap().to_owned();
        assert_ne!(tag(&whole), tag(&plain));
        let again = packed(&server, "GET", path, &format!("If-None-Match: {}\r\n", tag(&whole)));
        assert_eq!((again.status, tag(&again)), (304, tag(&whole)));
        let other = packed(&server, "GET", path, &format!("If-None-Match: {}\r\n", tag(&plain)));
        assert_eq!(other.status, 200);
    }
}
