//! The client against a server written by hand, which says what no good server and no good network would.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by panicking"
)]

mod fake;
mod faults;
mod polls;
mod posts;
mod streams;
mod tokens;
