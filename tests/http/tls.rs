//! The listener with TLS.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use testkit::{Certificate, Client, Events, Home, Server, Setup, eventually, messages};

struct Secure {
    server: Server,
    folder: TempDir,
}

impl Secure {
    /// With a plain listener that takes no credentials beside it.
    fn start(certificate: &Certificate) -> Self {
        Self::with(certificate, Duration::from_hours(1))
    }

    fn with(certificate: &Certificate, hsts: Duration) -> Self {
        Self::limited(certificate, hsts, |_| {})
    }

    fn limited(certificate: &Certificate, hsts: Duration, limit: fn(&mut backplane::config::Limits)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key): (PathBuf, PathBuf) = certificate.write(folder.path());
        let setup = Setup::new().config(|config| {
            config.listen = vec!["0.0.0.0:0".parse().unwrap()];
            let listen = vec!["0.0.0.0:0".parse().unwrap()];
            config.tls = Some(backplane::config::Tls { listen, cert, key, hsts });
            limit(&mut config.limits);
        });
        Self { server: setup.start(), folder }
    }

    /// A client that trusts this certificate alone, on a connection of its own.
    fn client(&self, certificate: &Certificate) -> Client {
        let base = format!("https://localhost:{}", self.server.tls[0].port());
        Client::with(&base, |builder| {
            let address = ([127, 0, 0, 1], self.server.tls[0].port()).into();
            builder.tls_certs_only([certificate.root()]).resolve("localhost", address)
        })
    }
}

#[test]
fn v1_auth_1_credentials_are_accepted_over_tls() {
    let certificate = Certificate::new();
    let secure = Secure::start(&certificate);
    let client = secure.client(&certificate);
    client.post_payloads("c", &["1"]);
    assert_eq!(client.read_bus("").payloads(), ["1"]);
    assert_eq!(client.read("c", "").payloads(), ["1"]);
    // The plain listener beside it still refuses them.
    secure.server.client().post("c", messages(&["2"])).is_error(403, "https_required");
    assert_eq!(secure.server.client().read("c", "").payloads(), ["1"]);
}

#[test]
fn push_sse_4_events_come_at_once_over_tls() {
    let certificate = Certificate::new();
    let secure = Secure::start(&certificate);
    let client = secure.client(&certificate);
    let mut events = Events::open(&client, "/v1/bus/customer.com/channel/c");
    assert_eq!(events.resumed().0, "complete");
    for n in ["1", "2"] {
        client.post_payloads("c", &[n]);
        assert_eq!(events.payloads(1), [n]);
    }
}

/// The program listens with TLS and nowhere else.
#[test]
fn tls_alone_is_enough() {
    let certificate = Certificate::new();
    let home = Home::configured(
        "listen = []\ntls = { listen = \"127.0.0.1:0\", cert = \"server.crt\", key = \"server.key\" }",
    );
    let written = certificate.write(home.path());
    assert_eq!(written, (home.path().join("server.crt"), home.path().join("server.key")));
    let told = home.start(&["check-config"]).end();
    assert_eq!((told.code, told.output.contains("http://")), (Some(0), false), "{}", told.output);
    let mut program = home.start(&["serve"]);
    let address = program.address_after("listening on https://");
    let client = Client::with(&format!("https://localhost:{}", address.port()), |builder| {
        builder.tls_certs_only([certificate.root()]).resolve("localhost", address)
    });
    assert_eq!(client.get_as("alice", "/v1/bus/customer.com").text(), "[]");
    assert!(!program.errors().contains("listening on http:"), "{}", program.errors());
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
}

#[test]
fn answers_over_tls_ask_browsers_to_stay_with_it() {
    let certificate = Certificate::new();
    let secure = Secure::start(&certificate);
    let client = secure.client(&certificate);
    for path in
        ["/healthz", "/none", "/v1/bus/customer.com/channel/c", "/v1/backplane.js", "/v1/bus/customer.com"]
    {
        assert_eq!(client.get(path).header("strict-transport-security"), Some("max-age=3600"), "{path}");
        assert_eq!(secure.server.client().get(path).header("strict-transport-security"), None, "{path}");
    }
    let silent = Secure::with(&certificate, Duration::ZERO);
    assert_eq!(silent.client(&certificate).get("/healthz").header("strict-transport-security"), None);
}

#[test]
fn a_certificate_that_is_replaced_is_served_without_a_restart() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let mut secure = Secure::start(&old);
    // The two files are written one after the other: a look in between finds what cannot be used, and says so.
    secure.server.expect_errors();
    let before = secure.client(&old);
    assert_eq!(before.get("/healthz").status, 200);
    new.write(secure.folder.path());
    eventually("new connections get the new certificate", || {
        let client = secure.client(&new);
        client.try_get("/healthz").is_ok_and(|reply| reply.status == 200)
    });
    assert!(secure.client(&old).try_get("/healthz").is_err(), "the old one is gone");
    assert_eq!(before.get("/healthz").status, 200, "connections that were open go on");
}

#[test]
fn plain_http_on_the_tls_port_is_told_so() {
    let secure = Secure::start(&Certificate::new());
    let mut raw = testkit::Raw::connect(([127, 0, 0, 1], secure.server.tls[0].port()).into());
    raw.request("GET", "/healthz", "");
    raw.reply().is_error(400, "tls_required");
    assert!(raw.is_closed());
    assert_eq!(secure.server.client().get("/healthz").status, 200);
}

#[test]
fn i_5_whoever_ends_a_handshake_or_breaks_it_off_leaves_its_slot() {
    let certificate = Certificate::new();
    let secure = Secure::limited(&certificate, Duration::ZERO, |limits| {
        limits.handshakes = 1;
        limits.handshake_timeout = Duration::from_secs(1);
    });
    let to = ([127, 0, 0, 1], secure.server.tls[0].port()).into();
    let is_served = || secure.client(&certificate).try_get("/healthz").is_ok_and(|reply| reply.status == 200);
    assert!((0..3).all(|_| is_served()), "each in its turn");
    // Silence that ends by the server's patience, and by the client's.
    assert!(testkit::Raw::connect(to).is_closed());
    eventually("silence has left its slot", is_served);
    drop(testkit::Raw::connect(to));
    eventually("who has left has left its slot", is_served);
}
