//! What all black-box tests share: a server, and clients that talk to it over real sockets.
//!
//! | part | what it is |
//! |---|---|
//! | [`Setup`], [`Server`] | the service in this process, on port 0 and a clock that the test moves |
//! | [`Home`], [`Program`] | a folder, and the built program as an operator starts it there |
//! | [`Client`], [`Reply`] | an ordinary HTTP client |
//! | [`Raw`] | a socket for what no ordinary client would send |
//! | [`Certificate`] | a certificate made for the test |
//!
//! Nothing here sleeps for a time that was guessed: [`eventually`] waits for a condition.
#![allow(dead_code, unused_imports, reason = "each test binary uses its share")]

mod client;
mod program;
mod raw;
mod server;
mod tls;

use std::time::{Duration, Instant};

pub(crate) use client::{Client, Reply, message, messages, send};
pub(crate) use program::{Ended, Home, Program};
pub(crate) use raw::{Raw, basic};
pub(crate) use server::{BUS, OTHER_BUS, Server, Setup, password_hash, password_of};
pub(crate) use tls::Certificate;

/// How long anything may take before a test gives up: far more than any machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until this holds. Ends by panicking: a condition that never holds is a finding.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
