//! Names out of a request's path.

use std::sync::Arc;

use actix_web::HttpRequest;
use backplane_actors::{BusName, ChannelName};

use crate::error::{ApiError, ErrorCode};
use crate::service::{Bus, Service};

/// The bus that the path names.
///
/// Buses are known to all who use them (1.0 section 2.1), so the answer may tell that there is none.
pub(crate) fn bus_of(service: &Service, request: &HttpRequest) -> Result<Arc<Bus>, ApiError> {
    let text = request.match_info().get("bus").unwrap_or_default();
    service.bus(text).ok_or_else(|| match text.parse::<BusName>() {
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
