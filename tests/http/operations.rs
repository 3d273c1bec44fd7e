//! What operators and their probes ask.

use testkit::{BUS, Client, OTHER_BUS, Raw, Server, Setup, send};

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
    assert!(reply.header("retry-after").is_some() || reply.header("connection") == Some("close"));
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
fn what_is_not_there_is_404_in_the_same_shape() {
    let server = Server::start();
    server.client().get("/favicon.ico").is_error(404, "not_found");
}
