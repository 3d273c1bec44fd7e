//! A panic inside an actor stays there: one request may fail, no message is lost, nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backplane_actors::Work;
use testkit::{BUS, Setup, messages};

#[test]
fn a_panic_in_an_actor_costs_nobody_a_message() {
    let armed = Arc::new(AtomicBool::new(false));
    let trap = Arc::clone(&armed);
    let springs = move |work| work == Work::ReadChannel && trap.swap(false, Ordering::SeqCst);
    let mut server =
        Setup::new().fail_points(move |work| assert!(!springs(work), "planned, with secretpayload")).start();
    server.expect_panics();
    let client = server.client();
    client.post_payloads("harmed", &["1", "2"]);
    client.post_payloads("other", &["3"]);
    armed.store(true, Ordering::SeqCst);
    assert_eq!(
        client.read("harmed", "").payloads(),
        ["1", "2"],
        "another actor answers from the bus's window"
    );
    assert!(!armed.load(Ordering::SeqCst), "the panic happened");
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
