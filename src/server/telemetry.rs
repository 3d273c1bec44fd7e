//! Where log lines go: standard error, for people or as JSON.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::filter::{DynFilterFn, ParseError};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use super::warnings::Warning;
use crate::config::{LogFormat, LogSettings};

/// Nobody is let in any more.
static DOORS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Why a level does not hold.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    /// It is no list of directives.
    #[error("log.level is no list of levels: {0}")]
    Directives(#[from] ParseError),
    /// The log is gone, at the end of the process.
    #[error("log.level cannot be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// Starts logging for the process, panics included.
///
/// A panic's message may quote what the code worked on, so only its place is logged (I-8).
///
/// # Errors
///
/// The level is no list of directives; configurations that were loaded have had theirs checked.
pub fn start(settings: &LogSettings) -> Result<Level, LevelError> {
    let (filter, level) = reload::Layer::new(filter(&settings.level)?);
    let news = DynFilterFn::new(|line, _| {
        line.target() != "actix_server::accept" || !DOORS_CLOSED.load(Ordering::Relaxed)
    });
    let lines = tracing_subscriber::registry().with(filter).with(news);
    let layer = fmt::layer().with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Human => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            lines.with(layer.with_ansi(ansi)).init();
        }
        LogFormat::Json => lines.with(layer.json().flatten_event(true)).init(),
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(Level(level))
}

/// What is worth a line, while the process runs.
#[derive(Debug, Clone)]
pub struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// From now on this is what `log.level` says.
    ///
    /// # Errors
    ///
    /// [`LevelError`]: nothing has changed.
    pub fn replace(&self, level: &str) -> Result<(), LevelError> {
        Ok(self.0.reload(filter(level)?)?)
    }
}

fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    // The workers' comings and goings are news only to those who ask for them. And what is no HTTP gets an answer and no
    // line: whoever can connect could write as many as he likes.
    EnvFilter::try_new(format!("actix_server=warn,actix_http=off,{level}"))
}

/// A line for each, but for the end of the certificate: whoever watches it says so, again and again.
pub fn warn_of(warnings: &[Warning]) {
    for warning in warnings.iter().filter(|warning| !matches!(warning, Warning::CertificateEnds { .. })) {
        tracing::warn!("{warning}");
    }
}

/// From now on a connection that cannot be accepted is no news: the server closes its doors before the thread
/// that stands at them may have heard of it, and that thread would call it an error.
pub(crate) fn doors_closed() {
    DOORS_CLOSED.store(true, Ordering::Relaxed);
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(place, thread = thread.name().unwrap_or_default(), "panic");
}
