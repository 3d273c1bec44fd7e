//! What a poster is told of an error of the file system, after which nothing of the attempt is left.

use std::io;

use rustix::io::Errno;

use crate::log::LogError;

/// Whether an error means that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Of a write.
pub(crate) fn refusal(error: &io::Error) -> LogError {
    if is_full(error) {
        return LogError::Full;
    }
    tracing::error!(%error, "the log failed; nothing is accepted until a restart");
    LogError::Failed
}

/// Of opening a file: nothing was written then. That connections have used up all file descriptors says nothing of the
/// disk, and ends when they do.
pub(crate) fn refusal_to_open(error: &io::Error) -> LogError {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => LogError::Starved,
        _ => refusal(error),
    }
}
