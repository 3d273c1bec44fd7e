//! What clients and pages find out by themselves: where things are (V2-DISC-1; RFC 6415, RFC 8414, RFC 9728).

use std::sync::Arc;

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::answer::Answer;
use super::public::base_of;
use crate::http::get_or_head;
use crate::service::{self, Matched, Service};

/// What there is, by the relations that its links have.
const ENDPOINTS: [(&str, &str); 6] = [
    ("http://backplanex.com/spec/v2.0#token", "/v2/token"),
    ("http://backplanex.com/spec/v2.0#authorize", "/v2/authorize"),
    ("http://backplanex.com/spec/v2.0#messages", "/v2/messages"),
    ("http://backplanex.com/spec/v2.0#message", "/v2/message"),
    ("oauth2-token", "/v2/token"),
    ("oauth2-authorize", "/v2/authorize"),
];

/// Adds what lies below `/.well-known`.
pub(super) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    let add = |config: &mut ServiceConfig, path, route| {
        config.service(service::readable(path, Matched::Discovery, service, route));
    };
    add(config, "/.well-known/host-meta", get_or_head().to(host_meta));
    add(config, "/.well-known/host-meta.json", get_or_head().to(host_meta_json));
    add(config, "/.well-known/oauth-authorization-server", get_or_head().to(server));
    add(config, "/.well-known/oauth-protected-resource", get_or_head().to(protected));
}

/// Everybody may know it, pages of all origins too.
fn told(kind: &'static str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(kind)))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")))
        .body(text)
}

fn as_json(value: &Value) -> HttpResponse {
    told("application/json", value.to_string())
}

async fn host_meta(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let (base, _) = base_of(&service, &request)?;
    // Of the characters that XML has to escape none is in a URL of ours: hosts have none, and the rest is chosen here.
    let mut links = String::new();
    for (relation, path) in ENDPOINTS {
        links.extend(["  <Link rel=\"", relation, "\" href=\"", &base, path, "\"/>\n"]);
    }
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n{links}</XRD>\n"
    );
    Ok(told("application/xrd+xml", text))
}

async fn host_meta_json(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let (base, _) = base_of(&service, &request)?;
    let links: Vec<_> = ENDPOINTS
        .iter()
        .map(|(relation, path)| json!({"rel": relation, "href": format!("{base}{path}")}))
        .collect();
    Ok(as_json(&json!({"links": links})))
}

async fn server(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let (base, _) = base_of(&service, &request)?;
    let at = |path: &str| format!("{base}{path}");
    Ok(as_json(&json!({
        "issuer": &*base,
        "authorization_endpoint": at("/v2/authorize"),
        "token_endpoint": at("/v2/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "revocation_endpoint": at("/v2/revoke"),
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic"],
        "introspection_endpoint": at("/v2/introspect"),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        // Those that name nothing; others name buses, channels, types (V2-SCOPE-1).
        "scopes_supported": ["sticky:true", "sticky:false"],
    })))
}

async fn protected(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let (base, _) = base_of(&service, &request)?;
    let mut issuers = vec![base.to_string()];
    issuers.extend(service.issuers().urls());
    Ok(as_json(&json!({
        "resource": &*base,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header", "query"],
        "resource_name": "Backplane",
    })))
}
