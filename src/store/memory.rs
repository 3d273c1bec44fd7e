//! The store of a server without a data folder: what is made ends with the process.

use std::sync::{Mutex, PoisonError};

use super::{Change, Made, Store, StoreError};

/// Keeps what is made as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Made>);

impl MemoryStore {
    /// With this made already.
    #[must_use]
    pub fn with(made: Made) -> Self {
        Self(Mutex::new(made))
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<Made, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changes.iter().cloned().for_each(|change| made.apply(change));
        Ok(())
    }

    fn durability(&self) -> &'static str {
        "memory"
    }
}
