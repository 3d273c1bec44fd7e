//! The service: the broker behind HTTP, with accounts and a configuration.

pub mod auth;
pub mod cli;
pub mod config;
pub mod envelope;
pub mod password;
pub mod tls;
