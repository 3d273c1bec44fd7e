//! The service: the broker behind HTTP, with accounts and a configuration.

pub mod cli;
pub mod config;
pub mod password;
