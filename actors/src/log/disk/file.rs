//! The few things that the log asks of a file system.
//!
//! All durability goes through these two traits, so that the simulator beside this file can cut, tear,
//! reorder and fail every single operation. The real one is in `folder`.

use std::io;
use std::path::PathBuf;

/// A folder with the log's files.
pub(crate) trait Folder: Send + Sync {
    /// What to call a file, or the folder for the empty name, in a message to an operator.
    fn path(&self, name: &str) -> PathBuf;
    /// Keeps other processes out until the value is dropped. [`io::ErrorKind::WouldBlock`] when one is in.
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>>;
    /// Whether a process is in. Changes nothing.
    fn is_locked(&self) -> bool;
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Creates an empty file. The name lasts once the folder is synced.
    fn create(&self, name: &str) -> io::Result<Box<dyn StoredFile>>;
    /// The content of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// Opens a file for writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn StoredFile>>;
    /// Removes a file. It stays away once the folder is synced.
    fn unlink(&self, name: &str) -> io::Result<()>;
    /// Makes the names of files durable.
    fn sync(&self) -> io::Result<()>;
    /// Bytes that are free on the disk for this process.
    fn free(&self) -> io::Result<u64>;
}

/// One file.
pub(crate) trait StoredFile: Send {
    /// Writes some of these bytes.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts the file, or extends it with zeros.
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Takes room on the disk for this length, zeros for now.
    fn reserve(&self, length: u64) -> io::Result<()>;
    /// Makes the content and the length durable.
    fn sync(&self) -> io::Result<()>;
}

/// Writes all these bytes.
pub(crate) fn write_all(file: &dyn StoredFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset = offset.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes room beforehand if there is some; without, writing shows how far it goes.
pub(crate) fn reserve(file: &dyn StoredFile, used: u64, size: u64) -> io::Result<()> {
    if used < size && file.reserve(size).is_err() {
        file.set_len(used)?;
    }
    Ok(())
}
