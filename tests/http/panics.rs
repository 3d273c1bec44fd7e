//! A panic inside an actor stays there: one request may fail, no message is lost, nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backplane_actors::{Clock, SystemClock, Timestamp};

use testkit::{BUS, Setup, messages};

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

#[test]
fn a_panic_in_an_actor_costs_nobody_a_message() {
    let trap = Arc::new(Trap::default());
    let mut server = Setup::new().clock(Arc::clone(&trap) as Arc<dyn Clock>).start();
    server.expect_panics();
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
    let log = server.log();
    assert!(log.contains("panic"), "{log}");
    assert!(!log.contains("harmed") && !log.contains("secretpayload"), "I-8: {log}");
}
