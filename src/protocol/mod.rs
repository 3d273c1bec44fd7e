//! The Backplane Protocol over HTTP. Handlers translate between HTTP and the broker, and do nothing else.
//!
//! Versions 1.0 and 1.1 are in [`v1`]; what versions share is here, and in [`push`] what readers are told at once.
//!
//! | module | what lives there |
//! |---|---|
//! | `names` | names out of a request's path |
//! | `posting` | what becomes of a posted text on its way to the bus |
//! | `push` | what readers are told at once |
//! | `v1` | versions 1.0 and 1.1 |

mod names;
mod posting;
mod push;
pub(crate) mod v1;

pub(crate) use names::{bus_of, channel_of, matched_bus};
