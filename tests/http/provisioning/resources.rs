//! `/admin/v1`: what is made works at once, what is wrong is told by field, and nothing is changed by two at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backplane_actors::log::{
    Done, Extent, Feed, Incarnation, Kept, Log, LogError, LogHealth, MemoryLog, Proposal, Proposed,
    RecoveryError, Ticket,
};
use backplane_actors::{BusName, Clock, Epoch, MessageId};
use serde_json::json;
use testkit::{BUS, Setup, password_of, send};

use super::{asking, bare, delete, get, json, post, problem, put, start, started};

#[test]
fn users_and_buses_are_made_changed_and_removed_and_that_holds_at_once() {
    let server = start();
    let client = server.client();
    let settings = json!({"settings": {"post": ["new"], "read": "new", "retention": "10m"}});
    let refused = put(&client, "buses/made", &settings);
    assert_eq!(problem(&refused), (422, "invalid_entity".to_owned()));
    assert_eq!(json(&refused)["errors"][0]["field"], "post");

    let user = put(&client, "users/new", &json!({"password": "a good one, isn't it"}));
    assert_eq!((user.status, user.header("location")), (201, Some("/admin/v1/users/new")));
    assert_eq!(user.header("backplane-durability"), Some("memory"));
    assert!(!user.text().contains("argon2") && !user.text().contains("good one"), "{}", user.text());
    let made = put(&client, "buses/made", &settings);
    assert_eq!(made.status, 201);
    let shown = json(&made);
    assert_eq!((&shown["read_only"], &shown["name"]), (&json!(false), &json!("made")));
    assert_eq!(shown["settings"], json!({"post": ["new"], "read": ["new"], "retention": "10m"}));
    assert_eq!(
        (&shown["in_force"]["retention"], &shown["in_force"]["window"]["channel"]),
        (&json!("10m"), &json!(100))
    );
    assert_eq!(json(&get(&client, "users/new"))["rights"], json!({"made": ["post", "read"]}));

    // With another password, which the tests' clients know.
    let changed = send(asking(&client, "PATCH", "users/new").json(&json!({"password": "anything at all"})));
    assert_eq!(changed.status, 200);
    let read =
        |password: &str| send(client.request("GET", "/v1/bus/made").basic_auth("new", Some(password))).status;
    assert_eq!((read("a good one, isn't it"), read("anything at all")), (401, 200));

    // Somebody of the configuration may have rights on what is made.
    let patch = json!({"settings": {"post": ["alice"], "retention": null, "window": {"channel": 1}}});
    let patched = send(asking(&client, "PATCH", "buses/made").json(&patch));
    assert_eq!(patched.status, 200);
    assert_eq!(
        json(&patched)["settings"],
        json!({"post": ["alice"], "read": ["new"], "window": {"channel": 1}})
    );
    assert_eq!((post(&client, "made", "alice", "1"), post(&client, "made", "alice", "2")), (200, 200));
    assert_eq!(client.get("/v1/bus/made/channel/c").payloads(), ["2"]);

    // Who goes loses all rights; a bus may be without anybody.
    assert_eq!(delete(&client, "users/new").status, 204);
    assert_eq!(read("anything at all"), 401);
    assert_eq!(json(&get(&client, "buses/made"))["settings"]["read"], json!([]));
    assert_eq!(delete(&client, "buses/made").status, 204);
    assert_eq!(client.get("/v1/bus/made/channel/c").status, 404);
    for (method, path) in [("GET", "buses/made"), ("DELETE", "buses/made"), ("PATCH", "users/new")] {
        let request = asking(&client, method, path).json(&json!({"password": "long enough, this"}));
        assert_eq!(problem(&send(request)), (404, "unknown_entity".to_owned()), "{method} {path}");
    }
}

#[test]
fn what_is_configured_is_shown_and_stays_as_it_is() {
    let server = start();
    let client = server.client();
    let bus = json(&get(&client, &format!("buses/{BUS}")));
    assert_eq!(
        (&bus["read_only"], &bus["settings"], &bus["created"]),
        (&json!(true), &json!(null), &json!(null))
    );
    assert_eq!(bus["in_force"]["post"], json!(["alice", "poster"]));
    assert_eq!(json(&get(&client, "users/alice"))["read_only"], json!(true));
    let some = json!({"settings": {}, "password": "long enough, this"});
    for path in [format!("buses/{BUS}"), "users/alice".to_owned()] {
        let body = if path.starts_with("buses") {
            json!({"settings": {}})
        } else {
            json!({"password": some["password"]})
        };
        assert_eq!(problem(&put(&client, &path, &body)), (409, "read_only".to_owned()));
        assert_eq!(
            problem(&send(asking(&client, "PATCH", &path).json(&body))),
            (409, "read_only".to_owned())
        );
        assert_eq!(problem(&delete(&client, &path)), (409, "read_only".to_owned()));
    }
    assert_eq!(post(&client, BUS, "alice", "1"), 200);
}

#[test]
fn wrong_values_are_told_by_field_and_change_nothing() {
    let server = start();
    let client = server.client();
    assert_eq!(put(&client, "buses/b", &json!({"settings": {}})).status, 201);
    for (body, field) in [
        (json!({"settings": {"retention": "1s"}}), "retention"),
        (json!({"settings": {"retension": "10m"}}), "retension"),
        (json!({"settings": {"window": {"channel": 0}}}), "window.channel"),
        (json!({"settings": {"window": {"channel": 1.5}}}), "window"),
        (json!({"settings": {"retention_max": "10m"}}), "retention_max"),
        (json!({"settings": {"allowed_origins": ["*", "https://a.example"]}}), "allowed_origins"),
        (json!({"settings": {"name": "c"}}), "name"),
        (json!({"settings": []}), "settings"),
        (json!({}), "settings"),
        (json!({"settings": {}, "owner": "x"}), "owner"),
        (json!({"settings": {"owner": "nobody at all"}}), "owner"),
        (json!({"settings": {}, "name": "c"}), "name"),
    ] {
        for method in ["PUT", "PATCH"] {
            let reply = send(asking(&client, method, "buses/b").json(&body));
            assert_eq!(problem(&reply), (422, "invalid_entity".to_owned()), "{body}");
            let error = &json(&reply)["errors"][0];
            assert_eq!(error["field"], field, "{body}: {error}");
            assert!(error["reason"].is_string() && error["allowed"].is_string());
        }
    }
    for (body, field) in [
        (json!({"password": "short"}), "password"),
        (json!({"password": "Password123"}), "password"),
        (json!({"password": 7}), "password"),
        (
            json!({"password_hash": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng"}),
            "password_hash",
        ),
        (json!({"password_hash": "x"}), "password_hash"),
        (json!({}), "password"),
        (json!({"password": "long enough, this", "password_hash": "x"}), "password"),
        (json!({"password": "long enough, this", "right": 1}), "right"),
    ] {
        let reply = put(&client, "users/u", &body);
        assert_eq!(problem(&reply), (422, "invalid_entity".to_owned()), "{body}");
        assert_eq!(json(&reply)["errors"][0]["field"], field, "{body}");
        assert!(!reply.text().contains("Password123") && !reply.text().contains("argon2id$v=19$m=8"));
    }
    assert_eq!(get(&client, "users/u").status, 404);
    assert_eq!(problem(&put(&client, "buses/not%20a%20name", &json!({"settings": {}}))).0, 422);
    let no_json = asking(&client, "PUT", "buses/b").header("Content-Type", "application/json").body("{\"x");
    assert_eq!(problem(&send(no_json)), (400, "invalid_request".to_owned()));
    let form = asking(&client, "PUT", "buses/b").header("Content-Type", "text/plain").body("{}");
    assert_eq!(problem(&send(form)), (415, "unsupported_media_type".to_owned()));
    assert_eq!(json(&get(&client, "buses/b"))["settings"], json!({}));
}

#[test]
fn two_who_change_the_same_do_not_overwrite_each_other() {
    let server = start();
    let client = server.client();
    let with = |method: &str, header: &str, value: &str, body: &serde_json::Value| {
        send(asking(&client, method, "buses/b").header(header, value).json(body))
    };
    let (first, second) = (json!({"settings": {}}), json!({"settings": {"retention": "10m"}}));
    assert_eq!(problem(&with("PUT", "If-Match", "\"x\"", &first)).0, 412);
    let made = with("PUT", "If-None-Match", "*", &first);
    assert_eq!(made.status, 201);
    assert_eq!(problem(&with("PUT", "If-None-Match", "*", &first)), (412, "precondition_failed".to_owned()));
    let tag = made.header("etag").unwrap().to_owned();
    let shown = get(&client, "buses/b");
    assert_eq!(shown.header("etag"), Some(&*tag));
    let known = send(asking(&client, "GET", "buses/b").header("If-None-Match", &tag));
    assert_eq!((known.status, known.body.len()), (304, 0));
    let changed = with("PUT", "If-Match", &tag, &second);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(&*tag));
    assert_eq!(problem(&with("PATCH", "If-Match", &tag, &first)).0, 412);
    assert_eq!(problem(&with("DELETE", "If-Match", &tag, &first)).0, 412);
    assert_eq!(problem(&with("PUT", "If-None-Match", "\"x\"", &first)).0, 400);
    let tag = changed.header("etag").unwrap().to_owned();
    assert_eq!(with("DELETE", "If-Match", &format!("\"x\", {tag}"), &first).status, 204);
    // A password is seen in the tag alone.
    let of_user = |password: &str| {
        let reply = put(&client, "users/u", &json!({"password": password}));
        (reply.header("etag").unwrap().to_owned(), reply.text())
    };
    let (one, other) = (of_user("long enough, this"), of_user("another of that length"));
    assert!(one.0 != other.0 && one.1 == other.1);
}

#[test]
fn lists_come_in_parts_in_the_order_of_names() {
    let server = start();
    let client = server.client();
    for name in ["d", "b", "a", "c"] {
        assert_eq!(put(&client, &format!("buses/{name}"), &json!({"settings": {}})).status, 201);
    }
    let names = |reply: &serde_json::Value| -> Vec<String> {
        let all = reply["buses"].as_array().unwrap();
        all.iter().map(|bus| bus["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = json(&get(&client, "buses"));
    assert_eq!(
        (names(&all), &all["next"]),
        (["a", "b", "c", BUS, "d", "other.org"].map(str::to_owned).to_vec(), &json!(null))
    );
    let (mut path, mut found) = ("buses?limit=4".to_owned(), Vec::new());
    for more in [true, false] {
        let part = json(&get(&client, &path));
        found.extend(names(&part));
        assert_eq!(part["next"].is_string(), more);
        path = part["next"].as_str().unwrap_or_default().trim_start_matches("/admin/v1/").to_owned();
    }
    assert_eq!(found, names(&all));
    assert_eq!(json(&get(&client, "admins"))["admins"][0]["name"], "root");
    for query in ["limit=0", "limit=1001", "limit=x", "page=2"] {
        assert_eq!(problem(&get(&client, &format!("buses?{query}"))).0, 422, "{query}");
    }
}

#[test]
fn names_are_whatever_names_may_be() {
    let server = start();
    let client = server.client();
    for (path, name) in [("Zo%C3%AB%20M", "Zoë M"), ("a%2Fb", "a/b"), ("100%25", "100%"), ("a+b", "a+b")] {
        let made = put(&client, &format!("users/{path}"), &json!({"password": "long enough, this"}));
        assert_eq!((made.status, &json(&made)["name"]), (201, &json!(name)), "{path}");
        let location = made.header("location").unwrap().trim_start_matches("/admin/v1/").to_owned();
        assert_eq!(json(&get(&client, &location))["name"], name);
        assert_eq!(delete(&client, &location).status, 204);
    }
}

#[test]
fn as_many_are_made_as_may_be() {
    let setup = Setup::new().config(|config| (config.provision.users, config.provision.buses) = (1, 1));
    let server = started(setup);
    let client = server.client();
    let (user, bus) = (json!({"password": "long enough, this"}), json!({"settings": {}}));
    assert_eq!((put(&client, "users/a", &user).status, put(&client, "buses/a", &bus).status), (201, 201));
    for (path, body) in [("users/b", &user), ("buses/b", &bus)] {
        let refused = put(&client, path, body);
        assert_eq!(problem(&refused), (409, "too_many_entities".to_owned()));
        assert!(refused.text().contains("provision."), "{}", refused.text());
    }
    // What is there may be changed, and makes room when it goes.
    assert_eq!((put(&client, "users/a", &user).status, put(&client, "buses/a", &bus).status), (200, 200));
    assert_eq!(delete(&client, "buses/a").status, 204);
    assert_eq!(put(&client, "buses/b", &bus).status, 201);
}

/// A log that can be told to note no ends of buses.
struct Stubborn {
    log: MemoryLog,
    refuses: Arc<AtomicBool>,
}

impl Log for Stubborn {
    fn recover(
        &mut self,
        clock: &Arc<dyn Clock>,
        epoch: Epoch,
        visit: &mut dyn FnMut(Kept),
    ) -> Result<Extent, RecoveryError> {
        self.log.recover(clock, epoch, visit)
    }

    fn propose(&self, proposal: Proposal, ticket: Ticket, feed: &Feed) -> Result<Proposed, LogError> {
        self.log.propose(proposal, ticket, feed)
    }

    fn retire(&self, bus: &BusName, done: Done) -> Result<Incarnation, LogError> {
        if self.refuses.load(Ordering::Acquire) {
            return Err(LogError::Full);
        }
        self.log.retire(bus, done)
    }

    fn flush(&self) {}

    fn issued(&self) -> MessageId {
        self.log.issued()
    }

    fn close(&self) {
        self.log.close();
    }

    fn health(&self) -> LogHealth {
        self.log.health()
    }
}

#[test]
fn a_bus_whose_end_the_log_cannot_note_stays_with_its_rights_until_it_can() {
    let stubborn = Arc::new(AtomicBool::new(false));
    let log = Stubborn { log: MemoryLog::default(), refuses: Arc::clone(&stubborn) };
    let mut server = started(Setup::new().log(log));
    server.expect_errors();
    let client = server.client();
    for bus in ["buses/a", "buses/b"] {
        let made = put(&client, bus, &json!({"settings": {"post": "alice", "read": "alice"}}));
        assert_eq!(made.status, 201);
    }
    assert_eq!(post(&client, "a", "alice", "1"), 200);
    stubborn.store(true, Ordering::Release);
    let refused = delete(&client, "buses/a");
    assert_eq!(problem(&refused), (503, "unavailable".to_owned()));
    assert!(refused.header("retry-after").is_some());
    // As it was, for readers, for posters, and for admins.
    assert_eq!(client.get("/v1/bus/a/channel/c").payloads(), ["1"]);
    assert_eq!(post(&client, "a", "alice", "2"), 200);
    assert_eq!(client.get_as("alice", "/v1/bus/a").payloads(), ["1", "2"]);
    assert_eq!(json(&get(&client, "buses/a"))["settings"]["post"], json!(["alice"]));
    // Another change is not in its way.
    assert_eq!(put(&client, "buses/c", &json!({"settings": {}})).status, 201);
    stubborn.store(false, Ordering::Release);
    assert_eq!(delete(&client, "buses/a").status, 204);
    assert_eq!(client.get("/v1/bus/a/channel/c").status, 404);
}

#[test]
fn only_admins_are_let_in_and_guessing_is_limited_as_with_users() {
    let server = start();
    let client = server.client();
    let ask =
        |user: &str, password: &str| send(bare(&client, "GET", "buses").basic_auth(user, Some(password)));
    let none = send(bare(&client, "GET", "buses"));
    assert_eq!(problem(&none), (401, "credentials_required".to_owned()));
    assert!(none.header("www-authenticate").unwrap().starts_with("Basic"));
    // Users are no admins, and admins are no users.
    assert_eq!(problem(&ask("alice", &password_of("alice"))).0, 401);
    assert_eq!(client.get_as("root", &format!("/v1/bus/{BUS}")).status, 401);
    let hashes = || client.metric("password_hashes_total", "");
    let before = hashes();
    let codes: Vec<_> =
        (0..19).map(|n| ask(if n % 2 == 0 { "root" } else { "nobody" }, "wrong").status).collect();
    assert_eq!(codes, [401; 19]);
    assert_eq!(problem(&ask("root", "wrong")), (429, "too_many_attempts".to_owned()));
    // Those who sign in as users do not feel it, and were not looked at.
    assert_eq!(hashes(), before);
    assert_eq!(post(&client, BUS, "alice", "1"), 200);
    // At the listeners for clients there is nothing.
    let elsewhere = client.request("GET", "/admin/v1/buses").basic_auth("root", Some(password_of("root")));
    assert_eq!(send(elsewhere).status, 404);
}

#[test]
fn methods_and_paths_that_are_none_are_told() {
    let server = start();
    let client = server.client();
    for (method, path, status, allow) in [
        ("POST", "buses", 405, Some("GET, HEAD")),
        ("PUT", "admins", 405, Some("GET, HEAD, POST")),
        ("POST", "buses/x", 405, Some("GET, HEAD, PUT, PATCH, DELETE")),
        ("POST", "users", 405, Some("GET, HEAD")),
        ("PUT", "clients", 405, Some("GET, HEAD, POST")),
        ("PUT", "grants", 405, Some("GET, HEAD, POST")),
        ("GET", "tokens", 404, None),
        ("GET", "buses/x/y", 404, None),
        ("GET", "", 404, None),
    ] {
        let reply = send(asking(&client, method, path));
        assert_eq!((problem(&reply).0, reply.header("allow")), (status, allow), "{method} {path}");
    }
    assert_eq!(send(asking(&client, "HEAD", "buses")).status, 200);
}

#[test]
fn the_first_admin_is_made_with_a_secret_that_is_good_once() {
    let server = Setup::new().start();
    let client = server.client();
    let make = |name: &str, secret: &str| {
        let request = bare(&client, "POST", "admins").header("Authorization", format!("Bearer {secret}"));
        send(request.json(&json!({"name": name, "password": "the first of all admins"})))
    };
    assert_eq!(problem(&make("first", "")).0, 401);
    let old = server.backplane.setup_secret().unwrap().unwrap();
    let secret = server.backplane.setup_secret().unwrap().unwrap();
    assert_eq!(problem(&make("first", &old)), (401, "invalid_credentials".to_owned()));
    // It is good for that alone.
    let read = bare(&client, "GET", "buses").header("Authorization", format!("Bearer {}", *secret));
    assert_eq!(problem(&send(read)).0, 401);
    let elsewhere = bare(&client, "POST", "buses").header("Authorization", format!("Bearer {}", *secret));
    assert_eq!(problem(&send(elsewhere.json(&json!({})))).0, 405);
    assert_eq!(make("first", &secret).status, 201);
    assert_eq!(problem(&make("second", &secret)).0, 401);
    assert!(server.backplane.setup_secret().unwrap().is_none());
    let as_first = |method: &str, path: &str| {
        bare(&client, method, path).basic_auth("first", Some("the first of all admins"))
    };
    assert_eq!(send(as_first("GET", "buses")).status, 200);
    let second = json!({"name": "second", "password": "the second of all admins"});
    assert_eq!(send(as_first("POST", "admins").json(&second)).status, 201);
    assert_eq!(problem(&send(as_first("POST", "admins").json(&second))).0, 412);
    assert_eq!(send(as_first("DELETE", "admins/first")).status, 204);
    // What was verified counts no more.
    assert_eq!(problem(&send(as_first("GET", "buses"))).0, 401);
    // Nor is the secret good again when there is nobody left.
    let last = bare(&client, "DELETE", "admins/second");
    assert_eq!(send(last.basic_auth("second", Some("the second of all admins"))).status, 204);
    assert_eq!(problem(&make("third", &secret)).0, 401);
}

/// What bounds a bus for itself holds from the answer on, and is shown as it was said.
#[test]
fn quotas_of_a_made_bus_are_in_force_at_once() {
    let server = start();
    let client = server.client();
    let quota = json!({"posts": "1/h", "channels": 7, "memory": "1MiB"});
    let settings = json!({"settings": {"post": ["poster"], "quota": quota}});
    let made = put(&client, "buses/small", &settings);
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(json(&made)["in_force"]["quota"], json!({"posts": "1/h", "channels": 7, "memory": 1_048_576}));
    let post = || {
        let request = client.request("POST", "/v1.2/bus/small/channel/c");
        let request = request.basic_auth("poster", Some(password_of("poster")));
        send(request.header("Content-Type", "application/json").body(testkit::messages(&["1"])))
    };
    assert_eq!(post().status, 200);
    let refused = post();
    assert!(refused.is_error(429, "rate_limited").contains("quota.posts"), "{}", refused.text());
    // It is undone as it was done.
    let undone = send(asking(&client, "PATCH", "buses/small").json(&json!({"settings": {"quota": null}})));
    assert_eq!((undone.status, json(&undone)["in_force"]["quota"].clone()), (200, json!({})));
    assert_eq!(post().status, 200);
}
