//! Pages of other origins read channels, those that the bus lets.

use backplane::config::AllowedOrigins;

use testkit::{BUS, Reply, Server, Setup, send};

const PAGE: &str = "https://www.example.com";

fn preflight(server: &Server, origin: &str, method: &str) -> Reply {
    let request = server.client().request("OPTIONS", &format!("/v1/bus/{BUS}/channel/c"));
    send(request.header("Origin", origin).header("Access-Control-Request-Method", method))
}

fn read(server: &Server, path: &str, origin: &str) -> Reply {
    send(server.client().request("GET", path).header("Origin", origin))
}

fn restricted() -> Server {
    Setup::new().bus(|bus| bus.allowed_origins = AllowedOrigins::List(vec![PAGE.to_owned()])).start()
}

/// The names in a header that lists header names.
fn listed(reply: &Reply, header: &str) -> Vec<String> {
    let mut names: Vec<_> = reply
        .header(header)
        .unwrap_or_default()
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    names.sort();
    names
}

#[test]
fn any_page_may_read_and_sees_where_to_go_on() {
    let server = Server::start();
    let reply = read(&server, &format!("/v1/bus/{BUS}/channel/c"), PAGE);
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(PAGE)));
    let exposed = listed(&reply, "access-control-expose-headers");
    assert!(
        ["link", "backplane-resume"].iter().all(|name| exposed.iter().any(|other| other == name)),
        "{exposed:?}"
    );
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    // Caches must not hand one page's answer to another.
    assert!(listed(&reply, "vary").contains(&"origin".to_owned()));
}

#[test]
fn a_preflight_is_answered_for_reading_only() {
    let server = Server::start();
    let reply = preflight(&server, PAGE, "GET");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(PAGE)));
    assert_eq!(listed(&reply, "access-control-allow-methods"), ["get", "head"]);
    assert!(reply.header("access-control-max-age").is_some());
    let reply = preflight(&server, PAGE, "POST");
    assert!(!listed(&reply, "access-control-allow-methods").contains(&"post".to_owned()));
}

#[test]
fn a_bus_can_say_which_pages() {
    let server = restricted();
    let path = format!("/v1/bus/{BUS}/channel/c");
    assert_eq!(read(&server, &path, PAGE).header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(preflight(&server, PAGE, "GET").header("access-control-allow-origin"), Some(PAGE));
    for stranger in
        ["https://evil.example", "https://www.example.com.evil.example", "http://www.example.com", "null"]
    {
        assert_eq!(read(&server, &path, stranger).header("access-control-allow-origin"), None, "{stranger}");
        assert_eq!(preflight(&server, stranger, "GET").header("access-control-allow-origin"), None);
    }
    // The other bus lets every page.
    let other = format!("/v1/bus/{}/channel/c", testkit::OTHER_BUS);
    let stranger = "https://evil.example";
    assert_eq!(read(&server, &other, stranger).header("access-control-allow-origin"), Some(stranger));
}

#[test]
fn errors_can_be_read_by_pages_too() {
    let server = Server::start();
    let reply = read(&server, &format!("/v1/bus/{BUS}/channel/a.b"), PAGE);
    reply.is_error(400, "invalid_channel_name");
    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
}

#[test]
fn buses_are_not_offered_to_pages() {
    let server = Server::start();
    let reply = read(&server, &format!("/v1/bus/{BUS}"), PAGE);
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn servers_that_send_an_origin_may_post() {
    let server = restricted();
    let request = server.client().posting("c", "[]").header("Origin", PAGE);
    assert_eq!(send(request).status, 200);
}
