//! File descriptors: as many as the system gives, and whether they suffice.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors that are not for connections: the log's files, listeners, certificates, whoever is on the way to the door.
const KEPT: u64 = 512;

/// Raises the bound of this process to the highest that it may have. Gives back what holds now; `None`: there is no bound.
///
/// Many systems start processes with room for 1024 files and let them have a hundred times as many.
pub fn raise_descriptors() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the bound of open files stays as it is");
        }
    }
    getrlimit(Resource::Nofile).current
}

/// How many connections fit into a process that may open so many files.
pub(super) fn connections_that_fit(files: Option<u64>) -> usize {
    let Some(files) = files else { return usize::MAX };
    // Where there are hardly any, half of them.
    let for_connections = files.saturating_sub(KEPT).max(files / 2).max(1);
    usize::try_from(for_connections).unwrap_or(usize::MAX)
}

/// How many connections fit into this process, as it is now.
#[must_use]
pub fn room() -> usize {
    connections_that_fit(getrlimit(Resource::Nofile).current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_files() {
        for (files, connections) in
            [(None, usize::MAX), (Some(20_000), 19_488), (Some(1024), 512), (Some(600), 300), (Some(0), 1)]
        {
            assert_eq!(connections_that_fit(files), connections);
        }
    }
}
