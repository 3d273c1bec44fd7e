//! The Backplane Protocol over HTTP. Handlers translate between HTTP and the broker, and do nothing else.
//!
//! Each version has a folder; what they share is here. Version 1.0 is served. Versions 1.1 to 1.3 will
//! reach the same handlers with another frame, version 2.0 will stand beside [`v1`].

mod body;
mod names;
pub(crate) mod v1;

pub(crate) use body::read_body;
pub(crate) use names::{bus_of, channel_of};
