//! Where log lines go: standard error, for people or as JSON.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogFormat, LogSettings};

/// Starts logging for the process, panics included.
///
/// A panic's message may quote what the code worked on, so only its place is logged (I-8).
///
/// # Errors
///
/// The level is no list of directives; configurations that were loaded have had theirs checked.
pub fn start(settings: &LogSettings) -> Result<(), ParseError> {
    // The workers' comings and goings are news only to those who ask for them.
    let filter = EnvFilter::try_new(format!("actix_server=warn,{}", settings.level))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Human => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(place, thread = thread.name().unwrap_or_default(), "panic");
}
