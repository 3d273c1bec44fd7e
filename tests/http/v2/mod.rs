//! Version 2.0 over real sockets, by rule id.

mod attacks;
pub(crate) mod authorize;
mod crowd;
mod discovery;
mod examples;
mod foreign;
mod kills;
mod messages;
mod one;
mod pages;
mod post;
mod streams;
mod tokens;
mod tour;

use backplane::store::AdminName;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use testkit::{BUS, Client, OTHER_BUS, Reply, Server, Setup, password_hash, password_of, send};

/// The client of most tests, and where its messages come from.
const CLIENT: &str = "vendor";
const SOURCE: &str = "https://vendor.example/widget";

/// A server with a client that was granted both buses.
fn start() -> Server {
    started(Setup::new())
}

fn started(setup: Setup) -> Server {
    let server = setup.start();
    let name: AdminName = "root".parse().unwrap();
    let making = server.backplane.make_admin(name, password_hash(&password_of("root")));
    actix_rt::System::new().block_on(making).unwrap();
    make_client(&server.client(), CLIENT, SOURCE);
    grant(&server.client(), CLIENT, &[BUS, OTHER_BUS]);
    server
}

/// Asks as the admin `root`.
pub(crate) fn admin(client: &Client, method: &str, path: &str) -> RequestBuilder {
    client.admin().request(method, &format!("/admin/v1/{path}")).basic_auth("root", Some(password_of("root")))
}

pub(crate) fn secret_of(client: &str) -> String {
    format!("the secret of {client}")
}

fn make_client(client: &Client, name: &str, source: &str) {
    let body = json!({"secret": secret_of(name), "source": source, "redirects": []});
    let reply = send(admin(client, "PUT", &format!("clients/{name}")).json(&body));
    assert_eq!(reply.status, 201, "{}", reply.text());
}

/// The id of a new grant.
pub(crate) fn grant(client: &Client, name: &str, buses: &[&str]) -> String {
    let reply = send(admin(client, "POST", "grants").json(&json!({"client": name, "buses": buses})));
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["id"].as_str().unwrap().to_owned()
}

fn revoke_grant(client: &Client, id: &str) {
    assert_eq!(send(admin(client, "DELETE", &format!("grants/{id}"))).status, 204);
}

/// A request whose body is this form.
pub(crate) fn as_form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("Content-Type", "application/x-www-form-urlencoded").body(body)
}

/// `POST /v2/token` as this client, with these parameters in the body.
fn ask_token(client: &Client, name: &str, form: &[(&str, &str)]) -> Reply {
    let request = client.request("POST", "/v2/token").basic_auth(name, Some(secret_of(name)));
    send(as_form(request, form))
}

/// A token of this client with this scope.
pub(crate) fn token_of(client: &Client, name: &str, scope: &str) -> String {
    let reply = ask_token(client, name, &[("grant_type", "client_credentials"), ("scope", scope)]);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

/// What a page has.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) token: String,
    refresh: String,
    pub(crate) channel: String,
    scope: String,
}

fn page_of(reply: &Value) -> Page {
    let text = |name: &str| reply[name].as_str().unwrap_or_else(|| panic!("{name}: {reply}")).to_owned();
    let scope = text("scope");
    let channel = scope.split_once("channel:").unwrap().1.to_owned();
    Page { token: text("access_token"), refresh: text("refresh_token"), channel, scope }
}

/// Regular access to a new channel of this bus.
pub(crate) fn page(client: &Client, bus: &str) -> Page {
    page_of(&client.get(&format!("/v2/token?bus={bus}")).json())
}

fn with(request: RequestBuilder, token: &str) -> RequestBuilder {
    request.bearer_auth(token)
}

fn get(client: &Client, token: &str, path: &str) -> Reply {
    send(with(client.request("GET", path), token))
}

/// `GET /v2/messages` with this query, which starts with `?` or is empty.
fn read(client: &Client, token: &str, query: &str) -> Value {
    let reply = get(client, token, &format!("/v2/messages{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// Posts a message; these fields are beside the type, the bus, the channel and the payload.
fn post_with(client: &Client, token: &str, bus: &str, channel: &str, payload: &Value, more: &Value) -> Reply {
    let mut message = json!({"type": "test", "bus": bus, "channel": channel, "payload": payload});
    let fields = message.as_object_mut().unwrap();
    fields.extend(more.as_object().cloned().unwrap_or_default());
    send(with(client.request("POST", "/v2/message"), token).json(&json!({"message": message})))
}

fn post(client: &Client, token: &str, bus: &str, channel: &str, payload: u32) {
    let reply = post_with(client, token, bus, channel, &json!(payload), &json!({}));
    assert_eq!((reply.status, reply.text().as_str()), (201, ""), "{}", reply.text());
}

fn payloads(list: &Value) -> Vec<u64> {
    let payload = |message: &Value| message["payload"].as_u64().unwrap_or_else(|| panic!("{message}"));
    list["messages"].as_array().unwrap().iter().map(payload).collect()
}

/// The path and query of the URL to go on at.
fn next(client: &Client, list: &Value) -> String {
    let url = list["nextURL"].as_str().unwrap();
    let path = url.strip_prefix(&client.url("")).unwrap_or_else(|| panic!("{url}"));
    assert!(path.starts_with("/v2/messages?since="), "{path}");
    path.to_owned()
}

/// An error of this status and code; its description.
fn refused(reply: &Reply, status: u16, code: &str) -> String {
    assert_eq!(reply.status, status, "{}", reply.text());
    let json = reply.json();
    assert_eq!(json["error"], code, "{json}");
    json["error_description"].as_str().unwrap().to_owned()
}
