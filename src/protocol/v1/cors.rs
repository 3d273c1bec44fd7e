//! Which pages may read channels from a browser.

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header::{LINK, RETRY_AFTER};

use super::retrieve::RESUME;
use crate::service::Service;

/// How long a browser may remember the answer to a preflight, in seconds.
const REMEMBER: usize = 3600;

/// Lets pages of a bus's allowed origins read its channels.
///
/// What is no bus has nothing to keep from anybody: every page may learn that it mistook the name.
///
/// Posting is for servers, with credentials that no page should have: it is not offered to pages.
pub(super) fn for_pages(service: Arc<Service>) -> Cors {
    Cors::default()
        .allowed_origin_fn(move |origin, head| {
            bus_in(head.uri.path())
                .and_then(|name| service.bus(name))
                .is_none_or(|bus| bus.allowed_origins().allows(origin.as_bytes()))
        })
        .allowed_methods([Method::GET, Method::HEAD])
        .expose_headers([LINK.as_str(), RETRY_AFTER.as_str(), RESUME])
        .max_age(REMEMBER)
}

/// The bus in the path of a channel, under whatever prefix the service is mounted.
fn bus_in(path: &str) -> Option<&str> {
    let (before, _) = path.rsplit_once("/channel/")?;
    Some(before.rsplit_once("/bus/")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bus_is_found_under_any_prefix() {
        assert_eq!(bus_in("/v1/bus/customer.com/channel/c"), Some("customer.com"));
        assert_eq!(bus_in("/bus/x/v1/bus/customer.com/channel/c"), Some("customer.com"));
        assert_eq!(bus_in("/v1/bus/channel/channel/channel"), Some("channel"));
        assert_eq!(bus_in("/v1/bus/customer.com"), None);
    }
}
