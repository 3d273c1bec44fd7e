//! The file itself: for the server's user alone, never through a link, and whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;

use super::format::{FILE_MAX, decode, encode};
use super::{FamiliarAddresses, FamiliarError};

/// The file of familiar addresses in the folder of the log, which one process has for itself.
#[derive(Debug, Clone)]
pub struct FamiliarFile {
    folder: PathBuf,
}

impl FamiliarFile {
    /// The file `familiar` of this folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("familiar")
    }

    /// What was kept; None: there is no file.
    ///
    /// # Errors
    /// It cannot be read, or is of no use.
    pub fn load(&self) -> Result<Option<FamiliarAddresses>, FamiliarError> {
        let mut file = match options().read(true).open(self.path()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if !file.metadata()?.is_file() {
            return Err(FamiliarError::Version);
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(FILE_MAX).unwrap_or(u64::MAX).saturating_add(1);
        (&mut file).take(most).read_to_end(&mut bytes)?;
        decode(&bytes, wall()).map(Some)
    }

    /// Keeps this instead of what was kept. A process that is killed meanwhile leaves the one or the other.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, familiar: &FamiliarAddresses) -> io::Result<()> {
        let new = self.folder.join("familiar.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&encode(familiar, wall()))?;
        file.sync_data()?;
        fs::rename(new, self.path())?;
        File::open(&self.folder)?.sync_all()
    }
}

/// A link in the file's place is no file of ours; nor is a pipe, which would keep the opener waiting.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options
}

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "what is left of a day is told across restarts by the wall clock alone"
)]
fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::Duration;

    use super::super::Entry;
    use super::*;

    fn some() -> FamiliarAddresses {
        let none = FamiliarAddresses::none().unwrap();
        let entry = Entry { account: [1; 16], pair: [2; 16], left: Duration::from_hours(1) };
        FamiliarAddresses { entries: vec![entry], ..none }
    }

    #[test]
    fn what_was_saved_is_loaded_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = FamiliarFile::of(folder.path());
        assert!(file.load().unwrap().is_none());
        for _ in 0..2 {
            file.save(&some()).unwrap();
            assert_eq!(file.load().unwrap().unwrap().entries.len(), 1);
        }
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, target) = (FamiliarFile::of(folder.path()), folder.path().join("target"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, file.path()).unwrap();
        symlink(&target, folder.path().join("familiar.new")).unwrap();
        assert!(matches!(file.load(), Err(FamiliarError::Io(_))));
        file.save(&some()).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert!(file.load().unwrap().is_some());
        fs::remove_file(file.path()).unwrap();
        fs::create_dir(file.path()).unwrap();
        assert!(file.load().is_err());
    }

    #[test]
    fn what_is_damaged_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = FamiliarFile::of(folder.path());
        fs::write(file.path(), "something else").unwrap();
        assert!(matches!(file.load(), Err(FamiliarError::Version)));
        file.save(&some()).unwrap();
        let bytes = fs::read(file.path()).unwrap();
        fs::write(file.path(), &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(file.load(), Err(FamiliarError::Damaged)));
    }
}
