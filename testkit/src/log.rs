//! What servers log: those of this process by the server, those of a program from its standard error.
//!
//! All threads of a service in this process belong to one actix [`System`], but for those that only lend a hand, such
//! as the one that accepts connections. Lines of these are held against every service that runs then: nothing passes
//! because it could not be told whose it was.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use actix_rt::System;
use tracing::Metadata;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The services of this process that are being listened to, by the ids of their systems.
static LISTENING: LazyLock<Mutex<BTreeMap<usize, Arc<Mutex<String>>>>> = LazyLock::new(|| {
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_ansi(false).with_writer(Lines).init();
    Mutex::default()
});

/// A test that failed may have held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The errors and warnings of one service, until this is dropped.
pub(crate) struct Log {
    system: usize,
    text: Arc<Mutex<String>>,
}

impl Log {
    /// Listens to the system of this thread.
    pub(crate) fn of_this_system() -> Self {
        let (system, text) = (System::current().id(), Arc::default());
        lock(&LISTENING).insert(system, Arc::clone(&text));
        Self { system, text }
    }

    pub(crate) fn text(&self) -> String {
        lock(&self.text).clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        lock(&LISTENING).remove(&self.system);
    }
}

/// Takes each line to the services that it may be of.
struct Lines;

/// One line on its way.
struct Line {
    system: Option<usize>,
    is_left_out: bool,
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Line;

    fn make_writer(&'w self) -> Line {
        Line { system: System::try_current().map(|system| system.id()), is_left_out: false }
    }

    /// What is no HTTP is no news; the program leaves it out as well.
    fn make_writer_for(&'w self, line: &Metadata<'_>) -> Line {
        let is_left_out = line.target().starts_with("actix_http");
        Line { is_left_out, ..self.make_writer() }
    }
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_left_out {
            return Ok(bytes.len());
        }
        let listening = lock(&LISTENING);
        let line = String::from_utf8_lossy(bytes);
        let of_it = |id: &usize| self.system.is_none_or(|system| system == *id);
        listening.iter().filter(|(id, _)| of_it(id)).for_each(|(_, text)| lock(text).push_str(&line));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of a log, for people or as JSON, that tell of an error or a panic.
pub fn errors_in(log: &str) -> Vec<&str> {
    // Connections that come while a server closes its doors; the program leaves them out as well.
    let is_news = |line: &&str| !line.contains("actix_server::accept");
    let is_error = |line: &&str| {
        line.contains(" ERROR ") || line.contains(r#""level":"ERROR""#) || line.contains("panicked at")
    };
    log.lines().filter(is_error).filter(is_news).collect()
}
