//! The store of a server without a data folder: tokens end with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use backplane_actors::{BusName, Timestamp};

use super::TokenStore;
use crate::access::Digest;
use crate::access::ledger::{Family, TokenChange};
use crate::store::StoreError;

/// Keeps tokens as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    families: HashMap<Digest, Arc<Family>>,
    pages: BTreeMap<BusName, Timestamp>,
}

impl TokenStore for MemoryTokens {
    fn load_tokens(&self) -> Result<Vec<TokenChange>, StoreError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let families =
            kept.families.iter().map(|(id, family)| TokenChange::Family(*id, Some(Arc::clone(family))));
        let pages = kept.pages.iter().map(|(bus, from)| TokenChange::Pages(bus.clone(), Some(*from)));
        Ok(families.chain(pages).collect())
    }

    fn commit_tokens(&self, changes: &[TokenChange]) -> Result<(), StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes.iter().cloned() {
            match change {
                TokenChange::Family(id, Some(family)) => _ = kept.families.insert(id, family),
                TokenChange::Family(id, None) => _ = kept.families.remove(&id),
                TokenChange::Pages(bus, Some(from)) => _ = kept.pages.insert(bus, from),
                TokenChange::Pages(bus, None) => _ = kept.pages.remove(&bus),
            }
        }
        Ok(())
    }
}
