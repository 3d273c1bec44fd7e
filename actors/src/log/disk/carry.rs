//! Writing the kept file: a group behind what is there, or a new generation.

use std::io;

use super::bytes::{TooLong, length};
use super::file::{Folder, StoredFile, write_all};
use super::kept::{Group, KeptFile, NotAsWritten, name, owner};
use super::segment::{Broken, place};

/// Why something was not done. Nothing has changed then.
#[derive(Debug)]
pub(crate) enum Undone {
    /// It may go another time.
    Yet(io::Error),
    /// A sync failed: what a second one says of the same bytes is not to be believed.
    ForGood(io::Error),
}

impl Undone {
    /// What the system said.
    pub(crate) fn into_error(self) -> io::Error {
        match self {
            Self::Yet(error) | Self::ForGood(error) => error,
        }
    }
}

impl From<io::Error> for Undone {
    fn from(error: io::Error) -> Self {
        Self::Yet(error)
    }
}

impl From<NotAsWritten> for Undone {
    fn from(error: NotAsWritten) -> Self {
        Self::Yet(io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

impl From<TooLong> for Undone {
    fn from(error: TooLong) -> Self {
        NotAsWritten::from(error).into()
    }
}

impl From<Broken> for Undone {
    fn from(_: Broken) -> Self {
        NotAsWritten.into()
    }
}

/// Writes a group behind what is there, durably.
pub(crate) fn append(folder: &dyn Folder, kept: &mut KeptFile, mut group: Group) -> Result<(), Undone> {
    let file = folder.open(&name(kept.generation))?;
    place(&mut group.bytes, owner(kept.generation), kept.length, kept.length)?;
    if let Err(error) = write_all(&*file, &group.bytes, kept.length) {
        // Where this fails the bytes stay, which are no whole group and count for nothing.
        _ = file.set_len(kept.length);
        return Err(Undone::Yet(error));
    }
    file.sync().map_err(Undone::ForGood)?;
    kept.grow(group);
    Ok(())
}

/// Writes a new generation that begins with this group, durably.
pub(crate) fn begin(folder: &dyn Folder, generation: u64, group: Group) -> Result<KeptFile, Undone> {
    let (bytes, kept) = group.into_file(generation)?;
    debug_assert_eq!(kept.length, length(bytes.len()), "all of it is written");
    let name = name(generation);
    let file = create(folder, &name)?;
    if let Err(error) = write_all(&*file, &bytes, 0) {
        // It gives its room back. Where this fails it stays, and the next attempt begins anew.
        _ = file.set_len(0);
        return Err(Undone::Yet(error));
    }
    file.sync().map_err(Undone::ForGood)?;
    folder.sync().map_err(Undone::ForGood)?;
    Ok(kept)
}

fn create(folder: &dyn Folder, name: &str) -> io::Result<Box<dyn StoredFile>> {
    match folder.create(name) {
        // An attempt that failed half-way left it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = folder.open(name)?;
            file.set_len(0)?;
            Ok(file)
        }
        created => created,
    }
}

/// Removes a file, durably. One that is away already may have gone when that could not be made durable.
pub(crate) fn remove(folder: &dyn Folder, name: &str) -> Result<(), Undone> {
    match folder.unlink(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        unlinked => unlinked?,
    }
    folder.sync().map_err(Undone::ForGood)
}
