//! The Backplane Protocol over HTTP. Handlers translate between HTTP and the broker, and do nothing else.
//!
//! Versions 1.0 and 1.1 are in [`v1`]; what versions share is here, and in [`push`] what readers are told at once.

mod names;
mod push;
pub(crate) mod v1;

pub(crate) use names::{bus_of, channel_of, matched_bus};
