//! `/admin/v1`: users, clients, buses, grants and admins as resources, in JSON.
//!
//! | call | what it does |
//! |---|---|
//! | `GET /admin/v1/buses`, `users`, `clients`, `grants`, `admins` | a part of all, in the order of their names: `limit`, `after` |
//! | `GET /admin/v1/buses/NAME` | one of them, with its `ETag` |
//! | `PUT` | makes it, or has it so from now on; `If-None-Match: *`, `If-Match` |
//! | `PATCH` | changes some of it (RFC 7396) |
//! | `DELETE` | takes it away |
//! | `POST /admin/v1/admins` | makes an admin, the first one with the secret that the start prints |
//! | `POST /admin/v1/clients` | makes a client, with a secret that the server makes if it is asked to |
//! | `POST /admin/v1/grants` | gives a grant; `DELETE /admin/v1/grants/ID` revokes it, and nothing changes it |
//! | `DELETE /admin/v1/buses/NAME/pages` | ends all tokens of pages of the bus that were issued until now |
//!
//! | module | what lives there |
//! |---|---|
//! | `ask` | what a request wants, whatever way it came |
//! | `parts` | the members of a body |
//! | `handlers` | the same over HTTP |

mod ask;
mod handlers;
mod parts;

pub(super) use self::ask::{Asked, Verb, hashed, list, make, one, order};
pub(crate) use self::handlers::routes;
