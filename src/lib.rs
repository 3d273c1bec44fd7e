//! The Backplane service: the broker of [`backplane_actors`] behind HTTP, with accounts and a configuration.
//!
//! # What lives here
//!
//! | part | what it does |
//! |---|---|
//! | [`config`] | file, environment and flags → one checked [`config::Config`] |
//! | [`auth`] | who asks and what they may (V1-AUTH-1, V1-AUTH-2); which signed messages a bus takes (MSG-7) |
//! | `address` | whom an address stands for |
//! | [`door`] | what stands between the network and an application: bounds, deadlines, TLS, overload |
//! | `http` | what HTTP needs here that actix-web does not bring |
//! | `protocol` | one folder per protocol version: routes, and handlers that translate |
//! | `web` | the browser library and the demonstration's page, served as they were built |
//! | `service` | what all requests share; counters, probes |
//! | [`error`] | every error code, its status and its shape, in one list |
//! | [`Backplane`] | the service as a handle, to be mounted in an actix-web application |
//! | [`server`], [`tls`] | listeners, certificates, signals, logs, an orderly end |
//!
//! The program of the same name is in `src/bin/backplane/`: a command line around this library.
//!
//! Dependencies point one way: this crate uses the actors, the actors know nothing of HTTP, files or
//! accounts. To serve the protocol inside a larger application start at [`Backplane`].

// A folder is a room, and `mod.rs` is its door.
#![warn(clippy::self_named_module_files)]

mod address;
pub mod auth;
mod backplane;
pub mod config;
pub mod door;
pub mod error;
mod http;
mod protocol;
pub mod server;
mod service;
pub mod tls;
mod web;

pub use backplane::{Backplane, RefusedBus, StartError, broker_of};
