//! How a log on disk is run.

use std::path::PathBuf;
use std::time::Duration;

/// When a POST counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it is on the disk: not even a power loss takes it back.
    Sync,
    /// When the operating system has it; it goes to the disk at most this much later. A crash of the system
    /// or a power loss takes what was posted since, a kill of the process takes nothing.
    Interval(Duration),
}

/// How a log on disk is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// The folder, created if need be.
    pub path: PathBuf,
    /// When a POST counts as durable.
    pub durability: Durability,
    /// Bytes of a segment file; more when one POST needs more.
    pub segment: u64,
    /// Bytes of all files together. Beyond it POSTs are refused until old segments go; segments are so short then that
    /// four of them fit. While the kept file is written there may be more for a moment. `None`: as much as the disk has.
    pub max: Option<u64>,
}

impl DiskSettings {
    /// The usual settings: every POST is synced, segments have 64 MiB, and the disk is the bound.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), durability: Durability::Sync, segment: 64 << 20, max: None }
    }
}
