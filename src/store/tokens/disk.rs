//! The tables of tokens in the file of the store.

use backplane_actors::Timestamp;
use redb::{ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError};

use super::{TokenStore, format};
use crate::access::Digest;
use crate::access::ledger::TokenChange;
use crate::store::disk::ABOUT;
use crate::store::{DiskStore, StoreError};

/// Families by their digests, in the form of `format`.
const FAMILIES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("token_families");
/// From when on tokens of pages are good, in milliseconds since 1970, by bus.
const PAGES: TableDefinition<&str, u64> = TableDefinition::new("page_tokens_not_before");
/// What the file says of their form.
const FORMAT: &str = "tokens";
/// The form that this program knows.
const VERSION: u64 = 1;

impl TokenStore for DiskStore {
    fn load_tokens(&self) -> Result<Vec<TokenChange>, StoreError> {
        let transaction = self.database()?.begin_read().map_err(|error| self.engine(error))?;
        let about = transaction.open_table(ABOUT).map_err(|error| self.engine(error))?;
        let found = about.get(FORMAT).map_err(|error| self.engine(error))?.map(|found| found.value());
        match found {
            // Nobody was given a token yet.
            None => return Ok(Vec::new()),
            Some(VERSION) => {}
            Some(found) if found > VERSION => return Err(self.newer(found, VERSION)),
            Some(_) => return Err(self.damaged("the form of its tokens is none".to_owned())),
        }
        let mut kept = self.families(&transaction)?;
        kept.extend(self.pages(&transaction)?);
        Ok(kept)
    }

    fn commit_tokens(&self, changes: &[TokenChange]) -> Result<(), StoreError> {
        self.unless_failed(|| self.write_tokens(changes))
    }
}

impl DiskStore {
    fn families(&self, transaction: &ReadTransaction) -> Result<Vec<TokenChange>, StoreError> {
        let table = match transaction.open_table(FAMILIES) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table.map_err(|error| self.engine(error))?,
        };
        let entries = table.iter().map_err(|error| self.engine(error))?;
        let families = entries.map(|entry| {
            let (id, family) = entry.map_err(|error| self.engine(error))?;
            let family = format::family_of(family.value()).map_err(|what| self.damaged(what))?;
            Ok(TokenChange::Family(Digest::from_bytes(*id.value()), Some(family.into())))
        });
        families.collect()
    }

    fn pages(&self, transaction: &ReadTransaction) -> Result<Vec<TokenChange>, StoreError> {
        let table = match transaction.open_table(PAGES) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table.map_err(|error| self.engine(error))?,
        };
        let entries = table.iter().map_err(|error| self.engine(error))?;
        let pages = entries.map(|entry| {
            let (bus, from) = entry.map_err(|error| self.engine(error))?;
            let bus = bus.value().parse().map_err(|_| self.damaged("a name of a bus is none".to_owned()))?;
            Ok(TokenChange::Pages(bus, Some(Timestamp::from_millis(from.value()))))
        });
        pages.collect()
    }

    fn write_tokens(&self, changes: &[TokenChange]) -> Result<(), StoreError> {
        let transaction = self.database()?.begin_write().map_err(|error| self.engine(error))?;
        {
            let mut about = transaction.open_table(ABOUT).map_err(|error| self.engine(error))?;
            about.insert(FORMAT, VERSION).map_err(|error| self.engine(error))?;
            let mut families = transaction.open_table(FAMILIES).map_err(|error| self.engine(error))?;
            let mut pages = transaction.open_table(PAGES).map_err(|error| self.engine(error))?;
            for change in changes {
                let done = match change {
                    TokenChange::Family(id, Some(family)) => {
                        let family = format::family_to(family).map_err(|what| self.damaged(what))?;
                        families.insert(id.as_bytes(), family.as_slice()).map(drop)
                    }
                    TokenChange::Family(id, None) => families.remove(id.as_bytes()).map(drop),
                    TokenChange::Pages(bus, Some(from)) => {
                        pages.insert(bus.as_str(), from.as_millis()).map(drop)
                    }
                    TokenChange::Pages(bus, None) => pages.remove(bus.as_str()).map(drop),
                };
                done.map_err(|error| self.engine(error))?;
            }
        }
        transaction.commit().map_err(|error| self.engine(error))
    }
}
