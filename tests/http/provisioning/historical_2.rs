//! The calls of the historical server of version 2.0, as its clients sent them.

use serde_json::{Value, json};
use testkit::{BUS, Client, Reply, Setup, password_of, send};

use super::{get, json, put, start, started};

fn call(client: &Client, what: &str, more: &Value) -> Reply {
    let mut body = json!({"admin": "root", "secret": password_of("root")});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    send(client.request("POST", &format!("/v2/provision/{what}")).json(&body))
}

/// The same, of what is answered with 200.
fn told(client: &Client, what: &str, more: &Value) -> Value {
    let reply = call(&client.admin(), what, more);
    assert_eq!(reply.status, 200, "{}", reply.text());
    json(&reply)
}

fn client_config(name: &str) -> Value {
    json!({"USER": name, "PWDHASH": "a clear secret", "SOURCE_URL": "https://c.example/", "REDIRECT_URI": "https://c.example/back"})
}

/// An owner, a bus of his, and the clients `c1` and `c2`.
fn furnish(client: &Client) {
    let users = json!({"configs": [{"USER": "owner", "PWDHASH": "a clear password"}]});
    assert_eq!(told(client, "user/update", &users), json!({"owner": "BACKPLANE_UPDATE_SUCCESS"}));
    let bus = |name: &str| json!({"BUS_NAME": name, "OWNER": "owner", "RETENTION_TIME_SECONDS": "600", "RETENTION_STICKY_TIME_SECONDS": "28800"});
    let buses = json!({"configs": [bus("b1"), bus("b2")]});
    let done = json!({"b1": "BACKPLANE_UPDATE_SUCCESS", "b2": "BACKPLANE_UPDATE_SUCCESS"});
    assert_eq!(told(client, "bus/update", &buses), done);
    let clients = json!({"configs": [client_config("c1"), client_config("c2")]});
    let done = json!({"c1": "BACKPLANE_UPDATE_SUCCESS", "c2": "BACKPLANE_UPDATE_SUCCESS"});
    assert_eq!(told(client, "client/update", &clients), done);
}

#[test]
fn v2_prov_1_users_clients_and_buses_are_updated_listed_and_deleted() {
    let server = start();
    let client = server.client();
    furnish(&client);
    assert_eq!(
        told(&client, "user/list", &json!({"entities": ["owner"]})),
        json!({"owner": {"USER": "owner"}})
    );
    assert_eq!(
        told(&client, "bus/list", &json!({"entities": ["b1", "none"]})),
        json!({
            "b1": {"BUS_NAME": "b1", "OWNER": "owner", "RETENTION_TIME_SECONDS": "600", "RETENTION_STICKY_TIME_SECONDS": "28800"},
            "none": {"ERR_MSG": "CONFIG_NOT_FOUND"},
        })
    );
    let all = told(&client, "client/list", &json!({"entities": []}));
    let one =
        json!({"USER": "c1", "SOURCE_URL": "https://c.example/", "REDIRECT_URI": "https://c.example/back"});
    assert_eq!((&all["c1"], all.as_object().unwrap().len()), (&one, 2));
    assert_eq!(json(&get(&client, "clients/c1"))["redirects"], json!(["https://c.example/back"]));
    // Rights that versions before gave stay as they are.
    let patch = json!({"settings": {"post": "alice", "owner": "owner"}});
    assert_eq!(put(&client, "buses/b1", &patch).status, 200);
    let again = json!({"configs": [{"BUS_NAME": "b1", "OWNER": "alice", "RETENTION_TIME_SECONDS": 601}]});
    told(&client, "bus/update", &again);
    let expected = json!({"post": ["alice"], "owner": "alice", "retention": "601s"});
    assert_eq!(json(&get(&client, "buses/b1"))["settings"], expected);
    // And what this version says nothing of stays for those before.
    let before = json!({"admin": "root", "secret": password_of("root"), "configs": [{"BUS_NAME": "b1", "alice": "GETALL"}]});
    send(client.admin().request("POST", "/v1.2/provision/bus/update").json(&before));
    assert_eq!(json(&get(&client, "buses/b1"))["settings"]["owner"], json!("alice"));

    // Deleting what is not there is told, and what is there goes all the same.
    for (kind, name) in [("client", "c1"), ("bus", "b1"), ("user", "owner")] {
        let gone = told(&client, &format!("{kind}/delete"), &json!({"entities": [name, "none"]}));
        assert_eq!(gone, json!({name: "BACKPLANE_DELETE_SUCCESS", "none": "BACKPLANE_ENTRY_NOT_FOUND"}));
        let missing = told(&client, &format!("{kind}/list"), &json!({"entities": [name]}));
        assert_eq!(missing, json!({name: {"ERR_MSG": "CONFIG_NOT_FOUND"}}));
    }
    // The bus of whom is gone is nobody's.
    let left = told(&client, "bus/list", &json!({"entities": ["b2"]}));
    assert!(left["b2"].get("OWNER").is_none(), "{left}");
}

#[test]
fn v2_prov_2_what_is_wrong_is_told_in_the_old_words_and_nothing_is_made() {
    let server = start();
    let client = server.client();
    furnish(&client);
    let others = "nothing was changed: another entity of this request is refused";
    let bus = |owner: Value| json!({"BUS_NAME": "bad", "OWNER": owner});
    for (bad, expected) in [
        (bus(json!("nobody at all")), "Invalid bus owner: nobody at all"),
        (bus(json!("no:body")), "Invalid bus owner: no:body"),
        (bus(json!(7)), "OWNER: is missing; allowed: the name of a user"),
        (json!({"BUS_NAME": "bad", "OWNER": "owner", "alice": "POST"}), "alice: unknown member"),
    ] {
        let good = json!({"BUS_NAME": "good", "OWNER": "owner"});
        let answer = told(&client, "bus/update", &json!({"configs": [good, bad]}));
        assert_eq!(answer, json!({"good": others, "bad": expected}));
        assert_eq!(get(&client, "buses/good").status, 404);
    }
    for bad in [
        json!({"USER": "bad", "PWDHASH": "a clear secret"}),
        json!({"USER": "bad", "SOURCE_URL": "https://c.example/"}),
        json!({"USER": "bad", "PWDHASH": "a clear secret", "SOURCE_URL": "c.example"}),
        json!({"USER": "bad", "PWDHASH": "a clear secret", "SOURCE_URL": "https://c.example/", "REDIRECT_URI": "x"}),
    ] {
        let answer = told(&client, "client/update", &json!({"configs": [client_config("good"), bad]}));
        assert_eq!(answer["good"], others, "{answer}");
        assert!(!answer.to_string().contains("clear"), "{answer}");
        assert_eq!(get(&client, "clients/good").status, 404);
    }
}

#[test]
fn v2_prov_3_grants_are_added_listed_and_revoked_by_bus() {
    let server = start();
    let client = server.client();
    furnish(&client);
    let grants =
        |what: &str, grants: Value| told(&client, &format!("grant/{what}"), &json!({"grants": grants}));
    let listed = |entities: Value| told(&client, "grant/list", &json!({"entities": entities}));
    assert_eq!(listed(json!(["c1", "none"])), json!({"c1": {}, "none": {"ERR_MSG": "CONFIG_NOT_FOUND"}}));
    let success = json!({"c1": "GRANT_UPDATE_SUCCESS", "c2": "GRANT_UPDATE_SUCCESS"});
    assert_eq!(grants("add", json!({"c1": "b1 b2", "c2": "b2"})), success);
    assert_eq!(grants("add", json!({"c1": "b1"})), json!({"c1": "GRANT_UPDATE_SUCCESS"}));
    let all = listed(json!([]));
    let mut scopes: Vec<_> =
        all["c1"].as_object().unwrap().values().map(|scope| scope.as_str().unwrap()).collect();
    scopes.sort_unstable();
    assert_eq!((scopes, all["c2"].as_object().unwrap().len()), (vec!["bus:b1", "bus:b1 bus:b2"], 1));
    let id = all["c2"].as_object().unwrap().keys().next().unwrap();
    assert_eq!(json(&get(&client, &format!("grants/{id}")))["by"], json!({"admin": "root"}));

    // An unknown bus: nothing is granted, to nobody.
    let refused = grants("add", json!({"c1": "b1 nowhere", "c2": "b1"}));
    assert_eq!(refused["c1"], "Invalid bus: nowhere");
    assert_eq!(grants("add", json!({"c1": "b1:c"})), json!({"c1": "Invalid bus: b1:c"}));
    assert_eq!(
        grants("add", json!({"c1": " "})),
        json!({"c1": "buses: holds 0 names; allowed: 1 to 255 names of buses"})
    );
    for what in ["add", "revoke"] {
        assert_eq!(grants(what, json!({"nobody": "b1"})), json!({"nobody": "invalid client_id"}));
        assert_eq!(grants(what, json!({"Zoë": "b1"})), json!({"Zoë": "invalid client_id"}));
    }
    assert_eq!(listed(json!([])), all);

    // Revoked are buses, out of all grants of the client; an empty grant is none.
    assert_eq!(grants("revoke", json!({"c1": "b1"})), json!({"c1": "GRANT_UPDATE_SUCCESS"}));
    let left = listed(json!(["c1", "c2"]));
    assert_eq!(left["c1"].as_object().unwrap().values().collect::<Vec<_>>(), [&json!("bus:b2")]);
    assert_eq!(left["c2"], all["c2"]);
    assert_eq!(
        grants("revoke", json!({"c1": "b1"})),
        json!({"c1": "No grants found to revoke for these buses"})
    );
    assert_eq!(grants("revoke", json!({"c1": "nowhere"})), json!({"c1": "Invalid bus: nowhere"}));
    // A bus that is gone is in no grant; those of the configuration can be granted as well.
    told(&client, "bus/delete", &json!({"entities": ["b2"]}));
    assert_eq!(listed(json!(["c1", "c2"])), json!({"c1": {}, "c2": {}}));
    assert_eq!(grants("add", json!({"c1": BUS})), json!({"c1": "GRANT_UPDATE_SUCCESS"}));
}

#[test]
fn v2_prov_4_errors_are_err_msg_and_listeners_are_those_of_the_calls_before() {
    let server = start();
    let (client, operators) = (server.client(), server.client().admin());
    for (reply, status) in [
        (call(&operators, "grant/add", &json!({})), 400),
        (call(&operators, "grant/add", &json!({"grants": {"c": ["b"]}})), 400),
        (call(&operators, "grant/add", &json!({"grants": "c"})), 400),
        (call(&operators, "client/update", &json!({"configs": [{"BUS_NAME": "b"}]})), 400),
        (call(&operators, "grant/list", &json!({"secret": "swordfish"})), 401),
        (call(&operators, "grant/update", &json!({})), 404),
        (call(&operators, "admin/list", &json!({})), 404),
        (send(operators.request("GET", "/v2/provision/grant/list")), 405),
    ] {
        let answer = json(&reply);
        assert_eq!(reply.status, status, "{answer}");
        assert!(answer["ERR_MSG"].is_string() && answer.as_object().unwrap().len() == 1, "{answer}");
        assert!(!answer.to_string().contains("swordfish"), "{answer}");
    }
    // Versions before have no clients and no grants.
    let before = operators.request("POST", "/v1.2/provision/client/list").json(&json!({}));
    assert_eq!(send(before).status, 404);
    assert_eq!(call(&client, "client/list", &json!({})).status, 404);
    let server = started(Setup::new().config(|config| config.provision.public = true));
    assert_eq!(call(&server.client(), "client/list", &json!({})).status, 200);
    assert_eq!(call(&server.client(), "grant/list/", &json!({})).status, 200);
}
