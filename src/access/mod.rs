//! What version 2.0 lets whom do: clients, grants, scopes and tokens as values. Pure: nothing here knows HTTP, a runtime, a store or the clock.
//!
//! | module | what lives there |
//! |---|---|
//! | `authorization` | what a client asks an owner of buses for, and how it is answered |
//! | `client` | names of clients, their URLs, and what they were granted |
//! | `foreign` | access tokens of identity providers that the operator trusts |
//! | `scope` | what a token lets see: filters, joined |
//! | `text` | tokens as texts: their kinds, and what is kept of one |
//! | `keys` | the keys that pages' tokens and names of channels prove themselves by |
//! | `channel` | names of channels that prove to which bus they were bound |
//! | `regular` | tokens of pages, which prove themselves |
//! | `ledger` | tokens of clients: a state machine |

pub mod authorization;
pub mod channel;
mod client;
pub mod foreign;
mod keys;
pub mod ledger;
pub mod regular;
mod scope;
mod text;

pub use client::{ClientName, ClientNameError, ClientUrl, ClientUrlError, GrantId, NotAGrantId, Tenancy};
pub use keys::{KEY_LENGTH, KeyRing, KeysError, RawKey};
pub use scope::{Facts, SCOPE_MAX, SCOPE_PARTS_MAX, Scope, ScopeError};
pub use text::{Digest, TokenKind, TokenText};
