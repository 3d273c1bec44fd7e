//! The one owner of tokens: asks, keeps and answers, from any thread.
//!
//! ```text
//! token endpoint ─► Authority ─► ledger (pure): changes and outcome ─► store, synced ─► applied ─► answer
//! each request   ─► check: one digest, one look-up, then what is granted now; no disk
//! open streams   ─► ended: sleeps until a token ends or is over
//! pages          ─► Pages: seals and opens; nothing is kept
//! ```
//!
//! Changes come one after the other, each is durable before it counts, and whoever asks may go away meanwhile: what was begun is brought to
//! its end. What only ends something counts also where it could not be kept: it is refused until a restart, and nobody is told that
//! all is well.
//!
//! | module | what lives there |
//! |---|---|
//! | `clients` | privileged tokens |
//! | `pages` | tokens of pages, and names of channels |
//! | `keys` | the keys in force |
//! | `key_file` | the file with the keys |

mod clients;
mod key_file;
mod keys;
mod pages;
#[cfg(test)]
mod tests;

pub use self::clients::{Authority, AuthorityError, AuthoritySettings};
pub use self::key_file::{KeyFile, KeyFileError};
pub use self::keys::Keys;
pub use self::pages::{PageTokens, Pages, PagesError};
