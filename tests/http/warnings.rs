//! What works and should not be left as it is: `check-config` tells it, and so does a start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, KeyPair};

use testkit::{Certificate, Home, Setup, eventually};

const TLS: &str = "tls = { listen = \"127.0.0.1:0\", cert = \"server.crt\", key = \"server.key\" }";

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// As careful operators have it, with a certificate that is good for so many days.
fn home(more: &str, days: u64) -> Home {
    let home = Home::configured(more);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = (SystemTime::now() + Duration::from_hours(24 * days)).into();
    let path = |name| home.path().join(name);
    fs::write(path("server.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(path("server.key"), key.serialize_pem()).unwrap();
    for name in ["backplane.toml", "server.key"] {
        mode(&path(name), 0o600);
    }
    home
}

/// What `check-config` warns of, by key.
fn warned(home: &Home) -> Vec<String> {
    let told = home.start(&["check-config"]).end();
    assert_eq!(told.code, Some(0), "{}", told.errors);
    assert!(told.output.starts_with("configuration is good"), "{}", told.output);
    let keys = told.errors.lines().map(|line| line.strip_prefix("backplane: warning: ").expect(line));
    keys.map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn a_careful_configuration_gives_no_warning() {
    let home = home(
        &format!("listen = \"127.0.0.1:0\"\n{TLS}\nadmin.listen = \"127.0.0.1:0\"\nlimits.connections = 1"),
        90,
    );
    assert_eq!(warned(&home), [""; 0]);
    let mut program = home.start(&[]);
    let (client, mut end) = (program.client(), None);
    eventually("the metrics tell when the certificate ends", || {
        end = client.metric("tls_certificate_expiry_seconds", "");
        end.is_some()
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let days = (end.unwrap() - now) / 86_400.0;
    assert!((89.0..90.1).contains(&days), "{days}");
    program.signal("TERM");
    let ended = program.end();
    assert_eq!((ended.code, ended.errors.contains(" WARN ")), (Some(0), false), "{}", ended.errors);
}

#[test]
fn every_warning_is_told_by_check_config_and_once_at_the_start() {
    let more = format!(
        "listen = \"0.0.0.0:0\"\ninsecure_auth = true\ntrusted_proxies = \"0.0.0.0/0\"\nadmin.listen = \"0.0.0.0:0\"\nlimits.connections = 10000000\n{TLS}"
    );
    let home = home(&more, 12);
    mode(&home.path().join("backplane.toml"), 0o644);
    mode(&home.path().join("server.key"), 0o644);
    let keys = [
        "user",
        "insecure_auth",
        "trusted_proxies",
        "admin.listen",
        "limits.connections",
        "tls.key",
        "tls.cert",
    ];
    assert_eq!(warned(&home), keys);
    let mut program = home.start(&[]);
    program.address_after("listening on http://");
    eventually("the certificate is spoken of", || program.errors().contains("the TLS certificate ends soon"));
    program.signal("TERM");
    let ended = program.end();
    let lines: Vec<_> = ended.errors.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(lines.len(), keys.len(), "{}", ended.errors);
    for key in &keys[..6] {
        assert_eq!(
            lines.iter().filter(|line| line.contains(&format!("{key}: "))).count(),
            1,
            "{key}: {lines:#?}"
        );
    }
    assert!(lines[6].contains("days=11") || lines[6].contains("days=12"), "{}", lines[6]);
}

/// Who writes the file says who comes in.
#[test]
fn a_configuration_that_others_may_write_is_refused() {
    let home = Home::configured("");
    let file = home.path().join("backplane.toml");
    mode(&file, 0o666);
    for arguments in [&["check-config"][..], &["check-config", "--reload"], &["serve"]] {
        let ended = home.start(arguments).end();
        assert_eq!((ended.code, ended.output.as_str()), (Some(78), ""), "{arguments:?}");
        let words = "): backplane.toml can be changed by others (mode 0666)";
        assert!(
            ended.errors.starts_with("backplane: user (") && ended.errors.contains(words),
            "{}",
            ended.errors
        );
    }
    mode(&file, 0o640);
    assert_eq!(home.start(&["check-config"]).end().code, Some(0));
}

#[test]
fn a_certificate_that_is_replaced_changes_what_the_metrics_say() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = Certificate::new().write(folder.path());
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let tls = backplane::config::Tls { listen, cert: cert.clone(), key: key.clone(), hsts: Duration::ZERO };
    let server = Setup::new().config(|config| config.tls = Some(tls)).start();
    let client = server.client();
    let end = || client.metric("tls_certificate_expiry_seconds", "");
    eventually("the first one is known", || end().is_some());
    let own = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2101, 1, 1);
    fs::write(cert, params.self_signed(&own).unwrap().pem()).unwrap();
    fs::write(key, own.serialize_pem()).unwrap();
    eventually("the second one is known", || end() == Some(4_133_980_800.0));
}
