//! What operators and their probes ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backplane_actors::Work;
use testkit::{BUS, OTHER_BUS, Raw, Server, Setup, eventually, messages, send};

#[test]
fn probes_are_answered_without_credentials() {
    let server = Server::start();
    let client = server.client();
    for (path, text) in [("/healthz", "alive\n"), ("/readyz", "able\n")] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.text().as_str()), (200, text));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn being_ready_is_proven_by_a_message_that_nobody_sees() {
    let server = Server::start();
    let client = server.client();
    assert_eq!(client.get("/readyz").status, 200);
    assert_eq!((server.stats().posts, client.read_bus("").text().as_str()), (0, "[]"));
    client.get("/v1/bus/backplane.canary/channel/canary").is_error(404, "unknown_bus");
}

#[test]
fn a_server_that_drains_is_alive_and_unable() {
    let server = Server::start();
    let client = server.client();
    assert_eq!(client.get("/readyz").status, 200);
    server.backplane.drain();
    let reply = client.get("/readyz");
    assert_eq!((reply.status, reply.text().as_str()), (503, "unable: the server is shutting down\n"));
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(reply.header("retry-after").is_some());
    assert_eq!(client.get("/healthz").status, 200);
}

/// No other server has what its readers want: it is not to be passed by.
#[test]
fn a_server_of_which_a_bus_failed_is_degraded() {
    let armed = Arc::new(AtomicBool::new(false));
    let trap = Arc::clone(&armed);
    let springs = move |work| work == Work::Post && trap.swap(false, Ordering::SeqCst);
    let mut server = Setup::new().fail_points(move |work| assert!(!springs(work), "planned")).start();
    server.expect_panics();
    let client = server.client();
    let other = format!("/v1/bus/{OTHER_BUS}/channel/c");
    assert_eq!(client.get("/readyz").text(), "able\n");
    armed.store(true, Ordering::SeqCst);
    assert_eq!(client.post("c", messages(&["1"])).status, 500);
    assert_eq!(client.get(&other).status, 200, "the other bus is served");
    // Another look is taken once the last one is a second old.
    eventually("it is degraded", || client.get("/readyz").text().starts_with("degraded: a bus failed"));
    for client in [&client, &client.admin()] {
        assert_eq!((client.get("/readyz").status, client.get("/healthz").status), (200, 200));
    }
}

#[test]
fn metrics_count_requests_and_what_the_actors_did() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1", "2"]);
    client.read("c", "");
    client.get("/nothing");
    client.read("a.b", "");
    let reply = client.admin().get("/metrics");
    let kind = reply.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(reply.text().ends_with("# EOF\n"));
    let of_bus = format!("{{bus=\"{BUS}\"}}");
    for (name, labels, value) in [
        ("posts_total", &*of_bus, 1.0),
        ("messages_total", &of_bus, 2.0),
        ("channels", &of_bus, 1.0),
        ("actor_panics_total", &of_bus, 0.0),
        ("messages_total", &format!("{{bus=\"{OTHER_BUS}\"}}"), 0.0),
        ("requests_total", "{route=\"post\",status=\"200\"}", 1.0),
        ("requests_total", "{route=\"read_channel\",status=\"200\"}", 1.0),
        ("requests_total", "{route=\"read_channel\",status=\"400\"}", 1.0),
    ] {
        assert_eq!(client.metric(name, labels), Some(value), "{name}{labels}\n{}", reply.text());
    }
}

#[test]
fn every_route_is_in_the_books() {
    let server = Setup::new().config(|config| config.demo = true).start();
    let client = server.client();
    let bus = format!("/v1/bus/{BUS}");
    let channel = format!("{bus}/channel/c");
    let new = format!("/v1.1/bus/{BUS}/channel/new");
    let calls = [
        ("GET", &*bus, "read_bus", 401),
        ("PUT", &bus, "other", 405),
        ("GET", &channel, "read_channel", 200),
        ("HEAD", &channel, "read_channel", 200),
        ("POST", &channel, "post", 401),
        ("OPTIONS", &channel, "other", 204),
        ("DELETE", &channel, "other", 405),
        ("GET", &new, "new_channel", 200),
        ("GET", "/v1.1/bus/a%20b/channel/c", "read_channel", 400),
        ("GET", "/v1/nothing", "other", 404),
        ("GET", "/v1.1/nothing", "other", 404),
        ("GET", "/nothing", "other", 404),
        ("GET", "/v1/backplane.js", "library", 200),
        ("GET", "/backplane.mjs", "library", 200),
        ("PUT", "/backplane.mjs", "library", 405),
        ("GET", "/backplane.d.mts", "library", 200),
        ("GET", "/", "demo", 200),
        ("GET", "/demo/style.css", "demo", 200),
        ("GET", "/demo/page.js", "demo", 200),
        ("GET", "/demo/way.js", "demo", 200),
        ("POST", "/demo/sign-in", "demo", 415),
        ("POST", "/demo/comment", "demo", 415),
        ("GET", "/v2/authorize", "consent", 400),
        ("GET", "/v2/consent.css", "consent", 200),
        ("GET", "/healthz", "operations", 200),
        ("GET", "/readyz", "operations", 200),
        ("POST", "/readyz", "operations", 405),
    ];
    let (mut counts, mut questions) = (std::collections::BTreeMap::<_, f64>::new(), 0.0);
    for (method, path, route, status) in calls {
        assert_eq!(send(client.request(method, path)).status, status, "{method} {path}");
        *counts.entry((route, status)).or_default() += 1.0;
        let labels = format!("{{route=\"{route}\",status=\"{status}\"}}");
        let counted = client.metric("requests_total", &labels).expect(path);
        // Questions about the metrics are in the same book as the probes.
        let asked = if (route, status) == ("operations", 200) { questions } else { 0.0 };
        assert_eq!(Some(counted), Some(counts[&(route, status)] + asked), "{method} {path}");
        questions += 1.0;
    }
    eventually("nothing is under way", || server.backplane.active_requests() == 0);
}

/// Who reaches the operators' listener reads bus names and counts: nothing of it is on the others.
#[test]
fn metrics_are_on_the_listener_for_operators_alone() {
    let server = Server::start();
    let client = server.client();
    client.get("/metrics").is_error(404, "not_found");
    let admin = client.admin();
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(admin.get(path).status, 200, "{path}");
    }
    for path in ["/", "/v1/bus/customer.com/channel/c", "/v1/backplane.js"] {
        admin.get(path).is_error(404, "not_found");
    }
    // Without it there are none.
    let server = Setup::new().config(|config| config.admin = None).start();
    server.client().get("/metrics").is_error(404, "not_found");
    assert_eq!(server.client().get("/readyz").status, 200);
}

/// A page at a name that its owner has made point here (DNS rebinding) sends that name.
#[test]
fn operators_ask_by_address_or_by_a_name_that_is_known() {
    let setup = Setup::new().config(|config| {
        config.admin.as_mut().unwrap().hosts = vec!["metrics.internal".to_owned()];
    });
    let server = setup.start();
    let admin = server.admin[0];
    let ask = |head: &str| Raw::connect(admin).send(format!("GET /metrics {head}\r\n\r\n")).reply();
    for head in [
        "HTTP/1.1\r\nHost: 127.0.0.1:1",
        "HTTP/1.0\r\nHost: localhost",
        "HTTP/1.1\r\nHost: Metrics.internal:9",
    ] {
        assert_eq!(ask(head).status, 200, "{head}");
    }
    for head in ["HTTP/1.1\r\nHost: rebind.example:8090", "HTTP/1.0"] {
        let text = ask(head).is_error(421, "misdirected");
        assert!(text.contains("admin.hosts"), "{text}");
    }
    // What is refused is in the books as well.
    assert_eq!(server.client().metric("requests_total", "{route=\"other\",status=\"421\"}"), Some(2.0));
}

#[test]
fn errors_have_the_shape_of_their_version() {
    let server = Server::start();
    let client = server.client();
    let versions = [
        (404, "not_found", "/v1/nothing"),
        (404, "not_found", "/v1.1/nothing"),
        (404, "unknown_bus", "/v1/bus/nobody.org/channel/c"),
        (400, "invalid_channel_name", "/v1.1/bus/customer.com/channel/a.b"),
    ];
    for (status, code, path) in versions {
        let reply = client.get(path);
        let text = reply.is_error(status, code);
        assert_eq!(reply.json()["ERR_MSG"], *text, "{path}");
    }
    // Each version names its own resources.
    assert!(!client.get("/v1/nothing").text().contains("/v1.1"));
    assert!(client.get("/v1.1/nothing").text().contains("/v1.1/bus/<bus>/channel/new"));
    for path in ["/favicon.ico", "/v2"] {
        let reply = client.get(path);
        reply.is_error(404, "not_found");
        assert_eq!(reply.json().get("ERR_MSG"), None, "{path}");
    }
}
