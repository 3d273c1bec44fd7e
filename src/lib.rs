//! Service.

pub mod auth;
