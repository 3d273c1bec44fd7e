//! I-5 against those who do not play by the rules: endless bodies, slow ones, heads without end.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Program, Server, Setup, eventually, messages};

const MIB: usize = 1024 * 1024;

#[test]
fn i_5_a_declared_gigabyte_is_refused_before_it_is_sent() {
    let server = Server::start();
    let mut raw = server.raw();
    let reply = raw.post_head("c", "Content-Length: 1000000000\r\n").reply();
    reply.is_error(413, "body_too_large");
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(raw.is_closed());
    // Also one that no machine has, and one that is no number.
    server
        .raw()
        .post_head("c", "Content-Length: 18446744073709551615\r\n")
        .reply()
        .is_error(413, "body_too_large");
    assert_eq!(server.raw().post_head("c", "Content-Length: 18446744073709551616\r\n").reply().status, 400);
    assert_eq!(server.raw().post_head("c", "Content-Length: -1\r\n").reply().status, 400);
}

#[test]
fn who_asks_before_sending_is_answered() {
    let server = Server::start();
    let mut raw = server.raw();
    let go_on = raw.post_head("c", "Content-Length: 2\r\nExpect: 100-continue\r\n").reply();
    assert_eq!((go_on.status, raw.send("[]").reply().status), (100, 200));
    // actix-web tells everybody to go on; the refusal follows without waiting for the body.
    let mut raw = server.raw();
    raw.post_head("c", "Content-Length: 1000000000\r\nExpect: 100-continue\r\n");
    assert_eq!(raw.reply().status, 100);
    raw.reply().is_error(413, "body_too_large");
    assert!(raw.is_closed());
}

/// The first sign-in alone takes most of what would be measured otherwise: the hash of a password.
fn signed_in(program: &mut Program) {
    let auth = testkit::basic("alice");
    assert_eq!(program.raw().request("GET", "/v1/bus/customer.com", &auth).reply().status, 200);
}

#[test]
fn i_5_a_client_that_sends_all_the_same_reads_the_413() {
    let mut program = Program::configured("");
    let address = program.address();
    signed_in(&mut program);
    let before = program.memory();
    for extra in [&[][..], &["-H", "Transfer-Encoding: chunked"]] {
        let mut curl = Command::new("curl")
            .args(["-sS", "-u", "alice:ecila", "-H", "Content-Type: application/json", "-H", "Expect:"])
            .args(extra)
            .args(["--data-binary", "@-", &format!("http://{address}/v1/bus/customer.com/channel/c")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = curl.stdin.take().unwrap();
        for _ in 0..64 {
            if input.write_all(&vec![b' '; MIB]).is_err() {
                break;
            }
        }
        drop(input);
        let output = curl.wait_with_output().unwrap();
        let body: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(body["error"], "body_too_large");
    }
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 8 * MIB, "{grown} bytes more");
}

#[test]
fn i_5_a_client_that_streams_without_end_reads_the_413() {
    let server = Server::start();
    let url = format!("http://{}/v1/bus/customer.com/channel/c", server.address());
    let output = Command::new("curl")
        .args([
            "-sS",
            "-m",
            "30",
            "-u",
            "alice:ecila",
            "-H",
            "Content-Type: application/json",
            "-H",
            "Expect:",
        ])
        .args(["-X", "POST", "-T", "-", &url])
        .stdin(File::open("/dev/zero").unwrap())
        .output()
        .unwrap();
    let body: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(body["error"], "body_too_large");
}

#[test]
fn i_5_an_endless_stream_is_cut_off() {
    let mut program = Program::configured("");
    signed_in(&mut program);
    let auth = testkit::basic("alice");
    let mut raw = program.raw();
    let before = program.memory();
    raw.request("POST", "/v1/bus/customer.com/channel/c", &format!("{auth}Transfer-Encoding: chunked\r\n"));
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    eventually("the server stops reading", || raw.try_send(&chunk).is_err());
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 8 * MIB, "{grown} bytes more");
}

#[test]
fn i_5_streams_that_nobody_wants_are_cut_off_everywhere() {
    let server = Server::start();
    let channel = "/v1/bus/customer.com/channel/c";
    let preflight = "Origin: https://example.com\r\nAccess-Control-Request-Method: GET\r\n";
    // Refused by their heads, or answered without a look at a body.
    let calls = [
        ("POST", channel, "", 401),
        ("GET", channel, "", 200),
        ("PUT", channel, "", 405),
        ("OPTIONS", channel, preflight, 200),
        ("GET", "/v1/bus/customer.com", "", 401),
        ("GET", "/v1/none", "", 404),
        ("GET", "/none", "", 404),
        ("GET", "/healthz", "", 200),
        ("POST", "/healthz", "", 405),
        ("GET", "/v1/backplane.js", "", 200),
        ("GET", "/backplane.mjs", "", 200),
    ];
    let mut connections = calls.map(|(method, target, headers, status)| {
        let mut raw = server.raw();
        raw.request(method, target, &format!("Transfer-Encoding: chunked\r\n{headers}"));
        assert_eq!(raw.reply().status, status, "{method} {target}");
        raw
    });
    for (raw, call) in connections.iter_mut().zip(calls) {
        eventually(&format!("{call:?} ends"), || raw.try_send("1\r\n \r\n").is_err());
    }
}

#[test]
fn a_chunked_body_that_ends_leaves_its_connection_open() {
    let server = Server::start();
    let mut raw = server.raw();
    for _ in 0..3 {
        let reply = raw.post_head("c", "Transfer-Encoding: chunked\r\n").send("2\r\n[]\r\n0\r\n\r\n").reply();
        assert_eq!((reply.status, reply.header("connection")), (200, None));
    }
}

#[test]
fn i_5_a_slow_body_is_408_and_stores_nothing() {
    let server = Setup::new().config(|config| config.limits.body_timeout = Duration::from_millis(50)).start();
    for headers in ["Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut raw = server.raw();
        let reply = raw.post_head("c", headers).send("5\r\n[    ").reply();
        reply.is_error(408, "body_timeout");
        assert_eq!(reply.header("connection"), Some("close"));
        assert!(raw.is_closed());
    }
    assert_eq!(server.stats().channels, 0);
}

#[test]
fn i_5_a_slow_head_is_408() {
    let server = Setup::new().config(|config| config.limits.header_timeout = Duration::from_secs(1)).start();
    let begun = "GET /healthz HTTP/1.1\r\nHost: te";
    let mut raw = server.raw();
    raw.send(begun).reply().is_error(408, "head_timeout");
    assert!(raw.is_closed());
    // A later head has no more time than the first, whether it comes behind the one before or by itself.
    let mut raw = server.raw();
    assert_eq!(raw.send(format!("{begun}st\r\n\r\nG")).reply().status, 200);
    raw.reply().is_error(408, "head_timeout");
    assert!(raw.is_closed());
    let mut raw = server.raw();
    assert_eq!(raw.send(format!("{begun}st\r\n\r\n")).reply().status, 200);
    raw.send("\r").reply().is_error(408, "head_timeout");
    assert!(raw.is_closed());
    // Who says nothing at all is told nothing.
    assert!(server.raw().is_closed());
}

#[test]
fn i_5_an_idle_connection_is_closed() {
    let server = Setup::new().config(|config| config.limits.keep_alive = Duration::from_secs(1)).start();
    let mut raw = server.raw();
    assert_eq!(raw.request("GET", "/healthz", "").reply().status, 200);
    assert!(raw.is_closed());
}

#[test]
fn i_5_a_head_has_an_end() {
    let server = Server::start();
    let many = "X: x\r\n".repeat(200);
    let reply = server.raw().request("GET", "/healthz", &many).reply();
    assert!((400..500).contains(&reply.status), "{}", reply.status);
    let long = format!("X: {}\r\n", "x".repeat(MIB));
    let mut raw = server.raw();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: test\r\n{long}\r\n");
    // The server may have stopped reading before the end.
    drop(raw.try_send(head));
    assert!(raw.try_reply().map_or(true, |reply| reply.status == 431));
    assert_eq!(server.client().get("/healthz").status, 200);
}

#[test]
fn broken_requests_are_400_and_close() {
    let server = Server::start();
    for head in [
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /heal thz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: nonsense\r\n\r\n",
    ] {
        let mut raw = server.raw();
        let reply = raw.send(head).reply();
        assert_eq!(reply.status, 400, "{head:?}");
        assert!(raw.is_closed(), "{head:?}");
    }
}

/// Anybody can send it, as often as he likes.
#[test]
fn what_is_no_http_writes_no_line() {
    let broken =
        ["GET / HTTP/1.1\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"];
    let lines = |level: &str| {
        let mut program = Program::configured(level);
        for head in broken {
            assert_eq!(program.raw().send(head).reply().status, 400, "{head:?}");
        }
        let program = if level.contains("actix_http") { program.expect_errors() } else { program };
        program.signal("TERM");
        let ended = program.end();
        assert!(ended.errors.contains("ended in order"), "{}", ended.errors);
        ended.errors.lines().filter(|line| line.contains("actix_http")).count()
    };
    assert_eq!(lines(""), 0);
    assert_eq!(lines("log.level = \"info,backplane=debug\""), 0);
    // Who names it gets it.
    assert_eq!(lines("log.level = \"info,actix_http=error\""), broken.len());
}

#[test]
fn two_lengths_smuggle_nothing() {
    // RFC 9112 section 6.3: a request with both is refused, or its length ignored and the connection closed.
    let server = Server::start();
    let mut raw = server.raw();
    raw.post_head("c", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n");
    raw.send("0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
    let reply = raw.reply();
    assert!(reply.status >= 400, "{}", reply.status);
    assert!(raw.is_closed());
}

#[test]
fn a_body_that_ends_early_stores_nothing() {
    let server = Server::start();
    let body = messages(&["1"]);
    for headers in
        [format!("Content-Length: {}\r\n", body.len() + 1), "Transfer-Encoding: chunked\r\n".to_owned()]
    {
        let mut raw = server.raw();
        raw.post_head("c", &headers).send(format!("{:x}\r\n{body}", body.len())).finish();
        // Nobody is left to be answered; what matters is that the server has noticed the end.
        drop(raw.try_reply());
    }
    assert_eq!(server.client().read("c", "").text(), "[]");
    assert_eq!(server.stats().messages, 0);
}

#[test]
fn i_5_beyond_the_bound_of_connections_only_probes_are_answered() {
    let server = Setup::new().config(|config| config.limits.connections = 4).start();
    let mut held: Vec<_> = (0..4).map(|_| server.raw()).collect();
    for raw in &mut held {
        assert_eq!(raw.request("GET", "/healthz", "").reply().status, 200);
    }
    let mut reserved: Vec<_> = (0..4).map(|_| server.raw()).collect();
    for raw in &mut reserved {
        assert_eq!(raw.request("GET", "/readyz", "").reply().status, 200);
    }
    let refused = reserved[0].request("GET", "/v1/bus/customer.com/channel/c", "").reply();
    refused.is_error(503, "too_many_connections");
    assert!(refused.header("retry-after").is_some());
    assert!(reserved[0].is_closed());
    let mut beyond = server.raw();
    reserved[0] = server.raw();
    // One of the two has the last place of the reserve that this address may have.
    let replies = [&mut beyond, &mut reserved[0]].map(|raw| raw.try_reply().ok().map(|reply| reply.status));
    assert!(replies.contains(&Some(503)), "{replies:?}");
    drop((held, reserved));
    testkit::eventually("there is room again", || {
        server.client().try_get("/v1/bus/customer.com/channel/c").is_ok_and(|reply| reply.status == 200)
    });
}

#[test]
fn i_5_one_address_has_its_bound() {
    let server = Setup::new().config(|config| config.limits.connections_per_address = 3).start();
    let mut held: Vec<_> = (0..3).map(|_| server.raw()).collect();
    for raw in &mut held {
        assert_eq!(raw.request("GET", "/healthz", "").reply().status, 200);
    }
    let mut raw = server.raw();
    let refused = raw.reply();
    refused.is_error(503, "too_many_connections");
    assert!(refused.header("retry-after").is_some());
    assert!(raw.is_closed());
    // Others come in: an address of this machine's own, too.
    let mut other = server.raw_from([127, 0, 0, 2]);
    assert_eq!(other.request("GET", "/healthz", "").reply().status, 200);
}

#[test]
fn many_requests_in_one_packet_are_answered_in_order() {
    let server = Server::start();
    server.client().post_payloads("c", &["1"]);
    let mut raw = server.raw();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
    raw.send(
        [get("/healthz"), get("/v1/bus/customer.com/channel/c"), get("/none"), get("/healthz")].concat(),
    );
    assert_eq!([(); 3].map(|()| raw.reply().status), [200, 200, 404]);
}
