//! The provisioning calls of the historical server, versions 1.0 to 1.2 and 2.0.
//!
//! `POST /v1.2/provision/user|bus/list|update|delete`, also below `/v1` and `/v1.1`, and `POST /v2/provision/user|client|bus/list|update|delete` and
//! `/v2/provision/grant/add|list|revoke`: the password of an admin comes in the body, and the answer is an object by names.
//!
//! | module | what lives there |
//! |---|---|
//! | `version` | what the versions differ in; pure |
//! | `words` | what their members mean, and how entities are told in them; pure |
//! | `orders` | the orders that they are |
//! | `calls` | the same over HTTP |

mod calls;
mod orders;
mod version;
mod words;

pub(crate) use self::calls::routes;
