//! The store on disk: one redb file in the data folder. A commit is one transaction, synced before it returns.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError};

use super::file::{self, Alone};
use super::format::{self, OLDEST, VERSION};
use super::{Change, Made, Store, StoreError};

/// Entities by name, in the form of `format`.
type Entities = TableDefinition<'static, &'static str, &'static [u8]>;

const ADMINS: Entities = TableDefinition::new("admins");
const USERS: Entities = TableDefinition::new("users");
const CLIENTS: Entities = TableDefinition::new("clients");
const BUSES: Entities = TableDefinition::new("buses");
/// By their ids.
const GRANTS: Entities = TableDefinition::new("grants");
/// What the file says of itself.
pub(super) const ABOUT: TableDefinition<'static, &'static str, u64> = TableDefinition::new("about");
/// The version of the format.
const FORMAT: &str = "format";

/// Bytes of the file that are kept in memory: all of it is, besides.
const CACHE: usize = 1 << 20;
/// How often, and how far apart, a server that starts tries to open a file that is in use.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);
/// How long the end of a process waits for the file to be closed.
const CLOSING: Duration = Duration::from_secs(1);

/// A store in a file of the data folder.
pub struct DiskStore {
    path: PathBuf,
    /// There until this is dropped.
    database: Option<Database>,
    /// After a write that failed nobody knows what is on the disk.
    failed: AtomicBool,
    /// The folder, where no server holds it.
    _alone: Option<Alone>,
}

/// What a store in this folder keeps, without changing anything; nothing where there is none.
///
/// # Errors
///
/// [`StoreError`].
pub fn kept(folder: &Path) -> Result<Made, StoreError> {
    match file::existing(folder)? {
        Some(file) => DiskStore::opened(folder, file, None)?.load(),
        None => Ok(Made::default()),
    }
}

impl DiskStore {
    /// The store in the data folder of a server that has the folder for itself already; made if need be.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut left = TRIES;
        loop {
            match Self::open_or_create(folder, None) {
                // Somebody who only looks has it, for a moment.
                Err(StoreError::InUse { .. }) if left > 0 => thread::sleep(PAUSE),
                opened => return opened,
            }
            left -= 1;
        }
    }

    /// The store in a data folder that no server uses: none can start meanwhile. Folder and file are made if need be.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn open_alone(folder: &Path) -> Result<Self, StoreError> {
        let alone = file::alone(folder)?;
        Self::open_or_create(folder, Some(alone))
    }

    fn open_or_create(folder: &Path, alone: Option<Alone>) -> Result<Self, StoreError> {
        match file::existing(folder)? {
            Some(file) => Self::opened(folder, file, alone),
            None => file::create(folder, |file| {
                let store = Self::around(folder, file, alone)?;
                store.begin()?;
                Ok(store)
            }),
        }
    }

    fn opened(folder: &Path, file: File, alone: Option<Alone>) -> Result<Self, StoreError> {
        let store = Self::around(folder, file, alone)?;
        store.check_version()?;
        Ok(store)
    }

    fn around(folder: &Path, file: File, alone: Option<Alone>) -> Result<Self, StoreError> {
        let path = file::path_in(folder);
        let opened = FileBackend::new(file).and_then(|backend| {
            Database::builder()
                .set_cache_size(CACHE)
                .set_check_integrity_on_open(true)
                .create_with_backend(backend)
        });
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.clone() },
            error => engine(&path, error),
        })?;
        Ok(Self { path, database: Some(database), failed: AtomicBool::new(false), _alone: alone })
    }

    pub(super) fn database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or_else(|| StoreError::Failed { path: self.path.clone() })
    }

    pub(super) fn engine(&self, error: impl Into<redb::Error>) -> StoreError {
        engine(&self.path, error)
    }

    pub(super) fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what }
    }

    /// Writes, unless a write has failed before.
    pub(super) fn unless_failed(
        &self,
        write: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(StoreError::Failed { path: self.path.clone() });
        }
        write().inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    pub(super) fn newer(&self, found: u64, known: u64) -> StoreError {
        StoreError::Newer { path: self.path.clone(), found, known }
    }

    /// Writes what an empty store has.
    fn begin(&self) -> Result<(), StoreError> {
        let transaction = self.database()?.begin_write().map_err(|error| self.engine(error))?;
        {
            let mut about = transaction.open_table(ABOUT).map_err(|error| self.engine(error))?;
            about.insert(FORMAT, VERSION).map_err(|error| self.engine(error))?;
            for table in [ADMINS, USERS, CLIENTS, BUSES, GRANTS] {
                transaction.open_table(table).map_err(|error| self.engine(error))?;
            }
        }
        transaction.commit().map_err(|error| self.engine(error))
    }

    fn check_version(&self) -> Result<(), StoreError> {
        let transaction = self.database()?.begin_read().map_err(|error| self.engine(error))?;
        let about = transaction.open_table(ABOUT).map_err(|error| self.engine(error))?;
        let found = about.get(FORMAT).map_err(|error| self.engine(error))?.map(|found| found.value());
        match found {
            Some(OLDEST..=VERSION) => Ok(()),
            Some(found) if found > VERSION => Err(self.newer(found, VERSION)),
            _ => Err(self.damaged("its format is none".to_owned())),
        }
    }

    fn read<K: std::str::FromStr + Ord, V>(
        &self,
        transaction: &redb::ReadTransaction,
        table: Entities,
        decode: impl Fn(&[u8]) -> Result<V, String>,
    ) -> Result<std::collections::BTreeMap<K, V>, StoreError> {
        let mut read = std::collections::BTreeMap::new();
        let table = match transaction.open_table(table) {
            // An older program wrote the file, and knew none of these.
            Err(TableError::TableDoesNotExist(_)) => return Ok(read),
            opened => opened.map_err(|error| self.engine(error))?,
        };
        for entry in table.iter().map_err(|error| self.engine(error))? {
            let (name, value) = entry.map_err(|error| self.engine(error))?;
            let name = name.value().parse().map_err(|_| self.damaged("a name is none".to_owned()))?;
            read.insert(name, decode(value.value()).map_err(|what| self.damaged(what))?);
        }
        Ok(read)
    }

    fn write(&self, changes: &[Change]) -> Result<(), StoreError> {
        let transaction = self.database()?.begin_write().map_err(|error| self.engine(error))?;
        // What an older program began is of this version from the first change on.
        let mut about = transaction.open_table(ABOUT).map_err(|error| self.engine(error))?;
        about.insert(FORMAT, VERSION).map_err(|error| self.engine(error))?;
        drop(about);
        for change in changes {
            let (table, name, value) = match change {
                Change::Admin(name, entity) => {
                    (ADMINS, name.as_str(), entity.as_ref().map(format::person_to))
                }
                Change::User(name, entity) => (USERS, name.as_str(), entity.as_ref().map(format::person_to)),
                Change::Client(name, entity) => {
                    (CLIENTS, name.as_str(), entity.as_ref().map(format::client_to))
                }
                Change::Bus(name, entity) => (BUSES, name.as_str(), entity.as_ref().map(format::bus_to)),
                Change::Grant(id, entity) => (GRANTS, id.as_str(), entity.as_ref().map(format::grant_to)),
            };
            let mut table = transaction.open_table(table).map_err(|error| self.engine(error))?;
            let done = match value.transpose().map_err(|what| self.damaged(what))? {
                Some(value) => table.insert(name, value.as_slice()).map(drop),
                None => table.remove(name).map(drop),
            };
            done.map_err(|error| self.engine(error))?;
        }
        transaction.commit().map_err(|error| self.engine(error))
    }
}

impl Store for DiskStore {
    fn load(&self) -> Result<Made, StoreError> {
        let transaction = self.database()?.begin_read().map_err(|error| self.engine(error))?;
        Ok(Made {
            admins: self.read(&transaction, ADMINS, format::person_of)?,
            users: self.read(&transaction, USERS, format::person_of)?,
            clients: self.read(&transaction, CLIENTS, format::client_of)?,
            buses: self.read(&transaction, BUSES, format::bus_of)?,
            grants: self.read(&transaction, GRANTS, format::grant_of)?,
        })
    }

    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.unless_failed(|| self.write(changes))
    }

    fn durability(&self) -> &'static str {
        "disk"
    }
}

impl Drop for DiskStore {
    /// The engine writes when it closes, which a disk that hangs keeps waiting: nobody waits for it longer than this. What was
    /// committed is there in any case.
    fn drop(&mut self) {
        let Some(database) = self.database.take() else { return };
        let (done, closed) = mpsc::channel();
        let close = move || {
            drop(database);
            // Whoever waited may have gone.
            _ = done.send(());
        };
        if thread::Builder::new().name("store".to_owned()).spawn(close).is_ok() {
            _ = closed.recv_timeout(CLOSING);
        }
    }
}

/// What the engine says, sorted by what an operator does about it.
fn engine(path: &Path, error: impl Into<redb::Error>) -> StoreError {
    let path = path.to_owned();
    match error.into() {
        redb::Error::Io(error) => StoreError::Io { path, error },
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse { path },
        redb::Error::PreviousIo => StoreError::Failed { path },
        error => StoreError::Damaged { path, what: error.to_string() },
    }
}
