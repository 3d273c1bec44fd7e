//! The Backplane service: the broker of [`backplane_actors`] behind HTTP, with accounts and a configuration.
//!
//! # What lives here
//!
//! | part | what it does |
//! |---|---|
//! | [`config`] | file, environment and flags → one checked [`config::Config`] |
//! | [`auth`] | who asks and what they may (V1-AUTH-1, V1-AUTH-2); which signed messages a bus takes (MSG-7) |
//! | [`access`] | what version 2.0 lets whom do: clients, grants, scopes and tokens as values |
//! | `address` | whom an address stands for |
//! | [`door`] | what stands between the network and an application: bounds, deadlines, TLS, overload |
//! | `rates` | how often somebody may do something |
//! | `http` | what HTTP needs here that actix-web does not bring |
//! | `protocol` | one folder per protocol version: routes, and handlers that translate |
//! | `web` | the browser library, the demonstration's page and the description of the API, served as they were built |
//! | `service` | what all requests share; counters, probes |
//! | [`store`] | users, clients, buses, grants and admins that are made at run time, and their keeping |
//! | [`authority`] | the one owner of tokens of version 2.0: asks, keeps and answers |
//! | [`provision`] | how they are made, over HTTP and by the command line |
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

pub mod access;
mod address;
pub mod auth;
pub mod authority;
mod backplane;
pub mod config;
pub mod door;
pub mod error;
mod http;
mod issuers;
mod protocol;
pub mod provision;
mod rates;
pub mod server;
mod service;
pub mod store;
pub mod tls;
mod web;

pub use backplane::{Backplane, NotMade, StartError};
pub use service::{RefusedBus, broker_of};
pub use web::description::Described;
