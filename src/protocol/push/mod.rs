//! What readers are told at once (docs/PUSH.md), apart from the way in which it travels.
//!
//! | module | what lives there |
//! |---|---|
//! | `accept` | pure: whether a request asks for an event stream |
//! | `body` | an event stream as the body of an answer |
//! | `facts` | pure: what is told beside messages |
//! | `piece` | pure: texts on their way, joined and cut |
//! | `positions` | pure: positions as texts, and which of them a channel goes on from |
//! | `sse` | pure: frames and facts as server-sent events |

mod accept;
mod body;
mod facts;
mod piece;
mod positions;
mod sse;

pub(crate) use accept::wants_events;
pub(crate) use body::{EventStream, Telling};
pub(crate) use positions::{ChannelSet, Given, single_since, text_of};
