//! The few things that the log asks of a file system, and the real one.
//!
//! All durability goes through these two traits, so that the simulator beside this file can cut, tear,
//! reorder and fail every single operation.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The name of the file whose lock keeps a second process out.
const LOCK: &str = "lock";

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

/// A folder of the operating system.
#[derive(Debug)]
pub(crate) struct OsFolder {
    path: PathBuf,
}

impl OsFolder {
    /// The folder at this path, which is created if need be, readable for its owner alone.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        create_all(path, &mut |folder| File::open(folder)?.sync_all())?;
        Ok(Self::existing(path))
    }

    /// The folder at this path.
    pub(crate) fn existing(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

/// Creates a folder and those above it. Each name has to last, not only the last one: `sync` is told where there is one.
fn create_all(path: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    };
    create_all(above, sync)?;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        // Somebody else made it at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        created => created?,
    }
    sync(above)
}

impl Folder for OsFolder {
    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.path.clone() } else { self.path.join(name) }
    }

    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        let file = new_file().create(true).truncate(false).open(self.path.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn is_locked(&self) -> bool {
        // A copy may have no such file, or be on a medium that cannot be written.
        let file = File::open(self.path.join(LOCK));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StoredFile>> {
        Ok(Box::new(OsFile(new_file().create_new(true).open(self.path.join(name))?)))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StoredFile>> {
        Ok(Box::new(OsFile(OpenOptions::new().write(true).open(self.path.join(name))?)))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// Messages may be private: nobody else reads them.
fn new_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

struct OsFile(File);

impl StoredFile for OsFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        let none = rustix::fs::FallocateFlags::empty();
        Ok(rustix::fs::fallocate(&self.0, none, 0, length)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_new_level_of_a_path_is_made_to_last() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut synced) = (folder.path().join("a/b/c"), Vec::new());
        let mut note = |path: &Path| {
            synced.push(path.to_owned());
            Ok(())
        };
        create_all(&path, &mut note).unwrap();
        create_all(&path, &mut note).unwrap();
        assert!(path.is_dir());
        assert_eq!(synced, [folder.path().to_owned(), folder.path().join("a"), folder.path().join("a/b")]);
    }
}
