//! `/v2/authorize`: a client asks by way of an owner's browser, and the owner answers (V2-AUTHZ-1).

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::{Answer, Forms, Refusal, page, refuse, see_other};
use super::cookie::Id;
use super::form::Form;
use super::pages::{self, Asker, Viewer};
use super::sessions::Pending;
use super::{Consent, Signed};
use crate::access::authorization::{Ask, AuthorizationError, sent_back};
use crate::access::ledger::IssueError;
use crate::access::{ClientUrl, Digest, TokenText};
use crate::auth::UserName;
use crate::authority::AuthorityError;
use crate::error::ErrorCode;
use crate::provision::NotGiven;
use crate::service::{Client, Service};
use crate::store::Grant;

/// What a client is told instead of a code.
type No = (AuthorizationError, String);

/// Whoever asks with this query, and where to answer: a client that there is, at a URL that is registered for it, character by character. The
/// owner is sent nowhere else (RFC 9700 section 4.1.3).
pub(super) fn asker_of(service: &Service, ask: &Ask<'_>) -> Result<(Arc<Client>, ClientUrl), Refusal> {
    let addressed = ask.addressed().map_err(|_| {
        let text = "the site that sent you here did not say who it is and where you are to go afterwards: the parameters \
                    client_id and redirect_uri have to be there, each once";
        refuse(ErrorCode::InvalidRequest, text)
    })?;
    let client = service.clients().find(addressed.client).ok_or_else(|| {
        let text = "the site that sent you here says that it is a client which this server does not know";
        refuse(ErrorCode::InvalidRequest, text)
    })?;
    let redirect = client.redirects().iter().find(|known| known.as_str() == addressed.redirect).cloned();
    let redirect = redirect.ok_or_else(|| {
        let text = "the site that sent you here wants you to go to a place afterwards that is not registered for it \
                    (redirect_uri)";
        refuse(ErrorCode::InvalidRequest, text)
    })?;
    Ok((client, redirect))
}

/// Shows an owner what a client asks for.
pub(super) async fn show(consent: web::Data<Consent>, request: HttpRequest) -> Answer {
    let service = consent.service();
    service.admit_credentials(&request)?;
    let (issuer, _) = service.base(&request)?;
    let ask = Ask::of(request.query_string());
    let (client, redirect) = asker_of(service, &ask)?;
    let back =
        |error, text: &str| see_other(&sent_back(&redirect, Err((error, text)), &ask.state(), &issuer));
    let wish = match ask.wish() {
        Ok(wish) => wish,
        Err(wrong) => return back(wrong.code(), &wrong.to_string()),
    };
    let Some(signed) = consent.signed_in(&request) else {
        return see_other(&format!("authenticate?{}", request.query_string()));
    };
    let owned = service.buses_of_owner(&signed.user);
    let asked = if wish.scope.has_bus() { wish.scope.buses().clone() } else { owned.clone() };
    let foreign: BTreeSet<_> = asked.difference(&owned).cloned().collect();
    let may_allow = foreign.is_empty() && !asked.is_empty();
    if may_allow && (asked.len() > Grant::BUSES_MAX || wish.scope.clone().with_buses(asked.clone()).is_err())
    {
        let text = "these are more buses than one grant covers; name some of them with bus:";
        return back(AuthorizationError::InvalidScope, text);
    }
    let id = Id::new()?;
    let pending = Pending {
        client: client.name().clone(),
        redirect: redirect.clone(),
        state: ask.state(),
        wish: wish.clone(),
        buses: if may_allow { asked.clone() } else { BTreeSet::new() },
    };
    consent.sessions().ask(&signed.digest, id.digest(), pending, service.uptime());
    let viewer = Viewer { user: &signed.user, token: &signed.token, query: request.query_string() };
    let shown = Asker { name: client.name().as_str(), source: client.source(), redirect: &redirect };
    let html = if may_allow {
        pages::consent(&viewer, &shown, (&wish.scope, &asked), id.as_str())
    } else {
        pages::nothing_to_grant(&viewer, &shown, &foreign, id.as_str())
    };
    Ok(page(HttpResponse::Ok(), Forms::Back(&redirect), html))
}

/// Takes the owner's answer, and sends the browser back with it.
pub(super) async fn answer(
    consent: web::Data<Consent>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let service = consent.service();
    service.admit_credentials(&request)?;
    let (issuer, _) = service.base(&request)?;
    let form = Form::read(&consent, &request, payload).await?;
    let over = || {
        let text = "you are not signed in any more, or this was answered already, or it waited for too long; go back to the \
                    site that sent you here and begin anew";
        refuse(ErrorCode::Forbidden, text)
    };
    let Signed { digest, user, .. } = consent.signed_in(&request).ok_or_else(over)?;
    let is_yes = match form.get("answer")? {
        Some("allow") => true,
        Some("deny") => false,
        _ => return Err(refuse(ErrorCode::InvalidRequest, "the answer is allow or deny")),
    };
    let ask = form.get("ask")?.map(|ask| Digest::of(ask.as_bytes())).ok_or_else(over)?;
    let pending = consent.sessions().take(&digest, &ask, service.uptime()).ok_or_else(over)?;
    // It may have been removed, or registered otherwise, since the page was shown.
    let is_there = service.clients().find(pending.client.as_str());
    if is_there.is_none_or(|client| !client.redirects().contains(&pending.redirect)) {
        return Err(refuse(
            ErrorCode::Forbidden,
            "the client is not, or not at this place, any more; nothing was granted",
        ));
    }
    let (redirect, state) = (pending.redirect.clone(), pending.state.clone());
    let outcome = if is_yes && !pending.buses.is_empty() {
        allow(&consent, &user, pending).await
    } else {
        let text =
            if is_yes { "the buses are not this owner's" } else { "the owner of the buses has said no" };
        Err((AuthorizationError::AccessDenied, text.to_owned()))
    };
    let outcome = match &outcome {
        Ok(code) => Ok(code.as_str()),
        Err((error, text)) => Err((*error, text.as_str())),
    };
    see_other(&sent_back(&redirect, outcome, &state, &issuer))
}

/// A grant, and a code for what it covers. Where there is no code a new grant is taken back.
async fn allow(consent: &Consent, user: &UserName, pending: Pending) -> Result<TokenText, No> {
    use AuthorizationError::{AccessDenied, ServerError, TemporarilyUnavailable};
    let Pending { client, redirect, wish, buses, .. } = pending;
    let given = consent.registrar.give(user, &client, &buses).await.map_err(|error| match error {
        NotGiven::NotOwned => (AccessDenied, "the buses are not this owner's".to_owned()),
        NotGiven::NoClient => (AccessDenied, "there is no such client any more".to_owned()),
        NotGiven::TooMany => (TemporarilyUnavailable, "as many grants are made as may be".to_owned()),
        NotGiven::Failed(error) if error.code().is_temporary() => {
            (TemporarilyUnavailable, error.description().to_owned())
        }
        NotGiven::Failed(error) => (ServerError, error.description().to_owned()),
    })?;
    let granted = buses.into_iter().map(|bus| (bus, given.id.clone())).collect();
    let code =
        consent.service().authority().code(client, redirect, wish.challenge, wish.scope, granted).await;
    match code {
        Ok(code) => Ok(code),
        Err(error) => {
            if given.is_new {
                // What is told is why there is no code; a grant that stays all the same is on the owner's page.
                _ = consent.registrar.take_back_grant(user, &given.id).await;
            }
            let code = match error {
                AuthorityError::Issue(IssueError::Scope(_)) => AuthorizationError::InvalidScope,
                AuthorityError::Issue(IssueError::NotGood(_)) => AccessDenied,
                AuthorityError::Issue(IssueError::ClientFull(_) | IssueError::Full)
                | AuthorityError::Store
                | AuthorityError::Unknown
                | AuthorityError::Busy => TemporarilyUnavailable,
                AuthorityError::Randomness => ServerError,
            };
            Err((code, error.to_string()))
        }
    }
}
