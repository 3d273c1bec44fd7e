//! The file with the keys: for the server's user alone, and whole or not at all.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use rustix::fs::OFlags;
use rustix::process::geteuid;
use zeroize::Zeroizing;

use crate::access::{KeyRing, KeysError, RawKey};
use crate::config::{Config, Storage};

/// The file's name in a data folder.
const NAME: &str = "token-keys";
/// Longest file, in bytes: two keys have 88.
const LENGTH_MAX: u64 = 256;
/// What of a file's mode has to be off: others read nothing, and nobody but its owner writes.
const CLOSED: u32 = 0o037;

/// Why the keys of tokens cannot be used. It never shows one (I-8).
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system does not let it be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others may read or change it, and make tokens then.
    #[error(
        "{} may be read or changed by others (mode {mode:04o}), who could make any token of a page; allowed: a file of this server's \
         user or root with mode 0600, or 0640",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no file, or somebody else's.
    #[error("{} is no file of this server's user or root", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Its content is wrong.
    #[error("{}: {error}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeysError,
    },
    /// It is far too long, or no text.
    #[error("{} holds no keys; allowed: one or two lines, each with 32 bytes as base64url (43 characters)", path.display())]
    NoKeys {
        /// The file.
        path: PathBuf,
    },
    /// The system has no randomness to give.
    #[error("the system's source of randomness failed")]
    Randomness,
}

/// Where the keys are. One key stands in each line, as base64url; the first signs, the second is good as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
    /// In the data folder: the server makes it, and nobody has to put a link in its place.
    is_own: bool,
}

impl KeyFile {
    /// The file `token-keys` of a data folder, which the server makes at its first start.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        Self { path: folder.join(NAME), is_own: true }
    }

    /// A file that somebody else has made, say with `backplane rotate-token-key`. It may be a link.
    #[must_use]
    pub const fn named(path: PathBuf) -> Self {
        Self { path, is_own: false }
    }

    /// The file of a server with this configuration; nothing where its key ends with the process.
    #[must_use]
    pub fn of(config: &Config) -> Option<Self> {
        match (&config.tokens.key_file, &config.storage) {
            (Some(path), _) => Some(Self::named(path.clone())),
            (None, Storage::Disk(settings)) => Some(Self::of_folder(&settings.path)),
            (None, Storage::Memory) => None,
        }
    }

    /// Whether there is something in its place that cannot be used; what the server would make may be missing.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`].
    pub fn check(&self) -> Result<(), KeyFileError> {
        match self.load() {
            Err(KeyFileError::Io { error, .. }) if self.is_own && error.kind() == ErrorKind::NotFound => {
                Ok(())
            }
            loaded => loaded.map(drop),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys in it.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`].
    pub fn load(&self) -> Result<KeyRing, KeyFileError> {
        let text = self.read()?;
        KeyRing::parse(&text).map_err(|error| self.content(error))
    }

    /// The keys in it, or new ones where the file is the server's own and there is none yet.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`].
    pub fn load_or_make(&self) -> Result<KeyRing, KeyFileError> {
        match self.load() {
            Err(KeyFileError::Io { error, .. }) if self.is_own && error.kind() == ErrorKind::NotFound => {
                self.rotate()?;
                self.load()
            }
            loaded => loaded,
        }
    }

    /// A new key signs from now on, and what signed before is good until the next time. Where there is no file it is made. A kill leaves the
    /// file as it was or as it is to be.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]: nothing has changed.
    pub fn rotate(&self) -> Result<(), KeyFileError> {
        let before = match self.read() {
            Err(KeyFileError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => None,
            read => Some(read?),
        };
        let mut raw = RawKey::default();
        rand::fill(&mut *raw).map_err(|_| KeyFileError::Randomness)?;
        let text = KeyRing::rotated(&raw, before.as_ref().map(|text| text.as_str()));
        self.replace(&text.map_err(|error| self.content(error))?).map_err(|error| self.io(error))
    }

    fn read(&self) -> Result<Zeroizing<String>, KeyFileError> {
        let opened = self.options().read(true).open(&self.path);
        let file = opened.map_err(|error| self.io(error))?;
        self.check_owner(&file.metadata().map_err(|error| self.io(error))?)?;
        // A text that grows would leave parts of itself behind.
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(LENGTH_MAX).unwrap_or(0) + 1));
        match file.take(LENGTH_MAX + 1).read_to_string(&mut text) {
            Err(error) if error.kind() == ErrorKind::InvalidData => Err(self.no_keys()),
            Err(error) => Err(self.io(error)),
            Ok(length) if u64::try_from(length).is_ok_and(|length| length <= LENGTH_MAX) => Ok(text),
            Ok(_) => Err(self.no_keys()),
        }
    }

    fn check_owner(&self, found: &Metadata) -> Result<(), KeyFileError> {
        let is_trusted = found.uid() == geteuid().as_raw() || found.uid() == 0 || geteuid().is_root();
        if !found.is_file() || !is_trusted {
            return Err(KeyFileError::Foreign { path: self.path.clone() });
        }
        let mode = found.permissions().mode() & 0o7777;
        if mode & CLOSED != 0 {
            return Err(KeyFileError::Open { path: self.path.clone(), mode });
        }
        Ok(())
    }

    /// Writes beside, and renames. A link stays, and what it points to is replaced.
    fn replace(&self, text: &str) -> io::Result<()> {
        let path = match fs::canonicalize(&self.path) {
            Ok(path) if !self.is_own => path,
            _ => self.path.clone(),
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut new = path.clone().into_os_string();
        new.push(".new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options().write(true).create_new(true).mode(0o600).open(&new)?;
        if geteuid().is_root() {
            // What root makes for somebody is that person's: the server has to open it.
            let owner = fs::metadata(&path).or_else(|_| fs::metadata(folder))?;
            fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
        }
        if let Ok(before) = fs::metadata(&path) {
            file.set_permissions(before.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    }

    fn options(&self) -> OpenOptions {
        if self.is_own {
            return options();
        }
        let mut options = OpenOptions::new();
        options.custom_flags(flags(OFlags::NONBLOCK));
        options
    }

    fn io(&self, error: io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), error }
    }

    fn content(&self, error: KeysError) -> KeyFileError {
        KeyFileError::Content { path: self.path.clone(), error }
    }

    fn no_keys(&self) -> KeyFileError {
        KeyFileError::NoKeys { path: self.path.clone() }
    }
}

/// A link in the file's place is no file of ours; nor is a pipe, which would keep the opener waiting.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK));
    options
}

fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, KeyFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::of_folder(folder.path());
        (folder, file)
    }

    fn lines(file: &KeyFile) -> Vec<String> {
        fs::read_to_string(file.path()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_servers_own_file_is_made_once_and_for_its_user_alone() {
        let (folder, file) = folder();
        file.check().unwrap();
        assert!(!file.path().exists(), "looking makes nothing");
        file.load_or_make().unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o7777, 0o600);
        let made = lines(&file);
        file.load_or_make().unwrap();
        assert_eq!(lines(&file), made);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_file_that_was_named_has_to_be_there() {
        let (_folder, own) = folder();
        let named = KeyFile::named(own.path().to_owned());
        assert!(named.check().is_err());
        let missing = named.load_or_make().unwrap_err();
        assert!(matches!(missing, KeyFileError::Io { .. }), "{missing}");
        named.rotate().unwrap();
        named.load_or_make().unwrap();
    }

    #[test]
    fn a_rotation_keeps_the_key_before_and_no_more() {
        let (_folder, file) = folder();
        let mut before = Vec::new();
        for count in [1, 2, 2] {
            file.rotate().unwrap();
            let now = lines(&file);
            assert_eq!((now.len(), now.get(1)), (count, before.first()));
            before = now;
        }
        // A killed one leaves what is not in the way of the next.
        fs::write(file.path().with_file_name("token-keys.new"), "half").unwrap();
        file.rotate().unwrap();
        assert_eq!(lines(&file)[1], before[0]);
    }

    #[test]
    fn files_that_others_may_read_or_change_are_refused() {
        let (_folder, file) = folder();
        file.rotate().unwrap();
        let chmod = |mode| fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o644, 0o604, 0o660, 0o602, 0o610] {
            chmod(mode);
            let refused = file.load().unwrap_err();
            assert!(matches!(refused, KeyFileError::Open { mode: found, .. } if found == mode), "{refused}");
            assert!(file.rotate().is_err() && file.check().is_err());
        }
        for mode in [0o640, 0o600, 0o400] {
            chmod(mode);
            assert!(file.load().is_ok());
            file.rotate().unwrap();
            assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o7777, mode);
        }
    }

    #[test]
    fn contents_that_are_none_are_refused_and_not_repeated() {
        let (_folder, file) = folder();
        file.rotate().unwrap();
        for content in ["", "secret\n", &"secret".repeat(100)] {
            fs::write(file.path(), content).unwrap();
            for refused in [file.load().err(), file.rotate().err()] {
                let refused = refused.unwrap().to_string();
                assert!(refused.contains("allowed: ") && !refused.contains("secret"), "{refused}");
            }
            assert_eq!(fs::read_to_string(file.path()).unwrap(), content, "nothing has changed");
        }
        fs::write(file.path(), [0xff; 43]).unwrap();
        assert!(matches!(file.load(), Err(KeyFileError::NoKeys { .. })));
    }

    #[test]
    fn links_are_followed_only_where_somebody_named_them() {
        let (folder, file) = folder();
        let target = KeyFile::named(folder.path().join("target"));
        target.rotate().unwrap();
        symlink(target.path(), file.path()).unwrap();
        assert!(file.load().is_err() && file.load_or_make().is_err());
        let named = KeyFile::named(file.path().to_owned());
        named.load().unwrap();
        named.rotate().unwrap();
        assert!(fs::symlink_metadata(file.path()).unwrap().is_symlink());
        assert_eq!(lines(&target).len(), 2);
        fs::remove_file(file.path()).unwrap();
        fs::create_dir(file.path()).unwrap();
        assert!(matches!(file.load(), Err(KeyFileError::Foreign { .. })));
    }
}
