//! How routes are chosen here: whatever answers GET answers HEAD alike (RFC 9110 section 9.3.2).

use actix_web::{Route, guard, web};

/// A route for GET and HEAD. actix leaves out the body of an answer to HEAD by itself.
pub(crate) fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
