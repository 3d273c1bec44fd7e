//! The service over real sockets: conformance by rule id, bounds, security, operations, first use.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod attackers;
mod bounds;
mod cors;
mod demonstration;
mod described;
mod durability;
mod envelopes;
mod first_use;
mod headers;
mod i_json;
mod idempotency;
mod media_types;
mod messages;
mod methods;
mod names;
mod old_software;
mod operations;
mod panics;
mod positions;
mod preflight;
mod promises;
mod provisioning;
mod push;
mod rates;
mod reload;
mod retrieval;
mod rights;
mod secrets;
mod shutdown;
mod sign_ins;
mod slow_readers;
mod throttling;
mod tls;
mod traffic;
mod transport;
mod upgrades;
mod v2;
mod warnings;
