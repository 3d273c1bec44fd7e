//! `backplane check-log`: what the log on disk holds, what is wrong with it, and saving what is whole.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use backplane_actors::Timestamp;
use backplane_actors::log::{Inspection, RecoveryError, Salvaged, SegmentReport, inspect, repair};

/// Why a log is not good, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckLogError {
    /// It could not be read or copied.
    #[error(transparent)]
    Log(#[from] RecoveryError),
    /// It is damaged.
    #[error("a server does not start from this log; check-log --repair copies what is whole")]
    NotServed(#[source] RecoveryError),
    /// What was found could not be told.
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

/// Tells what the log in `path` holds, and copies what is whole in it to `salvage_to`.
///
/// # Errors
///
/// The log cannot be read, or a server could not start from it and nothing was to be salvaged.
pub(crate) fn check_log(
    path: &Path,
    salvage_to: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), CheckLogError> {
    if let Some(new) = salvage_to {
        let Salvaged { records, lost, .. } = repair(path, new)?;
        let records = many(records, "record");
        writeln!(out, "{records} copied to {}; {} is unchanged", new.display(), path.display())?;
        if let Some(lost) = lost {
            writeln!(out, "messages up to id {lost} may be missing; their readers will be told of a gap")?;
        }
        return Ok(());
    }
    let inspection = inspect(path)?;
    tell(&inspection, out)?;
    match inspection.refusal {
        None => Ok(()),
        // What a server was writing at that moment is neither torn nor damaged.
        Some(_) if inspection.in_use => Ok(()),
        Some(refusal) => Err(CheckLogError::NotServed(refusal)),
    }
}

fn tell(inspection: &Inspection, out: &mut dyn Write) -> std::io::Result<()> {
    for file in inspection.kept.iter().chain(&inspection.segments) {
        tell_file(file, out)?;
    }
    let segments = many(inspection.segments.len(), "segment");
    let records = many(inspection.records(), "record");
    writeln!(out, "{segments}, {records}, highest id {}", inspection.highest)?;
    if let Some(lost) = inspection.salvaged {
        writeln!(out, "salvaged from a damaged log: messages up to id {lost} may be missing")?;
    }
    if inspection.in_use {
        writeln!(out, "a server has this log open; what it writes meanwhile may look unfinished here")?;
    } else if let Some(torn) = &inspection.torn {
        let (file, offset, length) = (torn.file.display(), torn.offset, torn.length);
        writeln!(
            out,
            "{file}: {length} bytes from byte {offset} on are an unfinished write, never acknowledged; \
             the next start cuts them off"
        )?;
    }
    if let Some(refusal) = inspection.refusal.as_ref().filter(|_| inspection.in_use) {
        writeln!(out, "{refusal}")?;
    }
    out.flush()
}

fn tell_file(report: &SegmentReport, out: &mut dyn Write) -> std::io::Result<()> {
    let file = report.file.display();
    write!(out, "{file}: {}, {}", many(report.records, "record"), many(report.messages, "message"))?;
    if let (Some((first, last)), Some((from, to))) = (report.ids, report.accepted) {
        write!(out, ", ids {first} to {last}, accepted {} to {}", shown(from), shown(to))?;
    }
    writeln!(out, ", {} of {} bytes used", report.used, report.length)?;
    for hole in &report.holes {
        writeln!(out, "{file}: damaged at byte {}: no whole record in {} bytes", hole.offset, hole.length)?;
    }
    Ok(())
}

fn many<N: fmt::Display + PartialEq + From<u8> + Copy>(number: N, what: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn shown(at: Timestamp) -> impl fmt::Display {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at.as_millis()))
}
