//! Readers over WebSocket (docs/PUSH.md): the same messages and facts, and what clients say.
//!
//! | module | what lives there |
//! |---|---|
//! | `ask` | pure: what a client asks for, out of its texts |
//! | `handshake` | pure: whether a request becomes a WebSocket |
//! | `hear` | pure: what a client says, out of its frames |
//! | `posts` | what a client posts |
//! | `socket` | the connection, as the body of an answer |
//! | `tell` | pure: what the server says, as frames |
//!
//! The frames are those of `actix_http::ws`, which `actix-ws` stands on. What that crate adds is not taken: it keeps of a frame
//! whatever its head announces before it asks whether so much is allowed, copies each text for each reader, and queues 32 of
//! them beside the connection's buffer.

mod ask;
mod handshake;
mod hear;
mod posts;
mod socket;
mod tell;

pub(crate) use handshake::Handshake;
pub(crate) use posts::Poster;
pub(crate) use socket::{Opening, Socket};
