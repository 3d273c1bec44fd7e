//! Names out of a request's path.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::dev::{Path, Url};
use backplane_actors::{BusName, ChannelName};

use crate::error::{ApiError, ErrorCode};
use crate::service::{Bus, Service};

/// The bus that the router found in a path, if there is one of this name. Whatever depends on the bus asks here, so that
/// all of it is about the same one, however the path is spelled.
pub(crate) fn matched_bus(service: &Service, path: &Path<Url>) -> Option<Arc<Bus>> {
    service.bus(name_in(path))
}

fn name_in(path: &Path<Url>) -> &str {
    path.get("bus").unwrap_or_default()
}

/// The bus that the path names.
///
/// Buses are known to all who use them (1.0 section 2.1), so the answer may tell that there is none.
pub(crate) fn bus_of(service: &Service, request: &HttpRequest) -> Result<Arc<Bus>, ApiError> {
    let path = request.match_info();
    matched_bus(service, path).ok_or_else(|| match name_in(path).parse::<BusName>() {
        Ok(_) => ApiError::new(ErrorCode::UnknownBus, "there is no bus of this name on this server"),
        Err(error) => ApiError::new(ErrorCode::InvalidBusName, error.to_string()),
    })
}

/// The channel that the path names (MSG-8).
pub(crate) fn channel_of(request: &HttpRequest) -> Result<ChannelName, ApiError> {
    let text = request.match_info().get("channel").unwrap_or_default();
    text.parse().map_err(|error: backplane_actors::NameError| {
        ApiError::new(ErrorCode::InvalidChannelName, error.to_string())
    })
}
