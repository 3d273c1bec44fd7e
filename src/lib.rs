//! The Backplane service: the broker of [`backplane_actors`] behind HTTP, with accounts and a configuration.
//!
//! # What lives here
//!
//! | part | what it does |
//! |---|---|
//! | [`config`] | file, environment and flags → one checked [`config::Config`] |
//! | [`auth`] | who asks and what they may (V1-AUTH-1, V1-AUTH-2) |
//! | [`envelope`] | which signed messages a bus takes (MSG-7) |
//! | `protocol` | one folder per protocol version: routes, and handlers that translate |
//! | `client`, `assets` | the browser library, served as it was built |
//! | `demo` | the page at `/` of a server without configuration |
//! | `service` | what all requests share |
//! | [`error`] | every error code, its status and its shape, in one list |
//! | [`Backplane`] | the service as a handle, to be mounted in an actix-web application |
//! | [`server`], [`tls`] | listeners, certificates, signals, an orderly end |
//! | [`telemetry`], `metrics`, `operations` | logs, counters, probes |
//! | `unread` | the end of connections that go on sending after their answer |
//! | [`cli`], [`password`], [`greeting`], [`check_log`], `progress` | the program's command line and what it prints |
//!
//! Dependencies point one way: this crate uses the actors, the actors know nothing of HTTP, files or
//! accounts. To serve the protocol inside a larger application start at [`Backplane`].

mod assets;
pub mod auth;
mod backplane;
pub mod check_log;
pub mod cli;
mod client;
pub mod config;
mod demo;
pub mod envelope;
pub mod error;
pub mod greeting;
mod metrics;
mod operations;
pub mod password;
mod progress;
mod protocol;
mod routing;
pub mod server;
mod service;
pub mod telemetry;
pub mod tls;
mod unread;

pub use backplane::{Backplane, StartError, broker_of};
