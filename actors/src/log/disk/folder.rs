//! A folder of the operating system that is this process's alone.
//!
//! Files are opened below the folder that was checked, whatever becomes of its path. No link is followed, and nothing is
//! written into a file that has another name or another owner: somebody may have laid it there. While the log runs,
//! only the next segment takes a descriptor.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::file::{Folder, StoredFile};
use crate::log::RecoveryError;

/// The name of the file whose lock keeps a second process out.
const LOCK: &str = "lock";
/// Messages may be private: nobody else reads them.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
/// For all that is opened. What is no file is not waited for, and then refused.
const CAREFULLY: OFlags =
    OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NOCTTY).union(OFlags::NONBLOCK);

/// A folder of the operating system.
#[derive(Debug)]
pub(crate) struct OsFolder {
    path: PathBuf,
    folder: File,
}

/// Whether a log may be kept in this folder, as far as its owner and its rights go. One that is not there is made.
///
/// # Errors
///
/// [`RecoveryError::NotPrivate`], or [`RecoveryError::Io`] when the folder cannot be looked at.
pub fn check_folder(path: &Path) -> Result<(), RecoveryError> {
    match rustix::fs::stat(path) {
        Ok(found) => check(path, &found),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(RecoveryError::Io { path: path.to_owned(), error: error.into() }),
    }
}

/// Whether a process has the log in this folder open. Changes nothing.
#[must_use]
pub fn is_in_use(path: &Path) -> bool {
    OsFolder::existing(path).is_ok_and(|folder| folder.is_locked())
}

fn check(path: &Path, found: &Stat) -> Result<(), RecoveryError> {
    let not_private = |problem| Err(RecoveryError::NotPrivate { path: path.to_owned(), problem });
    if !is_trusted(found) {
        return not_private("belongs to another user, who may change the messages in it");
    }
    if Mode::from_raw_mode(found.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        return not_private(
            "may be written by others than its owner, who may change the messages in it (chmod go-w)",
        );
    }
    Ok(())
}

/// Whether somebody owns it who may do as he likes here anyway.
fn is_trusted(found: &Stat) -> bool {
    found.st_uid == geteuid().as_raw() || found.st_uid == 0
}

impl OsFolder {
    /// The folder at this path, which is created if need be, readable for its owner alone.
    pub(crate) fn create(path: &Path) -> Result<Self, RecoveryError> {
        let io = |error| RecoveryError::Io { path: path.to_owned(), error };
        create_all(path, &mut |folder| File::open(folder)?.sync_all()).map_err(io)?;
        let folder = Self::existing(path)?;
        let found = rustix::fs::fstat(&folder.folder).map_err(|error| io(error.into()))?;
        check(path, &found)?;
        Ok(folder)
    }

    /// The folder at this path, whoever may write it: nothing is written.
    pub(crate) fn existing(path: &Path) -> Result<Self, RecoveryError> {
        let flags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
        let folder = rustix::fs::open(path, flags, Mode::empty());
        let folder =
            folder.map_err(|error| RecoveryError::Io { path: path.to_owned(), error: error.into() })?;
        Ok(Self { path: path.to_owned(), folder: folder.into() })
    }

    fn at(&self, name: &str, flags: OFlags) -> io::Result<File> {
        match rustix::fs::openat(&self.folder, name, flags.union(CAREFULLY), PRIVATE) {
            Ok(file) => Ok(file.into()),
            Err(Errno::LOOP) => Err(io::Error::other("it is a link; the log follows none")),
            Err(error) => Err(error.into()),
        }
    }

    /// A file that is written: it has no other name, and nobody else owns it.
    fn own(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let file = self.at(name, flags)?;
        let found = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile
            || found.st_nlink != 1
            || !is_trusted(&found)
        {
            return Err(io::Error::other(
                "it is no file of this server's alone; the log does not write to it",
            ));
        }
        Ok(file)
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
        let file = self.own(LOCK, OFlags::RDWR.union(OFlags::CREATE))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn is_locked(&self) -> bool {
        // A copy may have no such file, or be on a medium that cannot be written.
        let file = self.at(LOCK, OFlags::RDONLY);
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StoredFile>> {
        let new = OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL);
        Ok(Box::new(OsFile(self.at(name, new)?)))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        use std::io::Read as _;
        let mut file = self.at(name, OFlags::RDONLY)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StoredFile>> {
        Ok(Box::new(OsFile(self.own(name, OFlags::WRONLY)?)))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::fstatvfs(&self.folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
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
mod tests;
