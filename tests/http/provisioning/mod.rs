//! Users, clients, buses, grants and admins that are made while the server runs.

mod clients;
mod historical;
mod historical_2;
mod lives;
mod pages;
mod program;
mod resources;

use backplane::store::AdminName;
use reqwest::blocking::RequestBuilder;
use serde_json::Value;
use testkit::{Client, Reply, Server, Setup, password_hash, password_of, send};

/// Makes the admin `root`, whose password is the name reversed, as those of users are.
fn with_root(server: &Server) -> &Server {
    let name: AdminName = "root".parse().unwrap();
    let making = server.backplane.make_admin(name, password_hash(&password_of("root")));
    actix_rt::System::new().block_on(making).unwrap();
    server
}

fn start() -> Server {
    started(Setup::new())
}

fn started(setup: Setup) -> Server {
    let server = setup.start();
    with_root(&server);
    server
}

/// A request to `/admin/v1`, without credentials.
fn bare(client: &Client, method: &str, path: &str) -> RequestBuilder {
    client.admin().request(method, &format!("/admin/v1/{path}"))
}

/// The same as `root`.
fn asking(client: &Client, method: &str, path: &str) -> RequestBuilder {
    bare(client, method, path).basic_auth("root", Some(password_of("root")))
}

fn get(client: &Client, path: &str) -> Reply {
    send(asking(client, "GET", path))
}

fn put(client: &Client, path: &str, body: &Value) -> Reply {
    send(asking(client, "PUT", path).json(body))
}

fn delete(client: &Client, path: &str) -> Reply {
    send(asking(client, "DELETE", path))
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.text()))
}

/// A problem of RFC 9457, whose status is the answer's; its code.
fn problem(reply: &Reply) -> (u16, String) {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{}", reply.text());
    let json = json(reply);
    assert_eq!(json["status"], reply.status);
    assert!(json["title"].is_string() && json["detail"].is_string(), "{json}");
    let code = json["type"].as_str().unwrap().strip_prefix("urn:backplane:error:").unwrap();
    (reply.status, code.to_owned())
}

/// Posts one message with this payload as this user.
fn post(client: &Client, bus: &str, user: &str, payload: &str) -> u16 {
    let request = client.request("POST", &format!("/v1/bus/{bus}/channel/c"));
    let request =
        request.basic_auth(user, Some(password_of(user))).header("Content-Type", "application/json");
    send(request.body(testkit::messages(&[payload]))).status
}
