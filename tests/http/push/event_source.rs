//! What a browser's `EventSource` makes of our streams: read as HTML, section 9.2, has it, byte by byte, and not as we write them.

use std::io::Read as _;

use backplane::config::AllowedOrigins;
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};
use testkit::{BUS, Client, Reply, Server, Setup, message, send};

use super::{channel, channels};

const PAGE: &str = "https://www.example.com";

/// An event, as it is dispatched to a page.
#[derive(Debug, PartialEq, Eq)]
struct Dispatched {
    kind: String,
    data: String,
    last_event_id: String,
}

/// The state of an `EventSource`.
#[derive(Default)]
struct Source {
    unread: Vec<u8>,
    begun: bool,
    kind: String,
    data: String,
    id: String,
    last_event_id: String,
    /// Milliseconds.
    retry: Option<u64>,
    /// Fields that are none of those that there are.
    unknown: Vec<String>,
    dispatched: Vec<Dispatched>,
}

impl Source {
    fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        if !self.begun && self.unread.len() >= 3 {
            self.begun = true;
            if self.unread.starts_with("\u{feff}".as_bytes()) {
                self.unread.drain(..3);
            }
        }
        // A line ends with LF, CR or both; whether an LF follows a CR is known with the byte behind it.
        while let Some(end) = self.unread.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let both = self.unread[end..].starts_with(b"\r\n");
            if self.unread[end] == b'\r' && self.unread.len() == end + 1 {
                return;
            }
            let line = String::from_utf8_lossy(&self.unread[..end]).into_owned();
            self.unread.drain(..end + 1 + usize::from(both));
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.last_event_id.clone_from(&self.id);
            let (kind, data) = (std::mem::take(&mut self.kind), std::mem::take(&mut self.data));
            if let Some(data) = data.strip_suffix('\n') {
                let kind = if kind.is_empty() { "message".to_owned() } else { kind };
                let last_event_id = self.last_event_id.clone();
                self.dispatched.push(Dispatched { kind, data: data.to_owned(), last_event_id });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => {}
            "event" => value.clone_into(&mut self.kind),
            "data" => self.data.extend([value, "\n"]),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => self.retry = value.parse().ok(),
            other => self.unknown.push(format!("{other}: {value}")),
        }
    }

    /// Reads until so many events came.
    #[track_caller]
    fn read(&mut self, response: &mut Response, count: usize) {
        let mut buffer = [0; 4096];
        while self.dispatched.len() < count {
            let read = response.read(&mut buffer).unwrap();
            assert!(read > 0, "it ended behind {:?}", self.dispatched);
            self.feed(&buffer[..read]);
        }
    }
}

/// A request as browsers send it.
fn asking(client: &Client, path: &str) -> RequestBuilder {
    let request = client.request("GET", path).header("Accept", "text/event-stream");
    request.header("Cache-Control", "no-cache").header("Pragma", "no-cache")
}

#[test]
fn an_event_source_is_what_this_test_takes_for_one() {
    let mut source = Source::default();
    let text = "\u{feff}data: 1\r\rdata:2\r\ndata:  3\n\nid: a\0b\nid:x\nretry: 1x\nretry:7\nevent: e\ndata\n\n: \nid\ndata: 4\n\n\ndata: 5";
    for byte in text.as_bytes() {
        source.feed(&[*byte]);
    }
    let told: Vec<_> = source
        .dispatched
        .iter()
        .map(|event| (event.kind.as_str(), event.data.as_str(), event.last_event_id.as_str()))
        .collect();
    assert_eq!(told, [("message", "1", ""), ("message", "2\n 3", ""), ("e", "", "x"), ("message", "4", "")]);
    assert_eq!((source.retry, source.unknown.len()), (Some(7), 2));
}

/// Whatever is in a message, and whatever is between its tokens.
#[test]
fn push_sse_3_an_event_source_reads_every_message_as_a_poll_has_it() {
    let server = Server::start();
    let client = server.client();
    for payload in [
        r#""\u2028\u2029 \u0000 \r\n\r\ndata: x\n\nid: y\nretry: 1\n\n""#,
        "\"\u{2028}\u{85}\u{feff}\"",
        r#"{"data":"event: end","id":"\u0000"}"#,
        "\" \"",
    ] {
        client.post_payloads("c", &[payload]);
    }
    let body = format!("[{}]", message("[1,\r\r\n\n\r2]").replace("\"type\"", "\r\n\r\n\"type\""));
    assert_eq!(client.post("c", body).status, 200);
    let mut polled = client.get(&channel("c", "")).json();
    let polled = polled.as_array_mut().unwrap();
    for path in [channel("c", ""), channels(&["c", "d"], "")] {
        let mut response = asking(&client, &path).send().unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream", "exactly");
        let mut source = Source::default();
        source.read(&mut response, polled.len() + 1);
        assert_eq!(source.unknown, [""; 0]);
        assert!(source.retry.is_some_and(|retry| (500..5000).contains(&retry)), "{:?}", source.retry);
        let [fact, messages @ ..] = &source.dispatched[..] else { panic!("nothing") };
        assert_eq!(fact.kind, "backplane");
        for (event, frame) in messages.iter().zip(&*polled) {
            assert_eq!(event.kind, "message", "a page hears it by `onmessage`");
            let mut told: Value = serde_json::from_str(&event.data).unwrap();
            assert!(event.last_event_id.starts_with(told["id"].as_str().unwrap()));
            told.as_object_mut().unwrap().remove("prev");
            assert_eq!(told, *frame);
        }
    }
}

/// It comes back with the last `id` that it has dispatched: silence and the end of a server change nothing of that.
#[test]
fn push_pos_3_an_event_source_comes_back_to_where_it_was() {
    let setup = Setup::new().config(|config| config.limits.heartbeat = std::time::Duration::from_millis(20));
    let mut server = setup.start();
    let client = server.client();
    client.post_payloads("c", &["1", "2"]);
    for path in [channel("c", ""), channels(&["c", "d"], "")] {
        let mut source = Source::default();
        source.read(&mut asking(&client, &path).send().unwrap(), 2);
        // It is cut in the midst of what came with it, which was not dispatched.
        let last = source.dispatched[1].last_event_id.clone();
        let mut again = asking(&client, &path).header("Last-Event-ID", &last).send().unwrap();
        let mut source = Source { id: last.clone(), last_event_id: last, ..Source::default() };
        source.read(&mut again, 2);
        let data: Vec<Value> =
            source.dispatched.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect();
        assert_eq!((&data[0]["resume"], &data[1]["message"]["payload"]), (&json!("complete"), &json!(2)));
    }
    let mut response = asking(&client, &channel("c", "")).send().unwrap();
    let mut source = Source::default();
    source.read(&mut response, 3);
    let last = source.last_event_id.clone();
    server.begin_shutdown();
    source.read(&mut response, 4);
    assert!(source.dispatched[3].data.starts_with(r#"{"end":"drain""#), "{:?}", source.dispatched[3]);
    assert_eq!(source.last_event_id, last);
}

/// Browsers send back what they were told; what nobody was told is no error either.
#[test]
fn push_pos_1_a_last_event_id_of_any_bytes_is_a_reset() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1"]);
    for last in ["\u{2026}".as_bytes(), b"\xff\xfe", b"  x  ", b"a, b", &[b'x'; 1000]] {
        let last = reqwest::header::HeaderValue::from_bytes(last).unwrap();
        let mut response = asking(&client, &channel("c", "")).header("Last-Event-ID", last).send().unwrap();
        assert_eq!(response.status(), 200);
        let mut source = Source::default();
        source.read(&mut response, 2);
        assert!(source.dispatched[0].data.starts_with(r#"{"resume":"reset""#), "{:?}", source.dispatched[0]);
    }
}

/// An `EventSource` takes whatever is no event stream for a failure, and does not come back: so nothing that is to be tried again looks like
/// one, and nothing is answered by 204, 205 or a redirect.
#[test]
fn push_sse_6_what_is_refused_does_not_look_like_a_stream() {
    let setup = Setup::new().config(|config| config.limits.streams_per_address = 0);
    let server = setup.start();
    let client = server.client();
    for (path, status) in [
        (channel("c", ""), 429),
        (channel("a.b", ""), 400),
        (channel("c", "?callback=f"), 400),
        ("/v1/bus/nobody.org/channel/c".to_owned(), 404),
        (format!("/v1/bus/{BUS}"), 401),
        (format!("/v1/bus/{BUS}/channels"), 400),
    ] {
        let reply = send(asking(&client, &path).header("Origin", PAGE));
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, Some("application/json")),
            "{path}"
        );
    }
}

fn cross_origin(reply: &reqwest::header::HeaderMap) -> [Option<&str>; 3] {
    ["access-control-allow-origin", "access-control-allow-credentials", "vary"]
        .map(|name| reply.get(name).map(|value| value.to_str().unwrap()))
}

/// A page of another origin reads a stream if the bus lets it, as nobody: with `withCredentials` its browser hands it nothing.
#[test]
fn pages_of_other_origins_read_streams_without_credentials() {
    let some = |bus: &mut backplane::config::Bus| {
        bus.allowed_origins = AllowedOrigins::List(vec![PAGE.to_owned()]);
        bus.jsonp = false;
    };
    let (open, restricted) = (Server::start(), Setup::new().bus(some).start());
    for (server, origin, allowed) in [
        (&open, PAGE, Some(PAGE)),
        (&open, "null", Some("null")),
        (&restricted, PAGE, Some(PAGE)),
        (&restricted, "https://evil.example", None),
        (&restricted, "null", None),
    ] {
        for path in [channel("c", ""), channels(&["c", "d"], "")] {
            for cookie in ["", "session=1"] {
                let request = asking(&server.client(), &path).header("Origin", origin);
                let response = if cookie.is_empty() { request } else { request.header("Cookie", cookie) };
                let response = response.send().unwrap();
                let [origin_allowed, credentials, vary] = cross_origin(response.headers());
                assert_eq!((origin_allowed, credentials), (allowed, None), "{origin} {path}");
                assert!(vary.is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")), "{vary:?}");
                assert_eq!(response.headers().get("set-cookie"), None);
            }
        }
    }
    // What stands in for an EventSource where there is none sets the header by itself, and asks before.
    let preflight: Reply = send(
        open.client()
            .request("OPTIONS", &channel("c", ""))
            .header("Origin", PAGE)
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "last-event-id"),
    );
    let allowed = preflight.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
    assert_eq!((preflight.status, allowed.as_str()), (200, "last-event-id"));
}
