//! What the description of the API promises comes: each status that it names for a call is one that the call gives. That each answer is
//! one that it names is held wherever a test asks (`testkit::described`).

mod administration;
mod answers;
mod refusals;

use std::collections::BTreeSet;

use reqwest::blocking::RequestBuilder;
use reqwest::redirect::Policy;
use testkit::described::{self, Described};
use testkit::{BUS, Client, OTHER_BUS, Reply, Server, Setup, password_of, send};

use crate::v2::authorize::{owned, started};
use crate::v2::{grant, secret_of, token_of};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// What the door, deadlines, bounds, quotas and a disk answer whatever is asked: it has tests of its own, and each answer that they get has
/// to be described.
const OF_ANY_CALL: [u16; 7] = [405, 408, 429, 431, 500, 503, 507];
/// Only whoever asks while the bus of the token goes: the next one's token is revoked.
const RACES: [(&str, &str); 3] = [("GET", "/v2/messages"), ("HEAD", "/v2/messages"), ("POST", "/v2/message")];

/// Who asks, and what was answered.
struct Survey {
    server: Server,
    client: Client,
    token: String,
    seen: BTreeSet<Described>,
}

impl Survey {
    fn of(server: Server) -> Self {
        let base = server.client().url("");
        let client = Client::with(&base, |builder| builder.redirect(Policy::none()));
        let client = client.with_admin(server.admin[0]);
        Self { server, client, token: String::new(), seen: BTreeSet::new() }
    }

    /// Notes an answer.
    fn note(&mut self, method: &str, path: &str, reply: &Reply) {
        self.seen.extend(described::check(method, path.split('?').next().unwrap(), reply));
    }

    /// Asks, and wants this status.
    #[track_caller]
    fn ask(
        &mut self,
        (method, path): (&str, &str),
        status: u16,
        refine: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Reply {
        let reply = send(refine(client_of(self, path).request(method, path)));
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        self.note(method, path, &reply);
        reply
    }

    /// The same by GET and by HEAD.
    #[track_caller]
    fn read(&mut self, path: &str, status: u16, refine: impl Fn(RequestBuilder) -> RequestBuilder) {
        for method in ["GET", "HEAD"] {
            self.ask((method, path), status, &refine);
        }
    }

    /// The credentials that a call takes.
    fn signed(&self, method: &str, path: &str, request: RequestBuilder) -> RequestBuilder {
        let as_user = |request: RequestBuilder, name: &str| request.basic_auth(name, Some(password_of(name)));
        match (method, path) {
            (_, path) if path.starts_with("/admin") => as_user(request, "root"),
            ("POST", "/v2/token" | "/v2/revoke" | "/v2/introspect") => {
                request.basic_auth("vendor", Some(secret_of("vendor")))
            }
            (_, path) if path.starts_with("/v2/message") => request.bearer_auth(&self.token),
            (_, path) if path.contains("/bus/") => as_user(request, "alice"),
            _ => request,
        }
    }
}

/// The calls that have this status.
fn calls(status: u16) -> Vec<(String, String)> {
    let all = described::all().into_iter().filter(|(_, _, of_call)| *of_call == status);
    all.map(|(method, path, _)| (method, path)).collect()
}

fn is_for_operators(path: &str) -> bool {
    path.starts_with("/admin") || path == "/metrics"
}

/// A path of which nothing has to be there.
fn filled(path: &str) -> String {
    path.replace("{bus}", BUS)
        .replace("{channel}", "c")
        .replace("{id}", "1k7vsmm2r0001")
        .replace("{name}", "some")
}

fn with_body(
    request: RequestBuilder,
    kind: &str,
    body: impl Into<reqwest::blocking::Body>,
) -> RequestBuilder {
    request.header("Content-Type", kind).body(body)
}

fn start(setup: Setup) -> Survey {
    let server = started(setup.config(|config| {
        config.provision.public = true;
        config.limits.body = 8 * 1024;
    }));
    grant(&server.client(), "vendor", &[BUS, OTHER_BUS]);
    let mut survey = Survey::of(server);
    survey.token = token_of(&survey.client, "vendor", "");
    survey
}

fn client_of(survey: &Survey, path: &str) -> Client {
    if is_for_operators(path) { survey.client.admin() } else { survey.client.clone() }
}

fn kind_of(path: &str) -> &'static str {
    let forms =
        ["/v2/token", "/v2/revoke", "/v2/introspect", "/v2/authorize", "/v2/authenticate", "/v2/grants"];
    if forms.contains(&path) { FORM } else { JSON }
}

#[test]
fn each_status_that_is_described_comes() {
    let mut survey = start(owned().config(|config| config.buses[1].jsonp = false));
    refusals::of_each(&mut survey);
    answers::version_1(&mut survey);
    answers::version_2(&mut survey);
    answers::pages_of_owners(&mut survey);
    answers::files_and_probes(&mut survey);
    answers::historical(&mut survey);
    administration::all(&mut survey);
    let mut seen = std::mem::take(&mut survey.seen);
    refusals::in_the_clear(&mut seen);
    refusals::full(&mut seen);
    let is_left = |(method, path, status): &&Described| {
        let is_race = *status == 404 && RACES.contains(&(method.as_str(), path.as_str()));
        !OF_ANY_CALL.contains(status) && !is_race
    };
    let all = described::all();
    let never: Vec<_> = all.iter().filter(is_left).filter(|described| !seen.contains(described)).collect();
    assert!(never.is_empty(), "described, and never seen: {never:#?}");
}

#[test]
fn each_listener_serves_its_own_description() {
    let server = Server::start();
    let (client, operators) = (server.client(), server.client().admin());
    for (client, is_for_operators) in [(&client, false), (&operators, true)] {
        let (document, page) = (client.get("/openapi.json"), client.get("/openapi"));
        let has_admin = document.json()["paths"].get("/admin/v1/buses").is_some();
        assert_eq!(
            (has_admin, page.text().contains("/admin/v1/buses")),
            (is_for_operators, is_for_operators)
        );
        let all_origins = document.header("access-control-allow-origin") == Some("*");
        assert_eq!(all_origins, !is_for_operators, "tools in pages of others may read what anybody may");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(client.get("/openapi.css").header("content-type"), Some("text/css; charset=utf-8"));
    }
}
