//! `POST /v2/revoke` (RFC 7009) and `POST /v2/introspect` (RFC 7662): what clients do with tokens that they have.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use zeroize::Zeroizing;

use super::answer::{Answer, json};
use super::query::Parameters;
use super::token::client::{client_of, form_of, of_authority, refuse_credentials};
use crate::access::{ClientName, TokenKind};
use crate::error::ApiError;
use crate::service::Service;

const NAMES: [&str; 4] = ["token", "token_type_hint", "client_id", "client_secret"];

#[derive(Serialize, Default)]
struct Told {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
}

/// Ends a token of the client that asks. What is no token of its own is left as it is, and nobody is told (RFC 7009 section 2.2).
pub(super) async fn revoke(
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let (client, token) = asked(&service, &request, payload).await?;
    service.authority().revoke(client, token).await.map_err(of_authority)?;
    Ok(HttpResponse::Ok().finish())
}

/// Tells a client what a token of its own is.
pub(super) async fn introspect(
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let (client, token) = asked(&service, &request, payload).await?;
    let told = service.authority().introspect(&client, &token).map_or_else(Told::default, |found| Told {
        active: true,
        scope: Some(found.reach.scope().to_string()),
        client_id: Some(client.as_str().to_owned()),
        token_type: (found.kind == TokenKind::Access).then_some("Bearer"),
        iat: Some(found.issued.as_millis() / 1000),
        exp: Some(found.expires.as_millis() / 1000),
    });
    Ok(json(&told, None))
}

async fn asked(
    service: &Service,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(ClientName, Zeroizing<String>), ApiError> {
    let client = client_of(service, request).await?;
    let body = form_of(service, request, payload, &client).await?;
    let form = Parameters::parse(&body, NAMES)?;
    refuse_credentials(&form, &client)?;
    let token = Zeroizing::new(form.want("token")?.to_owned());
    Ok((client, token))
}
