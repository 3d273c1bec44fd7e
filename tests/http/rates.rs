//! I-5: what may be done in a time has quotas of users, addresses and buses, and each of them says what it is.

use std::thread::sleep;
use std::time::Duration;

use backplane::config::{Bus, Config, Limits, Rate};
use serde_json::Value;
use testkit::{BUS, OTHER_BUS, Reply, Server, Setup, Socket, basic, messages, send};

const SLOW: &str = "3/h";

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
struct Who {
    from: &'static str,
    user: &'static str,
    bus: &'static str,
}

const ALICE: Who = Who { from: "192.0.2.1", user: "alice", bus: BUS };

/// Something that has quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Post,
    Read,
    /// The bus as a whole, with credentials.
    ReadBus,
    Stream,
    StreamBus,
    Socket,
}

/// Everybody comes through a proxy that names him.
fn server(change: impl FnOnce(&mut Config)) -> Server {
    let setup = Setup::new().config(|config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        change(config);
    });
    setup.start()
}

fn ask(server: &Server, work: Work, Who { from, user, bus }: Who) -> Reply {
    let said = format!("X-Forwarded-For: {from}\r\nX-Forwarded-Proto: https\r\n");
    let (channel, bus) = (format!("/v1/bus/{bus}/channel/c"), format!("/v1/bus/{bus}"));
    let body = messages(&["1"]);
    let mut raw = server.raw();
    match work {
        Work::Post => {
            let (auth, length) = (basic(user), body.len());
            let head = format!("{auth}{said}Content-Type: application/json\r\nContent-Length: {length}\r\n");
            raw.request("POST", &channel, &head).send(body).reply()
        }
        Work::Read => raw.request("GET", &channel, &said).reply(),
        Work::ReadBus => raw.request("GET", &bus, &format!("{said}{}", basic(user))).reply(),
        Work::Stream => raw.request("GET", &channel, &format!("{said}Accept: text/event-stream\r\n")).reply(),
        Work::StreamBus => {
            let head = format!("{said}{}Accept: text/event-stream\r\n", basic(user));
            raw.request("GET", &bus, &head).reply()
        }
        Work::Socket => {
            let head = format!("{said}{}{}", basic(user), testkit::upgrade(""));
            raw.request("GET", &bus, &head).reply()
        }
    }
}

/// A list of strings with parameters that are whole numbers, strictly (RFC 9651).
fn parsed(field: &str) -> Vec<(String, Vec<(String, u64)>)> {
    let items = field.split(", ").map(|item| {
        let (name, parameters) = item.strip_prefix('"').unwrap().split_once('"').unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte)), "{name}");
        let mut parts = parameters.split(';');
        assert_eq!(parts.next(), Some(""));
        let parts = parts.map(|part| {
            let (key, value) = part.split_once('=').unwrap();
            assert!(value == "0" || !value.starts_with('0'), "{value}");
            (key.to_owned(), value.parse().unwrap())
        });
        (name.to_owned(), parts.collect())
    });
    items.collect()
}

/// The name of a quota, what is left of it and the time.
#[track_caller]
fn limit(reply: &Reply) -> (String, u64, u64) {
    let mut items = parsed(reply.header("ratelimit").expect("a RateLimit header"));
    let (name, parameters) = items.pop().unwrap();
    assert!(items.is_empty(), "one is told");
    match &parameters[..] {
        [(r, left), (t, time)] if r == "r" && t == "t" => (name, *left, *time),
        other => panic!("{other:?}"),
    }
}

/// Within the quota all passes, beyond it nothing does, and the answer names the quota. Others are not touched.
fn ends_at(change: impl FnOnce(&mut Config), name: &str, works: &[Work], shares: Who, others: &[Who]) {
    let server = server(change);
    for (n, work) in (0..3).zip(works.iter().cycle()) {
        let reply = ask(&server, *work, if n == 1 { shares } else { ALICE });
        assert!([101, 200].contains(&reply.status), "{work:?}: {}", reply.text());
        assert_eq!(limit(&reply), (name.to_owned(), 2 - n, 1200), "{work:?}");
        let policy = parsed(reply.header("ratelimit-policy").unwrap());
        assert_eq!(policy, [(name.to_owned(), vec![("q".to_owned(), 3), ("w".to_owned(), 3600)])]);
    }
    for (work, who) in works.iter().flat_map(|work| [(work, ALICE), (work, shares)]) {
        let reply = ask(&server, *work, who);
        let text = reply.is_error(429, "rate_limited");
        assert!(text.contains("has used up its quota of 3 ") && text.contains(name), "{text}");
        assert!(!text.contains("alice") && !text.contains("192.0.2"), "{text}");
        let (told, left, time) = limit(&reply);
        assert_eq!((told.as_str(), left), (name, 0));
        // The draft: not earlier than the end of the window that is told.
        assert_eq!(reply.header("retry-after"), Some(time.to_string().as_str()));
        assert!((1190..=1200).contains(&time), "{time}");
    }
    for (work, who) in works.iter().flat_map(|work| others.iter().map(move |who| (work, *who))) {
        let reply = ask(&server, *work, who);
        assert!([101, 200].contains(&reply.status), "{work:?} {who:?}: {}", reply.text());
    }
    let count = |name: &str| server.client().metric("rate_limited_total", &format!("{{quota=\"{name}\"}}"));
    assert_eq!(count(name), Some(f64::from(u32::try_from(works.len() * 2).unwrap())));
    let sum: f64 = server
        .client()
        .admin()
        .get("/metrics")
        .text()
        .lines()
        .filter(|line| line.starts_with("backplane_rate_limited_total"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(Some(sum), count(name), "it is counted once");
}

const OTHER_ADDRESS: Who = Who { from: "192.0.2.2", ..ALICE };
const ELSEWHERE: Who = Who { bus: OTHER_BUS, ..ALICE };

#[test]
fn i_5_rates_of_users() {
    let shares = Who { from: "192.0.2.2", ..ELSEWHERE };
    let limits = |change: fn(&mut Limits)| move |config: &mut Config| change(&mut config.limits);
    let poster = [Who { user: "poster", ..ALICE }];
    let reader = [Who { user: "reader", ..ALICE }];
    ends_at(
        limits(|to| to.posts_per_user = Some(rate(SLOW))),
        "limits.posts_per_user",
        &[Work::Post],
        shares,
        &poster,
    );
    ends_at(
        limits(|to| to.reads_per_user = Some(rate(SLOW))),
        "limits.reads_per_user",
        &[Work::ReadBus],
        shares,
        &reader,
    );
    let streams = [Work::StreamBus, Work::Socket];
    let name = "limits.new_streams_per_user";
    ends_at(limits(|to| to.new_streams_per_user = Some(rate(SLOW))), name, &streams, shares, &reader);
}

#[test]
fn i_5_rates_of_addresses() {
    let limits = |change: fn(&mut Limits)| move |config: &mut Config| change(&mut config.limits);
    let others = [OTHER_ADDRESS];
    let name = "limits.posts_per_address";
    ends_at(limits(|to| to.posts_per_address = Some(rate(SLOW))), name, &[Work::Post], ELSEWHERE, &others);
    let (name, reads) = ("limits.reads_per_address", [Work::Read, Work::ReadBus]);
    ends_at(limits(|to| to.reads_per_address = Some(rate(SLOW))), name, &reads, ELSEWHERE, &others);
    let (name, streams) = ("limits.new_streams_per_address", [Work::Stream, Work::StreamBus, Work::Socket]);
    ends_at(limits(|to| to.new_streams_per_address = Some(rate(SLOW))), name, &streams, ELSEWHERE, &others);
}

#[test]
fn i_5_rates_of_buses() {
    let of_bus = |change: fn(&mut Bus)| move |config: &mut Config| change(&mut config.buses[0]);
    let others = [ELSEWHERE];
    ends_at(
        of_bus(|bus| bus.quota.posts = Some(rate(SLOW))),
        "quota.posts",
        &[Work::Post],
        OTHER_ADDRESS,
        &others,
    );
    let reads = [Work::Read, Work::ReadBus];
    ends_at(of_bus(|bus| bus.quota.reads = Some(rate(SLOW))), "quota.reads", &reads, OTHER_ADDRESS, &others);
    let streams = [Work::Stream, Work::StreamBus, Work::Socket];
    let name = "quota.new_streams";
    ends_at(of_bus(|bus| bus.quota.new_streams = Some(rate(SLOW))), name, &streams, OTHER_ADDRESS, &others);
}

#[test]
fn i_5_after_retry_after_it_works() {
    let server = server(|config| config.limits.reads_per_address = Some(rate("1/s")));
    assert_eq!(ask(&server, Work::Read, ALICE).status, 200);
    let refused = ask(&server, Work::Read, ALICE);
    refused.is_error(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    sleep(Duration::from_secs(1));
    assert_eq!(ask(&server, Work::Read, ALICE).status, 200);
}

#[test]
fn i_5_what_is_refused_for_something_else_takes_nothing() {
    let server = server(|config| {
        config.limits.posts_per_address = Some(rate(SLOW));
        config.limits.posts_per_user = Some(rate("1/h"));
    });
    for (user, status) in [("nobody", 403), ("mallory", 401)] {
        let reply = ask(&server, Work::Post, Who { user, ..ALICE });
        assert_eq!((reply.status, reply.header("ratelimit")), (status, None));
    }
    // The user's is nearer to its end, and ends; the address has what the user did not get.
    let policy = |reply: &Reply| parsed(reply.header("ratelimit-policy").unwrap()).len();
    let first = ask(&server, Work::Post, ALICE);
    assert_eq!((limit(&first).0.as_str(), policy(&first)), ("limits.posts_per_user", 2));
    for _ in 0..5 {
        assert!(ask(&server, Work::Post, ALICE).is_error(429, "rate_limited").contains("posts_per_user"));
    }
    let other = Who { user: "poster", ..ALICE };
    assert_eq!(ask(&server, Work::Post, other).status, 200);
    assert_eq!(limit(&ask(&server, Work::Post, other)).0, "limits.posts_per_user");
}

#[test]
fn i_5_who_comes_for_many_has_no_quota_of_an_address() {
    let server = server(|config| config.limits.reads_per_address = Some(rate("1/h")));
    for _ in 0..5 {
        let reply = server.client().read("c", "");
        assert_eq!(
            (reply.status, reply.header("ratelimit"), reply.header("ratelimit-policy")),
            (200, None, None)
        );
    }
}

#[test]
fn without_quotas_nothing_is_told() {
    let server = Server::start();
    let client = server.client();
    let replies = [client.post("c", messages(&["1"])), client.read("c", ""), client.read_bus("")];
    for reply in replies {
        assert_eq!(
            (reply.status, reply.header("ratelimit"), reply.header("ratelimit-policy")),
            (200, None, None)
        );
    }
}

#[test]
fn head_and_long_polls_are_retrievals_and_options_are_not() {
    let server = server(|config| {
        config.limits.reads_per_address = Some(rate("2/h"));
        config.limits.new_streams_per_address = Some(rate("1/h"));
    });
    let said = "X-Forwarded-For: 192.0.2.1\r\n";
    let path = format!("/v1/bus/{BUS}/channel/c");
    for _ in 0..5 {
        assert_eq!(server.raw().request("OPTIONS", &path, said).reply().status, 204);
    }
    assert_eq!(limit(&server.raw().request("HEAD", &path, said).reply_to_head()).1, 1);
    let reply = server.raw().request("GET", &format!("{path}?block=1"), said).reply();
    assert_eq!(limit(&reply), ("limits.reads_per_address".to_owned(), 0, 1800));
    assert_eq!(ask(&server, Work::Stream, ALICE).status, 200, "a long poll is no stream");
}

#[test]
fn pages_see_how_it_stands() {
    let server = server(|config| config.limits.reads_per_address = Some(rate("1/h")));
    let path = format!("/v1/bus/{BUS}/channel/c");
    for status in [200, 429] {
        let request = server.client().request("GET", &path).header("Origin", "https://a.example");
        let reply = send(request.header("X-Forwarded-For", "192.0.2.1"));
        assert_eq!(reply.status, status);
        let exposed = reply.header("access-control-expose-headers").unwrap().to_ascii_lowercase();
        let exposed: Vec<_> = exposed.split(',').map(str::trim).collect();
        for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
            assert!(exposed.contains(&name), "{exposed:?}");
        }
    }
}

fn publish(socket: &mut Socket, reference: &str) -> Value {
    let messages = messages(&["1"]);
    socket.say(&format!(r#"{{"publish":"c","ref":"{reference}","messages":{messages}}}"#));
    socket.said()
}

/// Gives a server another configuration than it was started with.
fn apply(server: &Server, change: impl FnOnce(&mut Config)) {
    let mut new = server.config().clone();
    change(&mut new);
    let taken = actix_web::rt::System::new().block_on(server.backplane.take_over(&new)).unwrap();
    assert_eq!((taken.refused, taken.plan.restart), (vec![], vec![]));
}

#[test]
fn push_ws_what_is_published_over_a_websocket_is_a_post() {
    let server = Setup::new().config(|config| config.limits.posts_per_user = Some(rate("2/h"))).start();
    let path = format!("/v1/bus/{BUS}/channels");
    let mut socket = Socket::open(server.address(), &path, &basic("poster"));
    assert_eq!(server.client().post("c", messages(&["1"])).status, 200);
    assert_eq!(publish(&mut socket, "a")["published"], "a");
    let refused = publish(&mut socket, "b");
    assert_eq!(
        (&refused["refused"], &refused["error"], &refused["status"]),
        (&"b".into(), &"rate_limited".into(), &429.into())
    );
    let text = refused["error_description"].as_str().unwrap();
    assert!(text.contains("2 POSTs in 1h (limits.posts_per_user)"), "{text}");
    let retry = refused["retry"].as_u64().unwrap();
    assert!((1_790_000..=1_800_000).contains(&retry), "{retry}");
    server.client().post("c", messages(&["1"])).is_error(429, "rate_limited");
}

#[test]
fn a_new_rate_holds_at_once() {
    let server = server(|config| config.limits.reads_per_address = Some(rate("1/h")));
    assert_eq!(ask(&server, Work::Read, ALICE).status, 200);
    ask(&server, Work::Read, ALICE).is_error(429, "rate_limited");
    // Nobody waits for longer than the new window.
    apply(&server, |config| config.limits.reads_per_address = Some(rate("1/s")));
    sleep(Duration::from_secs(1));
    assert_eq!(limit(&ask(&server, Work::Read, ALICE)), ("limits.reads_per_address".to_owned(), 0, 1));
    apply(&server, |config| {
        config.limits.reads_per_address = None;
        config.buses[0].quota.reads = Some(rate("1/h"));
    });
    assert_eq!(limit(&ask(&server, Work::Read, ALICE)).0, "quota.reads");
    assert!(ask(&server, Work::Read, OTHER_ADDRESS).is_error(429, "rate_limited").contains("quota.reads"));
}

#[test]
fn a_new_rate_of_a_bus_holds_for_open_websockets() {
    let server = Server::start();
    let path = format!("/v1/bus/{BUS}/channels");
    let mut socket = Socket::open(server.address(), &path, &basic("poster"));
    assert_eq!(publish(&mut socket, "a")["published"], "a");
    apply(&server, |config| config.buses[0].quota.posts = Some(rate("1/h")));
    assert_eq!(publish(&mut socket, "b")["published"], "b");
    assert_eq!(publish(&mut socket, "c")["error"], "rate_limited");
}

#[test]
fn i_5_a_bus_has_quotas_of_channels_memory_and_streams() {
    let server = Setup::new()
        .bus(|bus| {
            bus.quota.channels = Some(2);
            bus.quota.memory = Some(64 * 1024);
            bus.quota.streams = Some(1);
        })
        .start();
    let client = server.client();
    client.post_payloads("a", &["1"]);
    let big = format!("\"{}\"", "x".repeat(40 * 1024));
    client.post_payloads("b", &["2"]);
    assert!(client.post("c", messages(&["3"])).is_error(429, "too_many_channels").contains("quota.channels"));
    client.post_payloads("a", &[&big]);
    let refused = client.post("a", messages(&[&big])).is_error(503, "memory_full");
    assert!(refused.contains("65536 bytes") && refused.contains("quota.memory"), "{refused}");
    let events = format!("/v1/bus/{BUS}/channel/a");
    let mut open = testkit::Events::open(&client, &events);
    open.resumed();
    let refused = client.read("c", "?block=1").is_error(503, "streams_full");
    assert!(refused.contains("quota.streams"), "{refused}");
    let other = format!("/v1/bus/{OTHER_BUS}/channel");
    for channel in ["a", "b", "c"] {
        let request =
            client.request("POST", &format!("{other}/{channel}")).header("Content-Type", "application/json");
        let request = request.basic_auth("alice", Some(testkit::password_of("alice")));
        assert_eq!(send(request.body(messages(&[&big]))).status, 200);
    }
    testkit::Events::open(&client, &format!("{other}/a")).resumed();
}
