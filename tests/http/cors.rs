//! Pages of other origins read channels, those that the bus lets.

use actix_web::http::header::HeaderValue;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use backplane::Backplane;
use backplane::config::{AllowedOrigins, Bus, Config};
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
    let some = |bus: &mut Bus| {
        bus.allowed_origins = AllowedOrigins::List(vec![PAGE.to_owned()]);
        bus.jsonp = false;
    };
    Setup::new().bus(some).start()
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

/// Every page can load a script, and its `Origin` is not even sent.
#[test]
fn v1_pad_1_a_bus_for_some_pages_answers_with_no_script() {
    let paths =
        [format!("/v1/bus/{BUS}/channel/c?callback=f"), format!("/v1.1/bus/{BUS}/channel/new?callback=f")];
    for path in &paths {
        restricted().client().get(path).is_error(403, "forbidden");
        assert_eq!(Server::start().client().get(path).status, 200);
    }
    // Unless it says that it does.
    let server = Setup::new().bus(|bus| {
        bus.allowed_origins = AllowedOrigins::List(vec![PAGE.to_owned()]);
        bus.jsonp = true;
    });
    let server = server.start();
    for path in &paths {
        assert_eq!(server.client().get(path).status, 200);
    }
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

/// Ways to spell the path of a channel that the router takes for one and the same.
const SPELLINGS: [&str; 8] = [
    "/v1/bus/customer.com/channel/c",
    "/v1/bus/customer%2Ecom/channel/c",
    "/v1/bus/customer%2ecom/channel/c",
    "/v1/bus/%63ustomer.com/channel/c",
    "/v1/bus/customer.com/%63hannel/c",
    "/v1/%62us/customer.com/channel/c",
    "/v1.1/bus/customer%2Ecom/channel/c",
    "/v1.1/%62us/customer.com/%63hannel/n%65w",
];

#[test]
fn a_path_in_another_spelling_is_no_way_around_the_origins() {
    let server = restricted();
    server.client().post_payloads("c", &["1"]);
    let allowed = |method: &str, path: &str, origin: &str| {
        let headers = format!("Origin: {origin}\r\nAccess-Control-Request-Method: GET\r\n");
        let reply = server.raw().request(method, path, &headers).reply();
        (reply.status, reply.header("access-control-allow-origin").map(str::to_owned))
    };
    for path in SPELLINGS {
        for stranger in ["https://evil.example", "null"] {
            let (status, origin) = allowed("GET", path, stranger);
            assert_eq!((status, origin), (200, None), "{path} for {stranger}");
            assert_eq!(allowed("OPTIONS", path, stranger).1, None, "a preflight of {path} for {stranger}");
        }
        for method in ["GET", "OPTIONS"] {
            assert_eq!(allowed(method, path, PAGE), (200, Some(PAGE.to_owned())), "{method} {path}");
        }
    }
    // What the router takes for no bus keeps nothing from anybody.
    for path in ["/v1/bus/customer%252Ecom/channel/c", "/v1/bus/nobody.org/channel/c"] {
        let (status, origin) = allowed("GET", path, "https://evil.example");
        assert!(status >= 400 && origin.is_some(), "{path}: {status}");
    }
}

/// Below whatever an application mounts the service at, also where that looks like a bus itself.
#[actix_web::test]
async fn the_bus_of_a_mounted_service_is_the_one_that_is_matched() {
    let mut config = Config::demo().unwrap();
    config.buses[0].allowed_origins = AllowedOrigins::List(vec![PAGE.to_owned()]);
    let backplane = Backplane::start(&config).unwrap();
    for prefix in ["/backplane", "/bus/open/channel/x"] {
        let app = App::new().service(web::scope(prefix).configure(backplane.routes()));
        let app = init_service(app).await;
        for (path, origin) in [
            ("/v1/bus/demo/channel/c", PAGE),
            ("/v1/bus/d%65mo/channel/c", PAGE),
            ("/v1/bus/demo/channel/c", "https://evil.example"),
            ("/v1/bus/d%65mo/%63hannel/c", "https://evil.example"),
        ] {
            let uri = format!("{prefix}{path}");
            let request = TestRequest::get().uri(&uri).insert_header(("Origin", origin));
            let reply = call_service(&app, request.to_request()).await;
            let header = reply.headers().get("access-control-allow-origin");
            let expected = (origin == PAGE).then_some(PAGE.as_bytes());
            assert_eq!(
                (reply.status().as_u16(), header.map(HeaderValue::as_bytes)),
                (200, expected),
                "{uri}"
            );
        }
    }
    backplane.shutdown().await;
}
