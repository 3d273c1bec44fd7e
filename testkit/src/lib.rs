//! What the tests and benches of this workspace share.
//!
//! | part | what it is | feature |
//! |---|---|---|
//! | [`eventually`], [`PATIENCE`], [`START`] | how tests wait, and the time at which their clocks begin | |
//! | [`broker`] | a broker alone, on a clock that the test moves; messages, and what pages hold | |
//! | [`Service`] | the service in a thread of this process, on port 0 and with a clock of its own | `service` |
//! | [`Setup`], [`Server`] | a service with two buses and users of all kinds, which has to end in order | `service` |
//! | [`Home`], [`Program`] | a folder, and the built program as an operator starts it there | `service` |
//! | [`Client`], [`Reply`] | an ordinary HTTP client, whose answers have to be described | `service` |
//! | [`described`] | whether the description of the API has an answer | `service` |
//! | [`Events`], [`Said`] | an event stream, as its reader sees it | `service` |
//! | [`Socket`], [`Frame`] | a WebSocket, as its client sees it | `service` |
//! | [`Raw`] | a socket for what no ordinary client would send | `service` |
//! | [`identity`] | an identity provider, and tokens that it signs | `service` |
//! | [`Certificate`] | a certificate made for the test | `service` |
//! | [`witness`] | what happened under load, and what was wrong with it | `service` |
//!
//! The tests of `backplane-actors` use it without the feature: the broker knows nothing of the service.
//! Nothing here sleeps for a time that was guessed: [`eventually`] waits for a condition.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    clippy::new_without_default,
    reason = "tests say what they expect by panicking"
)]

pub mod broker;
#[cfg(feature = "service")]
mod client;
#[cfg(feature = "service")]
pub mod described;
#[cfg(feature = "service")]
mod events;
#[cfg(feature = "service")]
pub mod identity;
#[cfg(feature = "service")]
mod log;
#[cfg(feature = "service")]
mod program;
#[cfg(feature = "service")]
mod raw;
#[cfg(feature = "service")]
mod server;
#[cfg(feature = "service")]
mod service;
#[cfg(feature = "service")]
mod socket;
#[cfg(all(test, feature = "service"))]
mod tests;
#[cfg(feature = "service")]
mod tls;
#[cfg(feature = "service")]
mod users;
#[cfg(feature = "service")]
pub mod witness;

use std::time::{Duration, Instant};

use backplane_actors::Timestamp;

#[cfg(feature = "service")]
pub use self::{
    client::{Client, Reply, message, messages, send},
    events::{Events, Said},
    log::errors_in,
    program::{Ended, Home, Program, backplane, paste},
    raw::{Raw, basic},
    server::{Server, Setup},
    service::Service,
    socket::{Frame, Socket, TEXT, masked, upgrade},
    tls::Certificate,
    users::{BUS, OTHER_BUS, password_hash, password_of, strong_hash},
};

/// How long anything may take before a test gives up: far more than any machine needs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// When the clocks of tests begin. Any day will do.
pub const START: Timestamp = Timestamp::from_millis(1_763_683_200_000);

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until this holds. Ends by panicking: a condition that never holds is a finding.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(PAUSE);
    }
}
