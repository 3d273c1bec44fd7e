//! A disk that refuses a write for another reason than room: nothing is acknowledged until a restart.

use std::process::Command;

use crate::{post, post_all, read};
use testkit::{Home, Program, eventually};

/// Starts the server so that a write beyond its bound on file sizes is an error and not its end.
fn start(home: &Home) -> Program {
    let script = r#"trap "" XFSZ; exec "$0""#;
    home.run("sh".as_ref(), &["-c", script, testkit::backplane().to_str().unwrap()])
}

/// Sets how long files may become that the server writes to: another user of the machine could not do worse.
fn bound_files(program: &Program, soft: &str) {
    let bound = format!("--fsize={soft}:");
    let done = Command::new("prlimit").args(["--pid", &program.id().to_string(), &bound]).output();
    let done = done.expect("this test needs `prlimit` of util-linux");
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn i_2_after_a_failed_write_nothing_is_accepted_until_a_restart() {
    let home = Home::configured("");
    // Once, when the log fails.
    let mut program = start(&home).expect_errors();
    let client = program.client();
    let accepted = ["1", "2", "3"];
    let ids = post_all(&client, &accepted);
    assert_eq!(client.get("/readyz").text(), "able\n");

    bound_files(&program, "0");
    let refused = post(&client, "\"refused\"");
    refused.is_error(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    let degraded = "degraded: the log failed and takes nothing until a restart\n";
    eventually("it is degraded", || client.get("/readyz").text() == degraded);
    assert_eq!(client.get("/readyz").status, 200, "reads are answered");
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(read(&client).ids(), ids);

    // The disk is well again, and what it may have lost meanwhile nobody knows.
    bound_files(&program, "unlimited");
    for _ in 0..3 {
        post(&client, "\"refused\"").is_error(503, "unavailable");
    }
    assert_eq!(client.get("/readyz").text(), degraded);
    assert_eq!(read(&client).ids(), ids);
    assert!(program.errors().contains("nothing is accepted until a restart"), "{}", program.errors());

    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let mut program = start(&home);
    let client = program.client();
    assert_eq!(read(&client).ids(), ids, "the write failed as a whole");
    assert_eq!(client.get("/readyz").text(), "able\n");
    let more = post_all(&client, &["4"]);
    assert_eq!(read(&client).ids(), [ids, more].concat());
}
