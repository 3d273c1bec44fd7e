//! What a retrieval's query says.

use actix_web::HttpRequest;
use backplane_actors::Since;
use url::form_urlencoded;

use super::padding::Callback;
use crate::error::{ApiError, ErrorCode};
use crate::service::Bus;

/// The parameters of a retrieval. Unknown ones are for other versions and are passed over.
///
/// `since` and `epoch` are one position, as the link of an earlier answer had them.
pub(super) struct Query {
    pub(super) since: Since,
    callback: Option<Callback>,
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

    /// The callback, where the bus answers with scripts.
    ///
    /// A script is loaded by pages of every origin, so it would pass by the origins that a bus allows.
    pub(super) fn callback_on(self, bus: &Bus) -> Result<Option<Callback>, ApiError> {
        if self.callback.is_some() && !bus.jsonp() {
            let text = "this bus may be read by pages of certain origins only, and a script by pages of all: \
                        ask without the parameter callback";
            return Err(ApiError::new(ErrorCode::Forbidden, text));
        }
        Ok(self.callback)
    }
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), ApiError> {
    if place.replace(value).is_some() {
        let text = format!("the parameter {name} may be given once, not twice");
        return Err(ApiError::new(ErrorCode::InvalidRequest, text));
    }
    Ok(())
}
