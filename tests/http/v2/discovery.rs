//! What clients find out by themselves (V2-DISC-1, RFC 8414, RFC 9728), and the methods of resources.

use serde_json::json;

use super::*;

#[test]
fn v2_disc_1_host_meta_names_the_endpoints() {
    let server = start();
    let client = server.client();
    let xml = client.get("/.well-known/host-meta");
    assert_eq!(xml.header("content-type"), Some("application/xrd+xml"));
    let token = client.url("/v2/token");
    assert!(xml.text().contains(&format!("href=\"{token}\"")), "{}", xml.text());
    let json = client.get("/.well-known/host-meta.json").json();
    let links = json["links"].as_array().unwrap();
    assert!(links.iter().any(|link| link["href"] == token), "{json}");
    for link in links {
        assert!(xml.text().contains(link["href"].as_str().unwrap()), "both say the same");
    }
}

#[test]
fn rfc_8414_and_rfc_9728_describe_the_server() {
    let server = start();
    let client = server.client();
    let json = client.get("/.well-known/oauth-authorization-server").json();
    assert_eq!(json["issuer"], client.url(""));
    for (name, path) in [
        ("token_endpoint", "/v2/token"),
        ("revocation_endpoint", "/v2/revoke"),
        ("introspection_endpoint", "/v2/introspect"),
    ] {
        assert_eq!(json[name], client.url(path), "{name}");
    }
    let json = client.get("/.well-known/oauth-protected-resource").json();
    assert_eq!(
        (&json["resource"], &json["authorization_servers"]),
        (&json!(client.url("")), &json!([client.url("")]))
    );
}

#[test]
fn what_is_not_there_and_what_cannot_be_done_is_said_in_the_shape_of_the_version() {
    let server = start();
    let client = server.client();
    refused(&client.get("/v2/nothing"), 404, "not_found");
    for (method, path) in [
        ("DELETE", "/v2/token"),
        ("PUT", "/v2/messages"),
        ("GET", "/v2/message"),
        ("POST", "/v2/message/x"),
        ("GET", "/v2/revoke"),
    ] {
        let reply = send(client.request(method, path));
        refused(&reply, 405, "method_not_allowed");
        assert!(reply.header("allow").is_some(), "{method} {path}");
    }
}
