//! What calls are answered, but for those of operators.

use reqwest::blocking::RequestBuilder;
use serde_json::json;
use testkit::{BUS, OTHER_BUS, Reply, Socket, basic, message, messages, password_of};

use super::{JSON, Survey, calls, is_for_operators, with_body};
use crate::v2::authorize::{Browser, authorize, field};
use crate::v2::{as_form, page, secret_of};

const PREFIXES: [&str; 5] = ["/v1", "/v1.1", "/v1.2", "/v1.3", ""];

pub(super) fn version_1(survey: &mut Survey) {
    for (count, prefix) in PREFIXES.into_iter().enumerate() {
        let at = |bus: &str, below: &str| format!("{prefix}/bus/{bus}{below}");
        let as_alice = |ask: RequestBuilder| ask.basic_auth("alice", Some(password_of("alice")));
        let post = |body: String| move |ask| with_body(as_alice(ask), JSON, body);
        let promised = message("1").replace('}', r#","sticky":true}"#);
        let two = format!("[{},{promised}]", message("2"));
        survey.ask(("POST", &at(BUS, "/channel/c")), 200, post(two));
        survey.ask(("POST", &at("none", "/channel/c")), 404, post(messages(&["1"])));
        let key = format!("key-{count}");
        for (payload, status) in [("1", 200), ("2", 422)] {
            let keyed = |ask| post(messages(&[payload]))(ask).header("Idempotency-Key", &key);
            survey.ask(("POST", &at(BUS, "/channel/c")), status, keyed);
        }
        survey.read(&at(BUS, ""), 200, as_alice);
        survey.read(&at("none", ""), 404, as_alice);
        for below in ["/channel/c", "/channels?channel=c&channel=d", "/channel/new"] {
            survey.read(&at(BUS, below), 200, |ask| ask);
            survey.read(&at("none", below), 404, |ask| ask);
            let sign = if below.contains('?') { '&' } else { '?' };
            survey.read(&at(OTHER_BUS, &format!("{below}{sign}callback=f")), 403, |ask| ask);
            survey.ask(("GET", &at(BUS, &format!("{below}{sign}callback=f"))), 200, |ask| ask);
        }
        for below in ["", "/channel/c", "/channels"] {
            let path = at(BUS, below);
            let socket = Socket::open(survey.server.address(), &path, &basic("alice"));
            let reply = Reply { status: 101, headers: socket.headers.clone(), body: Vec::new() };
            survey.note("GET", &path, &reply);
        }
    }
}

pub(super) fn version_2(survey: &mut Survey) {
    let token = survey.token.clone();
    let page = page(&survey.client, BUS);
    survey.ask(("GET", &format!("/v2/token?bus={BUS}")), 200, |ask| ask);
    survey.ask(("GET", "/v2/token?bus=none&callback=f"), 200, |ask| ask);
    let as_client = |ask: RequestBuilder| ask.basic_auth("vendor", Some(secret_of("vendor")));
    for (path, form) in [
        ("/v2/token", [("grant_type", "client_credentials")]),
        ("/v2/introspect", [("token", token.as_str())]),
        ("/v2/introspect", [("token", "none")]),
        ("/v2/revoke", [("token", "none")]),
    ] {
        survey.ask(("POST", path), 200, |ask| as_form(as_client(ask), &form));
    }
    for (payload, status) in [(1, 201), (2, 422)] {
        let message = json!({"type": "t", "bus": BUS, "channel": page.channel, "payload": payload});
        survey.ask(("POST", "/v2/message"), status, |ask| {
            ask.bearer_auth(&token).header("Idempotency-Key", "one").json(&json!({"message": message}))
        });
    }
    survey.read("/v2/messages", 200, |ask| ask.bearer_auth(&token));
    let all = survey.ask(("GET", "/v2/messages"), 200, |ask| ask.bearer_auth(&page.token)).json();
    let url = all["messages"][0]["messageURL"].as_str().unwrap();
    let path = &url[url.find("/v2/").unwrap()..];
    survey.read(path, 200, |ask| ask.bearer_auth(&page.token));
    survey.read("/v2/message/0000000000001", 404, |ask| ask.bearer_auth(&token));
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let socket = Socket::open(survey.server.address(), "/v2/messages", &bearer);
    let reply = Reply { status: 101, headers: socket.headers.clone(), body: Vec::new() };
    survey.note("GET", "/v2/messages", &reply);
}

pub(super) fn pages_of_owners(survey: &mut Survey) {
    let (mut stranger, mut owner) = (Browser::new(&survey.server), Browser::of(&survey.server, "alice"));
    let asks = authorize(&[]);
    survey.read(&asks, 303, |ask| ask);
    survey.read("/v2/grants", 303, |ask| ask);
    survey.read("/v2/authenticate", 200, |ask| ask);
    for (is_owner, path, status) in [
        (false, &*asks, 303),
        (true, &*asks, 200),
        (true, "/v2/grants", 200),
        (true, "/v2/authenticate", 303),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = if is_owner { &mut owner } else { &mut stranger }.ask(method, path);
            assert_eq!(reply.status, status, "{method} {path}");
            survey.note(method, path, &reply);
        }
    }
    let reply = owner.answered(&[], "allow");
    survey.note("POST", "/v2/authorize", &reply);
    let form = owner.get("/v2/grants");
    let (token, id) = (field(&form, "token"), field(&form, "grant"));
    for status in [303, 404] {
        let reply = owner.post("/v2/grants", &[("token", &token), ("grant", &id)]);
        assert_eq!(reply.status, status, "{}", reply.text());
        survey.note("POST", "/v2/grants", &reply);
    }
    let reply = owner.post("/v2/authenticate", &[("token", &token), ("action", "sign-out")]);
    survey.note("POST", "/v2/authenticate", &reply);
}

pub(super) fn files_and_probes(survey: &mut Survey) {
    let known = calls(304);
    for (method, path) in calls(200) {
        let is_file = known.contains(&(method.clone(), path.clone())) && !is_for_operators(&path);
        if is_file {
            survey.ask((&method, &path), 304, |ask| ask.header("If-None-Match", "*"));
        }
        if is_file
            || path.starts_with("/.well-known/")
            || matches!(&*path, "/healthz" | "/readyz" | "/metrics")
        {
            survey.ask((&method, &path), 200, |ask| ask);
        }
    }
}

pub(super) fn historical(survey: &mut Survey) {
    for (method, path) in calls(200).into_iter().filter(|(_, path)| path.contains("/provision/")) {
        let body = json!({
            "admin": "root", "secret": password_of("root"), "entities": [], "configs": [], "grants": {},
        });
        survey.ask((&method, &path), 200, |ask| ask.json(&body));
    }
}
