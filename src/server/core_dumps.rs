//! Core dumps hold passwords: what clients sent lies in buffers of the HTTP library, which nobody here can wipe. So the
//! process leaves none, and lets nobody but root look into its memory.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// From now on no other process of the same user may read this one's memory, nor does the system write it down. To be
/// called before anything is read.
///
/// # Errors
///
/// The system refuses.
pub fn hide_memory() -> io::Result<()> {
    set_dumpable(false)
}

/// What the configuration says: core dumps as the system is set up for them, or none, whatever happens. The latter
/// cannot be taken back.
///
/// # Errors
///
/// The system refuses.
pub fn settle_core_dumps(allowed: bool) -> io::Result<()> {
    if allowed {
        return set_dumpable(true);
    }
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn set_dumpable(is: bool) -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    let behavior = if is { DumpableBehavior::Dumpable } else { DumpableBehavior::NotDumpable };
    Ok(set_dumpable_behavior(behavior)?)
}

/// Elsewhere the limit has to do.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is something to do")]
fn set_dumpable(_: bool) -> io::Result<()> {
    Ok(())
}
