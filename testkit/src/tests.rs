//! What fails a test that says nothing of it: errors in a log, and actors that panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use backplane::config::Config;
use backplane_actors::Work;

use crate::{Home, Program, Server, Service, Setup, errors_in, eventually};

/// One at a time: a line that nobody can be told to have logged is held against all that run.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the test would have failed at the end of this.
fn fails<T>(ending: T) -> bool {
    catch_unwind(AssertUnwindSafe(|| drop(ending))).is_err()
}

/// A service that logs an error.
fn erring() -> Service {
    let mut config = Config::demo().unwrap();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.admin = None;
    Service::start_with(config, |broker| broker.clock(crate::broker::clock()), |_| tracing::error!("planned"))
        .0
}

#[test]
fn an_error_that_nobody_announced_fails_its_own_test_alone() {
    let _alone = alone();
    let other = Server::start();
    assert!(fails(erring()));
    assert!(!fails(other));
    let mut announced = erring();
    announced.expect_errors();
    assert!(announced.log().contains("planned"));
    assert!(!fails(announced));
}

#[test]
fn an_error_that_may_be_anybodys_fails_all() {
    let _alone = alone();
    let (one, other) = (Server::start(), Server::start());
    tracing::error!("planned");
    assert!(fails(one));
    assert!(fails(other));
}

/// A server with an actor that has panicked.
fn panicked() -> Server {
    let server = Setup::new().fail_points(|work| assert_ne!(work, Work::ReadChannel, "planned")).start();
    server.client().post_payloads("c", &["1"]);
    // What becomes of this retrieval is nothing to this test.
    server.client().read("c", "");
    eventually("an actor panics", || server.panics() > 0);
    server
}

#[test]
fn a_panic_of_an_actor_that_nobody_announced_fails_the_test() {
    let _alone = alone();
    let mut logged = panicked();
    logged.expect_errors();
    assert!(fails(logged), "it counts, whatever was logged");
    let mut announced = panicked();
    announced.expect_panics();
    assert!(!fails(announced));
}

/// A program that writes this line to its standard error.
fn saying(line: &str) -> Program {
    Home::new(None).run("sh".as_ref(), &["-c", r#"echo "$0" >&2"#, line])
}

#[test]
fn a_program_that_logs_an_error_fails_the_test() {
    let error = "2026-11-24T12:00:00.000000Z ERROR backplane::server: planned";
    assert!(catch_unwind(|| saying(error).end()).is_err());
    assert_eq!(saying(error).expect_errors().end().errors.trim_end(), error);
    assert_eq!(saying("INFO backplane: no ERRORs").end().code, Some(0));
}

#[test]
fn errors_are_found_in_both_formats_of_a_log() {
    let log = "\
2026-11-24T12:00:00.000000Z ERROR backplane::server: one
2026-11-24T12:00:00.000000Z  WARN backplane::server: not this
{\"timestamp\":\"2026-11-24T12:00:00.000000Z\",\"level\":\"ERROR\",\"message\":\"two\"}
{\"timestamp\":\"2026-11-24T12:00:00.000000Z\",\"level\":\"INFO\",\"message\":\"no ERRORs\"}
2026-11-24T12:00:00.000000Z ERROR actix_server::accept: Error accepting connection
thread 'main' panicked at src/main.rs:1:1:";
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(errors_in(log), [lines[0], lines[2], lines[5]]);
}
