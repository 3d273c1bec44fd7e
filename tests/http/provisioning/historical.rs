//! The calls of the historical server, as its clients sent them.

use serde_json::{Value, json};
use testkit::{BUS, Client, Reply, Setup, password_of, send};

use super::{get, json, post, put, start, started};

fn call(client: &Client, path: &str, more: &Value) -> Reply {
    let mut body = json!({"admin": "root", "secret": password_of("root")});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    send(client.request("POST", path).json(&body))
}

#[test]
fn v1_prov_1_users_and_buses_are_updated_listed_and_deleted_in_every_version() {
    let server = start();
    let client = server.client().admin();
    for version in ["/v1", "/v1.1", "/v1.2"] {
        let ask = |what: &str, more: &Value| call(&client, &format!("{version}/provision/{what}"), more);
        let users = json!({"configs": [{"USER": "one", "PWDHASH": "a clear password"}, {"USER": "two", "PWDHASH": "another clear one"}]});
        let reply = ask("user/update", &users);
        assert_eq!(
            (reply.status, json(&reply)),
            (200, json!({"one": "BACKPLANE_UPDATE_SUCCESS", "two": "BACKPLANE_UPDATE_SUCCESS"}))
        );
        let buses = json!({"configs": [
            {"BUS_NAME": "b1", "RETENTION_TIME_SECONDS": "600", "RETENTION_STICKY_TIME_SECONDS": "28800", "one": "IDENTITY,GETALL,POST"},
            {"BUS_NAME": "b2", "RETENTION_TIME_SECONDS": 600, "RETENTION_STICKY_TIME_SECONDS": 28800, "one": ["GETALL"], "two": ["POST"]},
        ]});
        let reply = ask("bus/update", &buses);
        assert_eq!(json(&reply), json!({"b1": "BACKPLANE_UPDATE_SUCCESS", "b2": "BACKPLANE_UPDATE_SUCCESS"}));
        // The bus in force is the new one, and its rights are.
        let as_one = |method: &str, path: &str| {
            server.client().request(method, path).basic_auth("one", Some("a clear password"))
        };
        let posting = |bus: &str| {
            let request = as_one("POST", &format!("{}/bus/{bus}/channel/c", "/v1"));
            send(request.header("Content-Type", "application/json").body(testkit::messages(&["1"]))).status
        };
        assert_eq!((posting("b1"), posting("b2")), (200, 403));
        assert_eq!(send(as_one("GET", "/v1/bus/b2")).status, 200);

        let told = json(&ask("bus/list", &json!({"entities": ["b1", "b2", "none"]})));
        assert_eq!(
            told,
            json!({
                "b1": {"BUS_NAME": "b1", "RETENTION_TIME_SECONDS": "600", "RETENTION_STICKY_TIME_SECONDS": "28800", "one": "GETALL,POST"},
                "b2": {"BUS_NAME": "b2", "RETENTION_TIME_SECONDS": "600", "RETENTION_STICKY_TIME_SECONDS": "28800", "one": "GETALL", "two": "POST"},
                "none": {"ERR_MSG": "CONFIG_NOT_FOUND"},
            })
        );
        let all = json(&ask("user/list", &json!({"entities": []})));
        assert_eq!((&all["one"], &all["alice"]), (&json!({"USER": "one"}), &json!({"USER": "alice"})));
        assert!(!all.to_string().contains("argon2") && !all.to_string().contains("clear"));
        assert_eq!(json(&ask("user/list", &json!({}))), all);

        let gone = json(&ask("user/delete", &json!({"entities": ["two", "never was"]})));
        assert_eq!(gone, json!({"two": "BACKPLANE_DELETE_SUCCESS", "never was": "BACKPLANE_DELETE_SUCCESS"}));
        // Nobody may post there any more; the bus is there.
        assert_eq!(json(&ask("bus/list", &json!({"entities": ["b2"]})))["b2"]["two"], json!(null));
        assert_eq!(server.client().get("/v1/bus/b2/channel/c").status, 200);
        let gone = json(&ask("bus/delete", &json!({"entities": ["b1", "b2"]})));
        assert_eq!(gone, json!({"b1": "BACKPLANE_DELETE_SUCCESS", "b2": "BACKPLANE_DELETE_SUCCESS"}));
        assert_eq!(server.client().get("/v1/bus/b1/channel/c").status, 404);
        ask("user/delete", &json!({"entities": ["one"]}));
    }
}

#[test]
fn v1_prov_2_a_list_of_configurations_is_made_as_a_whole_or_not_at_all() {
    let server = start();
    let client = server.client();
    let others = "nothing was changed: another entity of this request is refused";
    for (bad, told) in [
        (json!({"BUS_NAME": "bad", "nobody at all": "POST"}), "there is no user \"nobody at all\""),
        (json!({"BUS_NAME": "bad", "RETENTION_TIME_SECONDS": "1"}), "retention: \"1s\" is too little"),
        (
            json!({"BUS_NAME": "bad", "RETENTION_TIME_SECONDS": "soon"}),
            "RETENTION_TIME_SECONDS: is no number of seconds",
        ),
        (json!({"BUS_NAME": "bad", "alice": "EVERYTHING"}), "alice: has a right that is none"),
        (json!({"BUS_NAME": "no name"}), "a bus name consists of"),
        (json!({"BUS_NAME": BUS}), "in the configuration"),
    ] {
        let configs = json!({"configs": [{"BUS_NAME": "good", "alice": "POST"}, bad]});
        let reply = call(&client.admin(), "/v1.2/provision/bus/update", &configs);
        let (answer, name) = (json(&reply), bad["BUS_NAME"].as_str().unwrap());
        assert_eq!((reply.status, &answer["good"]), (200, &json!(others)), "{answer}");
        assert!(answer[name].as_str().unwrap().contains(told), "{answer}");
        assert_eq!(get(&client, "buses/good").status, 404);
    }
    for bad in [
        json!({"USER": "bad", "PWDHASH": "short"}),
        json!({"USER": "bad"}),
        json!({"USER": "b:d", "PWDHASH": "long enough, this"}),
        json!({"USER": "alice", "PWDHASH": "long enough, this"}),
    ] {
        let configs = json!({"configs": [{"USER": "good", "PWDHASH": "long enough, this"}, bad]});
        let answer = json(&call(&client.admin(), "/v1.2/provision/user/update", &configs));
        assert_eq!(answer["good"], others, "{answer}");
        assert_eq!(get(&client, "users/good").status, 404);
    }
    // What the historical calls cannot say stays as it is.
    let settings =
        json!({"settings": {"post": "alice", "retention": "1h", "allowed_origins": "https://a.example"}});
    assert_eq!(put(&client, "buses/mixed", &settings).status, 201);
    call(
        &client.admin(),
        "/v1.2/provision/bus/update",
        &json!({"configs": [{"BUS_NAME": "mixed", "reader": "GETALL"}]}),
    );
    let expected = json!({"post": [], "read": ["reader"], "allowed_origins": "https://a.example"});
    assert_eq!(json(&get(&client, "buses/mixed"))["settings"], expected);
}

#[test]
fn v1_prov_3_errors_are_err_msg_with_400_or_401() {
    let server = start();
    let client = server.client().admin();
    let path = "/v1.2/provision/bus/list";
    let raw = |body: &str| {
        send(client.request("POST", path).header("Content-Type", "application/json").body(body.to_owned()))
    };
    for (reply, status) in [
        (raw("{"), 400),
        (raw("[]"), 400),
        (raw("{}"), 401),
        (raw(r#"{"admin": "root"}"#), 401),
        (raw(r#"{"admin": "root", "secret": 7}"#), 401),
        (raw(r#"{"admin": "root", "secret": "swordfish"}"#), 401),
        (raw(r#"{"admin": "nobody", "secret": "swordfish"}"#), 401),
        (raw(r#"{"admin": "alice", "secret": "ecila"}"#), 401),
        (call(&client, path, &json!({"entities": "b"})), 400),
        (call(&client, "/v1.2/provision/bus/update", &json!({})), 400),
        (call(&client, "/v1.2/provision/bus/update", &json!({"configs": [{"NAME": "b"}]})), 400),
        (call(&client, "/v1.2/provision/bus/delete", &json!({"entities": vec!["b"; 101]})), 400),
        (call(&client, "/v1.2/provision/bus/make", &json!({})), 404),
        (send(client.request("GET", path)), 405),
    ] {
        let answer = json(&reply);
        assert_eq!(reply.status, status, "{answer}");
        assert!(answer["ERR_MSG"].is_string() && answer.as_object().unwrap().len() == 1, "{answer}");
        assert!(
            !answer.to_string().contains("swordfish") && !answer.to_string().contains("ecila"),
            "{answer}"
        );
    }
}

#[test]
fn v1_prov_4_clients_reach_them_only_where_the_operator_says_so() {
    let server = start();
    let asked = call(&server.client(), "/v1.2/provision/bus/list", &json!({}));
    assert_eq!(asked.status, 404);
    let server = started(Setup::new().config(|config| config.provision.public = true));
    let client = server.client();
    assert_eq!(call(&client, "/v1.2/provision/bus/list", &json!({})).status, 200);
    assert_eq!(call(&client, "/v1/provision/bus/list/", &json!({})).status, 200);
    // Guessing is limited as everywhere.
    let guess = || call(&client, "/v1.2/provision/bus/list", &json!({"secret": "wrong"})).status;
    // This address was right before, and has more tries for it.
    let told: Vec<_> = (0..100).map(|_| guess()).collect();
    assert_eq!((told[0], told[99]), (401, 429));
    assert_eq!(post(&client, BUS, "alice", "1"), 200);
}
