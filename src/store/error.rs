//! Why a store cannot be used.

use std::io;
use std::path::PathBuf;

use backplane_actors::log::RecoveryError;

/// Why a store cannot be used. It never shows what is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system does not let it be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The folder is no place for it.
    #[error(transparent)]
    Folder(#[from] RecoveryError),
    /// Another process has it open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{} was written by a newer version of this program: its format is {found}, this program knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The newest format that is known.
        known: u64,
    },
    /// What is in it makes no sense.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, without a name or a value.
        what: String,
    },
    /// A write has failed before: what is on the disk is told by a restart.
    #[error("{} could not be written earlier; nothing is changed before a restart", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
    },
}
