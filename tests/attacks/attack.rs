//! One attack at a time, in its short or its whole form, and the table of its figures.

use std::fmt::{Display, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testkit::witness::watch;

/// No attack takes that long.
const LIMIT: Duration = Duration::from_mins(5);
const LIMIT_OF_FULL: Duration = Duration::from_mins(40);

/// What an attack costs is measured: another one beside it would be measured as well.
static ALONE: Mutex<()> = Mutex::new(());

/// An attack that is under way. Its figures are printed when it ends, however it ends.
pub(crate) struct Attack {
    name: &'static str,
    full: bool,
    figures: Vec<(String, String)>,
    _watched: mpsc::Sender<()>,
    _alone: MutexGuard<'static, ()>,
}

impl Attack {
    /// Begins one, once no other is under way.
    pub(crate) fn begin(name: &'static str) -> Self {
        let full = match std::env::var("BACKPLANE_ATTACKS").unwrap_or_default().as_str() {
            "full" => true,
            "" | "short" => false,
            other => panic!("BACKPLANE_ATTACKS is `full`, `short` or nothing, not `{other}`"),
        };
        // One that failed has poisoned it; the next one knows nothing of that.
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        raise_descriptors();
        let limit = if full { LIMIT_OF_FULL } else { LIMIT };
        Self { name, full, figures: Vec::new(), _watched: watch(limit), _alone: alone }
    }

    /// How much of it: in the short form, and in the whole one.
    pub(crate) fn size<T>(&self, short: T, full: T) -> T {
        if self.full { full } else { short }
    }

    /// Adds a row to the table.
    pub(crate) fn figure(&mut self, what: impl Into<String>, value: impl Display) {
        self.figures.push((what.into(), value.to_string()));
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        let form = if self.full { "whole" } else { "short" };
        let mut table = format!("attack: {}, {form} form\n", self.name);
        for (what, value) in &self.figures {
            _ = writeln!(table, "  {what:<58} {value}");
        }
        println!("{table}");
    }
}

/// Lets this process, and the programs that it starts, have as many sockets as it may.
fn raise_descriptors() {
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).unwrap();
}

/// How many descriptors this process may have.
pub(crate) fn descriptors() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |most| most as usize)
}

/// Bytes, for people.
pub(crate) fn bytes(count: usize) -> String {
    let count = count as f64;
    if count >= 1e6 {
        format!("{:.1} MiB", count / 1_048_576.0)
    } else {
        format!("{:.1} KiB", count / 1024.0)
    }
}

/// Times, for people: how many there are, their median, the 99th of a hundred, and the longest.
pub(crate) fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: usize| rank(times, share);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (middle, late, last) = (millis(at(50)), millis(at(99)), millis(at(100)));
    format!("p50 {middle:.1} ms, p99 {late:.1} ms, most {last:.1} ms, of {}", times.len())
}

/// What 99 of a hundred do not exceed.
pub(crate) fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    rank(times, 99)
}

fn rank(sorted: &[Duration], share: usize) -> Duration {
    sorted.get((sorted.len().max(1) - 1) * share / 100).copied().unwrap_or_default()
}
