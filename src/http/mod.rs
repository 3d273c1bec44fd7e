//! What HTTP needs here that actix-web does not bring. Nothing in this room knows the protocol.
//!
//! | module | what lives there |
//! |---|---|
//! | `body` | a request's body, read within its bounds |
//! | `close_unread` | the end of connections that go on sending after their answer |
//! | `routing` | one route for GET and HEAD |

mod body;
mod close_unread;
mod routing;

pub(crate) use body::read_body;
pub(crate) use close_unread::CloseUnread;
pub(crate) use routing::get_or_head;
