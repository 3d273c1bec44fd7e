//! The Backplane Protocol over HTTP. Handlers translate between HTTP and the broker, and do nothing else.
//!
//! Versions 1.0 to 1.3 are in [`v1`], version 2.0 is in [`v2`]; what versions share is here, and in [`push`] what readers are told at once.
//!
//! | module | what lives there |
//! |---|---|
//! | `list` | the messages of a retrieval as a body |
//! | `media` | what bodies are said to be |
//! | `names` | names out of a request's path |
//! | `padding` | answers as scripts |
//! | `posting` | what becomes of a posted text on its way to the bus |
//! | `push` | what readers are told at once |
//! | `quota` | what clients are told of the quotas that they draw on |
//! | `retrieved` | the answer to a retrieval around its messages |
//! | `shown` | a message as a version shows it |
//! | `v1` | versions 1.0 to 1.3 |
//! | `v2` | version 2.0 |

mod list;
pub(crate) mod media;
mod names;
mod padding;
mod posting;
mod push;
mod quota;
mod retrieved;
mod shown;
pub(crate) mod v1;
pub(crate) mod v2;

pub(crate) use names::{bus_of, channel_of, matched_bus};
