//! Users, clients, buses, grants and admins that are made while the server runs.
//!
//! ```text
//! /admin/v1/…            ─ resources  ─┐            ┌─ check ─► store ─► service ─► audit
//! /v1.2, /v2/provision/… ─ historical ─┼─► orders ─►│ registrar: one change at a time
//! the command line alone ─ direct     ─┘            └─ a new configuration (SIGHUP) goes the same way
//! ```
//!
//! The registrar alone knows what is in force: the configuration with what was made beside it. A change is checked, kept, and then
//! taken over. What the service then refuses, for want of a log, is taken back in the store. A process that ends in
//! between leaves a bus of which the log knows and nobody else: it is retired at the next start.
//!
//! | module | what lives there |
//! |---|---|
//! | `kind` | what there is to be made; pure |
//! | `order` | what somebody wants, and what was done; pure |
//! | `outcome` | what orders make of all that is made; pure |
//! | `owner` | what owners of buses do themselves |
//! | `pages` | the tokens of a bus's pages, ended all at once |
//! | `put` | what one order makes of one entity; pure |
//! | `books` | what is shown of it; pure |
//! | `taken` | what is made, as a start and the service take it |
//! | `registrar` | the one owner of what is in force |
//! | `random` | ids and secrets that nobody guesses |
//! | `setup` | the secret that makes the first admin |
//! | `who` | who asks, and the lines of the log about changes |
//! | `guard` | who is let in |
//! | `problem` | the shape of errors here (RFC 9457) |
//! | `resources` | `/admin/v1`: resources, as JSON |
//! | `historical` | the calls of the historical server |
//! | `direct` | the same requests where no server runs |

mod books;
mod direct;
mod guard;
mod historical;
mod kind;
mod order;
mod outcome;
mod owner;
mod pages;
mod problem;
mod put;
mod random;
mod registrar;
mod resources;
mod setup;
mod taken;
#[cfg(test)]
mod tests;
mod who;

pub use self::direct::{Direct, DirectError};
pub use self::guard::Peer;
pub(crate) use self::owner::{NotGiven, OwnedGrant};
pub(crate) use self::registrar::Registrar;
pub use self::registrar::{TakeOverError, TakenOver};
pub(crate) use self::taken::settled;
pub(crate) use self::{historical::routes as historical_routes, resources::routes as resource_routes};
