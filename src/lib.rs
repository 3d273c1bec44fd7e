//! Service.

pub mod auth;
pub mod envelope;
pub mod tls;
