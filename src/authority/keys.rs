//! The keys in force. They are read again while the server runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::rand;

use super::{KeyFile, KeyFileError};
use crate::access::{KeyRing, RawKey};
use crate::config::Config;

/// The keys in force, and where they come from.
pub struct Keys {
    ring: ArcSwap<KeyRing>,
    file: Option<KeyFile>,
}

impl Keys {
    /// A key that ends with the process, and all tokens of pages with it.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Randomness`].
    pub fn in_memory() -> Result<Self, KeyFileError> {
        let mut raw = RawKey::default();
        rand::fill(&mut *raw).map_err(|_| KeyFileError::Randomness)?;
        Ok(Self { ring: ArcSwap::from_pointee(KeyRing::of(&raw)), file: None })
    }

    /// Those of a file, which is made if it is the server's own.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`].
    pub fn of_file(file: KeyFile) -> Result<Self, KeyFileError> {
        Ok(Self { ring: ArcSwap::from_pointee(file.load_or_make()?), file: Some(file) })
    }

    /// Those of a server with this configuration.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`].
    pub fn of(config: &Config) -> Result<Self, KeyFileError> {
        KeyFile::of(config).map_or_else(Self::in_memory, Self::of_file)
    }

    /// Reads the file again, if there is one. Blocks.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]: the keys stay as they were.
    pub fn reload(&self) -> Result<(), KeyFileError> {
        if let Some(file) = &self.file {
            self.ring.store(Arc::new(file.load()?));
        }
        Ok(())
    }

    /// The keys in force.
    #[must_use]
    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring.load_full()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("ring", &self.ring()).field("file", &self.file).finish()
    }
}
