//! What keeps a server from starting is told at once, before anything listens, and `check-config` tells the same.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use testkit::{BUS, Client, Ended, Home, Program};

/// An address that is taken for as long as the listener lives.
fn taken() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// What `serve` says, after `check-config` has said the same.
fn refused(home: &Home) -> Vec<String> {
    let Ended { code, errors, output } = home.start(&["check-config"]).end();
    assert_eq!((code, output.as_str()), (Some(78), ""), "{errors}");
    let served = home.start(&[]).end();
    assert_eq!((served.code, &served.errors), (Some(78), &errors));
    errors.lines().map(str::to_owned).collect()
}

#[test]
fn everything_that_this_machine_refuses_is_told_at_once() {
    let (_one, first) = taken();
    let (_other, second) = taken();
    let more = format!(
        r#"listen = ["127.0.0.1:0", "{first}", "192.0.2.1:80"]
admin.listen = "{second}"
tls = {{ listen = "127.0.0.1:0", cert = "none.crt", key = "none.key" }}
storage.path = "file/log"
"#
    );
    let home = Home::configured(&more);
    fs::write(home.path().join("file"), "").unwrap();
    let lines = refused(&home);
    let begins = [
        "backplane: tls.cert (backplane.toml, line 4): none.crt: No such file or directory (os error 2); allowed: a PEM file with a certificate",
        "backplane: storage.path (backplane.toml, line 5): file/log cannot be used: Not a directory (os error 20); allowed: a folder for this server alone",
        &format!(
            "backplane: listen[1] (backplane.toml, line 2): cannot listen on {first}: Address already in use"
        ),
        "backplane: listen[2] (backplane.toml, line 2): cannot listen on 192.0.2.1:80: Cannot assign requested address",
        &format!(
            "backplane: admin.listen (backplane.toml, line 3): cannot listen on {second}: Address already in use"
        ),
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:#?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn a_folder_of_the_log_that_others_may_write_is_refused() {
    let home = Home::configured("storage.path = \"data\"");
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let lines = refused(&home);
    let begin =
        "backplane: storage.path (backplane.toml, line 3): data may be written by others than its owner";
    assert!(lines.len() == 1 && lines[0].starts_with(begin), "{lines:#?}");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(home.start(&["check-config"]).end().code, Some(0));
}

#[test]
fn a_certificate_has_to_be_valid_now_and_of_its_key() {
    let home = Home::configured(
        r#"listen = "127.0.0.1:0"
tls = { listen = "127.0.0.1:0", cert = "server.crt", key = "server.key" }"#,
    );
    let write = |from: i32, to: i32| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        fs::write(home.path().join("server.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(home.path().join("server.key"), key.serialize_pem()).unwrap();
    };
    let told = |words: &str| {
        let lines = refused(&home);
        assert!(lines.len() == 1 && lines[0].contains(words), "{lines:#?}");
    };
    write(2000, 2001);
    told("tls.cert (backplane.toml, line 3): server.crt: the certificate expired at 2001-01-01T00:00:00Z");
    write(4000, 4001);
    told(
        "tls.cert (backplane.toml, line 3): server.crt: the certificate is not valid before 4000-01-01T00:00:00Z",
    );
    write(2000, 4000);
    fs::write(home.path().join("server.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    told(
        "tls.key (backplane.toml, line 3): server.key: this is not the key of the certificate in server.crt",
    );
}

#[test]
fn the_folder_of_the_log_has_to_be_one_and_ours() {
    let home = Home::configured("");
    let folder = home.path().join("backplane-data");
    let told = |words: &str| {
        let lines = refused(&home);
        assert!(lines.len() == 1 && lines[0].contains(words), "{lines:#?}");
    };
    fs::write(&folder, "").unwrap();
    told("storage.path: backplane-data is not a folder; allowed: a folder for this server alone");
    fs::remove_file(&folder).unwrap();

    let mut server = home.start(&[]);
    server.address();
    told(
        "storage.path: backplane-data is in use by another process; allowed: a folder for this server alone",
    );
    // Beside that very server the same configuration is good.
    let beside = home.start(&["check-config", "--reload"]).end();
    assert_eq!(beside.code, Some(0), "{}", beside.errors);
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
    assert_eq!(home.start(&["check-config"]).end().code, Some(0));
}

#[test]
fn a_folder_that_may_not_be_written_is_refused() {
    let home = Home::configured("");
    let folder = home.path().join("backplane-data");
    fs::create_dir(&folder).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&folder, 0o555);
    mode(home.path(), 0o555);
    // Who may do everything is not refused by permissions: ask as somebody else then.
    let told = |words: &str| {
        let errors = home.start_as_nobody(&["check-config"]).end().errors;
        assert!(errors.contains(words), "{errors}");
    };
    told("storage.path: backplane-data cannot be written: Permission denied");
    mode(home.path(), 0o755);
    fs::remove_dir(&folder).unwrap();
    mode(home.path(), 0o555);
    told("storage.path: backplane-data cannot be created in .: Permission denied");
    mode(home.path(), 0o755);
}

#[test]
fn a_check_leaves_nothing_behind() {
    let home = Home::configured("");
    assert_eq!(home.start(&["check-config"]).end().code, Some(0));
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["backplane.toml"]);
}

#[test]
fn the_log_begins_with_what_runs() {
    let mut program = Program::configured("log.format = \"json\"\nlog.level = \"debug\"");
    let client: Client = program.client();
    assert_eq!(client.read("c", "").status, 200);
    program.signal("TERM");
    let ended = program.end();
    let lines: Vec<serde_json::Value> =
        ended.errors.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |message: &str| {
        let line = lines.iter().find(|line| line["message"] == message);
        line.unwrap_or_else(|| panic!("nothing says {message:?}:\n{}", ended.errors)).clone()
    };
    let start = told("starting");
    assert_eq!(lines[0], start, "nothing is said before");
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(start["configuration"], "backplane.toml");
    assert_eq!((&start["buses"], &start["names"]), (&1.into(), &BUS.into()));
    assert_eq!((&start["storage"], &start["path"]), (&"disk".into(), &"backplane-data".into()));
    assert_eq!(start["durability"], "sync");
    assert!(start["users"] == 1 && start["workers"].is_u64(), "{start}");
    let answered = told("answered");
    assert!(answered["status"].is_u64() && answered["micros"].is_u64(), "{answered}");
}
