//! What the forms of these pages send: from a page of this server, in the browser that it was shown in.

use actix_web::{HttpRequest, web};
use zeroize::{Zeroize as _, Zeroizing};

use super::Consent;
use super::answer::{Refusal, refuse};
use super::cookie::Id;
use crate::access::authorization::pairs;
use crate::error::{ApiError, ErrorCode};
use crate::http::{BodyBounds, is_own_page, read_body};
use crate::protocol::media;
use crate::service::Holder;

/// Longest body, in bytes: a name and the longest password, with three for each byte.
const BODY_MAX: usize = 8 * 1024;

/// The field with what shows that the form is of this browser.
pub(super) const TOKEN: &str = "token";

/// A form that is of this browser. Its values may be secrets: copies of them are wiped.
pub(super) struct Form {
    pub(super) id: Id,
    fields: Vec<(String, Zeroizing<String>)>,
}

impl Form {
    /// The form that a request brings. Other pages cannot send one in an owner's name: neither have they its token, nor do browsers send the
    /// cookie for them, and where they say who asks they are refused for that.
    pub(super) async fn read(
        consent: &Consent,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<Self, Refusal> {
        let service = consent.service();
        let base = service.public_base();
        if !is_own_page(request.headers(), base.as_deref()) {
            let text = "this form was sent from a page of another server; nothing was done";
            return Err(ApiError::new(ErrorCode::CrossOrigin, text).closing().into());
        }
        media::check_form(request.headers()).map_err(ApiError::closing)?;
        let bounds = BodyBounds { most: BODY_MAX, deadline: service.limits().body_timeout };
        let body = read_body(request, payload, bounds, service.traffic(), Holder::Anybody).await?.bytes;
        let fields = fields(&body);
        if let Ok(mut body) = body.try_into_mut() {
            body.zeroize();
        }
        let stale = || {
            let text = "this form is out of date, or this browser sends no cookies; go back, load the page anew and try \
                        again. Nothing was done";
            refuse(ErrorCode::Forbidden, text)
        };
        let id = Id::of(request.headers(), service.is_https(request)).ok_or_else(stale)?;
        let form = Self { id, fields: fields? };
        let token = form.get(TOKEN)?;
        if token.is_some_and(|token| form.id.is_form_token(token)) { Ok(form) } else { Err(stale()) }
    }

    /// The value of a field that may be there once.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.fields.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() {
            return Err(refuse(ErrorCode::InvalidRequest, "a field of the form is there twice"));
        }
        Ok(value)
    }
}

fn fields(body: &[u8]) -> Result<Vec<(String, Zeroizing<String>)>, Refusal> {
    let no_text = || refuse(ErrorCode::InvalidRequest, "the form is not text in UTF-8");
    let text = std::str::from_utf8(body).map_err(|_| no_text())?;
    let fields = pairs(text).map(|(name, value)| {
        let value = String::from_utf8(value.into_owned()).map(Zeroizing::new);
        Ok((String::from_utf8(name.into_owned()).map_err(|_| no_text())?, value.map_err(|_| no_text())?))
    });
    fields.collect()
}
