//! What calls are refused for.

use std::collections::BTreeSet;

use reqwest::blocking::RequestBuilder;
use serde_json::json;
use testkit::described::Described;
use testkit::{BUS, password_of, send};

use super::administration::wish;
use super::{Survey, calls, client_of, filled, kind_of, start, with_body};
use crate::v2::authorize::owned;

/// What any call may be refused for.
pub(super) fn of_each(survey: &mut Survey) {
    for (method, path) in calls(400) {
        survey
            .ask((&method, &filled(&path)), 400, |request| request.header("Upgrade", "websocket").body("[]"));
    }
    for (method, path) in calls(421) {
        let request = survey.client.admin().request(&method, &filled(&path)).header("Host", "evil.example");
        let reply = send(request);
        assert_eq!(reply.status, 421, "{method} {path}");
        survey.note(&method, &filled(&path), &reply);
    }
    for (method, path) in calls(413) {
        let (kind, path) = (kind_of(&path), filled(&path));
        let request = with_body(client_of(survey, &path).request(&method, &path), kind, "x".repeat(40_000));
        let reply = send(survey.signed(&method, &path, request));
        assert_eq!(reply.status, 413, "{method} {path}: {}", reply.text());
        survey.note(&method, &path, &reply);
    }
    for (method, path) in calls(415) {
        let path = filled(&path);
        let request = with_body(client_of(survey, &path).request(&method, &path), "text/plain", "{}");
        let reply = send(survey.signed(&method, &path, request));
        assert_eq!(reply.status, 415, "{method} {path}: {}", reply.text());
        survey.note(&method, &path, &reply);
    }
    for (method, path) in calls(401) {
        let at = filled(&path);
        match (method.as_str(), path.as_str()) {
            ("GET", "/v2/token") => drop(survey.ask(("GET", "/v2/token?refresh_token=none"), 401, |ask| ask)),
            ("GET", path) if path.ends_with("/channel/{channel}") || path.ends_with("/channels") => {
                survey.ask(("GET", &at), 401, |ask| {
                    ask.header("Upgrade", "websocket").basic_auth("alice", Some("no"))
                });
            }
            _ => drop(survey.ask((&method, &at), 401, |ask| with_body(ask, kind_of(&path), "{}"))),
        }
    }
    for (method, path) in calls(204).into_iter().filter(|(method, _)| method == "OPTIONS") {
        survey.ask((&method, &filled(&path)), 204, |ask| ask);
    }
    for (method, path) in calls(200).into_iter().filter(|(method, _)| method == "OPTIONS") {
        let asks = |ask: RequestBuilder| {
            ask.header("Origin", "https://page.example").header("Access-Control-Request-Method", "GET")
        };
        survey.ask((&method, &filled(&path)), 200, asks);
    }
}

/// Credentials that would cross the network in the clear.
pub(super) fn in_the_clear(seen: &mut BTreeSet<Described>) {
    // Clients and grants are made before anybody is a proxy.
    let mut survey = start(owned());
    let mut config = survey.server.config().clone();
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let taken = actix_rt::System::new().block_on(survey.server.backplane.take_over(&config));
    taken.unwrap();
    for (method, path) in calls(403) {
        let at = filled(&path);
        // Those need no credentials, and have another reason.
        if path.contains("/channel") && method != "POST" {
            continue;
        }
        let request = with_body(client_of(&survey, &at).request(&method, &at), kind_of(&path), "{}");
        let reply = send(survey.signed(&method, &at, request));
        assert_eq!(reply.status, 403, "{method} {path}: {}", reply.text());
        survey.note(&method, &at, &reply);
    }
    seen.append(&mut survey.seen);
}

/// Where as many are made as may be.
pub(super) fn full(seen: &mut BTreeSet<Described>) {
    let mut survey =
        start(owned().config(|config| (config.provision.clients, config.provision.grants) = (1, 1)));
    let as_root = |ask: RequestBuilder| ask.basic_auth("root", Some(password_of("root")));
    let mut named = wish("clients");
    survey.ask(("PUT", "/admin/v1/clients/more"), 409, |ask| as_root(ask).json(&named));
    named["name"] = json!("more");
    survey.ask(("POST", "/admin/v1/clients"), 409, |ask| as_root(ask).json(&named));
    let grant = json!({"client": "vendor", "buses": [BUS]});
    survey.ask(("POST", "/admin/v1/grants"), 409, |ask| as_root(ask).json(&grant));
    seen.append(&mut survey.seen);
}
