//! The process has no file descriptors left, as when connections have used them up: POSTs are refused while the log needs
//! one, and go on when there are some.

use std::process::Command;

use crate::{post, read};
use testkit::{Home, Program, eventually};

/// Sets how many files the server may open. What is open stays open.
fn bound_descriptors(program: &Program, most: &str) {
    let bound = format!("--nofile={most}:");
    let done = Command::new("prlimit").args(["--pid", &program.id().to_string(), &bound]).output();
    let done = done.expect("this test needs `prlimit` of util-linux");
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn i_2_without_descriptors_posts_are_refused_and_the_log_goes_on_afterwards() {
    let home = Home::configured("storage.segment = \"1MiB\"");
    // No error is logged: the log has not failed.
    let mut program = home.start(&[]);
    let client = program.client();
    let payload = format!("\"{}\"", "x".repeat(200 << 10));
    assert_eq!(post(&client, &payload).status, 200);

    // The next segment is made beforehand, so it is the one after it that needs a descriptor.
    bound_descriptors(&program, "3");
    let mut accepted = 1;
    // What still fits into the segment is taken: less and less.
    for length in [200 << 10, 20 << 10, 2 << 10, 1] {
        let payload = format!("\"{}\"", "x".repeat(length));
        let refused = loop {
            let reply = post(&client, &payload);
            if reply.status != 200 {
                break reply;
            }
            accepted += 1;
            assert!(accepted < 100, "a descriptor is needed");
        };
        let description = refused.is_error(503, "unavailable");
        assert!(description.contains("no file descriptors left"), "{description}");
        assert!(refused.header("retry-after").is_some());
    }
    eventually("it is degraded", || client.get("/readyz").text().starts_with("degraded: "));
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(read(&client).ids().len(), accepted);

    bound_descriptors(&program, "256");
    assert_eq!(post(&client, &payload).status, 200);
    eventually("it is able again", || client.get("/readyz").text() == "able\n");
    assert_eq!(read(&client).ids().len(), accepted + 1, "what was refused left nothing");
    let log = program.errors();
    assert!(log.contains("no file descriptors are left for the log; POSTs are refused"), "{log}");
    assert!(log.contains("there are file descriptors for the log again"), "{log}");
}
