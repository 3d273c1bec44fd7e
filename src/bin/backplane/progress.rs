//! Tells how far the reading of the log has come, when it takes long.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use backplane_actors::log::Progress;

/// Whoever waits on a terminal wants to see that something moves.
const ON_TERMINAL: Duration = Duration::from_millis(200);
/// In a log, a line now and then.
const IN_LOG: Duration = Duration::from_secs(5);

/// Shows progress on a terminal, logs it otherwise; a start that is quick says nothing.
#[expect(clippy::disallowed_methods, reason = "how often somebody is told, and nothing else")]
pub(crate) fn reporter() -> impl FnMut(Progress) + Send + 'static {
    let terminal = std::io::stderr().is_terminal();
    let mut last = Instant::now();
    let mut shown = false;
    move |progress: Progress| {
        let Progress { segments, of, records, .. } = progress;
        if terminal {
            if last.elapsed() >= ON_TERMINAL || (shown && segments == of) {
                let end = if segments == of { "\n" } else { "" };
                let line =
                    format!("\rreading the message log: {segments} of {of} files, {records} records{end}");
                // Nobody waits for a terminal that is gone.
                _ = std::io::stderr().write_all(line.as_bytes());
                (last, shown) = (Instant::now(), true);
            }
        } else if last.elapsed() >= IN_LOG {
            tracing::info!(segments, of, records, "reading the message log");
            last = Instant::now();
        }
    }
}
