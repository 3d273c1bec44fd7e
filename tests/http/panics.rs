//! A panic inside an actor stays there: one request may fail, no message is lost, nobody else notices.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use backplane_actors::{Clock, SystemClock, Timestamp};
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{BUS, Setup, messages};

/// A clock that, once armed, panics when a Channel actor reads it. Actors have no other dependency that could be
/// made to fail from outside, and need no hook for it.
#[derive(Default)]
struct Trap(AtomicBool);

impl Clock for Trap {
    fn now(&self) -> Timestamp {
        let springs = self.0.load(Ordering::SeqCst) && in_channel() && self.0.swap(false, Ordering::SeqCst);
        assert!(!springs, "planned, with secretpayload");
        SystemClock.now()
    }
}

/// Whether a Channel actor asks: directory and Supervisor read the same clock.
fn in_channel() -> bool {
    std::backtrace::Backtrace::force_capture().to_string().contains("backplane_actors::channel::Channel")
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// What all servers of this process log as errors and warnings.
static LOG: LazyLock<Lines> = LazyLock::new(|| {
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(lines.clone())
        .init();
    lines
});

#[test]
fn a_panic_in_an_actor_costs_nobody_a_message() {
    LazyLock::force(&LOG);
    let trap = Arc::new(Trap::default());
    let server = Setup::new().clock(Arc::clone(&trap) as Arc<dyn Clock>).start();
    let client = server.client();
    client.post_payloads("harmed", &["1", "2"]);
    client.post_payloads("other", &["3"]);
    trap.0.store(true, Ordering::SeqCst);
    assert_eq!(
        client.read("harmed", "").payloads(),
        ["1", "2"],
        "another actor answers from the bus's window"
    );
    assert!(!trap.0.load(Ordering::SeqCst), "the panic happened");
    assert_eq!(client.read("other", "").payloads(), ["3"]);
    assert_eq!(client.post("harmed", messages(&["4"])).status, 200);
    assert_eq!(client.read("harmed", "").payloads(), ["1", "2", "4"]);
    assert_eq!(client.read_bus("").payloads(), ["1", "2", "3", "4"]);
    let of_bus = format!("{{bus=\"{BUS}\"}}");
    assert_eq!(client.metric("actor_panics_total", &of_bus), Some(1.0));
    assert_eq!(client.metric("channels_revived_total", &of_bus), Some(1.0));
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("panic"), "{log}");
    assert!(!log.contains("harmed") && !log.contains("secretpayload"), "I-8: {log}");
}
