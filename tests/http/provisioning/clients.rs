//! `/admin/v1/clients` and `/admin/v1/grants`, and the owners of buses: what ends takes with it what stood on it.

use serde_json::{Value, json};
use testkit::{BUS, Client, OTHER_BUS, Reply, Setup, send};

use super::{asking, delete, get, json, problem, put, start, started};

fn vendor() -> Value {
    json!({"secret": "a secret of the vendor's", "source": "https://vendor.example/", "redirects": ["https://vendor.example/back"]})
}

fn patch(client: &Client, path: &str, body: &Value) -> Reply {
    send(asking(client, "PATCH", path).json(body))
}

fn make(client: &Client, kind: &str, body: &Value) -> Reply {
    send(asking(client, "POST", kind).json(body))
}

/// Lets the client use these buses; the grant's id.
fn granted(client: &Client, to: &str, buses: &[&str]) -> String {
    let made = make(client, "grants", &json!({"client": to, "buses": buses}));
    assert_eq!(made.status, 201, "{}", made.text());
    json(&made)["id"].as_str().unwrap().to_owned()
}

/// The buses of a grant; nothing where it has ended.
fn buses_of(client: &Client, id: &str) -> Option<Value> {
    let shown = get(client, &format!("grants/{id}"));
    (shown.status == 200).then(|| json(&shown)["buses"].clone())
}

#[test]
fn v2_prov_5_clients_are_made_changed_and_removed_and_their_secrets_are_never_shown() {
    let server = start();
    let client = server.client();
    let made = put(&client, "clients/vendor", &vendor());
    assert_eq!((made.status, made.header("location")), (201, Some("/admin/v1/clients/vendor")));
    let shown = json(&made);
    assert_eq!(
        (&shown["source"], &shown["redirects"], &shown["grants"], &shown["read_only"]),
        (
            &json!("https://vendor.example/"),
            &json!(["https://vendor.example/back"]),
            &json!({}),
            &json!(false)
        )
    );
    assert!(!made.text().contains("vendor's") && !made.text().contains("argon2"), "{}", made.text());
    let tag = made.header("etag").unwrap().to_owned();
    assert_eq!(get(&client, "clients/vendor").header("etag"), Some(&*tag));

    // A merge patch leaves what it does not name, and null takes away what may be away.
    let changed =
        patch(&client, "clients/vendor", &json!({"source": "https://other.example/", "redirects": null}));
    assert_eq!((changed.status, &json(&changed)["redirects"]), (200, &json!([])));
    assert_ne!(changed.header("etag"), Some(&*tag));
    let with_old_tag = asking(&client, "PATCH", "clients/vendor").header("If-Match", &tag);
    assert_eq!(problem(&send(with_old_tag.json(&json!({})))).0, 412);
    // Another secret is seen in the tag alone.
    let other = patch(&client, "clients/vendor", &json!({"secret": "another of the vendor's"}));
    assert_eq!(other.text(), changed.text());
    assert_ne!(other.header("etag"), changed.header("etag"));
    let same = patch(&client, "clients/vendor", &json!({"source": "https://other.example/"}));
    assert_eq!(same.header("etag"), other.header("etag"));

    // A secret that the server makes is told once, and kept by nobody on the way.
    let made = make(
        &client,
        "clients",
        &json!({"name": "second", "generate_secret": true, "source": "https://second.example/"}),
    );
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")));
    let secret = json(&made)["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 32);
    assert!(!get(&client, "clients/second").text().contains(&secret));
    let again = patch(&client, "clients/second", &json!({"generate_secret": true}));
    assert!(json(&again)["secret"].as_str().is_some_and(|other| other != secret));
    assert_eq!(json(&patch(&client, "clients/second", &json!({}))).get("secret"), None);
    let taken = make(
        &client,
        "clients",
        &json!({"name": "second", "generate_secret": true, "source": "https://a.example/"}),
    );
    assert_eq!(problem(&taken), (412, "precondition_failed".to_owned()));

    let list = json(&get(&client, "clients?limit=1"));
    assert_eq!(
        (&list["clients"][0]["name"], &list["next"]),
        (&json!("second"), &json!("/admin/v1/clients?after=second&limit=1"))
    );
    assert_eq!(delete(&client, "clients/second").status, 204);
    for (method, path) in
        [("GET", "clients/second"), ("DELETE", "clients/second"), ("PATCH", "clients/second")]
    {
        let asked = send(asking(&client, method, path).json(&json!({})));
        assert_eq!(problem(&asked), (404, "unknown_entity".to_owned()), "{method}");
    }
}

#[test]
fn v2_prov_5_what_is_wrong_with_clients_and_grants_is_told_by_field() {
    let server = start();
    let client = server.client();
    assert_eq!(put(&client, "clients/vendor", &vendor()).status, 201);
    let with = |member: &str, value: Value| {
        let mut body = vendor();
        body[member] = value;
        body
    };
    let urls: Vec<_> = (0..17).map(|n| format!("https://a.example/{n}")).collect();
    for (body, field) in [
        (json!({"secret": "a secret of the vendor's"}), "source"),
        (json!({"source": "https://vendor.example/"}), "secret"),
        (with("source", json!("vendor.example")), "source"),
        (with("source", json!("javascript:alert(1)")), "source"),
        (with("source", json!(null)), "source"),
        (with("secret", json!("short")), "secret"),
        (with("secret_hash", json!("x")), "secret"),
        (with("generate_secret", json!(true)), "generate_secret"),
        (with("generate_secret", json!("yes")), "generate_secret"),
        (with("redirects", json!("https://a.example/")), "redirects"),
        (with("redirects", json!(["https://a.example/#x"])), "redirects"),
        (with("redirects", json!([7])), "redirects"),
        (with("redirects", json!(urls)), "redirects"),
        (with("password", json!("long enough, this")), "password"),
        (with("name", json!("other")), "name"),
    ] {
        let refused = put(&client, "clients/new", &body);
        assert_eq!(problem(&refused), (422, "invalid_entity".to_owned()), "{body}");
        assert_eq!(json(&refused)["errors"][0]["field"], field, "{body}");
    }
    assert_eq!(problem(&put(&client, "clients/Zo%C3%AB", &vendor())).0, 422);
    assert_eq!(get(&client, "clients/new").status, 404);
    for (body, field, told) in [
        (json!({"client": "nobody", "buses": [BUS]}), "client", "there is no client \"nobody\""),
        (json!({"client": "vendor", "buses": [BUS, "none"]}), "buses", "there is no bus \"none\""),
        (json!({"client": "vendor", "buses": []}), "buses", "holds 0 names"),
        (json!({"client": "vendor", "buses": "a"}), "buses", "is no list of texts"),
        (json!({"client": "vendor", "buses": ["a b"]}), "buses", "a bus name"),
        (json!({"client": "vendor"}), "buses", "is missing"),
        (json!({"buses": [BUS]}), "client", "is missing"),
        (json!({"client": "vendor", "buses": [BUS], "by": "me"}), "by", "unknown member"),
    ] {
        let refused = make(&client, "grants", &body);
        assert_eq!(problem(&refused), (422, "invalid_entity".to_owned()), "{body}");
        let error = &json(&refused)["errors"][0];
        assert_eq!(error["field"], field, "{error}");
        assert!(error["reason"].as_str().unwrap().contains(told), "{error}");
    }
    assert_eq!(json(&get(&client, "grants"))["grants"], json!([]));
}

#[test]
fn v2_prov_6_grants_are_given_and_revoked_and_nothing_else() {
    let server = start();
    let client = server.client();
    assert_eq!(put(&client, "clients/vendor", &vendor()).status, 201);
    let made = make(&client, "grants", &json!({"client": "vendor", "buses": [OTHER_BUS, BUS, BUS]}));
    let grant = json(&made);
    let id = grant["id"].as_str().unwrap();
    assert_eq!(made.header("location"), Some(&*format!("/admin/v1/grants/{id}")));
    assert_eq!((id.len(), &grant["client"], &grant["by"]), (22, &json!("vendor"), &json!({"admin": "root"})));
    assert_eq!(grant["buses"], json!([BUS, OTHER_BUS]));
    let second = granted(&client, "vendor", &[BUS]);
    assert_ne!(second, id);
    let mut ids = [id, &second];
    ids.sort_unstable();
    let listed = json(&get(&client, "grants"));
    let listed: Vec<_> =
        listed["grants"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(listed, ids);
    assert_eq!(json(&get(&client, "clients/vendor"))["grants"][id], json!([BUS, OTHER_BUS]));
    for method in ["PUT", "PATCH", "POST"] {
        let asked = send(asking(&client, method, &format!("grants/{id}")).json(&json!({"buses": [BUS]})));
        assert_eq!((problem(&asked).0, asked.header("allow")), (405, Some("GET, HEAD, DELETE")), "{method}");
    }
    let tag = get(&client, &format!("grants/{id}")).header("etag").unwrap().to_owned();
    let revoking =
        |tag: &str| send(asking(&client, "DELETE", &format!("grants/{id}")).header("If-Match", tag));
    assert_eq!(problem(&revoking("\"x\"")).0, 412);
    assert_eq!(revoking(&tag).status, 204);
    assert_eq!(problem(&revoking(&tag)).0, 412);
    assert_eq!(problem(&delete(&client, &format!("grants/{id}"))), (404, "unknown_entity".to_owned()));
    assert_eq!(problem(&delete(&client, "grants/none")).0, 422);
    assert_eq!(buses_of(&client, &second), Some(json!([BUS])));
}

#[test]
fn v2_prov_7_what_is_removed_takes_its_grants_with_it_and_its_name_made_again_has_none() {
    let server = start();
    let client = server.client();
    let bus = json!({"settings": {"post": "alice"}});
    assert_eq!(put(&client, "clients/vendor", &vendor()).status, 201);
    for name in ["buses/one", "buses/two"] {
        assert_eq!(put(&client, name, &bus).status, 201);
    }
    let (both, alone) = (granted(&client, "vendor", &["one", "two"]), granted(&client, "vendor", &["one"]));
    assert_eq!(delete(&client, "buses/one").status, 204);
    let holds = |expected: Option<Value>| {
        assert_eq!(buses_of(&client, &both), expected);
        assert_eq!(buses_of(&client, &alone), None);
    };
    holds(Some(json!(["two"])));
    assert_eq!(put(&client, "buses/one", &bus).status, 201);
    holds(Some(json!(["two"])));
    assert_eq!(json(&get(&client, "clients/vendor"))["grants"], json!({both.as_str(): ["two"]}));
    assert_eq!(delete(&client, "clients/vendor").status, 204);
    holds(None);
    assert_eq!(put(&client, "clients/vendor", &vendor()).status, 201);
    assert_eq!(json(&get(&client, "clients/vendor"))["grants"], json!({}));
}

#[test]
fn v2_prov_8_buses_have_owners_who_are_users() {
    let server = started(Setup::new().bus(|bus| bus.owner = Some("alice".parse().unwrap())));
    let client = server.client();
    assert_eq!(json(&get(&client, &format!("buses/{BUS}")))["in_force"]["owner"], json!("alice"));
    let refused = put(&client, "buses/own", &json!({"settings": {"owner": "nobody at all"}}));
    assert_eq!((problem(&refused).0, &json(&refused)["errors"][0]["field"]), (422, &json!("owner")));
    assert_eq!(put(&client, "users/olga", &json!({"password": "a word of olga's"})).status, 201);
    let made = put(&client, "buses/own", &json!({"settings": {"post": "alice", "owner": "olga"}}));
    assert_eq!((made.status, &json(&made)["settings"]["owner"]), (201, &json!("olga")));
    // Others cannot be owners beside, and who goes leaves the bus to nobody.
    assert_eq!(
        problem(&patch(&client, "buses/own", &json!({"settings": {"owner": ["olga", "alice"]}}))).0,
        422
    );
    assert_eq!(delete(&client, "users/olga").status, 204);
    let shown = json(&get(&client, "buses/own"));
    assert_eq!(
        (&shown["settings"], &shown["in_force"]["owner"]),
        (&json!({"post": ["alice"]}), &json!(null))
    );
    assert_eq!(patch(&client, "buses/own", &json!({"settings": {"owner": "alice"}})).status, 200);
    let nobody = patch(&client, "buses/own", &json!({"settings": {"owner": null}}));
    assert_eq!(json(&nobody)["in_force"]["owner"], json!(null));
}

#[test]
fn as_many_clients_and_grants_are_made_as_may_be() {
    let setup = Setup::new().config(|config| (config.provision.clients, config.provision.grants) = (1, 1));
    let server = started(setup);
    let client = server.client();
    assert_eq!(put(&client, "clients/vendor", &vendor()).status, 201);
    let refused = put(&client, "clients/other", &vendor());
    assert_eq!(problem(&refused), (409, "too_many_entities".to_owned()));
    assert!(refused.text().contains("provision.clients"), "{}", refused.text());
    let id = granted(&client, "vendor", &[BUS]);
    let refused = make(&client, "grants", &json!({"client": "vendor", "buses": [BUS]}));
    assert_eq!(problem(&refused), (409, "too_many_entities".to_owned()));
    assert!(refused.text().contains("provision.grants"), "{}", refused.text());
    assert_eq!(put(&client, "clients/vendor", &vendor()).status, 200);
    assert_eq!(delete(&client, &format!("grants/{id}")).status, 204);
    granted(&client, "vendor", &[BUS]);
}
