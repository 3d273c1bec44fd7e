//! The file in the data folder: for the server's user alone, never through a link, and begun whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use backplane_actors::log::check_folder;
use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::StoreError;

/// The file's name.
const NAME: &str = "store.redb";
/// What it is called until it is whole for the first time.
const BEGUN: &str = "store.new";
/// The file whose lock a server holds.
const LOCK: &str = "lock";

/// Where the store of a data folder is.
pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// The folder of a server that does not run, kept from starting as long as this is there.
pub(super) struct Alone {
    _lock: File,
}

/// Makes the folder this process's, and creates it if need be.
pub(super) fn alone(folder: &Path) -> Result<Alone, StoreError> {
    let io = |error| StoreError::Io { path: folder.to_owned(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    check_folder(folder)?;
    let path = folder.join(LOCK);
    let of_lock = |error| StoreError::Io { path: path.clone(), error };
    let lock = options().read(true).write(true).create(true).mode(0o600).open(&path).map_err(of_lock)?;
    give(&lock, folder).map_err(of_lock)?;
    match lock.try_lock() {
        Ok(()) => Ok(Alone { _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(of_lock(error)),
    }
}

/// The file, if there is one.
pub(super) fn existing(folder: &Path) -> Result<Option<File>, StoreError> {
    let path = path_in(folder);
    let io = |error| StoreError::Io { path: path.clone(), error };
    let file = match options().read(true).write(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let found = file.metadata().map_err(io)?;
    let is_trusted = found.uid() == geteuid().as_raw() || found.uid() == 0 || geteuid().is_root();
    if !found.is_file() || found.nlink() != 1 || !is_trusted {
        return Err(io(io::Error::other("it is no file of this server's alone")));
    }
    Ok(Some(file))
}

/// A new file, which has its name only once `fill` has made it whole: a kill leaves a whole one or none.
pub(super) fn create<T>(
    folder: &Path,
    fill: impl FnOnce(File) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begun = folder.join(BEGUN);
    let io = |error| StoreError::Io { path: begun.clone(), error };
    match fs::remove_file(&begun) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let new = options().read(true).write(true).create_new(true).mode(0o600).open(&begun).map_err(io)?;
    give(&new, folder).map_err(io)?;
    let made = fill(new)?;
    fs::rename(&begun, path_in(folder)).map_err(io)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(made)
}

/// What root makes in somebody's folder is that person's: the server has to open it.
fn give(file: &File, folder: &Path) -> io::Result<()> {
    if geteuid().is_root() {
        let owner = fs::metadata(folder)?;
        std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// A link in the file's place is no file of ours; nor is a pipe, which would keep the opener waiting.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options
}
