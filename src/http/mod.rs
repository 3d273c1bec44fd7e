//! What HTTP needs here that actix-web does not bring. Nothing in this room knows the protocol.
//!
//! | module | what lives there |
//! |---|---|
//! | `announced` | the body of an answer to HEAD |
//! | `body` | a request's body, read within its bounds |
//! | `budget` | a bound on bytes that many hold at the same time |
//! | `close_unread` | the end of connections that go on sending after their answer |
//! | `host` | whom a request names as its server |
//! | `routing` | one route for GET and HEAD |
//! | `unkept` | headers that all answers have |

mod announced;
mod body;
mod budget;
mod close_unread;
mod host;
mod routing;
mod unkept;

pub(crate) use announced::Announced;
pub(crate) use body::read_body;
pub(crate) use budget::{Budget, Lease};
pub(crate) use close_unread::CloseUnread;
pub(crate) use host::Host;
pub(crate) use routing::get_or_head;
pub(crate) use unkept::Unkept;
