//! Tokens of version 2.0, what is told of them, and forms.

use serde_json::{Map, Value, json};

use super::{exactly, some_of};

/// A form: texts.
fn form(required: &[&str], names: &[&str]) -> Value {
    let properties: Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

pub(super) fn all() -> Value {
    let text = json!({"type": "string"});
    let token = json!({"type": "string", "minLength": 20, "pattern": "^[A-Za-z0-9._~-]+$"});
    let url = json!({"type": "string", "format": "uri"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let seconds = json!({"type": "integer", "minimum": 0});
    let members = json!({
        "access_token": token, "token_type": {"const": "Bearer"}, "expires_in": seconds, "scope": text, "refresh_token": token,
    });
    let mut grants = form(
        &[],
        &["grant_type", "scope", "code", "redirect_uri", "code_verifier", "refresh_token", "client_id"],
    );
    if let Some(of_type) = grants.pointer_mut("/properties/grant_type").and_then(Value::as_object_mut) {
        of_type
            .insert("enum".to_owned(), json!(["client_credentials", "authorization_code", "refresh_token"]));
    }
    json!({
        "PageToken": exactly(&members),
        "ClientToken": some_of(&["access_token", "token_type", "expires_in", "scope"], &members),
        "TokenRequest": grants,
        "TokenQuestion": form(&["token"], &["token", "token_type_hint", "client_id"]),
        "Introspection": some_of(&["active"], &json!({
            "active": {"type": "boolean"}, "scope": text, "client_id": text, "token_type": {"const": "Bearer"},
            "iat": seconds, "exp": seconds,
        })),
        "ConsentForm": form(&["token", "ask", "answer"], &["token", "ask", "answer"]),
        "SignInForm": form(&["token", "action"], &["token", "action", "user", "password"]),
        "GrantForm": form(&["token", "grant"], &["token", "grant"]),
        "HostMeta": exactly(&json!({
            "links": {"type": "array", "items": exactly(&json!({"rel": text, "href": url}))},
        })),
        "AuthorizationServer": {
            "type": "object",
            "required": ["issuer", "authorization_endpoint", "token_endpoint", "response_types_supported"],
            "properties": {
                "issuer": url, "authorization_endpoint": url, "token_endpoint": url, "revocation_endpoint": url,
                "introspection_endpoint": url, "grant_types_supported": texts, "response_types_supported": texts,
                "scopes_supported": texts, "code_challenge_methods_supported": texts,
            },
        },
        "ProtectedResource": {
            "type": "object",
            "required": ["resource", "authorization_servers"],
            "properties": {
                "resource": url, "authorization_servers": {"type": "array", "items": url},
                "bearer_methods_supported": texts, "resource_name": text,
            },
        },
    })
}
