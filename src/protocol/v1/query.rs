//! What a retrieval's query says.

use actix_web::HttpRequest;
use backplane_actors::Since;
use url::form_urlencoded;

use super::padding::Callback;
use crate::error::{ApiError, ErrorCode};

/// The parameters of a retrieval. Unknown ones are for other versions and are passed over.
///
/// `since` and `epoch` are one position, as the link of an earlier answer had them.
pub(super) struct Query {
    pub(super) since: Since,
    pub(super) callback: Option<Callback>,
}

impl Query {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let (mut since, mut epoch, mut callback) = (None, None, None);
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            match &*name {
                "since" => once(&mut since, "since", value)?,
                "epoch" => once(&mut epoch, "epoch", value)?,
                "callback" => once(&mut callback, "callback", Callback::parse(&value)?)?,
                _ => {}
            }
        }
        // An epoch says to which history an id belongs; without an id it says nothing.
        let since = since.map_or(Since::Start, |since| Since::from_text(&since, epoch.as_deref()));
        Ok(Self { since, callback })
    }
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), ApiError> {
    if place.replace(value).is_some() {
        let text = format!("the parameter {name} may be given once, not twice");
        return Err(ApiError::new(ErrorCode::InvalidRequest, text));
    }
    Ok(())
}
