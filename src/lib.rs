//! The service: the broker behind HTTP, with accounts and a configuration.

pub mod config;
pub mod password;
