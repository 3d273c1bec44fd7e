//! The keeping of privileged tokens: digests, and what they are good for. They stand in tables of their own in the file of the store, and are
//! in memory as a whole besides (the ledger of [`access`](crate::access)).
//!
//! | module | what lives there |
//! |---|---|
//! | `format` | the form in which families are kept |
//! | `memory` | the store of a server without a data folder |
//! | `disk` | the tables in the file |

mod disk;
mod format;
mod memory;
#[cfg(test)]
mod tests;

pub use self::memory::MemoryTokens;
use super::StoreError;
use crate::access::ledger::TokenChange;

/// Keeps privileged tokens. The contract is that of [`Store`](super::Store).
pub trait TokenStore: Send + Sync {
    /// All that is kept, as the changes that make it of nothing; their order tells nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn load_tokens(&self) -> Result<Vec<TokenChange>, StoreError>;

    /// Makes these changes, in this order, all or none of them. Blocks until they are durable.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn commit_tokens(&self, changes: &[TokenChange]) -> Result<(), StoreError>;
}
