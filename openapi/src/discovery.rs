//! `/.well-known`: where things are.

use serde_json::json;

use crate::document::{Document, Place};
use crate::operation::{Content, Operation, shown, text};
use crate::refusals::Family;

const TAG: &str = "discovery";
const JSON: &str = "application/json";

/// Adds what lies there.
pub(crate) fn describe(document: &mut Document) {
    let issuer = "https://backplane.example";
    let links = json!({"links": [{"rel": "oauth2-token", "href": format!("{issuer}/v2/token")}]});
    let server = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/v2/authorize"),
        "token_endpoint": format!("{issuer}/v2/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "response_types_supported": ["code"],
    });
    let protected = json!({"resource": issuer, "authorization_servers": [issuer]});
    let all: [(&str, &str, &str, Content); 4] = [
        (
            "host-meta",
            "hostMeta",
            "Where the calls of 2.0 are (RFC 6415)",
            text("application/xrd+xml", "An XRD."),
        ),
        ("host-meta.json", "hostMetaJson", "The same as JSON", shown(JSON, "HostMeta", links)),
        (
            "oauth-authorization-server",
            "authorizationServer",
            "What the authorization server can do (RFC 8414)",
            shown(JSON, "AuthorizationServer", server),
        ),
        (
            "oauth-protected-resource",
            "protectedResource",
            "Which tokens the resources take (RFC 9728)",
            shown(JSON, "ProtectedResource", protected),
        ),
    ];
    for (name, id, summary, form) in all {
        let read = Operation::new(Family::V2, format!("discovery_{id}"), TAG, summary).answers(
            200,
            "Pages of all origins may read it.",
            &[form],
            &[],
        );
        document.read(&format!("/.well-known/{name}"), read, Place::Public);
    }
}
