//! What readers are told at once (docs/PUSH.md), apart from the way in which it travels.
//!
//! | module | what lives there |
//! |---|---|
//! | `accept` | whether a request asks for an event stream, and what the answer begins with |
//! | `bell` | the end of the service, as one who waits listens for it |
//! | `body` | an event stream as the body of an answer |
//! | `ends` | the end of what lets a reader read, as one who waits listens for it |
//! | `facts` | pure: what is told beside messages |
//! | `form` | pure: in which forms messages are kept encoded |
//! | `piece` | pure: texts on their way, joined and cut |
//! | `positions` | pure: positions as texts, and which of them a channel goes on from |
//! | `rest` | pure: what was begun and does not fit into a piece |
//! | `retry` | when whoever was sent away comes back |
//! | `source` | what a stream tells of |
//! | `sse` | pure: frames and facts as server-sent events |
//! | `ws` | the same over WebSocket, and what clients say there |

mod accept;
mod bell;
mod body;
mod ends;
mod facts;
mod form;
mod piece;
mod positions;
mod rest;
mod retry;
mod source;
mod sse;
mod ws;

pub(crate) use accept::{event_head, wants_events};
pub(crate) use body::{EventStream, Telling};
pub(crate) use ends::Ends;
pub(crate) use facts::Reason;
pub(crate) use positions::{ChannelSet, Given, LAST_EVENT_ID, RESUME, single_since, text_of};
pub(crate) use source::Source;
pub(crate) use ws::{Handshake, Opening, Poster, Socket};
