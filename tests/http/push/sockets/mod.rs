//! WebSocket.
//!
//! | module | what lives there |
//! |---|---|
//! | `bounds` | what one may cost |
//! | `endings` | why one ends |
//! | `held` | a log that is late |
//! | `opening` | who may open one, and how |
//! | `publishing` | posting over one |
//! | `reading` | messages and facts, and what is subscribed to |
//! | `rules` | what RFC 6455 says, and who breaks it |

mod bounds;
mod endings;
mod held;
mod opening;
mod publishing;
mod reading;
mod rules;

use testkit::{Server, Socket, basic};

use super::{channel, channels, waiting};

/// A WebSocket at a path, of nobody in particular.
#[track_caller]
fn open(server: &Server, path: &str) -> Socket {
    Socket::open(server.address(), path, "")
}

/// One of a user.
#[track_caller]
fn open_as(server: &Server, user: &str, path: &str) -> Socket {
    Socket::open(server.address(), path, &basic(user))
}

/// The path of channels that are named later.
fn no_channels() -> String {
    channels(&[], "")
}
