//! What readers are told at once (docs/PUSH.md), apart from the way in which it travels.
//!
//! | module | what lives there |
//! |---|---|
//! | `accept` | pure: whether a request asks for an event stream |
//! | `bell` | the end of the service, as one who waits listens for it |
//! | `body` | an event stream as the body of an answer |
//! | `facts` | pure: what is told beside messages |
//! | `piece` | pure: texts on their way, joined and cut |
//! | `positions` | pure: positions as texts, and which of them a channel goes on from |
//! | `rest` | pure: what was begun and does not fit into a piece |
//! | `retry` | when whoever was sent away comes back |
//! | `sse` | pure: frames and facts as server-sent events |
//! | `ws` | the same over WebSocket, and what clients say there |

mod accept;
mod bell;
mod body;
mod facts;
mod piece;
mod positions;
mod rest;
mod retry;
mod sse;
mod ws;

pub(crate) use accept::wants_events;
pub(crate) use body::{EventStream, Telling};
pub(crate) use positions::{ChannelSet, Given, single_since, text_of};
pub(crate) use ws::{Handshake, Opening, Poster, Socket};
