//! The program as a shell meets it: what it prints, and its exit status.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn backplane(arguments: &[&str], input: &str) -> Output {
    with_environment(&[], arguments, input)
}

fn with_environment(environment: &[(&str, &str)], arguments: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_backplane"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input may be gone already.
    let _: std::io::Result<()> = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn hash_password_prints_the_hash_alone() {
    let output = backplane(&["hash-password"], "correct horse\n");
    assert!(output.status.success());
    let hash = text(&output.stdout).strip_suffix('\n').unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains('\n'), "{hash}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn hash_password_refuses_an_empty_password() {
    for input in ["", "\n", "\r\n"] {
        let output = backplane(&["hash-password"], input);
        assert_eq!(output.status.code(), Some(65));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(text(&output.stderr), "backplane: the password is empty; allowed: 1 to 1024 bytes\n");
    }
}

#[test]
fn check_config_tells_what_is_configured() {
    let output = backplane(&["check-config"], "");
    assert!(output.status.success());
    assert_eq!(
        text(&output.stdout),
        "configuration is good: 1 bus, 1 user, http://127.0.0.1:8080 \
         (the demonstration: no users and no buses are configured)\n"
    );
}

#[test]
fn check_config_tells_what_is_wrong() {
    let output = backplane(&["check-config", "--log-format", "xml"], "");
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "backplane: log.format (--log-format): \"xml\" is not available; allowed: \"human\" or \"json\"\n"
    );
}

#[test]
fn check_config_reads_the_files_of_tls() {
    let settings = [
        ("BACKPLANE_TLS__LISTEN", "127.0.0.1:8443"),
        ("BACKPLANE_TLS__CERT", "none.crt"),
        ("BACKPLANE_TLS__KEY", "none.key"),
    ];
    let output = with_environment(&settings, &["check-config"], "");
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(
        text(&output.stderr),
        "backplane: tls.cert: none.crt: No such file or directory (os error 2)\n"
    );
}

#[test]
fn serve_refuses_a_wrong_configuration_with_the_same_status() {
    for arguments in [&["--listen", "nowhere"][..], &["serve", "--listen", "nowhere"]] {
        assert_eq!(backplane(arguments, "").status.code(), Some(78));
    }
}

#[test]
fn a_wrong_command_line_is_not_a_wrong_configuration() {
    assert_eq!(backplane(&["srve"], "").status.code(), Some(2));
    assert!(backplane(&["--help"], "").status.success());
    let version = backplane(&["--version"], "");
    assert_eq!(text(&version.stdout), concat!("backplane ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn check_log_tells_what_a_folder_holds_and_refuses_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = backplane(&["check-log", "--path", path], "");
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "0 segments, 0 records, highest id 0000000000000\n");
    std::fs::write(folder.path().join("0000000000000002.log"), "not a log").unwrap();
    let output = backplane(&["check-log", "--path", path], "");
    assert_eq!(output.status.code(), Some(65));
    let error = text(&output.stderr);
    assert!(error.contains("0000000000000002.log: damaged at byte 0: the header is missing"), "{error}");
    let output = backplane(&["check-log"], "");
    assert_eq!(output.status.code(), Some(78), "the demonstration has no log");
}
