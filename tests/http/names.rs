//! MSG-8 and V1-NEW-1: names in paths, also in every spelling that a path allows.

use testkit::{BUS, Raw, Server, basic};

/// The status and the error code of a GET for exactly this target: ordinary clients would tidy it up.
fn get(raw: &mut Raw, target: &str) -> (u16, String) {
    let reply = raw.request("GET", target, &basic("reader")).reply();
    let code = reply.json().get("error").and_then(|code| code.as_str()).unwrap_or_default().to_owned();
    (reply.status, code)
}

#[test]
fn msg_8_channel_names_are_base64url() {
    let server = Server::start();
    let client = server.client();
    let longest = "x".repeat(128);
    for good in ["a", "-", "_", "A-z_0-9", "news", "New", &longest] {
        client.post_payloads(good, &["1"]);
        assert_eq!(client.read(good, "").json()[0]["channel_name"], good);
    }
    let too_long = "x".repeat(129);
    for bad in
        ["a.b", "a+b", "a=", "a%20b", "%C3%A4", "a%00", "a%2Fb", "a%252Fb", "~", "a:b", "%ff", &too_long]
    {
        let description = client.read(bad, "").is_error(400, "invalid_channel_name");
        assert!(!description.contains(bad), "I-8: {description}");
        client.post(bad, testkit::messages(&["1"])).is_error(400, "invalid_channel_name");
    }
    assert_eq!(server.stats().channels, 7);
}

#[test]
fn msg_8_a_name_is_the_same_in_every_spelling() {
    let server = Server::start();
    let ids = server.client().post_payloads("abc", &["1"]);
    for spelling in ["abc", "%61bc", "%61%62%63", "a%62c"] {
        let reply = server.raw().request("GET", &format!("/v1/bus/{BUS}/channel/{spelling}"), "").reply();
        assert_eq!(reply.ids(), ids, "{spelling}");
    }
}

#[test]
fn v1_new_1_new_is_never_a_channels_name() {
    let server = Server::start();
    let client = server.client();
    for spelling in ["new", "%6Eew", "%6e%65%77"] {
        assert_ne!(client.read(spelling, "").json(), serde_json::json!([]), "it is a name that is answered");
        client.post(spelling, "[]").is_error(405, "method_not_allowed");
        let both = format!("/v1/bus/{BUS}/channels?channel=c&channel={spelling}");
        client.get(&both).is_error(400, "invalid_channel_name");
    }
}

#[test]
fn bus_names_have_an_alphabet_and_a_bound() {
    let server = Server::start();
    let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
    for (bus, expected) in [
        ("unknown.com", (404, "unknown_bus")),
        ("Customer.com", (404, "unknown_bus")),
        (&*longest, (404, "unknown_bus")),
        (&too_long, (400, "invalid_bus_name")),
        ("a%20b", (400, "invalid_bus_name")),
        ("a%2Fb", (400, "invalid_bus_name")),
        ("a:b", (400, "invalid_bus_name")),
        ("%2E%2E", (400, "invalid_bus_name")),
        ("%00", (400, "invalid_bus_name")),
        ("%ff", (400, "invalid_bus_name")),
        ("%", (400, "invalid_bus_name")),
    ] {
        let expected = (expected.0, expected.1.to_owned());
        assert_eq!(get(&mut server.raw(), &format!("/v1/bus/{bus}")), expected, "{bus}");
        assert_eq!(get(&mut server.raw(), &format!("/v1/bus/{bus}/channel/c")), expected, "{bus}");
    }
    assert_eq!(get(&mut server.raw(), "/v1/bus/customer%2Ecom"), (200, String::new()));
}

#[test]
fn paths_that_are_nobodys_are_404() {
    let server = Server::start();
    for target in [
        "/",
        "/v1",
        "/v1/",
        "/v1/bus",
        "/v1/bus/",
        "/v1/bus/customer.com/channel",
        "/v1/bus/customer.com/channel/",
        "/v1/bus/customer.com/channel/c//",
        "/v1/bus/customer.com//",
        "/bus",
        "/v1/bus/customer.com/channel/c/d",
        "/v1//bus/customer.com",
        "/v1/bus/../bus/customer.com",
        "/V1/bus/customer.com",
        "/v2/bus/customer.com",
        "/v1.1/bus/customer.com/channel",
        "/v1.4/bus/customer.com/channel/c",
        "/v1.0/bus/customer.com/channel/c",
        "/metrics",
        "/metrics/",
        "/%2e%2e/etc/passwd",
    ] {
        assert_eq!(get(&mut server.raw(), target), (404, "not_found".to_owned()), "{target}");
    }
}
