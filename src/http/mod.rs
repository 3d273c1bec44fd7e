//! What HTTP needs here that actix-web does not bring. Nothing in this room knows the protocol.
//!
//! | module | what lives there |
//! |---|---|
//! | `announced` | the body of an answer to HEAD |
//! | `body` | a request's body, read within its bounds |
//! | `budget` | a bound on bytes that many hold at the same time, and their shares |
//! | `close_unread` | the end of connections that go on sending after their answer |
//! | `headers` | headers that all answers have, and those of pages |
//! | `host` | whom a request names as its server |
//! | `own_page` | whether a page of another origin asks |
//! | `routing` | one route for GET and HEAD |

mod announced;
mod body;
mod budget;
mod close_unread;
mod headers;
mod host;
mod own_page;
mod routing;

pub(crate) use announced::Announced;
pub(crate) use body::{Body, BodyBounds, read_body};
pub(crate) use budget::{Budget, Lease, NoRoom};
pub(crate) use close_unread::{CloseUnread, offers_websocket};
pub(crate) use headers::{CROSS_ORIGIN, Headers, RESOURCE_POLICY, mark_page};
pub(crate) use host::Host;
pub(crate) use own_page::is_own_page;
pub(crate) use routing::get_or_head;
