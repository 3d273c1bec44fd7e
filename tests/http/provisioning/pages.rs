//! Pages get nothing done here, whoever sits in front of them, and passwords do not travel in the clear.

use serde_json::json;
use testkit::{Client, Setup, password_of, send};

use super::{asking, get, problem, put, start, started};

#[test]
fn pages_of_other_origins_are_refused_with_the_admins_own_credentials() {
    let server = start();
    let client = server.client();
    let own = client.admin().url("");
    for headers in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "http://evil.example")],
        &[("Origin", "null")],
    ] {
        let with = |request: reqwest::blocking::RequestBuilder| {
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        for (method, path) in [("GET", "buses"), ("PUT", "buses/evil"), ("POST", "admins")] {
            let reply = send(with(asking(&client, method, path)).json(&json!({"settings": {}})));
            assert_eq!(problem(&reply), (403, "cross_origin".to_owned()), "{headers:?}");
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
        let old = client.admin().request("POST", "/v1.2/provision/bus/update");
        let body = json!({"admin": "root", "secret": "toor", "configs": [{"BUS_NAME": "evil"}]});
        assert_eq!(send(with(old).json(&body)).status, 403);
        // No preflight is answered with a yes.
        let preflight = with(client.admin().request("OPTIONS", "/admin/v1/buses/evil"));
        let preflight = send(preflight.header("Access-Control-Request-Method", "PUT"));
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (405, None));
    }
    assert_eq!(get(&client, "buses/evil").status, 404);
    // The console is a page of this origin.
    let page =
        asking(&client, "PUT", "buses/good").header("Origin", &own).header("Sec-Fetch-Site", "same-origin");
    assert_eq!(send(page.json(&json!({"settings": {}}))).status, 201);
    // A name that was made to point here is told apart.
    let rebound = asking(&client, "GET", "buses").header("Host", "evil.example");
    assert_eq!(send(rebound).status, 421);
}

#[test]
fn v1_auth_1_passwords_of_admins_do_not_travel_in_the_clear() {
    let setup = Setup::new().config(|config| {
        config.provision.public = true;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    });
    let server = started(setup);
    let client = server.client();
    let said = |client: &Client, path: &str, proto: &str| {
        let body = json!({"admin": "root", "secret": password_of("root"), "entities": []});
        send(client.request("POST", path).header("X-Forwarded-Proto", proto).json(&body))
    };
    for client in [client.clone(), client.admin()] {
        let refused = said(&client, "/v1.2/provision/bus/list", "http");
        assert_eq!(refused.status, 403);
        assert!(refused.text().contains("ERR_MSG") && refused.text().contains("HTTPS"), "{}", refused.text());
        assert_eq!(said(&client, "/v1.2/provision/bus/list", "https").status, 200);
    }
    let plain = asking(&client, "GET", "buses").header("X-Forwarded-Proto", "http");
    assert_eq!(problem(&send(plain)), (403, "https_required".to_owned()));
}

#[test]
fn the_demonstration_has_an_admin_as_everybody_knows_and_forgets_what_is_made() {
    let mut program = testkit::Program::start(None, &["--listen", "127.0.0.1:0"]);
    let client = program.client().with_admin(program.address_after("for operators: http://"));
    let as_demo = |method: &str| {
        client.admin().request(method, "/admin/v1/buses/tried").basic_auth("demo", Some("demo"))
    };
    let made = send(as_demo("PUT").json(&json!({"settings": {"post": "demo"}})));
    assert_eq!((made.status, made.header("backplane-durability")), (201, Some("memory")));
    assert_eq!(send(as_demo("DELETE")).status, 204);
    assert_eq!(put(&client, "buses/x", &json!({})).status, 401, "and no other");
}
