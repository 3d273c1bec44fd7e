//! Users, clients, buses, grants and admins that are made at run time, and their keeping.
//!
//! What is kept is small and is in memory as a whole ([`Made`]); a [`Store`] keeps it over restarts. Everything that happens is a
//! function from one [`Made`] to another, and the difference between the two is what a store is given, as one transaction.
//!
//! | module | what lives there |
//! |---|---|
//! | `entity` | what is made: names, secrets, settings, grants |
//! | `made` | all of it, and the difference between two of them; pure |
//! | `cascade` | what grants may cover: one that names what is gone is gone; pure |
//! | `merge` | what is made beside what is configured: the configuration that is in force; pure |
//! | `format` | the form in which entities are kept |
//! | `file` | the file in the data folder, for this server alone |
//! | `memory` | the store of a server without a data folder |
//! | `disk` | the store on disk, in redb |
//! | `tokens` | the keeping of privileged tokens, in the same file |
//! | `error` | why a store cannot be used |

mod cascade;
mod disk;
mod entity;
mod error;
mod file;
mod format;
mod made;
mod memory;
mod merge;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use cascade::Estate;
pub use disk::{DiskStore, kept};
pub use entity::{AdminName, Grant, Grantor, MadeBus, MadeClient, MadePerson, Settings, SettingsError};
pub use error::StoreError;
pub use made::{Change, Made};
pub use memory::MemoryStore;
pub use merge::{MergeError, Merged, Note, merge};
pub use tokens::{MemoryTokens, TokenStore};

/// Keeps what is made. One process has it at a time.
///
/// Contract (`tests` holds each store to it):
///
/// - [`Store::commit`] makes all of its changes or none, also when the process or the machine ends meanwhile.
/// - Once it has returned `Ok` they are as durable as the store says, and [`Store::load`] shows them.
/// - After an error nobody knows whether they are made; [`Store::load`] tells, at the latest after a restart.
/// - Changes are made in the order in which they are given; a later one of the same name counts.
pub trait Store: Send + Sync {
    /// All that is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn load(&self) -> Result<Made, StoreError>;

    /// Makes these changes, all or none of them. Blocks until they are durable.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;

    /// What a change survives once it is made: `memory` or `disk`, as `Backplane-Durability` has it.
    fn durability(&self) -> &'static str;
}
