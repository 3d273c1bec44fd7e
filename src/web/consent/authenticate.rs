//! `/v2/authenticate`: owners sign in and out.

use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};

use super::Consent;
use super::answer::{Answer, Forms, page, refuse, see_other};
use super::authorize::asker_of;
use super::cookie::{Id, no_cookie};
use super::form::Form;
use super::pages::{self, Asker};
use crate::access::authorization::Ask;
use crate::error::{ApiError, ErrorCode};

/// Shows the form. Its URL has the request of the client that asks, if there is one, which goes on afterwards.
pub(super) async fn show(consent: web::Data<Consent>, request: HttpRequest) -> Answer {
    let service = consent.service();
    service.admit_credentials(&request)?;
    if consent.signed_in(&request).is_some() {
        return see_other(&further(&request));
    }
    let is_https = service.is_https(&request);
    // One that the browser has goes on, so that a form in another tab stays good. It is nobody's: whoever signs in gets another one.
    let id = Id::of(request.headers(), is_https).map_or_else(Id::new, Ok)?;
    let cookie = id.cookie(is_https)?;
    let mut response = form_page(&consent, &request, &id, None);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// Where to go on: to what a client asks, or to the owner's own page. Both are of this server, whatever the query is.
fn further(request: &HttpRequest) -> String {
    match request.query_string() {
        "" => "grants".to_owned(),
        query => format!("authorize?{query}"),
    }
}

fn form_page(consent: &Consent, request: &HttpRequest, id: &Id, wrong: Option<&ApiError>) -> HttpResponse {
    let query = request.query_string();
    let ask = Ask::of(query);
    let known = asker_of(consent.service(), &ask).ok();
    let asker = known.as_ref().map(|(client, redirect)| Asker {
        name: client.name().as_str(),
        source: client.source(),
        redirect,
    });
    let forms = known.as_ref().map_or(Forms::Here, |(_, redirect)| Forms::Back(redirect));
    let html = pages::sign_in(&id.form_token(), asker.as_ref(), query, wrong.map(ApiError::description));
    let head = wrong.map_or_else(HttpResponse::Ok, |error| match error.code() {
        // 401 is for those who could sign in with a header.
        ErrorCode::InvalidCredentials => HttpResponse::Forbidden(),
        _ => error.head(),
    });
    page(head, forms, html)
}

/// Takes name and password, or ends a session.
pub(super) async fn answer(
    consent: web::Data<Consent>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let service = consent.service();
    service.admit_credentials(&request)?;
    let is_https = service.is_https(&request);
    let form = Form::read(&consent, &request, payload).await?;
    match form.get("action")? {
        Some("sign-in") => {}
        Some("sign-out") => {
            consent.sessions().end(&form.id.digest());
            let to = match request.query_string() {
                "" => "authenticate".to_owned(),
                query => format!("authenticate?{query}"),
            };
            return with_cookie(see_other(&to), no_cookie(is_https)?);
        }
        _ => return Err(refuse(ErrorCode::InvalidRequest, "the action is sign-in or sign-out")),
    }
    let (Some(user), Some(password)) = (form.get("user")?, form.get("password")?) else {
        return Err(refuse(ErrorCode::InvalidRequest, "user and password have to be there"));
    };
    let signed_in = match service.sign_in(&request, user, password).await {
        Ok(signed_in) => signed_in,
        Err(error) => return Ok(form_page(&consent, &request, &form.id, Some(&error))),
    };
    // A new id: whoever knew the one before, or has set it, knows nothing of this.
    let id = Id::new()?;
    let now = service.uptime();
    let mut sessions = consent.sessions();
    sessions.end(&form.id.digest());
    sessions.begin(id.digest(), signed_in, now);
    drop(sessions);
    with_cookie(see_other(&further(&request)), id.cookie(is_https)?)
}

fn with_cookie(answer: Answer, cookie: HeaderValue) -> Answer {
    let mut response = answer?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}
