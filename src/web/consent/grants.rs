//! `/v2/grants`: owners see which clients may use their buses, and take that back.

use actix_web::{HttpRequest, HttpResponse, web};

use super::Consent;
use super::answer::{Answer, Forms, page, refuse, see_other};
use super::form::Form;
use super::pages::{self, Viewer};
use crate::access::GrantId;
use crate::error::ErrorCode;

/// Shows what was granted.
pub(super) async fn show(consent: web::Data<Consent>, request: HttpRequest) -> Answer {
    let service = consent.service();
    service.admit_credentials(&request)?;
    let Some(signed) = consent.signed_in(&request) else { return see_other("authenticate") };
    let owned = service.buses_of_owner(&signed.user);
    let grants = consent.registrar.grants_of(&signed.user, &owned);
    let viewer = Viewer { user: &signed.user, token: &signed.token, query: "" };
    Ok(page(HttpResponse::Ok(), Forms::Here, pages::grants(&viewer, &owned, &grants)))
}

/// Takes a grant back.
pub(super) async fn answer(
    consent: web::Data<Consent>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    consent.service().admit_credentials(&request)?;
    let form = Form::read(&consent, &request, payload).await?;
    let Some(signed) = consent.signed_in(&request) else { return see_other("authenticate") };
    let id: Option<GrantId> = form.get("grant")?.and_then(|id| id.parse().ok());
    let unknown = || refuse(ErrorCode::UnknownEntity, "there is no such grant of yours, or no more");
    let id = id.ok_or_else(unknown)?;
    if consent.registrar.take_back_grant(&signed.user, &id).await? {
        see_other("grants")
    } else {
        Err(unknown())
    }
}
