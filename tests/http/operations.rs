//! What operators and their probes ask.

use testkit::{BUS, Client, OTHER_BUS, Raw, Server, Setup, eventually, send};

#[test]
fn probes_are_answered_without_credentials() {
    let server = Server::start();
    let client = server.client();
    for (path, text) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
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
fn a_server_that_drains_is_alive_and_not_ready() {
    let server = Server::start();
    let client = server.client();
    assert_eq!(client.get("/readyz").status, 200);
    server.backplane.drain();
    let reply = client.get("/readyz");
    reply.is_error(503, "unavailable");
    assert!(reply.header("retry-after").is_some());
    assert_eq!(client.get("/healthz").status, 200);
}

#[test]
fn metrics_count_requests_and_what_the_actors_did() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1", "2"]);
    client.read("c", "");
    client.get("/nothing");
    client.read("a.b", "");
    let reply = client.get("/metrics");
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
        ("GET", "/", "demo", 200),
        ("GET", "/demo/style.css", "demo", 200),
        ("GET", "/demo/page.js", "demo", 200),
        ("POST", "/demo/sign-in", "demo", 415),
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

#[test]
fn metrics_are_for_this_machine() {
    let server = Setup::new().config(|config| config.listen = vec!["0.0.0.0:0".parse().unwrap()]).start();
    server.client().get("/metrics").is_error(404, "not_found");

    let setup = Setup::new().config(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let server = setup.start();
    let through =
        |client: &str| send(server.client().request("GET", "/metrics").header("X-Forwarded-For", client));
    through("192.0.2.1").is_error(404, "not_found");
    through("127.0.0.1, 192.0.2.1").is_error(404, "not_found");
    through("127.0.0.1, nonsense").is_error(404, "not_found");
    assert_eq!(server.client().get("/metrics").status, 200);

    // A proxy that nobody told the server about.
    let server = Server::start();
    for header in ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"] {
        let request = server.client().request("GET", "/metrics").header(header, "127.0.0.1");
        send(request).is_error(404, "not_found");
    }
}

#[test]
fn metrics_can_have_a_listener_of_their_own() {
    let setup = Setup::new().config(|config| {
        config.listen = vec!["0.0.0.0:0".parse().unwrap()];
        config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    });
    let server = setup.start();
    let address = server.metrics.unwrap();
    let client = Client::of(&format!("http://{address}"));
    assert_eq!(client.get("/metrics").status, 200);
    // And nothing else.
    for path in ["/healthz", "/v1/bus/customer.com/channel/c"] {
        client.get(path).is_error(404, "not_found");
    }
    assert_eq!(Raw::connect(address).request("GET", "/metrics", "").reply().status, 200);
    server.client().get("/metrics").is_error(404, "not_found");
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
