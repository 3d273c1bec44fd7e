//! The program as a shell meets it: what it prints, and its exit status.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
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
fn hash_password_refuses_short_and_common_passwords() {
    for input in ["", "\n", "\r\n", "seven77\n"] {
        let output = backplane(&["hash-password"], input);
        assert_eq!(output.status.code(), Some(67));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(
            text(&output.stderr),
            "backplane: the password is too short; allowed: 8 characters to 1024 bytes\n"
        );
    }
    let output = backplane(&["hash-password"], "Password123\n");
    assert_eq!(output.status.code(), Some(67));
    assert!(text(&output.stderr).contains("one of the first that are tried"), "{}", text(&output.stderr));
}

#[test]
fn check_config_tells_what_is_configured() {
    let output = backplane(&["check-config"], "");
    assert!(output.status.success());
    assert_eq!(
        text(&output.stdout),
        "configuration is good: 1 bus, 1 user, http://127.0.0.1:8080, http://127.0.0.1:8090/metrics \
         (the demonstration: no users and no buses are configured; `serve` refuses that)\n"
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

#[test]
fn rotate_token_key_makes_a_file_and_keeps_the_key_before() {
    let folder = tempfile::tempdir().unwrap();
    let (config, keys) = (folder.path().join("backplane.toml"), folder.path().join("keys"));
    std::fs::write(&config, format!("tokens.key_file = {keys:?}")).unwrap();
    let config = config.to_str().unwrap();
    let checked = backplane(&["check-config", "--config", config], "");
    assert_eq!(checked.status.code(), Some(78));
    let error = text(&checked.stderr);
    assert!(error.contains("tokens.key_file") && error.contains("rotate-token-key"), "{error}");
    let rotate = || backplane(&["rotate-token-key", "--config", config], "");
    let lines = || std::fs::read_to_string(&keys).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(rotate().status.success());
    assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    let first = lines();
    assert!(rotate().status.success());
    assert_eq!((lines().len(), &lines()[1]), (2, &first[0]));
    assert!(backplane(&["check-config", "--config", config], "").status.success());
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = rotate();
    assert_eq!(refused.status.code(), Some(66));
    assert!(text(&refused.stderr).contains("may be read or changed by others (mode 0644)"));
    assert_eq!(backplane(&["rotate-token-key"], "").status.code(), Some(78), "the demonstration has no file");
}

/// What happens when standard output is `to`.
fn output_to(to: impl Into<Stdio>, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_backplane"))
        .args(arguments)
        .env_clear()
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(to)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _: std::io::Result<()> = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr).to_owned())
}

/// All that prints something and ends, with what it reads.
const TELLING: [(&[&str], &str); 6] = [
    (&["check-config"], ""),
    (&["check-config", "--print-example"], ""),
    (&["check-log", "--path", "."], ""),
    (&["hash-password"], "correct horse\n"),
    (&["--help"], ""),
    (&["--version"], ""),
];

#[test]
fn standard_output_that_cannot_be_written_is_told_as_that() {
    for (arguments, input) in TELLING {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let expected =
            "backplane: cannot write to standard output: No space left on device (os error 28)\n".to_owned();
        assert_eq!(output_to(full, arguments, input), (Some(74), expected), "{arguments:?}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_is_no_failure() {
    for (arguments, input) in TELLING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(output_to(writer, arguments, input), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn a_log_that_cannot_be_read_is_not_a_damaged_one() {
    let output = backplane(&["check-log", "--path", "nowhere"], "");
    assert_eq!(output.status.code(), Some(66));
    assert!(text(&output.stderr).starts_with("backplane: cannot use nowhere: "), "{}", text(&output.stderr));
}

#[test]
fn hash_password_refuses_settings_that_it_would_ignore() {
    let output = backplane(&["hash-password", "--config", "backplane.toml"], "correct horse\n");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
}

#[test]
fn the_help_tells_every_exit_status() {
    let output = backplane(&["--help"], "");
    let help = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("`backplane` alone is the demonstration"), "{help}");
    assert!(help.contains("unless it is told --demo"), "{help}");
    for status in
        ["0 all", "1 the server", "2 the command", "65 the", "66 the", "67 the", "74 standard", "78 the"]
    {
        assert!(help.contains(status), "{status}");
    }
}
