//! `POST /v2/token`: tokens for clients (V2-TOK-1 to V2-TOK-4).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use zeroize::Zeroizing;

use super::is_not_kept;
use crate::access::ledger::{IssueError, Issued};
use crate::access::{ClientName, Scope, TokenText};
use crate::authority::AuthorityError;
use crate::error::{ApiError, ErrorCode};
use crate::http::{BodyBounds, read_body};
use crate::protocol::media;
use crate::protocol::v2::answer::{Answer, json};
use crate::protocol::v2::query::Parameters;
use crate::service::{Holder, Service};

/// Longest body, in bytes: a code, URLs and a scope.
const BODY_MAX: usize = 32 * 1024;

pub(in crate::protocol::v2) const NAMES: [&str; 8] = [
    "grant_type",
    "scope",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "client_id",
    "client_secret",
];
/// Those that may stand in the query as well: a published client has them there.
const IN_QUERY: [&str; 2] = ["grant_type", "scope"];

/// RFC 6749 section 5.1.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the protocol's")]
struct Token<'t> {
    access_token: &'t str,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'t str>,
}

/// Gives a client a token.
pub(in crate::protocol::v2) async fn give(
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let answer = issue(&service, &request, payload).await;
    let mut response = match answer {
        Ok(issued) => answer_of(&issued),
        Err(error) => {
            let refusal = super::super::answer::Refusal::from(error);
            actix_web::ResponseError::error_response(&refusal)
        }
    };
    is_not_kept(&mut response);
    Ok(response)
}

fn answer_of(issued: &Issued) -> HttpResponse {
    let token = Token {
        access_token: issued.access.as_str(),
        token_type: "Bearer",
        expires_in: issued.expires_in.as_secs(),
        scope: issued.reach.scope().to_string(),
        refresh_token: issued.refresh.as_ref().map(TokenText::as_str),
    };
    json(&token, None)
}

async fn issue(service: &Service, request: &HttpRequest, payload: web::Payload) -> Result<Issued, ApiError> {
    let client = client_of(service, request).await?;
    let body = form_of(service, request, payload, &client).await?;
    // Credentials belong to the head: URLs are written down everywhere, and bodies more often than heads (V2-TOK-1).
    let in_query = Parameters::parse(request.query_string().as_bytes(), NAMES)?;
    let invalid = |text: String| ApiError::new(ErrorCode::InvalidRequest, text);
    if let Some(name) = NAMES.iter().find(|name| !IN_QUERY.contains(name) && in_query.get(name).is_some()) {
        return Err(invalid(format!("the parameter {name} may not stand in the query: send it in the body")));
    }
    let mut form = Parameters::parse(&body, NAMES)?;
    for name in IN_QUERY {
        if in_query.get(name).is_some() && form.get(name).is_some() {
            return Err(invalid(format!("the parameter {name} may be given once, not twice")));
        }
    }
    form.add(request.query_string().as_bytes())?;
    refuse_credentials(&form, &client)?;
    let scope = || {
        let text = form.get("scope").unwrap_or_default();
        Scope::parse(text).map_err(|error| ApiError::new(ErrorCode::InvalidScope, error.to_string()))
    };
    let only = |names: &[&str]| {
        let others = ["code", "redirect_uri", "code_verifier", "refresh_token", "scope"];
        match others.iter().find(|name| !names.contains(name) && form.get(name).is_some()) {
            Some(other) => {
                Err(invalid(format!("the parameter {other} does not go together with this grant_type")))
            }
            None => Ok(()),
        }
    };
    let secret = |name: &str| form.want(name).map(|text| Zeroizing::new(text.to_owned()));
    let authority = service.authority();
    let issued = match form.want("grant_type")? {
        "client_credentials" => {
            only(&["scope"])?;
            authority.client_credentials(client, scope()?).await
        }
        "authorization_code" => {
            only(&["code", "redirect_uri", "code_verifier"])?;
            let redirect = form.want("redirect_uri")?.to_owned();
            authority.exchange(client, secret("code")?, redirect, secret("code_verifier")?).await
        }
        "refresh_token" => {
            only(&["refresh_token", "scope"])?;
            let asked = form.get("scope").is_some().then(scope).transpose()?;
            authority.refresh(client, secret("refresh_token")?, asked).await
        }
        _ => {
            let text = "grant_type is client_credentials, authorization_code or refresh_token";
            return Err(ApiError::new(ErrorCode::UnsupportedGrantType, text));
        }
    };
    issued.map_err(of_authority)
}

/// Which client asks. Whoever is none is told so as OAuth has it (RFC 6749 section 5.2).
pub(in crate::protocol::v2) async fn client_of(
    service: &Service,
    request: &HttpRequest,
) -> Result<ClientName, ApiError> {
    service.authenticate_client(request).await.map_err(|error| match error.code() {
        ErrorCode::CredentialsRequired | ErrorCode::InvalidCredentials => {
            ApiError::new(ErrorCode::InvalidClient, error.description().to_owned()).closing()
        }
        _ => error.closing(),
    })
}

/// The form that a client sends, within its bounds.
pub(in crate::protocol::v2) async fn form_of(
    service: &Service,
    request: &HttpRequest,
    payload: web::Payload,
    client: &ClientName,
) -> Result<web::Bytes, ApiError> {
    media::check_form(request.headers()).map_err(ApiError::closing)?;
    let bounds = BodyBounds { most: BODY_MAX, deadline: service.limits().body_timeout };
    let holder = Holder::Client(client.clone());
    Ok(read_body(request, payload, bounds, service.traffic(), holder).await?.bytes)
}

/// Credentials come by HTTP Basic alone. Many clients repeat their name in the body, which is no secret: it may be there if it is theirs.
pub(in crate::protocol::v2) fn refuse_credentials<const N: usize>(
    form: &Parameters<'_, N>,
    client: &ClientName,
) -> Result<(), ApiError> {
    let text = match (form.get("client_secret"), form.get("client_id")) {
        (Some(_), _) => {
            "client credentials come by HTTP Basic alone: the parameter client_secret is not taken"
        }
        (None, Some(name)) if name != client.as_str() => {
            "the parameter client_id names another client than the one that has signed in"
        }
        _ => return Ok(()),
    };
    Err(ApiError::new(ErrorCode::InvalidRequest, text))
}

pub(in crate::protocol::v2) fn of_authority(error: AuthorityError) -> ApiError {
    let text = error.to_string();
    let code = match error {
        AuthorityError::Issue(IssueError::Scope(_)) => ErrorCode::InvalidScope,
        AuthorityError::Issue(IssueError::NotGood(_)) => ErrorCode::InvalidGrant,
        AuthorityError::Issue(IssueError::ClientFull(_) | IssueError::Full) => ErrorCode::TooManyTokens,
        AuthorityError::Store | AuthorityError::Unknown => ErrorCode::Unavailable,
        AuthorityError::Busy => ErrorCode::Busy,
        AuthorityError::Randomness => ErrorCode::InternalError,
    };
    ApiError::new(code, text)
}
