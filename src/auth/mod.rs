//! Who asks, and may they: HTTP Basic credentials (V1-AUTH-1, V1-AUTH-2).
//!
//! ```text
//! request ─► request (adapter) ─► transport: may credentials travel here at all, whose address is it
//!                             └─► verifier:  header ─ basic ─► cache of verified credentials ─► user
//!                                                          └─► limiter ─► argon2 on a blocking thread
//!                                                                 └─ refused ─► a second look, untold
//! user ─► accounts: may this user read or post on this bus
//! ```
//!
//! `basic`, `changes`, `choosing`, `user`, `password`, `accounts`, `forwarded`, `transport`, `limiter` and `familiar/format` are
//! pure: they import neither actix nor tokio, read no clock and take time as an argument. `verifier` owns the clock, the
//! process key and the blocking threads; `familiar` keeps over a restart which addresses were right; `events` tells the log
//! who came in and who did not; `request` is the one file that knows actix-web.
//!
//! [`signatures`] is about keys of another kind: which signed messages a bus takes (MSG-7).
//!
//! No type here shows a password through `Debug` or `Display`, and no error repeats what the client sent (I-8).

mod accounts;
pub mod basic;
mod changes;
mod choosing;
mod events;
mod familiar;
mod forwarded;
mod limiter;
mod password;
mod request;
mod settings;
pub mod signatures;
mod transport;
mod user;
mod verifier;

pub use accounts::{Accounts, AccountsError, Right};
pub use choosing::{PASSWORD_MAX, PASSWORD_MIN, Unfit, may_be_chosen};
pub use familiar::{FamiliarAddresses, FamiliarError, FamiliarFile};
pub use password::{PasswordHash, PasswordHashError};
pub use request::{authorization, transport};
pub use settings::{AuthSettings, FailureLimit};
pub use transport::{Listener, Said, Scheme, Transport, TransportPolicy};
pub use user::{USER_NAME_MAX, UserName, UserNameError};
pub use verifier::{AuthError, Authenticator};
